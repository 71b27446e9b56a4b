"""What every client is that is called without ``await``: a dispatcher beside what all clients are.

Knows no endpoint; a subclass names the resources.
"""

from __future__ import annotations

import functools
from types import TracebackType
from typing import Any, TypeVar

from abeja_run import transports
from abeja_run.dispatch import Dispatcher
from abeja_run.exceptions import ConfigurationError
from abeja_run.paging import iterate
from abeja_run.resource_client import ResourceClient
from abeja_run.transports.base import Transport
from abeja_run.waiting import wait

__all__ = ["BaseClient"]

_Client = TypeVar("_Client", bound="BaseClient")


class BaseClient(ResourceClient):
    """A client for the resources that its class names. Shared by threads; works on both sides of a fork.

    Settings not given are read from the environment and last of all from ``~/.abeja/config``, when the client
    is made. Pickling carries the arguments; what came from elsewhere is read again on the other side.

    Args:
        credential: ``{"auth_token": …}``, ``{"user_id": …, "personal_access_token": …}`` or
            ``{"datasource_id": …, "datasource_secret": …}``; else ``PLATFORM_AUTH_TOKEN``,
            ``ABEJA_PLATFORM_USER_ID`` and ``ABEJA_PLATFORM_PERSONAL_ACCESS_TOKEN``,
            ``ABEJA_PLATFORM_DATASOURCE_ID`` and ``ABEJA_PLATFORM_DATASOURCE_SECRET``.
        timeout: Seconds one attempt may take, from connecting to the answer's last byte; else
            ``ABEJA_SDK_CONNECTION_TIMEOUT``, else 30.
        max_retry_count: How many attempts may follow the first, 0 for none; else
            ``ABEJA_SDK_MAX_RETRY_COUNT``, else 5.
        base_url: What paths are appended to; else ``ABEJA_API_URL``, else ``https://api.abeja.io``.
        transport: Where requests go; by default a :class:`~abeja_run.transports.Urllib3Transport` of the
            client's own. One that is given stays the caller's to close.
        deadline: Seconds a whole call may take, all attempts and waits included; by default unbounded.
        check_responses: Hold every answer against its schema; for tests and recordings.
        allow_plaintext: Send the credential over plain HTTP to other machines too.

    Raises:
        ConfigurationError: A setting is unusable; the text names it and where it came from.
        CredentialError: A credential is half-given or malformed. None at all is an error of the first call.

    Example:
        >>> from abeja_run import APIClient
        >>> with APIClient({"auth_token": "any"}, timeout=10, max_retry_count=2) as client:
        ...     client
        <APIClient https://api.abeja.io, <Credential auth_token from the argument>>
    """

    _dispatcher: Dispatcher
    _own_transport: Transport | None

    @staticmethod
    def _new_transport() -> Transport:
        # Not before somebody needs the wire: a client over a recording does without it.
        return transports.Urllib3Transport()

    @staticmethod
    def _dispatcher_to(transport: Any, **terms: Any) -> Dispatcher:
        return Dispatcher(transport=_checked_transport(transport), **terms)

    def _dispatch_by(self, dispatcher: Dispatcher) -> None:
        self._dispatcher = dispatcher
        self._call = dispatcher.call
        self._iterate = functools.partial(iterate, dispatcher)
        self._wait = functools.partial(wait, dispatcher)

    @property
    def transport(self) -> Transport:
        """Where this client's requests go, and whose clock its waits go by."""
        return self._dispatcher.transport

    def close(self) -> None:
        """Close the connections of the client's own transport. A later call opens new ones."""
        if self._own_transport is not None:
            self._own_transport.close()

    def __enter__(self: _Client) -> _Client:  # noqa: PYI019 - typing has no Self before Python 3.11
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()


def _checked_transport(transport: object) -> Transport:
    if isinstance(transport, Transport):
        return transport
    raise ConfigurationError(f"transport is of type {type(transport).__name__}, not a subclass of Transport")
