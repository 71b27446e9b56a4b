"""Calls a WSGI application in the process, as if it were at the other end of a wire."""

from __future__ import annotations

import io
from collections.abc import Iterable
from typing import Any
from urllib.parse import unquote_to_bytes, urlsplit

from abeja_run.messages import Headers, Request, Response, Source
from abeja_run.transports import Transport

__all__ = ["ApplicationTransport"]


class ApplicationTransport(Transport):
    """A transport to a WSGI application in this process.

    Args:
        application: The application.
    """

    leaves_process = False

    def __init__(self, application: Any) -> None:
        self._application = application

    def send(self, request: Request, timeout: float) -> Response:
        """Call the application; the timeout is without effect."""
        started: dict[str, Any] = {}

        def start_response(status: str, headers: list[tuple[str, str]], error: Any = None) -> Any:  # noqa: ARG001 - WSGI's
            started.update(status=int(status[:3]), headers=headers)
            return None

        answer: Iterable[bytes] = self._application(_environ(request), start_response)
        try:
            body = b"".join(answer)
        finally:
            close = getattr(answer, "close", None)
            if close is not None:
                close()
        return Response(started["status"], Headers(tuple(started["headers"])), body)


def _environ(request: Request) -> dict[str, Any]:
    parts = urlsplit(request.url)
    body = request.body.read() if isinstance(request.body, Source) else request.body or b""
    environ: dict[str, Any] = {
        "REQUEST_METHOD": request.method,
        "SCRIPT_NAME": "",
        # WSGI hands bytes over as text of the same code points (PEP 3333).
        "PATH_INFO": unquote_to_bytes(parts.path).decode("latin-1"),
        "REQUEST_URI": parts.path + (f"?{parts.query}" if parts.query else ""),
        "QUERY_STRING": parts.query,
        "SERVER_NAME": parts.hostname or "localhost",
        "SERVER_PORT": str(parts.port or (443 if parts.scheme == "https" else 80)),
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "127.0.0.1",
        "CONTENT_LENGTH": str(len(body)),
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": parts.scheme,
        "wsgi.input": io.BytesIO(body),
        "wsgi.errors": io.StringIO(),
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }
    for name, value in request.headers.pairs:
        key = name.upper().replace("-", "_")
        environ[key if key == "CONTENT_TYPE" else f"HTTP_{key}"] = value
    return environ
