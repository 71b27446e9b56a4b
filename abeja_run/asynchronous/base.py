"""The seam between the asynchronous dispatcher and the wire: the three verbs of a transport, awaited."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from types import TracebackType
from typing import TypeVar

from abeja_run.exceptions import ConfigurationError
from abeja_run.messages import Request, Response
from abeja_run.transports.base import Transport

__all__ = ["AsyncTransport", "InMemory", "awaitable"]

_AsyncTransport = TypeVar("_AsyncTransport", bound="AsyncTransport")


class AsyncTransport(ABC):
    """Carries one request to a server and brings the answer back; shared by the tasks of one event loop.

    What :class:`~abeja_run.transports.Transport` says of its verbs holds here too. A task that is cancelled in one of
    them leaves no connection behind.

    Example:
        >>> from abeja_run import AsyncAPIClient
        >>> from abeja_run.messages import Request, Response
        >>> class Canned(AsyncTransport):
        ...     leaves_process = False
        ...
        ...     async def send(self, request: Request, timeout: float) -> Response:
        ...         return Response(200, body=b'{"status": "RUNNING"}')
        >>> client = AsyncAPIClient({"auth_token": "any"}, transport=Canned())
        >>> asyncio.run(client.get_run("1234567890123", "1111111111111", "run-1"))["status"]
        'RUNNING'
    """

    #: Whether what is sent leaves this process. Where it does not, plain HTTP shows a credential to nobody.
    leaves_process: bool = True

    @abstractmethod
    async def send(self, request: Request, timeout: float) -> Response:
        """Send the request once and return the complete answer, whatever its status.

        Args:
            request: What to send, unchanged.
            timeout: Seconds this attempt may take, until the answer's last byte.

        Raises:
            ConnectError: The request cannot have reached the server.
            Timeout: No complete answer in time; the server may have seen the request.
            TransportError: Any other fault; the server may have seen the request.
        """

    async def sleep(self, seconds: float) -> None:
        """Let this many seconds pass before the next attempt. A replay returns at once."""
        await asyncio.sleep(seconds)

    async def close(self) -> None:  # noqa: B027 - most transports hold nothing
        """Release what the transport holds. Closing twice is allowed."""

    async def __aenter__(self: _AsyncTransport) -> _AsyncTransport:  # noqa: PYI019 - no Self before Python 3.11
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.close()


class InMemory(AsyncTransport):
    """Lets a transport that answers in this process, such as a replay, serve an asynchronous client.

    It is called in the event loop, and the other tasks have their turn after each answer. It stays the caller's to
    close.

    Args:
        inner: The transport.

    Raises:
        ConfigurationError: What it sends leaves the process, so that every answer would hold up the event loop.
    """

    def __init__(self, inner: Transport) -> None:
        if inner.leaves_process:
            raise ConfigurationError(
                f"transport is a {type(inner).__name__}, which waits for its answers and would hold up the event loop; "
                "give a subclass of AsyncTransport"
            )
        self.leaves_process = False
        self._inner = inner
        self._waits = type(inner).sleep is Transport.sleep

    async def send(self, request: Request, timeout: float) -> Response:
        """Send the request once; see :meth:`AsyncTransport.send`."""
        try:
            return self._inner.send(request, timeout)
        finally:
            await asyncio.sleep(0)

    async def sleep(self, seconds: float) -> None:
        """Wait by the inner transport's clock where that is one of its own."""
        if self._waits:
            await asyncio.sleep(seconds)
        else:
            self._inner.sleep(seconds)
            await asyncio.sleep(0)


def awaitable(transport: object) -> AsyncTransport:
    """A transport that can be awaited.

    Raises:
        ConfigurationError: It is none, or one that would hold up the event loop.
    """
    if isinstance(transport, AsyncTransport):
        return transport
    if isinstance(transport, Transport):
        return InMemory(transport)
    raise ConfigurationError(f"transport is of type {type(transport).__name__}, not a subclass of AsyncTransport")
