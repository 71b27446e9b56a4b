"""Small servers that behave, and misbehave, as a test tells them to; and a transport that plays a script."""

from __future__ import annotations

import contextlib
import json
import socket
import ssl
import struct
import threading
import time

from abeja_run.messages import Request, Response
from abeja_run.transports import Transport

IDS = ("1234567890123", "1111111111111")
TOKEN = "s3cret-t0ken-of-the-test"
CREDENTIAL = {"auth_token": TOKEN}
RUN = {
    "run_id": "run-3333333333333333",
    "deployment_id": "1111111111111",
    "status": "RUNNING",
    "created_at": "2018-01-01T00:00:00.000000Z",
}


def answer(body=b"{}", status=200, **headers):
    """The bytes of an HTTP answer. A keyword ``content_type`` becomes a header ``content-type``."""
    if not isinstance(body, bytes):
        body = json.dumps(body).encode()
    fields = {"content-type": "application/json", "content-length": str(len(body))}
    fields |= {name.replace("_", "-"): value for name, value in headers.items()}
    lines = "".join(f"{name}: {value}\r\n" for name, value in fields.items() if value is not None)
    return f"HTTP/1.1 {status} Some Words\r\n{lines}\r\n".encode("latin-1") + body


def chunked(body, last=b"0\r\n\r\n", **headers):
    """The bytes of an HTTP answer that comes in one chunk and an end."""
    head = answer(b"", transfer_encoding="chunked", content_length=None, **headers)
    return head + f"{len(body):x}\r\n".encode() + body + b"\r\n" + last


class Seen:
    """A request as a server saw it."""

    def __init__(self, head, body):
        first, *lines = head.decode("latin-1").split("\r\n")
        self.method, self.target, _ = first.split(" ", 2)
        self.headers = {line.partition(":")[0].lower(): line.partition(":")[2].strip() for line in lines}
        self.body = body

    @property
    def json(self):
        return json.loads(self.body)


class Wire:
    """A raw server on loopback. Each request is answered by the next of ``script``, at its end by ``otherwise``.

    An answer is bytes, or a function of the connection and the request that does whatever it likes; the
    connection is kept where it returns None, and closed where it returns False.
    """

    def __init__(self, otherwise=None, context: ssl.SSLContext | None = None):
        self.script = []
        self.otherwise = otherwise if otherwise is not None else answer(RUN)
        self.requests: list[Seen] = []
        self.connections = 0
        self._context = context
        self._lock = threading.Lock()
        self._open = set()
        self._listening = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port = self._listening.getsockname()[1]
        self.url = f"{'https' if context else 'http'}://127.0.0.1:{self.port}"
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        # Wakes the accepting thread, which close() alone would not.
        with contextlib.suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        self.drop()

    def drop(self):
        """Close every connection that is open."""
        with self._lock:
            for connection in self._open:
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)

    def _accept(self):
        while True:
            try:
                connection, _ = self._listening.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        with contextlib.suppress(OSError), connection:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self._context is not None:
                connection = self._context.wrap_socket(connection, server_side=True)
            with self._lock:
                self._open.add(connection)
                self.connections += 1
            try:
                while (seen := read_request(connection)) is not None:
                    with self._lock:
                        self.requests.append(seen)
                        reply = self.script.pop(0) if self.script else self.otherwise
                    if callable(reply):
                        if reply(connection, seen) is False:
                            return
                    else:
                        connection.sendall(reply)
            finally:
                with self._lock:
                    self._open.discard(connection)
                connection.close()


def read_request(connection):
    """The next request of a connection, or None at its end."""
    data = b""
    while b"\r\n\r\n" not in data:
        chunk = connection.recv(65536)
        if not chunk:
            return None
        data += chunk
    head, _, body = data.partition(b"\r\n\r\n")
    seen = Seen(head, body)
    if seen.headers.get("transfer-encoding") == "chunked":
        while not seen.body.endswith(b"0\r\n\r\n"):
            chunk = connection.recv(65536)
            if not chunk:
                return None
            seen.body += chunk
        seen.body = dechunked(seen.body)
        return seen
    missing = int(seen.headers.get("content-length", 0)) - len(body)
    while missing > 0:
        chunk = connection.recv(65536)
        if not chunk:
            return None
        seen.body += chunk
        missing -= len(chunk)
    return seen


def dechunked(data):
    """The body that travelled in chunks."""
    body = b""
    while data:
        size, _, data = data.partition(b"\r\n")
        length = int(size, 16)
        body, data = body + data[:length], data[length + 2 :]
    return body


def close(connection, seen):
    """Close the connection without an answer."""
    return False


def reset(connection, seen):
    """Break the connection off with a reset."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    return False


def then_close(data):
    """Send something, then close the connection."""

    def reply(connection, seen):
        connection.sendall(data)
        return False

    return reply


def silent(connection, seen):
    """Answer nothing until the client has gone."""
    connection.recv(1)
    return False


def drip(connection, seen):
    """One byte of a header at a time, for ever."""
    connection.sendall(b"HTTP/1.1 200 OK\r\nx: ")
    while True:
        connection.sendall(b"a")
        time.sleep(0.01)


def drip_body(connection, seen):
    connection.sendall(answer(b"{}", content_length="1000000")[:-2])
    while True:
        connection.sendall(b" ")
        time.sleep(0.01)


#: Answers that are none, by what is wrong with them: the request has arrived all the same.
ANSWERED_BADLY = {
    "closed": close,
    "reset": reset,
    "head cut off": then_close(b"HTTP/1.1 200 OK\r\ncontent-"),
    "body cut off": then_close(answer(RUN)[:-5]),
    "no HTTP": then_close(b"\x00\x01garbage\r\n\r\n"),
    "bad status": then_close(b"HTTP/1.1 abc OK\r\n\r\n"),
    "bad chunk": then_close(chunked(b"{}", last=b"zz\r\n")),
    "chunks cut off": then_close(chunked(b"{}", last=b"")),
    "bad gzip": then_close(answer(b"no gzip at all", content_encoding="gzip", connection="close")),
    "endless header": then_close(b"HTTP/1.1 200 OK\r\nx: " + b"a" * 100_000 + b"\r\n\r\n{}"),
    "too many headers": then_close(b"HTTP/1.1 200 OK\r\n" + b"a: b\r\n" * 1000 + b"\r\n{}"),
}


def closed_port():
    """A port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return listening.getsockname()[1]


class Scripted(Transport):
    """Plays a script of responses and errors, then repeats its last; remembers requests, timeouts and waits."""

    leaves_process = False

    def __init__(self, *script):
        self.script = list(script) or [Response(200, body=json.dumps(RUN).encode())]
        self.requests: list[Request] = []
        self.timeouts: list[float] = []
        self.waits: list[float] = []
        self.closed = 0

    def send(self, request, timeout):
        self.requests.append(request)
        self.timeouts.append(timeout)
        step = self.script.pop(0) if len(self.script) > 1 else self.script[0]
        if isinstance(step, Exception):
            raise step
        return step

    def sleep(self, seconds):
        self.waits.append(seconds)

    def close(self):
        self.closed += 1
