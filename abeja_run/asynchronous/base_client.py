"""What every client is that is awaited. Knows no endpoint; a subclass names the resources."""

from __future__ import annotations

import functools
from types import TracebackType
from typing import Any, TypeVar

from abeja_run.asynchronous.aiohttp_transport import AiohttpTransport
from abeja_run.asynchronous.base import AsyncTransport, awaitable
from abeja_run.asynchronous.dispatch import AsyncDispatcher, iterate, wait
from abeja_run.resource_client import ResourceClient

__all__ = ["BaseAsyncClient"]

_Client = TypeVar("_Client", bound="BaseAsyncClient")


class BaseAsyncClient(ResourceClient):
    """An asynchronous client for the resources that its class names. Shared by the tasks of one event loop.

    Its methods are those of :class:`~abeja_run.BaseClient`, awaited; its iterators are asynchronous. Requests,
    retries, errors, deadlines and settings are the same.

    Args:
        credential: As for :class:`~abeja_run.BaseClient`, like everything that is not named here.
        transport: Where requests go; by default a transport over aiohttp of the client's own. A
            :class:`~abeja_run.transports.Transport` that sends nothing out of the process, such as a replay, serves
            too. One that is given stays the caller's to close.

    Raises:
        ConfigurationError: A setting is unusable, or the transport would hold up the event loop.
        CredentialError: A credential is half-given or malformed. None at all is an error of the first call.

    Example:
        >>> import asyncio
        >>> from abeja_run import AsyncAPIClient
        >>> async def main():
        ...     async with AsyncAPIClient({"auth_token": "any"}, timeout=10) as client:
        ...         print(client)
        >>> asyncio.run(main())
        <AsyncAPIClient https://api.abeja.io, <Credential auth_token from the argument>>
    """

    asynchronous = True
    _dispatcher: AsyncDispatcher
    _own_transport: AsyncTransport | None

    _new_transport = staticmethod(AiohttpTransport)

    @staticmethod
    def _dispatcher_to(transport: Any, **terms: Any) -> AsyncDispatcher:
        return AsyncDispatcher(transport=awaitable(transport), **terms)

    def _dispatch_by(self, dispatcher: AsyncDispatcher) -> None:
        self._dispatcher = dispatcher
        self._call = dispatcher.call
        self._iterate = functools.partial(iterate, dispatcher)
        self._wait = functools.partial(wait, dispatcher)

    @property
    def transport(self) -> AsyncTransport:
        """Where this client's requests go, and whose clock its waits go by."""
        return self._dispatcher.transport

    async def close(self) -> None:
        """Close the connections of the client's own transport. A later call opens new ones."""
        if self._own_transport is not None:
            await self._own_transport.close()

    async def __aenter__(self: _Client) -> _Client:  # noqa: PYI019 - typing has no Self before Python 3.11
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.close()
