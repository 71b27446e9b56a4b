"""Serves over HTTP with faults, which need the raw connection: what waitress would not let one have.

Knows HTTP as far as faults need it; the answers come from a transport.
"""

from __future__ import annotations

import contextlib
import logging
import socket
import struct
import threading
from http.client import responses
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import urlsplit

from abeja_run.local.faults import Draws, Fault, Faults, Kind
from abeja_run.local.serving import listening, url_of
from abeja_run.messages import Headers, Request, Response
from abeja_run.transports import Transport

__all__ = ["FaultyServer"]

logger = logging.getLogger("abeja_run.local")

_MAX_BODY = 16 * 1024 * 1024
_PIECES = 20
_IDLE = 120
_PATIENCE = 5


class FaultyServer:
    """A running HTTP server with faults.

    Args:
        transport: What answers the requests.
        faults: What goes wrong.
        host: The address to listen on.
        port: The port; 0 takes a free one.

    Attributes:
        url: Where it is reached.

    Raises:
        ConfigurationError: The address or the port cannot be listened on.
    """

    def __init__(self, transport: Transport, faults: Faults, host: str, port: int) -> None:
        self._transport = transport
        self._draws = Draws(faults)
        self._delay = faults.delay
        # Never listens: the system gives the port to nobody else while connections are refused.
        self._keeping = listening(host, port, backlog=None)
        self._address = host, self._keeping.getsockname()[1]
        try:
            self._listening = listening(*self._address)
        except BaseException:
            self._keeping.close()
            raise
        self.url = url_of(*self._address)
        self._closing = threading.Event()
        self._lock = threading.Lock()
        self._connections: dict[socket.socket, threading.Thread] = {}
        self._thread = threading.Thread(target=self._accept, name="abeja-run-faulty-server", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop serving; an answer that is being written may be cut off."""
        self._closing.set()
        self._refuse()
        self._thread.join(_PATIENCE)
        with self._lock:
            connections = dict(self._connections)
            for connection in connections:
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
        for thread in connections.values():
            thread.join(_PATIENCE)
        self._keeping.close()

    def _refuse(self) -> None:
        """Refuse connections from now on; wakes the thread that accepts them, which close() alone would not."""
        with self._lock:
            with contextlib.suppress(OSError):
                self._listening.shutdown(socket.SHUT_RDWR)
            self._listening.close()

    def _accept(self) -> None:
        while True:
            try:
                connection, address = self._listening.accept()
            except OSError:
                self._closing.wait(self._delay)
                with self._lock:
                    if self._closing.is_set():
                        return
                    self._listening = listening(*self._address)
                continue
            thread = threading.Thread(
                target=self._serve, args=(connection, address), name="abeja-run-faulty-connection", daemon=True
            )
            with self._lock:
                self._connections[connection] = thread
            thread.start()

    def _serve(self, connection: socket.socket, address: Any) -> None:
        # Clients that are gone, and what this server itself has closed.
        with contextlib.suppress(OSError), connection:
            _Connection(connection, address, self)
        with self._lock:
            del self._connections[connection]

    def fault_of(self, method: str, path: str) -> Fault | None:
        """What a request meets."""
        fault = self._draws.draw(method, path)
        if fault is not None:
            logger.info("%s %s meets the fault %s", method, path, fault.kind.value)
            if fault.kind is Kind.REFUSE:
                self._refuse()
        return fault

    def answer_to(self, request: Request) -> Response:
        """What the application answers."""
        return self._transport.send(request, _IDLE)

    def pause(self, parts: int = 1) -> None:
        """Let the delay pass, or one of so many parts of it."""
        self._closing.wait(self._delay / parts)


class _Connection(BaseHTTPRequestHandler):
    """One connection, its requests one after another."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    timeout = _IDLE

    def __init__(self, connection: socket.socket, address: Any, faulty: FaultyServer) -> None:
        self._faulty = faulty
        super().__init__(connection, address, faulty)  # type: ignore[arg-type]  # it is only kept there

    def _request(self) -> None:
        fault = self._faulty.fault_of(self.command, self.path.partition("?")[0])
        kind = None if fault is None else fault.kind
        if kind is Kind.CLOSE_BEFORE_READING:
            # Closing is a reset then: what a client sees of a server that has not read all.
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.close_connection = True
            return
        request = self._read()
        if request is None:
            return
        answer = self._faulty.answer_to(request) if kind is None or kind.executes or kind is Kind.REFUSE else None
        if kind is Kind.CLOSE_AFTER_EXECUTE:
            self.close_connection = True
            return
        if kind is Kind.LATE:
            self._faulty.pause()
        answer = answer if fault is None or fault.answer is None else fault.answer
        assert answer is not None  # noqa: S101 - what does not execute has an answer of its own
        self._write(answer, kind)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = do_OPTIONS = _request  # noqa: N815 - the library's

    def _read(self) -> Request | None:
        """The request; None if it was refused."""
        length = self.headers.get("content-length", "0")
        if "transfer-encoding" in self.headers or not length.isdecimal():
            self.send_error(411)
            return None
        if int(length) > _MAX_BODY:
            self.send_error(413)
            return None
        url = self.path if "://" in self.path.partition("?")[0] else self._faulty.url + self.path
        try:
            urlsplit(url)
        except ValueError:
            self.send_error(400)
            return None
        body = self.rfile.read(int(length))
        return Request(self.command, url, Headers(tuple(self.headers.items())), body)

    def _write(self, answer: Response, kind: Kind | None) -> None:
        if kind in (Kind.REFUSE, Kind.CUT_OFF):
            self.close_connection = True
        fields = {name.lower(): value for name, value in answer.headers.pairs}
        fields["content-length"] = str(len(answer.body))
        # Whoever reads this sends the next request over another connection.
        if kind is Kind.REFUSE:
            fields["connection"] = "close"
        lines = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
        head = f"HTTP/1.1 {answer.status} {responses.get(answer.status, '')}\r\n{lines}\r\n".encode("latin-1")
        body = b"" if self.command == "HEAD" else answer.body
        if kind is Kind.CUT_OFF:
            self.wfile.write(head + body[: len(body) // 2])
        elif kind is Kind.SLOW:
            self._trickle(head + body)
        else:
            self.wfile.write(head + body)

    def _trickle(self, data: bytes) -> None:
        size = -(-len(data) // _PIECES)
        for start in range(0, len(data), size):
            self.wfile.write(data[start : start + size])
            self._faulty.pause(_PIECES)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the library's
        logger.debug(format, *args)
