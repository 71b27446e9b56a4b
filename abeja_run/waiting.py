"""Waiting for the end of what an endpoint tells of, by the waiter that its descriptor declares."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from abeja_run.descriptors import Endpoint
from abeja_run.dispatch import Dispatcher
from abeja_run.exceptions import ValidationError, WaitFailed, WaitTimeout
from abeja_run.patience import PASSING, Patience
from abeja_run.transports.base import Stopwatch
from abeja_run.values import shown

__all__ = ["wait"]

#: Each pause is this much longer than the one before.
_GROWTH = 1.5


def wait(
    dispatcher: Dispatcher,
    endpoint: Endpoint,
    arguments: Mapping[str, Any],
    *,
    timeout: float | None,
    interval: float,
    max_interval: float,
    on_change: Callable[[dict[str, Any]], object] | None,
) -> dict[str, Any]:
    """Ask again and again, with growing pauses, until the state is an end; the last answer.

    Faults in between are borne: a call that fails after its own retries is one look missed.

    Args:
        dispatcher: What carries out the calls.
        endpoint: What tells the state.
        arguments: The endpoint's.
        timeout: Seconds to wait at most; None waits for ever. The last look may take the client's ``timeout``
            longer.
        interval: Seconds of the first pause.
        max_interval: Seconds of the longest pause.
        on_change: Called with the answer whenever the state is another one than before.

    Raises:
        WaitFailed: It has come to a bad end.
        WaitTimeout: It has not ended in time.
        Error: Whatever the endpoint's method raises, if waiting cannot mend it or it lasts for ten minutes.
    """
    waiter = endpoint.waiter
    assert waiter is not None  # noqa: S101 - the binding asks only endpoints that have one
    _check(waiter.name, timeout=timeout, interval=interval, max_interval=max_interval)
    watch = Stopwatch(dispatcher.transport)
    what = f"{waiter.name}({', '.join(str(arguments[name]) for name in endpoint.variables)})"
    patience = Patience(watch)
    result, state, pause = None, None, interval
    while True:
        left = None if timeout is None else timeout - watch.elapsed
        try:
            result = dispatcher.call(endpoint, arguments, None if left is None else max(left, dispatcher.timeout))
        except PASSING as error:
            patience.bear(error, waiter.name)
        else:
            patience.heard()
            if result.get(waiter.field) != state:
                state, pause = result.get(waiter.field), interval
                if on_change is not None:
                    on_change(result)
            if state in waiter.success:
                return result
            if state in waiter.failure:
                raise WaitFailed(what, str(state), result)
        if timeout is not None:
            left = timeout - watch.elapsed
            if left <= 0:
                raise WaitTimeout(what, timeout, state, result)
            pause = min(pause, left)
        watch.sleep(pause)
        pause = min(pause * _GROWTH, max_interval)


def _check(call: str, *, timeout: float | None, **pauses: float) -> None:
    errors = {}
    for name, value in ({} if timeout is None else {"timeout": timeout}).items() | pauses.items():
        number = isinstance(value, (int, float)) and not isinstance(value, bool)
        # Zero is a time to wait, one look, but no pause: nobody means to ask without end.
        if not number or not (0 <= value < 1e9) or (value == 0 and name != "timeout"):
            errors[name] = f"{shown(value)} is not a number of seconds"
    if errors:
        raise ValidationError(call, errors)
