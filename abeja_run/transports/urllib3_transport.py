"""The wire: HTTP/1.1 over urllib3's connection pools, one keep-alive pool per host.

Knows no endpoint and repeats nothing; it says whether a request can have arrived.
"""

from __future__ import annotations

import functools
import http.client
import io
import os
import re
import ssl
import sys
import threading
import time
import zlib
from collections.abc import Callable, Generator
from typing import Any

import urllib3
import urllib3.connection
import urllib3.exceptions
from urllib3.util.retry import Retry
from urllib3.util.ssl_match_hostname import CertificateError

from abeja_run.exceptions import (
    ConnectError,
    ConnectTimeout,
    Timeout,
    TransportError,
    too_long,
)
from abeja_run.messages import Headers, Request, Response, Sink, Source
from abeja_run.transports.base import Transport
from abeja_run.transports.environment import Proxies, context_for, proxy_headers, roots, without_userinfo
from abeja_run.transports.faults import chain, told

__all__ = ["Urllib3Transport"]

#: The largest answer that is taken, in bytes after decoding.
MAX_BODY = 100 * 1024 * 1024
_CHUNK = 64 * 1024
#: The head of an answer as nearly every one is: one line for each field, the length among them.
_USUAL_HEAD = re.compile(
    rb"HTTP/1\.1 (?!204|304)([2-9][0-9]{2}) ([^\r\n]*)\r\n((?:[A-Za-z0-9_-]+:[^\x00-\x08\x0a-\x1f\x7f]*\r\n)+)\r\n"
)
_NO_RETRIES = Retry(total=False)
_WIRE_FAULTS = (
    urllib3.exceptions.HTTPError,
    http.client.HTTPException,
    OSError,
    ValueError,
    EOFError,
    zlib.error,
)


class _NotConnected(Exception):
    """Connecting failed, so nothing was sent. No class that urllib3 would catch and wrap."""


class _TimedReader(io.RawIOBase):
    """The reading side of a socket, each wait bounded by what is left of the attempt's time."""

    def __init__(self, timed: _TimedSocket, raw: Any) -> None:
        self._timed = timed
        self._raw = raw

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        self._timed.arm()
        size: int | None = self._raw.readinto(buffer)
        return size

    def close(self) -> None:
        if not self.closed:
            super().close()
            self._raw.close()


class _Head(io.BufferedReader):
    """The reading side as http.client sees it, which takes the end of the stream for the end of a head."""

    _lines = 0

    def readline(self, size: int | None = -1, /) -> bytes:
        line = super().readline(size)
        if not line.endswith(b"\n") and self._lines and (not size or len(line) < size):
            raise ConnectionError("the answer was cut off")
        self._lines += 1
        return line


class _Answer(http.client.HTTPResponse):
    """An answer of the standard library's, whose head is read without a parser of e-mails where it is a usual one.

    That parser takes a fifth of the time of a whole call.
    """

    def begin(self) -> None:
        # The pieces of the head come together nearly always; what is missing of it, begin() itself reads.
        reader: Any = self.fp
        match = _USUAL_HEAD.match(reader.peek())
        message = None if match is None else _fields(match[3])
        if match is None or message is None or self._method == "HEAD":  # type: ignore[attr-defined]
            super().begin()
            return
        reader.read(match.end())
        self.code = self.status = int(match[1])
        self.reason = match[2].decode("latin-1").strip()
        self.version = 11
        self.headers = self.msg = message
        self.chunked = False
        self.length = int(message["content-length"])
        self.will_close = "close" in message.get("connection", "").lower()


def _fields(lines: bytes) -> http.client.HTTPMessage | None:
    """The fields of a head; None if they do not say in the plain way how long the body is."""
    message = http.client.HTTPMessage()
    for line in lines.decode("latin-1").split("\r\n")[:-1]:
        name, _, value = line.partition(":")
        message[name] = value.lstrip(" \t")
    lengths = message.get_all("content-length", [])
    plain = len(lengths) == 1 and re.fullmatch("[0-9]{1,15}", lengths[0]) and "transfer-encoding" not in message
    return message if plain else None


class _TimedSocket:
    """A connected socket whose timeout bounds all waits together, not each of them.

    With the usual meaning a server that sends a byte now and then holds a caller for ever.
    """

    def __init__(self, sock: Any, timeout: float | None) -> None:
        self._sock = sock
        self.settimeout(timeout)

    def settimeout(self, timeout: float | None) -> None:
        self._end = None if timeout is None else time.monotonic() + timeout

    def arm(self) -> None:
        left = None if self._end is None else self._end - time.monotonic()
        if left is not None and left <= 0:
            raise TimeoutError("timed out")
        self._sock.settimeout(left)

    def sendall(self, data: bytes) -> None:
        self.arm()
        sent = self._sock.send(data)
        while sent < len(data):
            self.arm()
            sent += self._sock.send(memoryview(data)[sent:])

    def makefile(self, *_: Any, **__: Any) -> io.BufferedReader:
        return _Head(_TimedReader(self, self._sock.makefile("rb", buffering=0)))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._sock, name)


class _Connecting:
    """For urllib3's connection classes: a failed connect is told apart from every later fault."""

    response_class: Any = _Answer
    sock: Any
    timeout: Any

    def connect(self) -> None:
        started = time.monotonic()
        try:
            super().connect()  # type: ignore[misc]  # that of the connection class beside this one
        except Exception as error:
            raise _NotConnected from error
        # The time that connecting took is gone for sending.
        if isinstance(self.timeout, (int, float)):
            self.timeout = max(self.timeout - (time.monotonic() - started), 0.001)
        self.sock = _TimedSocket(self.sock, self.timeout)

    def request(self, *args: Any, **kwargs: Any) -> Any:
        # urllib3 1.26 leaves a kept connection with the timeout of its last answer.
        if self.sock is not None:
            self.sock.settimeout(self.timeout)
        return super().request(*args, **kwargs)  # type: ignore[misc]  # as above


class _HTTPConnection(_Connecting, urllib3.connection.HTTPConnection):
    pass


class _HTTPSConnection(_Connecting, urllib3.connection.HTTPSConnection):
    pass


class _HTTPPool(urllib3.HTTPConnectionPool):
    ConnectionCls = _HTTPConnection


class _HTTPSPool(urllib3.HTTPSConnectionPool):
    ConnectionCls = _HTTPSConnection


class Urllib3Transport(Transport):
    """HTTP and HTTPS over urllib3, with kept connections, proxies and verified certificates.

    ``HTTPS_PROXY``, ``HTTP_PROXY`` and ``NO_PROXY`` are respected; an address on this machine is never asked for
    through a proxy. Certificates are verified against ``REQUESTS_CA_BUNDLE`` or ``SSL_CERT_FILE``, else the
    system's roots, else those of certifi if it is installed. All are read when the transport is made.
    Redirects are not followed, and nothing is sent twice.

    The name of a host is looked up by the operating system, whose time the timeout does not bound; and each of
    several addresses that a name has may take the whole timeout to fail to connect.

    Args:
        ssl_context: Verifies certificates instead of the one described above.
        pool_size: How many idle connections are kept per host.

    Raises:
        ConfigurationError: A file of roots does not exist, or a proxy's address is unusable.

    Example:
        >>> transport = Urllib3Transport(pool_size=4)
        >>> transport.close()
    """

    def __init__(self, *, ssl_context: ssl.SSLContext | None = None, pool_size: int = 32) -> None:
        self._ssl_context = ssl_context
        self._pool_size = pool_size
        self._roots = roots()
        self._proxies = Proxies()
        self._forget()

    def _forget(self) -> None:
        """Start without connections. Those of a parent process are its own: they are left alone, not closed."""
        self._process = os.getpid()
        self._lock = threading.Lock()
        self._managers: dict[str, urllib3.PoolManager] = {}
        self._senders: dict[str, Callable[..., Any]] = {}

    def send(self, request: Request, timeout: float) -> Response:
        """Send the request once; see :meth:`Transport.send`."""
        if self._process != os.getpid():
            self._forget()
        url = request.url
        start = url.find("/", url.find("://") + 3)
        origin, target = url[:start], url[start:]
        sender = self._senders.get(origin) or self._connect_to(origin)
        handled = sys.exc_info()[1]
        body = request.body if not isinstance(request.body, Source) else request.body.open()
        try:
            raw = sender(
                request.method,
                target,
                body=body,
                headers=dict(request.headers.pairs),
                retries=_NO_RETRIES,
                redirect=False,
                timeout=_timeout(timeout),
                preload_content=False,
                enforce_content_length=True,
            )
            content = _read(raw, url) if request.sink is None else _stream(raw, request.sink, url)
        except _NotConnected as fault:
            parts = chain(fault, handled)
            kind: type[TransportError] = ConnectTimeout if _timed_out(parts) else ConnectError
            reason = f"no connection to {self._proxies.route(origin)}: {_told(parts, timeout)}"
            raise kind(reason, method=request.method, url=url) from fault.__cause__
        except _WIRE_FAULTS as fault:
            parts = chain(fault, handled)
            kind = Timeout if _timed_out(parts) else TransportError
            raise kind(_told(parts, timeout), method=request.method, url=url) from fault
        finally:
            if isinstance(body, Generator):
                body.close()
        return Response(raw.status, Headers(raw.headers), content)

    def close(self) -> None:
        """Close the kept connections. A later request opens new ones."""
        if self._process == os.getpid():
            with self._lock:
                managers = list(self._managers.values())
                self._managers.clear()
                self._senders.clear()
            for manager in managers:
                manager.clear()

    def __reduce__(self) -> Any:
        if self._ssl_context is not None:
            raise TypeError("a Urllib3Transport with an ssl_context of the caller's cannot be pickled")
        return functools.partial(Urllib3Transport, pool_size=self._pool_size), ()

    def _connect_to(self, origin: str) -> Callable[..., Any]:
        """What sends a target to this origin: its pool, or the proxy's way to it."""
        with self._lock:
            proxy = self._proxies.of(origin)
            manager = self._managers.get(proxy)
            if manager is None:
                manager = self._managers[proxy] = self._manager(proxy)
            pool = manager.connection_from_url(origin)
            sender: Callable[..., Any] = functools.partial(pool.urlopen, assert_same_host=False)
            if proxy:
                # Only the manager knows whether this proxy wants the whole address and its own headers.
                through: Callable[..., Any] = manager.urlopen

                def sender(method: str, target: str, **options: Any) -> Any:
                    return through(method, origin + target, **options)

            self._senders[origin] = sender
            return sender

    def _manager(self, proxy: str) -> urllib3.PoolManager:
        settings: dict[str, Any] = {"maxsize": self._pool_size, "ssl_context": self._context}
        manager: urllib3.PoolManager
        if proxy:
            manager = urllib3.ProxyManager(
                without_userinfo(proxy),
                proxy_headers=proxy_headers(proxy),
                proxy_ssl_context=self._context,
                **settings,
            )
        else:
            manager = urllib3.PoolManager(**settings)
        manager.pool_classes_by_scheme = {"http": _HTTPPool, "https": _HTTPSPool}
        return manager

    @functools.cached_property
    def _context(self) -> ssl.SSLContext:
        if self._ssl_context is not None:
            return self._ssl_context
        context = context_for(self._roots)
        if urllib3.__version__.startswith("1."):  # type: ignore[attr-defined]
            # Its own check of the name follows then, and that one knows addresses too.
            context.check_hostname = False
        return context


@functools.lru_cache(maxsize=8)
def _timeout(seconds: float) -> urllib3.Timeout:
    return urllib3.Timeout(total=seconds)


def _stream(raw: Any, sink: Sink, url: str) -> bytes:
    """Write a good answer's body into the sink; that of any other, in memory."""
    if not 200 <= raw.status < 300:
        return _read(raw, url)
    try:
        sink.begin()
        while piece := raw.read(_CHUNK):
            sink.write(piece)
        sink.end()
    except BaseException:
        # The rest is not read, and the connection not used again.
        raw.close()
        raise
    return b""


def _read(raw: Any, url: str) -> bytes:
    """The whole body, decoded; refused as soon as it is known to be too long."""
    length = raw.headers.get("content-length", "")
    announced = int(length) if length.isdecimal() else 0
    if announced and announced <= MAX_BODY and "content-encoding" not in raw.headers:
        body: bytes = raw.read()
        return body
    pieces: list[bytes] = []
    size = 0
    try:
        while max(announced, size) <= MAX_BODY:
            piece = raw.read(_CHUNK)
            if not piece:
                return b"".join(pieces)
            pieces.append(piece)
            size += len(piece)
    except urllib3.exceptions.DecodeError:
        raw.close()
        raise
    # Closed, not drained: the rest is never read, and the connection not used again.
    raw.close()
    raise too_long(MAX_BODY, raw.status, raw.headers.get("content-type", ""), url)


def _timed_out(parts: list[BaseException]) -> bool:
    # Not urllib3's ConnectTimeoutError: a refused connection is one to urllib3 2.
    return any(isinstance(part, (TimeoutError, urllib3.exceptions.ReadTimeoutError)) for part in parts)


def _told(parts: list[BaseException], timeout: float) -> str:
    """The fault in a line for a person."""
    if _timed_out(parts):
        return f"timed out after {timeout:g} s"
    for part in parts:
        if isinstance(part, CertificateError):
            return f"the certificate is not trusted: {part}"
    return told(parts, "")
