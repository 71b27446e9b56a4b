"""Serves a WSGI application over HTTP with waitress, in a thread of its own."""

from __future__ import annotations

import socket
import threading
from typing import Any

from waitress.server import create_server
from waitress.wasyncore import dispatcher

from abeja_run.exceptions import ConfigurationError

__all__ = ["Server", "listening", "url_of"]

_THREADS = 16
_BACKLOG = 1024
_CONNECTIONS = 10_000
#: More than the application takes, so that it is the one that says so.
_LARGEST_BODY = 64 * 1024 * 1024


class Server:
    """A running HTTP server.

    Args:
        application: The WSGI application.
        host: The address to listen on.
        port: The port; 0 takes a free one.

    Attributes:
        url: Where it is reached.

    Raises:
        ConfigurationError: The address or the port cannot be listened on.
    """

    def __init__(self, application: Any, host: str, port: int) -> None:
        sock = listening(host, port)
        self.url = url_of(host, sock.getsockname()[1])
        # Its own map of sockets: without one, all servers of a process share a single loop.
        self._sockets: dict[int, Any] = {}
        self._server: Any = create_server(
            application,
            map=self._sockets,
            sockets=[sock],
            threads=_THREADS,
            connection_limit=_CONNECTIONS,
            # select() takes no descriptors above 1023.
            asyncore_use_poll=True,
            max_request_body_size=_LARGEST_BODY,
            ident=None,
            clear_untrusted_proxy_headers=True,
        )
        self._thread = threading.Thread(target=self._server.run, name="abeja-run-server", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop serving; an answer that is being written may be cut off."""
        self._server.task_dispatcher.shutdown(timeout=1)
        if self._thread.is_alive():
            # In the loop's own thread, which it wakes: the loop ends when it has no sockets left.
            self._server.trigger.pull_trigger(self._close_sockets)
            self._thread.join(5)
        self._server.trigger.close()

    def _close_sockets(self) -> None:
        for channel in list(self._sockets.values()):
            # The trigger is only taken out: who has pulled it may still be writing into its pipe. The server's own
            # close() would close it.
            if channel is self._server.trigger:
                channel.del_channel()
            else:
                dispatcher.close(channel)


def listening(host: str, port: int, backlog: int | None = _BACKLOG) -> socket.socket:
    """A socket that listens, or, without a backlog, only has the port.

    Raises:
        ConfigurationError: The address or the port cannot be listened on.
    """
    sock = None
    try:
        sock = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((host, port))
        if backlog is not None:
            sock.listen(backlog)
    except (OSError, OverflowError, UnicodeError) as error:
        if sock is not None:
            sock.close()
        raise ConfigurationError(f"cannot listen on {host} port {port}: {error}") from error
    return sock


def url_of(host: str, port: int) -> str:
    """The URL of a server."""
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"
