"""What every client is: settings read once, a dispatcher, and the methods of its resources.

Knows no endpoint; a subclass names the resources.
"""

from __future__ import annotations

import dataclasses
import functools
import platform
from collections.abc import Iterable, Mapping
from types import TracebackType
from typing import Any, ClassVar, TypeVar

from abeja_run import configuration
from abeja_run._version import __version__
from abeja_run.binding import BoundEndpoint
from abeja_run.credentials import FROM_ARGUMENT, find_credential
from abeja_run.descriptors import Resource
from abeja_run.dispatch import Dispatcher
from abeja_run.endpoints import Endpoint
from abeja_run.exceptions import ConfigurationError, DescriptorError
from abeja_run.messages import Headers
from abeja_run.paging import iterate
from abeja_run.retry import RetryPolicy
from abeja_run.transports.base import Transport
from abeja_run.transports.urllib3_transport import Urllib3Transport
from abeja_run.waiting import wait

__all__ = ["BaseClient"]

_Client = TypeVar("_Client", bound="BaseClient")
_USER_AGENT = f"abeja-run/{__version__} python/{platform.python_version()}"


class BaseClient:
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

    #: The resources that this class itself brings; those of its bases are inherited as methods.
    resources: ClassVar[tuple[type[Resource], ...]] = ()

    def __init_subclass__(cls, resources: Iterable[type[Resource]] = (), **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls.resources = tuple(resources)
        inherited = _inherited(cls)
        bound: dict[str, type[Resource]] = {}
        for resource in cls.resources:
            if not (isinstance(resource, type) and issubclass(resource, Resource)):
                raise DescriptorError(f"{cls.__qualname__}: resources: {resource!r} is not a subclass of Resource")
            for endpoint in resource.endpoints.values():
                for name in endpoint.method_names:
                    where = f"{cls.__qualname__}: {resource.__qualname__}.{endpoint.name}: {name}"
                    if name in bound:
                        raise DescriptorError(f"{where}: {bound[name].__qualname__} gives a method of that name too")
                    if name in vars(cls) or hasattr(BaseClient, name):
                        raise DescriptorError(f"{where}: the client has an attribute of that name already")
                    bound[name] = resource
                    before, base, kind = inherited.get(name, (endpoint, BaseClient, Resource))
                    if before is endpoint and name in inherited:
                        continue
                    if not issubclass(resource, kind):
                        raise DescriptorError(f"{where}: {base.__qualname__} has another method of that name")
                    # Not a method yet: it is made when it is first looked up.
                    setattr(cls, name, BoundEndpoint(endpoint, cls, name))

    def __init__(
        self,
        credential: Mapping[str, str] | None = None,
        timeout: float | None = None,
        max_retry_count: int | None = None,
        *,
        base_url: str | None = None,
        transport: Transport | None = None,
        deadline: float | None = None,
        check_responses: bool = False,
        allow_plaintext: bool = False,
    ) -> None:
        self._settings = {
            "timeout": timeout,
            "max_retry_count": max_retry_count,
            "base_url": base_url,
            "transport": transport,
            "deadline": deadline,
            "check_responses": check_responses,
            "allow_plaintext": allow_plaintext,
        }
        # Read at most once, and only where the arguments and the environment leave something open.
        tool = functools.cache(configuration.tool_configuration)
        found = find_credential(credential, tool)
        headers = [("accept", "application/json"), ("accept-encoding", "gzip"), ("user-agent", _USER_AGENT)]
        if found is not None:
            headers.append(("authorization", found.authorization))
        self._own_transport = None if transport is not None else Urllib3Transport()
        self._dispatch_by(
            Dispatcher(
                transport=_checked_transport(transport or self._own_transport),
                credential=found,
                headers=Headers(tuple(headers)),
                base_url=configuration.base_url(base_url, tool),
                policy=RetryPolicy(configuration.max_retry_count(max_retry_count)),
                timeout=configuration.timeout(timeout),
                deadline=None if deadline is None else configuration.seconds(deadline, "deadline"),
                check_responses=check_responses,
            )
        )
        self._refuse_plaintext(allow_plaintext=allow_plaintext)

    def _dispatch_by(self, dispatcher: Dispatcher) -> None:
        self._dispatcher = dispatcher
        self._call = dispatcher.call
        self._iterate = functools.partial(iterate, dispatcher)
        self._wait = functools.partial(wait, dispatcher)

    def _refuse_plaintext(self, *, allow_plaintext: bool) -> None:
        url = self._dispatcher.base_url
        exposed = url.startswith("http://") and self._dispatcher.transport.leaves_process
        if exposed and not allow_plaintext and not configuration.is_loopback(url):
            raise ConfigurationError(
                f"base_url {url!r} is plain HTTP, which shows the credential to everyone on the way; "
                "use https, or pass allow_plaintext=True"
            )

    @property
    def transport(self) -> Transport:
        """Where this client's requests go, and whose clock its waits go by."""
        return self._dispatcher.transport

    @property
    def timeout(self) -> float:
        """Seconds one attempt may take."""
        return self._dispatcher.timeout

    def with_options(self: _Client, *, max_retry_count: int) -> _Client:  # noqa: PYI019 - as __enter__
        """Another client that differs from this one only in what is said here, over the same transport.

        Args:
            max_retry_count: How many attempts may follow the first, 0 for none.

        Raises:
            ConfigurationError: A setting is unusable.

        Example:
            >>> from abeja_run import APIClient
            >>> with APIClient({"auth_token": "any"}) as client:
            ...     client.with_options(max_retry_count=0).transport is client.transport
            True
        """
        other = object.__new__(type(self))
        other.__dict__.update(self.__dict__)
        # The transport stays this client's to close.
        other._own_transport = None
        other._settings = {**self._settings, "max_retry_count": max_retry_count}
        policy = RetryPolicy(configuration.max_retry_count(max_retry_count))
        other._dispatch_by(dataclasses.replace(self._dispatcher, policy=policy))
        return other

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

    def __getstate__(self) -> dict[str, Any]:
        made = ("_own_transport", "_dispatcher", "_call", "_iterate", "_wait", "_settings")
        state = {name: value for name, value in self.__dict__.items() if name not in made}
        found = self._dispatcher.credential
        # A credential that was not an argument is not carried: the other side reads its own.
        given = found.values() if found is not None and found.source == FROM_ARGUMENT else None
        return {"settings": {**self._settings, "credential": given}, "state": state}

    def __setstate__(self, carried: dict[str, dict[str, Any]]) -> None:
        BaseClient.__init__(self, **carried["settings"])
        self.__dict__.update(carried["state"])

    def __repr__(self) -> str:
        credential = self._dispatcher.credential or "no credential"
        return f"<{type(self).__name__} {self._dispatcher.base_url}, {credential!r}>"


def _inherited(cls: type[BaseClient]) -> dict[str, tuple[Endpoint, type[BaseClient], type[Resource]]]:
    """The methods that a class has from its bases: of which endpoint, which base, and which resource."""
    found: dict[str, tuple[Endpoint, type[BaseClient], type[Resource]]] = {}
    for base in reversed(cls.__mro__[1:]):
        for resource in base.resources if issubclass(base, BaseClient) else ():
            for endpoint in resource.endpoints.values():
                found |= dict.fromkeys(endpoint.method_names, (endpoint, base, resource))
    return found


def _checked_transport(transport: object) -> Transport:
    if isinstance(transport, Transport):
        return transport
    raise ConfigurationError(f"transport is of type {type(transport).__name__}, not a subclass of Transport")
