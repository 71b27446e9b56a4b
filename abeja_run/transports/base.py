"""The seam between the dispatcher and the wire: three verbs, nothing about endpoints."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from types import TracebackType
from typing import TypeVar

from abeja_run.messages import Request, Response

__all__ = ["Clock", "Transport"]

_Transport = TypeVar("_Transport", bound="Transport")


class Transport(ABC):
    """Carries one request to a server and brings the answer back. It owns the wire and the clock.

    A transport that changes how requests travel (recording, fault injection) wraps another one.
    Implementations can be shared by threads.

    Example:
        >>> from abeja_run import APIClient
        >>> from abeja_run.messages import Request, Response
        >>> class Canned(Transport):
        ...     leaves_process = False
        ...
        ...     def send(self, request: Request, timeout: float) -> Response:
        ...         return Response(200, body=b'{"status": "RUNNING"}')
        >>> client = APIClient({"auth_token": "any"}, transport=Canned())
        >>> client.get_run("1234567890123", "1111111111111", "run-1")["status"]
        'RUNNING'
    """

    #: Whether what is sent leaves this process. Where it does not, plain HTTP shows a credential to nobody.
    leaves_process: bool = True

    @abstractmethod
    def send(self, request: Request, timeout: float) -> Response:
        """Send the request once and return the complete answer, whatever its status.

        Args:
            request: What to send, unchanged.
            timeout: Seconds this attempt may take, from connecting to the answer's last byte.

        Raises:
            ConnectError: The request cannot have reached the server.
            Timeout: No complete answer in time; the server may have seen the request.
            TransportError: Any other fault; the server may have seen the request.
        """

    def sleep(self, seconds: float) -> None:
        """Let this many seconds pass before the next attempt. A replay returns at once."""
        time.sleep(seconds)

    def close(self) -> None:  # noqa: B027 - most transports hold nothing
        """Release what the transport holds. Closing twice is allowed."""

    def __enter__(self: _Transport) -> _Transport:  # noqa: PYI019 - typing has no Self before Python 3.11
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()


class Clock:
    """The seconds gone since it was made, waits counted in full.

    They count even where a transport lets them take no time, as a replay does: so a deadline ends a replayed call
    where it ended the recorded one.

    Example:
        >>> clock = Clock()
        >>> clock.waited(3600)
        >>> clock.elapsed >= 3600
        True
    """

    __slots__ = ("_started", "_waited")

    def __init__(self) -> None:
        self._started = time.monotonic()
        self._waited = 0.0

    @property
    def elapsed(self) -> float:
        """Seconds since the clock was made."""
        return max(time.monotonic() - self._started, self._waited)

    def waited(self, seconds: float) -> None:
        """A wait of this many seconds is over, or about to begin."""
        self._waited += seconds
