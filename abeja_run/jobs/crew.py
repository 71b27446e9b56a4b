"""Hands the requests of a batch to an executor, and gives back what came of them. Decides nothing about runs."""

from __future__ import annotations

import contextlib
import itertools
import pickle
import queue
import time
import uuid
from concurrent.futures import BrokenExecutor, CancelledError, Executor, Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from abeja_run.client import APIClient
from abeja_run.exceptions import BatchStopped, ConfigurationError, Error
from abeja_run.jobs.errand import BegunBefore, Carrier, Errand, NotBegun, carry_out, forget, lost
from abeja_run.jobs.hands import Hands
from abeja_run.jobs.steps import Done

__all__ = ["Crew"]

#: So many faults in a row that are none of this package mean that the executor cannot carry out anything.
_TOLERATED = 10
#: Seconds for which results gather, so that one waking serves several; while there is enough to do.
_TOGETHER = 0.0006
#: Seconds that taking away the last marks may take.
_FORGETTING = 5.0


@dataclass(frozen=True, slots=True)
class _Sent:
    purpose: Any
    errand: Errand
    when: float
    handed_over: float


class Crew:
    """An executor, threads of its own by default, and the requests that it is carrying out.

    Args:
        api: What sends them, once each.
        executor: What carries them out; it stays the caller's to shut down.
        size: How many at a time.
        lease: Seconds after which a worker elsewhere does not begin what was handed to it.

    Attributes:
        straggling: Seconds after the end of this process in which a request may still arrive.
        ahead: How many more requests may be handed over than are carried out at a time, so that no thread has to wait
            for the next one.
        grace: Seconds after which what is under way when the batch ends is not waited for any longer.

    Raises:
        ConfigurationError: The executor is none, or the client cannot be handed to it.
    """

    def __init__(self, api: APIClient, executor: Executor | None, size: int, lease: float) -> None:
        if executor is not None and not isinstance(executor, Executor):
            raise ConfigurationError(
                f"executor is of type {type(executor).__name__}, not a concurrent.futures.Executor"
            )
        self._elsewhere = executor is not None and not isinstance(executor, ThreadPoolExecutor)
        self._hands = Hands(size) if executor is None else None
        self._executor: Executor = executor or self._hands  # type: ignore[assignment]  # one of the two is there
        self._carrier = Carrier(api)
        if self._elsewhere:
            try:
                pickle.dumps(self._carrier)
            except Exception as error:
                raise ConfigurationError(f"the client cannot be handed to other processes: {error}") from error
        self._lease = lease
        self.straggling = lease + api.timeout if self._elsewhere else 0.0
        self.grace = lease + api.timeout if self._elsewhere else api.timeout
        self.ahead = size if self._hands is not None else 0
        self._name = f"abeja-run-{uuid.uuid4()}"
        self._numbers = itertools.count()
        self._under_way: dict[Future[dict[str, Any]], _Sent] = {}
        self._done: queue.SimpleQueue[Future[dict[str, Any]]] = queue.SimpleQueue()
        self._spent: list[str] = []
        self._faults = 0

    @property
    def busy(self) -> bool:
        """Whether a request is under way."""
        return bool(self._under_way)

    def send(self, purpose: Any, now: float, method: str, *arguments: Any, once: bool = False, **keywords: Any) -> None:
        """Hand a request over.

        Args:
            purpose: What it is for; comes back with what came of it.
            now: The time, by the clock of the caller.
            method: The method of the client.
            arguments: The method's.
            once: Whether it must not be sent twice.
            keywords: The method's.

        Raises:
            BatchStopped: The executor takes none.
        """
        until = time.time() + self._lease if self._elsewhere else None
        spent = tuple(self._spent)
        errand = Errand(f"{self._name}-{next(self._numbers)}", method, arguments, keywords, once, until, spent)
        try:
            future = self._executor.submit(carry_out, self._carrier, errand)
        except RuntimeError as error:  # BrokenExecutor is one
            raise BatchStopped(f"the executor takes no more requests: {error}") from error
        self._spent.clear()
        self._under_way[future] = _Sent(purpose, errand, now, time.monotonic())
        future.add_done_callback(self._done.put)

    def next(self, timeout: float | None) -> Done | None:
        """Wait for a request to be done.

        Args:
            timeout: Seconds to wait at most; None waits for as long as it takes.

        Returns:
            What came of it; None when the time is up.

        Raises:
            BatchStopped: The executor cannot carry out anything.
            Exception: A fault of a thread that is none of this package.
        """
        overdue = self._overdue()
        try:
            future = self._take(overdue if timeout is None else min(timeout, overdue or timeout))
        except queue.Empty:
            if overdue is None or self._overdue():
                return None
            # It can neither begin any more nor still be under way: whatever had it, has lost it.
            future = next(iter(self._under_way))
            sent = self._under_way.pop(future)
            future.cancel()
            return Done(sent.purpose, lost(sent.errand.method, TimeoutError(), once=sent.errand.once), sent.when)
        if future not in self._under_way:
            return None
        sent = self._under_way.pop(future)
        return Done(sent.purpose, self._outcome(future, sent.errand), sent.when)

    def _take(self, timeout: float | None) -> Future[dict[str, Any]]:
        """The next that is done; with threads of the crew's own, as many of them as help."""
        if self._hands is None:
            return self._done.get(timeout=timeout)
        if timeout != 0 and self._hands.lasts(_TOGETHER):
            time.sleep(_TOGETHER)
        while (patience := self._hands.patience) is not None and (timeout is None or timeout > patience):
            try:
                future = self._done.get(timeout=patience)
                break
            except queue.Empty:
                self._hands.more()
                timeout = None if timeout is None else timeout - patience
        else:
            future = self._done.get(timeout=timeout)
        self._hands.count()
        return future

    def _overdue(self) -> float | None:
        """Seconds until nothing can come of the oldest request any more; None where that never is."""
        if not self._elsewhere or not self._under_way:
            return None
        oldest = next(iter(self._under_way.values()))
        return max(0.0, oldest.handed_over + self.straggling + self._lease - time.monotonic())

    def release(self) -> None:
        """The pause that the service has asked for is over."""
        self._carrier.held = False

    def give_up(self) -> None:
        """Do not begin what has not begun."""
        if not self._elsewhere:
            # Elsewhere nobody can tell what has begun from what has not.
            self._cancel()

    def close(self) -> None:
        """Leave nothing behind: requests, threads of the crew's own, marks of what must not be carried out twice."""
        self._cancel()
        if self._hands is not None:
            self._hands.shutdown(wait=False, cancel_futures=True)
        elif self._spent:
            # An executor that is gone has forgotten them itself.
            with contextlib.suppress(Exception):
                self._executor.submit(forget, tuple(self._spent)).result(_FORGETTING)

    def _cancel(self) -> None:
        for future in list(self._under_way):
            future.cancel()

    def _outcome(self, future: Future[dict[str, Any]], errand: Errand) -> dict[str, Any] | Error:
        if self._elsewhere and errand.once:
            self._spent.append(errand.name)
        try:
            result = future.result(0)
        except BegunBefore as error:
            return lost(errand.method, error, once=errand.once)
        except Error as error:
            self._faults = 0
            return error
        except CancelledError as error:
            if not self._elsewhere:
                return NotBegun("it was given up")
            return lost(errand.method, error, once=errand.once)
        except Exception as error:
            self._faults += 1
            if not self._elsewhere and not isinstance(error, BrokenExecutor):
                raise
            if self._faults > _TOLERATED:
                raise BatchStopped(f"the executor fails again and again: {type(error).__name__}: {error}") from error
            return lost(errand.method, error, once=errand.once)
        self._faults = 0
        return result
