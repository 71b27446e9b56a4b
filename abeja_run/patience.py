"""How long whoever asks again and again bears faults in between."""

from __future__ import annotations

import logging

from abeja_run.exceptions import Error, HttpError, InvalidResponse, TransportError
from abeja_run.retry import is_passing
from abeja_run.transports.base import Clock

__all__ = ["PASSING", "Patience", "grown"]

logger = logging.getLogger("abeja_run")

#: The errors that :meth:`Patience.bear` is to be asked about.
PASSING = (TransportError, HttpError, InvalidResponse)

#: Each pause is this much longer than the one before.
_GROWTH = 1.5


def grown(pause: float, most: float) -> float:
    """Seconds of the pause that follows one where nothing has changed: half as long again, and no longer than most."""
    return min(pause * _GROWTH, most)


class Patience:
    """Bears errors that may be gone the next time, for as long as something is heard in between.

    Args:
        watch: The clock to go by.
        seconds: For how long nothing but faults is borne; a service that is gone for longer is gone.
    """

    def __init__(self, watch: Clock, seconds: float = 600.0) -> None:
        self._watch = watch
        self._seconds = seconds
        # When the first of the faults came after which nothing has been heard. Silence alone is none: nobody may
        # have asked, because whoever is handed what was heard takes his time with it.
        self._faulty_since: float | None = None

    def heard(self) -> None:
        """There was an answer."""
        self._faulty_since = None

    def bear(self, error: Error, what: str) -> None:
        """Bear an error, and say so in the log.

        Raises:
            Error: The same one, if waiting cannot mend it or it has lasted too long.
        """
        if self._faulty_since is None:
            self._faulty_since = self._watch.elapsed
        if not is_passing(error) or self._watch.elapsed - self._faulty_since > self._seconds:
            raise error
        logger.warning("%s goes on after %s", what, type(error).__name__)
