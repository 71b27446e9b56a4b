"""What every client is: settings read once, and the methods of its resources.

Knows no endpoint and no transport; a subclass of a subclass names the resources.
"""

from __future__ import annotations

import dataclasses
import functools
import platform
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar, TypeVar

from abeja_run import configuration
from abeja_run._version import __version__
from abeja_run.binding import BoundEndpoint
from abeja_run.credentials import FROM_ARGUMENT, find_credential
from abeja_run.descriptors import Resource
from abeja_run.descriptors.endpoints import Endpoint
from abeja_run.exceptions import ConfigurationError, DescriptorError
from abeja_run.messages import Headers
from abeja_run.retry import RetryPolicy

__all__ = ["ResourceClient"]

_Client = TypeVar("_Client", bound="ResourceClient")
_USER_AGENT = f"abeja-run/{__version__} python/{platform.python_version()}"


class ResourceClient:
    """Reads the settings, and has the methods of its resources; how they are carried out a subclass says."""

    #: The resources that this class itself brings; those of its bases are inherited as methods.
    resources: ClassVar[tuple[type[Resource], ...]] = ()
    #: Whether its methods are awaited.
    asynchronous: ClassVar[bool] = False
    _dispatcher: Any
    _own_transport: Any

    def __init_subclass__(cls, resources: Iterable[type[Resource]] = (), **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls.resources = tuple(resources)
        inherited = _inherited(cls)
        foundation = next((base for base in cls.__mro__ if ResourceClient in base.__bases__), ResourceClient)
        bound: dict[str, type[Resource]] = {}
        for resource in cls.resources:
            if not (isinstance(resource, type) and issubclass(resource, Resource)):
                raise DescriptorError(f"{cls.__qualname__}: resources: {resource!r} is not a subclass of Resource")
            for endpoint in resource.endpoints.values():
                for name in endpoint.method_names:
                    where = f"{cls.__qualname__}: {resource.__qualname__}.{endpoint.name}: {name}"
                    if name in bound:
                        raise DescriptorError(f"{where}: {bound[name].__qualname__} gives a method of that name too")
                    if name in vars(cls) or hasattr(foundation, name):
                        raise DescriptorError(f"{where}: the client has an attribute of that name already")
                    bound[name] = resource
                    before, base, kind = inherited.get(name, (endpoint, ResourceClient, Resource))
                    if before is endpoint and name in inherited:
                        continue
                    if not issubclass(resource, kind):
                        raise DescriptorError(f"{where}: {base.__qualname__} has another method of that name")
                    # Not a method yet: it is made when it is first looked up.
                    setattr(cls, name, BoundEndpoint(endpoint, cls, name, awaited=cls.asynchronous))

    def __init__(
        self,
        credential: Mapping[str, str] | None = None,
        timeout: float | None = None,
        max_retry_count: int | None = None,
        *,
        base_url: str | None = None,
        transport: Any = None,
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
        self._own_transport = None if transport is not None else self._new_transport()
        self._dispatch_by(
            self._dispatcher_to(
                transport or self._own_transport,
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

    @property
    def transport(self) -> Any:
        """Where this client's requests go, and whose clock its waits go by."""
        raise NotImplementedError

    @staticmethod
    def _new_transport() -> Any:
        """A transport of the client's own."""
        raise NotImplementedError

    @staticmethod
    def _dispatcher_to(transport: Any, **terms: Any) -> Any:
        """What carries out the calls over a transport."""
        raise NotImplementedError

    def _dispatch_by(self, dispatcher: Any) -> None:
        """Carry out the calls of all methods by this."""
        raise NotImplementedError

    def _refuse_plaintext(self, *, allow_plaintext: bool) -> None:
        url = self._dispatcher.base_url
        exposed = url.startswith("http://") and self.transport.leaves_process
        if exposed and not allow_plaintext and not configuration.is_loopback(url):
            raise ConfigurationError(
                f"base_url {url!r} is plain HTTP, which shows the credential to everyone on the way; "
                "use https, or pass allow_plaintext=True"
            )

    @property
    def timeout(self) -> float:
        """Seconds one attempt may take."""
        seconds: float = self._dispatcher.timeout
        return seconds

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

    def __getstate__(self) -> dict[str, Any]:
        made = ("_own_transport", "_dispatcher", "_call", "_iterate", "_wait", "_settings")
        state = {name: value for name, value in self.__dict__.items() if name not in made}
        found = self._dispatcher.credential
        # A credential that was not an argument is not carried: the other side reads its own.
        given = found.values() if found is not None and found.source == FROM_ARGUMENT else None
        return {"settings": {**self._settings, "credential": given}, "state": state}

    def __setstate__(self, carried: dict[str, dict[str, Any]]) -> None:
        ResourceClient.__init__(self, **carried["settings"])
        self.__dict__.update(carried["state"])

    def __repr__(self) -> str:
        credential = self._dispatcher.credential or "no credential"
        return f"<{type(self).__name__} {self._dispatcher.base_url}, {credential!r}>"


def _inherited(cls: type[ResourceClient]) -> dict[str, tuple[Endpoint, type[ResourceClient], type[Resource]]]:
    """The methods that a class has from its bases: of which endpoint, which base, and which resource."""
    found: dict[str, tuple[Endpoint, type[ResourceClient], type[Resource]]] = {}
    for base in reversed(cls.__mro__[1:]):
        for resource in base.resources if issubclass(base, ResourceClient) else ():
            for endpoint in resource.endpoints.values():
                found |= dict.fromkeys(endpoint.method_names, (endpoint, base, resource))
    return found
