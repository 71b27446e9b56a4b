"""Threads that carry out the requests of a batch: as few of them as keep up.

Python runs one thread at a time. While a service answers at once, changing from one thread to another costs more than
what a second one adds; while it takes its time, each further one adds as much as the first.
"""

from __future__ import annotations

import itertools
import math
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from typing import Any

__all__ = ["Climb", "Hands"]

#: Seconds without a result after which, if requests stand in line, there are more threads.
_SLOW = 0.001
#: So many times as long as otherwise is slow, too.
_STALL = 10
#: Seconds from one result to the next, at most, where it is worth looking whether fewer threads are as quick.
_QUICK = 0.002
#: The number of results over which the time from one to the next is measured.
_WINDOW = 32
#: The part of that time by which it must be shorter with more threads.
_GAIN = 0.1
#: After how many windows what was measured is forgotten.
_MEMORY = 64


class Climb:
    """How many threads bring the most results, found by trying: from one on, no further than to half or double.

    Args:
        most: How many there may be.

    Example:
        >>> climb = Climb(8)
        >>> for _ in range(4):
        ...     climb.measured(0.001 / climb.number)
        >>> climb.number
        8
    """

    def __init__(self, most: int) -> None:
        #: What may be tried: so that half of double is what it was.
        self._steps = [*itertools.takewhile(most.__gt__, (1 << power for power in itertools.count())), most]
        self._step = 0
        self._windows = 0
        #: Seconds from one result to the next, by the number of threads.
        self._seen: dict[int, float] = {}

    @property
    def number(self) -> int:
        """How many there should be."""
        return self._steps[self._step]

    @property
    def interval(self) -> float:
        """Seconds from one result to the next with so many; 0.0 if that is not known."""
        return self._seen.get(self.number, 0.0)

    @property
    def patience(self) -> float | None:
        """Seconds without a result after which it is :meth:`slow`; None where there are as many as may be."""
        return None if self.number == self._steps[-1] else max(_SLOW, _STALL * self.interval)

    def slow(self) -> None:
        """No result has come for as long as there was patience."""
        self._seen.setdefault(self.number, math.inf)
        self._step = min(self._step + 1, len(self._steps) - 1)

    def measured(self, interval: float) -> None:
        """Results have come so many seconds apart, with as many threads as there should be."""
        self._windows += 1
        if self._windows % _MEMORY == 0:
            self._seen.clear()
        self._seen[self.number] = interval
        if interval < _QUICK:
            self._step += self._direction(interval)

    def _direction(self, interval: float) -> int:
        fewer = self._seen.get(self._steps[self._step - 1], 0.0) if self._step else math.inf
        more = self._seen.get(self._steps[self._step + 1], 0.0) if self._step + 1 < len(self._steps) else math.inf
        # What has not been tried stands as 0: fewer first, but for where more is known to be better.
        if 0.0 < more < interval * (1 - _GAIN):
            return 1
        if fewer * (1 - _GAIN) < interval:
            return -1
        return 1 if more == 0.0 else 0


class Hands(Executor):
    """An executor with as many threads as bring the most results.

    There are twice as many when results come slowly. When they come so quickly that Python itself may be what limits
    them, half and double the number are tried, and the best is kept.

    Args:
        most: How many threads there may be.

    Example:
        >>> with Hands(8) as hands:
        ...     hands.submit(pow, 2, 10).result()
        1024
    """

    def __init__(self, most: int) -> None:
        self._threads = ThreadPoolExecutor(most, thread_name_prefix="abeja-run-batch")
        self._lock = threading.Lock()
        self._line: deque[tuple[Future[Any], Callable[..., Any], tuple[Any, ...], Mapping[str, Any]]] = deque()
        self._working = 0
        self._climb = Climb(most)
        self._count_anew()

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """See :meth:`concurrent.futures.Executor.submit`.

        Raises:
            RuntimeError: It is shut down, or no thread can be started.
        """
        future: Future[Any] = Future()
        with self._lock:
            if self._working < self._climb.number:
                self._engage()
            self._line.append((future, fn, args, kwargs))
        return future

    def lasts(self, seconds: float) -> bool:
        """Whether what stands in line keeps the threads busy for so long, as far as is known."""
        return len(self._line) * self._climb.interval > seconds

    @property
    def patience(self) -> float | None:
        """Seconds to wait for a result before there should be :meth:`more`; None where more would not help."""
        return self._climb.patience if self._line else None

    def more(self) -> None:
        """Results come slowly: more threads."""
        with self._lock:
            self._climb.slow()
            self._count_anew()
            for _ in range(min(self._climb.number - self._working, len(self._line))):
                self._engage()

    def count(self) -> None:
        """There is a result."""
        self._results += 1
        if self._results == _WINDOW:
            self._climb.measured((time.monotonic() - self._since) / _WINDOW)
            self._count_anew()

    def _count_anew(self) -> None:
        self._results = 0
        self._since = time.monotonic()

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:  # noqa: FBT001, FBT002 - inherited
        """See :meth:`concurrent.futures.Executor.shutdown`."""
        if cancel_futures:
            with self._lock:
                waiting = [future for future, *_ in self._line]
            for future in waiting:
                future.cancel()
        self._threads.shutdown(wait=wait)

    def _engage(self) -> None:
        """One more thread, where the system has one; those that there are go on where it has none."""
        try:
            self._threads.submit(self._work)
        except RuntimeError:
            if not self._working:
                raise
        # Counted either way: the executor keeps what one more was to do for a thread that is free.
        self._working += 1

    def _work(self) -> None:
        """Carry out what stands in line, until nothing does or there are too many who do so."""
        while True:
            with self._lock:
                if not self._line or self._working > self._climb.number:
                    self._working -= 1
                    return
                future, call, arguments, keywords = self._line.popleft()
            if future.set_running_or_notify_cancel():
                try:
                    result = call(*arguments, **keywords)
                except BaseException as error:  # noqa: BLE001 - it is the result
                    future.set_exception(error)
                else:
                    future.set_result(result)
            del future, call, arguments, keywords
