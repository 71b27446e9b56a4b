"""When the next request may leave: one pause for all of them. Lets no time pass itself."""

from __future__ import annotations

import time
from collections.abc import Generator

from abeja_run.exceptions import HttpError
from abeja_run.retry import RETRY_AFTER_CAP, jittered
from abeja_run.transports.base import Clock

__all__ = ["Pace"]


class Pace(Clock):
    """A clock that requests to a busy service go by.

    Where the service says that there are too many, nobody sends anything before a pause is over that all share; it
    grows for as long as the service says so.

    Example:
        >>> pace = Pace()
        >>> [round(seconds) for seconds in pace.until(pace.elapsed + 3600)]
        [3600]
        >>> pace.elapsed >= 3600
        True
    """

    __slots__ = ("_refusals", "_skipped", "free")

    def __init__(self) -> None:
        super().__init__()
        self._skipped = 0.0
        self._refusals = 0
        #: From when on requests may leave.
        self.free = 0.0

    @property
    def elapsed(self) -> float:
        """Seconds since the clock was made, with what the transport has let pass in no time."""
        return time.monotonic() - self._started + self._skipped

    def until(self, moment: float) -> Generator[float, None, None]:
        """The seconds that whoever carries this out lets pass until a moment; none where it has come."""
        seconds = moment - self.elapsed
        if seconds <= 0:
            return
        before = time.monotonic()
        yield seconds
        # A replay returns at once, and the time counts all the same.
        self._skipped += max(0.0, seconds - (time.monotonic() - before))

    def heard(self) -> None:
        """The service has taken a request."""
        self._refusals = 0

    def refused(self, error: HttpError, sent: float) -> None:
        """The service has said that there are too many requests.

        Args:
            error: How it said so.
            sent: When that request left.
        """
        wait = min(error.retry_after, RETRY_AFTER_CAP)
        if sent >= self.free:
            # Requests that left before the pause began say nothing that is new.
            wait = max(wait, jittered(self._refusals))
            self._refusals += 1
        self.free = max(self.free, self.elapsed + wait)
