"""The wire through a caller's own ``requests.Session``: its proxies, adapters, certificates and hooks.

Knows no endpoint and repeats nothing; it says whether a request can have arrived.
"""

from __future__ import annotations

import contextlib
import http.client
import io
import os
import socket
import ssl
import sys
import threading
import time
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import urllib3
import urllib3.exceptions

from abeja_run.configuration import is_loopback
from abeja_run.exceptions import (
    ConfigurationError,
    ConnectError,
    ConnectTimeout,
    Error,
    MissingExtra,
    Timeout,
    TransportError,
    too_long,
)
from abeja_run.messages import Headers, Request, Response, Source
from abeja_run.transports.base import Transport
from abeja_run.transports.faults import chain, show_a_secret, told
from abeja_run.transports.urllib3_transport import MAX_BODY

try:
    import requests
    import requests.structures
    import requests.utils
except ImportError as error:
    raise MissingExtra("RequestsTransport needs requests: pip install 'abeja-run[requests]'") from error

__all__ = ["RequestsTransport"]

_CHUNK = 64 * 1024
_FAULTS = (
    requests.RequestException,
    urllib3.exceptions.HTTPError,
    http.client.HTTPException,
    OSError,
    ValueError,
    EOFError,
    zlib.error,
)
# Raised by the session before it looks for a connection; their texts show addresses with passwords.
_UNUSABLE = (
    requests.exceptions.InvalidHeader,
    requests.exceptions.InvalidSchema,
    requests.exceptions.InvalidURL,
    requests.exceptions.MissingSchema,
    urllib3.exceptions.LocationValueError,
)
_TIMED_OUT = (TimeoutError, requests.Timeout, urllib3.exceptions.ReadTimeoutError)


class RequestsTransport(Transport):
    """HTTP and HTTPS through a :class:`requests.Session`, one attempt at a time.

    Of the session are kept: proxies, adapters, ``verify``, ``cert``, ``trust_env``, hooks, and headers that the
    request does not have itself. Not used, so that the request travels as it was made: ``auth`` and ``.netrc``,
    ``params``, cookies (none are sent, none are kept). Redirects are not followed. An address on this machine is
    never asked for through a proxy. What replaces the wire beneath a session (``responses``) works here too.

    Until the answer's header has come, each wait is bounded by the timeout; from then on, all of them together.

    An adapter that repeats requests by itself is refused: it could carry out a POST twice. Mount one that does not
    for the service's address, ``session.mount("https://api.abeja.io", HTTPAdapter())``; the client repeats what may
    be repeated.

    Args:
        session: The session to send through; it stays the caller's to close. By default one of the transport's own.

    Raises:
        MissingExtra: At import, where requests is not installed.

    Example:
        >>> import requests
        >>> from abeja_run import APIClient
        >>> session = requests.Session()
        >>> session.proxies = {"https": "http://proxy.example:3128"}
        >>> client = APIClient({"auth_token": "any"}, transport=RequestsTransport(session))
    """

    def __init__(self, session: requests.Session | None = None) -> None:
        self._own = session is None
        self._session = session or requests.Session()
        self._process = os.getpid()

    def send(self, request: Request, timeout: float) -> Response:
        """Send the request once; see :meth:`Transport.send`.

        Raises:
            ConfigurationError: The session cannot be used: an adapter repeats requests, a proxy's address or a
                header is malformed, a file of certificates does not exist. Nothing was sent.
        """
        if self._process != os.getpid():
            # Connections of a parent process are its own. Closing them here ends none of them there.
            self._session.close()
            self._process = os.getpid()
        handled = sys.exc_info()[1]
        attempt = _Attempt(request, timeout)
        try:
            return attempt.through(self._session)
        except Error:
            raise
        except _FAULTS as fault:
            if attempt.answer is not None:
                # The session looks where a redirect points, and fails on an address that is none.
                return attempt.answer
            parts = chain(fault, handled)
            # What mocks a session tells of all the headers that it did not expect.
            secret = request.headers.get("authorization", "").rpartition(" ")[2]
            if isinstance(fault, _UNUSABLE) and not attempt.answered:
                raise ConfigurationError(
                    f"the requests session cannot be used for {request.method} {request.url}: "
                    f"{type(fault).__name__}; look at its proxies, headers and adapters"
                ) from None
            kind = Timeout if attempt.overdue else _kind(parts, answered=attempt.answered)
            reason = f"timed out after {timeout:g} s" if issubclass(kind, Timeout) else told(parts, secret)
            shown = None if show_a_secret(parts, secret) else fault
            raise kind(reason, method=request.method, url=request.url) from shown

    def close(self) -> None:
        """Close the connections of the transport's own session; one that was given is left open."""
        if self._own:
            self._session.close()


class _Attempt:
    """One request on its way through a session, with what has become of it.

    Attributes:
        answered: Whether a server has answered: from then on no fault means that the request did not arrive.
        answer: The complete answer, once it is there.
    """

    def __init__(self, request: Request, timeout: float) -> None:
        self._request = request
        self._end = time.monotonic() + timeout
        self._timeout = urllib3.Timeout(total=timeout)
        self._received: requests.Response | None = None
        self.answered = False
        self.answer: Response | None = None

    @property
    def overdue(self) -> bool:
        """Whether an answer has begun and not ended in time: the connection was then cut."""
        return self.answered and time.monotonic() >= self._end

    def through(self, session: requests.Session) -> Response:
        prepared = self._prepared(session)
        _refuse_repeating(session.get_adapter(self._request.url))
        settings = {**_settings(session, self._request.url), "timeout": self._timeout}
        try:
            response = session.send(prepared, allow_redirects=False, **settings)
        except requests.HTTPError as raised:
            # A hook that raises for a status; statuses are the dispatcher's.
            if raised.response is None:
                raise
            response = raised.response
        return self.answer or self._read(response)

    def _prepared(self, session: requests.Session) -> requests.PreparedRequest:
        """The request with the session's headers and hooks beside its own, and nothing else of it."""
        request = self._request
        kept = {name: value for name, value in session.headers.items() if value is not None}
        headers: requests.structures.CaseInsensitiveDict[Any] = requests.structures.CaseInsensitiveDict(kept)
        # Spelt as those write them who match a session's requests; to HTTP it is all the same.
        headers.update({name.title(): value for name, value in request.headers.items()})
        prepared = requests.PreparedRequest()
        # Not by session.prepare_request: that replaces the authorization by one from ~/.netrc.
        prepared.prepare(request.method, request.url, headers, data=_data(request.body), hooks=session.hooks)
        prepared.url = request.url
        prepared.hooks["response"].insert(0, self._receive)
        prepared.hooks["response"].append(self._take)
        return prepared

    def _take(self, response: requests.Response, **_: Any) -> None:
        """The last hook: what the session does next, looking for cookies and redirects, cannot spoil the answer."""
        self.answer = self._read(response)
        response.raw = io.BytesIO(self.answer.body)

    def _read(self, response: requests.Response) -> Response:
        if response is not self._received:
            self._receive(response)
        return Response(response.status_code, Headers(response.headers), response.content)

    def _receive(self, response: requests.Response, **_: Any) -> None:
        """The first hook: reads the body within bounds, before anybody else reads it without."""
        self.answered = True
        self._received = response
        raw = response.raw
        if raw is None:  # An adapter has made the response by hand.
            return
        sink = self._request.sink if 200 <= response.status_code < 300 else None
        pieces, size = [], 0
        with contextlib.closing(response), _cut(raw, self._end - time.monotonic()):
            if sink is not None:
                sink.begin()
            for piece in response.iter_content(_CHUNK):
                if sink is not None:
                    sink.write(piece)
                    continue
                size += len(piece)
                if size > MAX_BODY:
                    kind = response.headers.get("content-type", "")
                    raise too_long(MAX_BODY, response.status_code, kind, self._request.url)
                pieces.append(piece)
        if self.overdue:
            raise TimeoutError
        # urllib3 1.26 takes a body that was cut off for a whole one.
        if getattr(raw, "length_remaining", None):
            raise EOFError("the answer was cut off")
        if sink is not None:
            sink.end()
        response._content = b"".join(pieces)  # noqa: SLF001 - no other way to hand on what was read


class _Streamed:
    """A source as requests takes it: something to iterate over."""

    def __init__(self, source: Source) -> None:
        self._source = source

    def __iter__(self) -> Iterator[bytes]:
        return self._source.open()


class _Measured(_Streamed):
    """A source whose length is known."""

    def __len__(self) -> int:
        return self._source.length or 0


def _data(body: bytes | Source | None) -> Any:
    if not isinstance(body, Source):
        return body
    # requests sends in chunks what has no length, and takes zero for none.
    return b"" if body.length == 0 else (_Streamed if body.length is None else _Measured)(body)


@contextlib.contextmanager
def _cut(raw: Any, seconds: float) -> Iterator[None]:
    """Ends the reading of a body when the time is over: requests bounds each wait, not all of them."""
    try:
        # A second handle: the first one's number may be another connection's when the time is over.
        wire = socket.fromfd(raw.fileno(), socket.AF_INET, socket.SOCK_STREAM)
    except (AttributeError, OSError, ValueError):
        yield  # nothing is left on a wire, or there never was one
        return

    def shut() -> None:
        with contextlib.suppress(OSError):
            wire.shutdown(socket.SHUT_RDWR)

    timer = threading.Timer(max(seconds, 0.0), shut)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        wire.close()


def _refuse_repeating(adapter: object) -> None:
    """Refuses an adapter that repeats requests.

    Raises:
        ConfigurationError: It does.
    """
    retries = getattr(adapter, "max_retries", 0)
    total = getattr(retries, "total", retries)
    if total is None or total:
        raise ConfigurationError(
            f"the session's adapter repeats requests ({retries!r}), so a POST could be carried out twice; mount one "
            "without max_retries for the service's address, and give the client max_retry_count"
        )


def _settings(session: requests.Session, url: str) -> dict[str, Any]:
    """How the session would send to this address."""
    # Named, because the environment would win over what the session has.
    settings: dict[str, Any] = dict(session.merge_environment_settings(url, {}, True, session.verify, session.cert))
    if is_loopback(url):
        settings["proxies"] = {}
    proxy = requests.utils.select_proxy(url, settings["proxies"])
    if proxy and not urlsplit(proxy if "://" in proxy else f"http://{proxy}").hostname:
        raise ConfigurationError(f"the session's proxy for {url} has no host")
    certificate = settings["cert"] or ()
    for path in (settings["verify"], *((certificate,) if isinstance(certificate, str) else certificate)):
        if isinstance(path, str) and not Path(path).exists():
            raise ConfigurationError(f"the session's certificates: {path!r} does not exist")
    return settings


def _kind(parts: list[BaseException], *, answered: bool) -> type[TransportError]:
    timed_out = any(isinstance(part, _TIMED_OUT) for part in parts)
    if not answered:
        # A refused connection is a ConnectTimeoutError to urllib3, a slow one never a NewConnectionError.
        if any(map(_never_connected, parts)):
            return ConnectError
        if any(isinstance(part, requests.ConnectTimeout) for part in parts):
            return ConnectTimeout
    return Timeout if timed_out else TransportError


def _never_connected(part: BaseException) -> bool:
    """Whether this exception is raised on the way to a connection only."""
    # A proxy's error alone is not: urllib3 1.26 gives that name to a connection lost after sending.
    # A TLS error is in doubt as well, unless it is about the server's certificate.
    return isinstance(part, (urllib3.exceptions.NewConnectionError, ssl.SSLCertVerificationError)) or (
        isinstance(part, OSError) and str(part).startswith("Tunnel connection failed")
    )
