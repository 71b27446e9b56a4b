"""The wire for an event loop: HTTP/1.1 over aiohttp.

Knows no endpoint and repeats nothing; it says whether a request can have arrived.
"""

from __future__ import annotations

import asyncio
import os
import ssl
import sys
import weakref
import zlib
from collections.abc import AsyncGenerator
from contextvars import ContextVar
from typing import Any

from urllib3.util.wait import wait_for_read

from abeja_run.asynchronous.base import AsyncTransport
from abeja_run.exceptions import (
    BodyError,
    ConfigurationError,
    ConnectError,
    ConnectTimeout,
    MissingExtra,
    Timeout,
    TransportError,
    too_long,
)
from abeja_run.messages import Headers, Request, Response, Sink, Source
from abeja_run.transports.environment import Proxies, context_for, proxy_headers, roots, without_userinfo
from abeja_run.transports.faults import chain, told
from abeja_run.transports.urllib3_transport import MAX_BODY

try:
    import aiohttp
    from yarl import URL
except ImportError as error:
    raise MissingExtra("AsyncAPIClient needs aiohttp: pip install 'abeja-run[async]'") from error

__all__ = ["AiohttpTransport"]

_CHUNK = 64 * 1024
_FAULTS = (aiohttp.ClientError, asyncio.TimeoutError, OSError, ValueError, EOFError, zlib.error)


class _Attempt:
    """What is known of a request that is on its way."""

    __slots__ = ("connected", "unreadable")

    def __init__(self) -> None:
        self.connected = False
        self.unreadable: BodyError | None = None


#: The attempt of the running task, for the connector, which aiohttp tells nothing of it.
_attempt: ContextVar[_Attempt] = ContextVar("attempt")


class _Connector(aiohttp.TCPConnector):
    """Tells when a connection is there, and gives out none that the server has closed meanwhile."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self._used: weakref.WeakSet[Any] = weakref.WeakSet()

    async def connect(self, *args: Any, **kwargs: Any) -> Any:
        while True:
            connection = await super().connect(*args, **kwargs)
            protocol = connection.protocol
            if protocol not in self._used:
                self._used.add(protocol)
                break
            # The loop has perhaps not had the time to see that the server has closed it.
            wire = None if connection.transport is None else connection.transport.get_extra_info("socket")
            if wire is not None and not wait_for_read(wire, timeout=0.0):
                break
            connection.close()
        _attempt.get().connected = True
        return connection


class AiohttpTransport(AsyncTransport):
    """HTTP and HTTPS over aiohttp, with kept connections, proxies and verified certificates.

    The proxies, the roots and everything else are as for :class:`~abeja_run.transports.Urllib3Transport`. It belongs
    to the event loop that it is first used in, until it is closed. The content of a body that is a file or an
    iterator is read in the event loop, piece by piece.

    Args:
        ssl_context: Verifies certificates instead of the one made from the roots.
        connections: How many requests are under way at a time. Further ones wait, and that time counts as theirs.

    Raises:
        ConfigurationError: A file of roots does not exist, or a proxy's address is unusable.
        MissingExtra: At import, where aiohttp is not installed.

    Example:
        >>> transport = AiohttpTransport(connections=4)
        >>> asyncio.run(transport.close())
    """

    def __init__(self, *, ssl_context: ssl.SSLContext | None = None, connections: int = 100) -> None:
        self._ssl_context = ssl_context
        self._connections = connections
        self._roots = roots()
        self._proxies = Proxies()
        self._session: aiohttp.ClientSession | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._process = os.getpid()

    async def send(self, request: Request, timeout: float) -> Response:
        """Send the request once; see :meth:`AsyncTransport.send`."""
        session = self._ready()
        url = request.url
        origin = url[: url.find("/", url.find("://") + 3)]
        handled = sys.exc_info()[1]
        attempt = _Attempt()
        _attempt.set(attempt)
        settings: dict[str, Any] = {"headers": request.headers.pairs}
        if proxy := self._proxies.of(origin):
            known = proxy_headers(proxy)
            settings |= {"proxy": without_userinfo(proxy), "proxy_headers": known}
            if url.startswith("http:"):
                # There is no tunnel to open: the proxy reads the request itself.
                settings["headers"] = (*request.headers.pairs, *known.items())
        try:
            async with session.request(
                request.method,
                URL(url, encoded=True),
                data=_pieces(request.body, attempt) if isinstance(request.body, Source) else request.body,
                allow_redirects=False,
                timeout=aiohttp.ClientTimeout(total=timeout),
                **settings,
            ) as raw:
                content = await (_read(raw, url) if request.sink is None else _stream(raw, request.sink, url))
                # As they stood on the wire: aiohttp spells names in its own way.
                fields = ((name.decode("latin-1"), value.decode("latin-1")) for name, value in raw.raw_headers)
                return Response(raw.status, Headers(fields), content)
        except _FAULTS as fault:
            if attempt.unreadable is not None:
                raise attempt.unreadable from None
            parts = chain(fault, handled)
            timed_out = any(isinstance(part, (asyncio.TimeoutError, TimeoutError)) for part in parts)
            reason = f"timed out after {timeout:g} s" if timed_out else _told(parts)
            kind: type[TransportError] = Timeout if timed_out else TransportError
            if not attempt.connected:
                kind = ConnectTimeout if timed_out else ConnectError
                reason = f"no connection to {self._proxies.route(origin)}: {reason}"
            raise kind(reason, method=request.method, url=url) from fault

    async def close(self) -> None:
        """Close the connections. A later request opens new ones, perhaps in another event loop."""
        session, self._session = self._session, None
        if session is not None and self._process == os.getpid():
            await session.close()

    def _ready(self) -> aiohttp.ClientSession:
        """The session of the running loop."""
        loop = asyncio.get_running_loop()
        if self._process != os.getpid():
            # The connections of a parent process are its own.
            self._session, self._process = None, os.getpid()
        if self._session is None:
            self._loop = loop
            # Only where somebody speaks TLS does it take the time to read the roots.
            self._session = aiohttp.ClientSession(
                connector=_Connector(limit=self._connections, ssl=self._ssl_context or context_for(self._roots)),
                cookie_jar=aiohttp.DummyCookieJar(),
                skip_auto_headers=("accept", "accept-encoding", "content-type", "user-agent"),
            )
            # aiohttp would send a GET again whose kept connection breaks; that is the retry policy's to decide.
            self._session._retry_connection = False  # noqa: SLF001 - there is no public way
        elif self._loop is not loop:
            raise ConfigurationError(
                "the client is in use in another event loop; close it there first, or make one for each loop"
            )
        return self._session


async def _pieces(source: Source, attempt: _Attempt) -> AsyncGenerator[bytes, None]:
    pieces = source.open()
    try:
        for piece in pieces:
            yield piece
    except BodyError as error:
        # aiohttp wraps it so that it is not to be told from a fault of the wire.
        attempt.unreadable = error
        raise
    finally:
        pieces.close()


async def _stream(raw: aiohttp.ClientResponse, sink: Sink, url: str) -> bytes:
    """Write a good answer's body into the sink; that of any other, in memory."""
    if not 200 <= raw.status < 300:
        return await _read(raw, url)
    sink.begin()
    async for piece in raw.content.iter_chunked(_CHUNK):
        sink.write(piece)
    sink.end()
    return b""


async def _read(raw: aiohttp.ClientResponse, url: str) -> bytes:
    """The whole body, decoded; refused as soon as it is known to be too long."""
    announced = raw.content_length or 0
    pieces: list[bytes] = []
    size = 0
    if announced <= MAX_BODY:
        async for piece in raw.content.iter_any():
            pieces.append(piece)
            size += len(piece)
            if size > MAX_BODY:
                break
        else:
            return b"".join(pieces)
    # Closed, not drained: the rest is never read, and the connection not used again.
    raw.close()
    raise too_long(MAX_BODY, raw.status, raw.headers.get("content-type", ""), url)


def _told(parts: list[BaseException]) -> str:
    for part in parts:
        if isinstance(part, aiohttp.ClientHttpProxyError):
            return f"Tunnel connection failed: {part.status} {part.message}"
        if isinstance(part, aiohttp.ClientConnectorError) and part.errno and part.errno > 0:
            # asyncio puts its own words and an address in the place of the system's.
            certificate = any(isinstance(inner, ssl.SSLError) for inner in parts)
            return told(parts, "") if certificate else f"{os.strerror(part.errno)} ({type(part.os_error).__name__})"
    return told(parts, "")
