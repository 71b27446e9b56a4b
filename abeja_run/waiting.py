"""Waiting for the end of what an endpoint tells of, by the waiter that its descriptor declares."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from abeja_run.descriptors import Endpoint
from abeja_run.dispatch import Dispatcher
from abeja_run.exceptions import Error, ValidationError, WaitFailed, WaitTimeout
from abeja_run.exchange import Terms
from abeja_run.patience import PASSING, Patience, grown
from abeja_run.transports.base import Clock
from abeja_run.values import shown

__all__ = ["Vigil", "wait"]


class Vigil:
    """A wait for the end of what an endpoint tells of: every decision of it, and no I/O.

    Ask again and again, each call bounded by :attr:`deadline`, give what came of it to :meth:`after`, and wait as
    long as it says; where it says None, what was given last is the end.

    Args:
        terms: What holds for every call of the client.
        endpoint: What tells the state.
        arguments: The endpoint's.
        timeout: Seconds to wait at most; None waits for ever. The last look may take the client's ``timeout``
            longer.
        interval: Seconds of the first pause.
        max_interval: Seconds of the longest pause.
        on_change: Called with the answer whenever the state is another one than before.

    Raises:
        ValidationError: A time that is none.
    """

    def __init__(
        self,
        terms: Terms,
        endpoint: Endpoint,
        arguments: Mapping[str, Any],
        *,
        timeout: float | None,
        interval: float,
        max_interval: float,
        on_change: Callable[[dict[str, Any]], object] | None,
    ) -> None:
        assert endpoint.waiter is not None  # noqa: S101 - the binding asks only endpoints that have one
        self._waiter = endpoint.waiter
        _check(self._waiter.name, timeout=timeout, interval=interval, max_interval=max_interval)
        self._what = f"{self._waiter.name}({', '.join(str(arguments[name]) for name in endpoint.variables)})"
        # One call's own time: the last look is not cut short.
        self._look = terms.timeout if endpoint.timeout is None else endpoint.timeout
        self._timeout = timeout
        self._interval = self._pause = interval
        self._max_interval = max_interval
        self._on_change = on_change
        self._clock = Clock()
        self._patience = Patience(self._clock)
        self._result: dict[str, Any] | None = None
        self._state: Any = None

    @property
    def deadline(self) -> float | None:
        """Seconds that the next call may take; None sets no bound."""
        return None if self._timeout is None else max(self._timeout - self._clock.elapsed, self._look)

    def after(self, outcome: dict[str, Any] | Error) -> float | None:
        """What a call has ended in: its result, or one of the errors that patience is asked about.

        Returns:
            Seconds to wait before the next call, which count as gone from now on; None at a good end.

        Raises:
            WaitFailed: It has come to a bad end.
            WaitTimeout: It has not ended in time.
            Error: The outcome, if waiting cannot mend it or it has lasted for ten minutes.
        """
        if isinstance(outcome, Error):
            self._patience.bear(outcome, self._waiter.name)
        elif self._ended(outcome):
            return None
        pause = self._pause
        if self._timeout is not None:
            left = self._timeout - self._clock.elapsed
            if left <= 0:
                raise WaitTimeout(self._what, self._timeout, self._state, self._result)
            pause = min(pause, left)
        self._clock.waited(pause)
        self._pause = grown(pause, self._max_interval)
        return pause

    def _ended(self, result: dict[str, Any]) -> bool:
        self._patience.heard()
        self._result = result
        state = self._waiter.state(result)
        if state != self._state:
            self._state, self._pause = state, self._interval
            if self._on_change is not None:
                self._on_change(result)
        if state in self._waiter.failure:
            raise WaitFailed(self._what, str(state), result)
        return state in self._waiter.success


def wait(dispatcher: Dispatcher, endpoint: Endpoint, arguments: Mapping[str, Any], **options: Any) -> dict[str, Any]:
    """Ask again and again, with growing pauses, until the state is an end; the last answer.

    Faults in between are borne: a call that fails after its own retries is one look missed.

    Args:
        dispatcher: What carries out the calls.
        endpoint: What tells the state.
        arguments: The endpoint's.
        options: As for :class:`Vigil`.

    Raises:
        WaitFailed: It has come to a bad end.
        WaitTimeout: It has not ended in time.
        Error: Whatever the endpoint's method raises, if waiting cannot mend it or it lasts for ten minutes.
    """
    vigil = Vigil(dispatcher, endpoint, arguments, **options)
    while True:
        outcome: dict[str, Any] | Error
        try:
            outcome = dispatcher.call(endpoint, arguments, vigil.deadline)
        except PASSING as error:
            outcome = error
        pause = vigil.after(outcome)
        if pause is None:
            assert isinstance(outcome, dict)  # noqa: S101 - an error is no good end
            return outcome
        dispatcher.transport.sleep(pause)


def _check(call: str, *, timeout: float | None, **pauses: float) -> None:
    errors = {}
    for name, value in ({} if timeout is None else {"timeout": timeout}).items() | pauses.items():
        number = isinstance(value, (int, float)) and not isinstance(value, bool)
        # Zero is a time to wait, one look, but no pause: nobody means to ask without end.
        if not number or not (0 <= value < 1e9) or (value == 0 and name != "timeout"):
            errors[name] = f"{shown(value)} is not a number of seconds"
    if errors:
        raise ValidationError(call, errors)
