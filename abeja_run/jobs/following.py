"""A run's log while it is written: every event once and in order, until the run has ended.

Rests on this: a log only grows at its end, and asking for the same page again gives it with what has come since.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from abeja_run.exceptions import BadRequest, unusable
from abeja_run.jobs.script import Call, Handed, Script
from abeja_run.jobs.times import parsed_time
from abeja_run.patience import PASSING, Patience, grown
from abeja_run.resources.runs import Runs
from abeja_run.transports.base import Clock

__all__ = ["LogEvent", "following"]


@dataclass(frozen=True, slots=True)
class LogEvent:
    """A line that a run wrote.

    Attributes:
        timestamp: When, aware.
        message: The line.

    Example:
        >>> print(LogEvent.of({"message": "ready", "timestamp": "2018-01-01T00:00:00Z"}))
        ready
    """

    timestamp: datetime
    message: str

    @classmethod
    def of(cls, event: Mapping[str, Any]) -> LogEvent:
        """The event that the service sent.

        Raises:
            InvalidResponse: It is none.
        """
        time = parsed_time(event.get("timestamp")) if isinstance(event, Mapping) else None
        if time is None or not isinstance(event.get("message"), str):
            raise unusable("an event of the log has no usable time and message", event, Runs.get_run_logs.template)
        return cls(time, event["message"])

    def __str__(self) -> str:
        return self.message


class _Position:
    """Where in a log the reader is, and what of the page there it has already had."""

    def __init__(self, start: datetime | None) -> None:
        self.start = start
        self.token: str | None = None
        self._had: Counter[LogEvent] = Counter()
        # The events of the newest whole second, for when the token is not taken any more.
        self._second: datetime | None = None
        self._in_second: Counter[LogEvent] = Counter()
        self._new = 0

    def read(self, page: Mapping[str, Any]) -> tuple[list[LogEvent], bool]:
        """The events of a page that are new, and whether there is a further page now.

        Raises:
            InvalidResponse: It is none.
        """
        told = page.get("events")
        if not isinstance(told, list):
            raise unusable("the answer to get_run_logs has no list 'events'", page, Runs.get_run_logs.template)
        events = [LogEvent.of(event) for event in told]
        left, new = self._had.copy(), []
        for event in events:
            if left[event] > 0:
                left[event] -= 1
            else:
                new.append(event)
                self._remember(event)
        self._new += len(new)
        token = page.get("next_token")
        if token and token != self.token:
            self.token, self._had = token, +left
            return new, True
        self._had = +left + Counter(events)
        return new, False

    def go_by_time(self) -> bool:
        """Forget the token: begin again with the newest second, and know what of it was had.

        Returns:
            Whether that may lead on: there is a token to forget, and something was read since the last time.
        """
        if self.token is None or not self._new:
            return False
        self.token, self._new = None, 0
        self.start = self._second or self.start
        self._had = self._in_second.copy()
        return True

    def _remember(self, event: LogEvent) -> None:
        second = event.timestamp.replace(microsecond=0)
        if self._second is None or second > self._second:
            self._second = second
            self._in_second.clear()
        if second == self._second:
            self._in_second[event] += 1


def following(
    ids: tuple[str, str, str],
    start: datetime | None,
    end: datetime | None,
    *,
    interval: float,
    max_interval: float,
    drain: float,
) -> Script[LogEvent]:
    """Every event of a run's log once, in order, until the run has ended and its log is drained.

    Holds one page of the log and the events of one second of it.

    Args:
        ids: Of the organization, the deployment and the run.
        start: No event before this time.
        end: No event after this time.
        interval: Seconds of the first pause; each is half as long again as the one before.
        max_interval: Seconds of the longest pause.
        drain: Seconds after the end of the run for which the log must have been silent.

    Raises:
        Error: Whatever the service answers that waiting cannot mend, or that lasts for ten minutes.
    """
    watch = Clock()
    patience = Patience(watch)
    position = _Position(start)
    pause, ended, silent_since = interval, False, 0.0
    while True:
        try:
            page = yield Call("get_run_logs", (*ids, position.token, position.start, end))
            new, more = position.read(page)
            patience.heard()
        except BadRequest:
            if not position.go_by_time():
                raise
            continue
        except PASSING as error:
            patience.bear(error, "following a log")
            new, more = [], False
        else:
            if not more and not new and ended and watch.elapsed - silent_since >= drain:
                return
        for event in new:
            yield Handed(event)
        if new:
            pause, silent_since = interval, watch.elapsed
        if more:
            continue
        if not ended:
            try:
                run = yield Call("get_run", ids)
            except PASSING as error:
                patience.bear(error, "following a log")
            else:
                waiter = Runs.get_run.waiter
                ended = waiter is not None and waiter.state(run) in (*waiter.success, *waiter.failure)
                silent_since = watch.elapsed
        watch.waited(pause)
        yield float(pause)
        pause = grown(pause, max_interval)
