"""The words for "what": a resource and its endpoints, frozen data checked when the class is made.

Knows nothing of how a request is sent. Everything a user touches is derived from what stands here.
"""

from __future__ import annotations

import keyword
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import KW_ONLY, dataclass, field, replace
from functools import cached_property
from types import MappingProxyType
from typing import Any, ClassVar

from marshmallow import Schema
from marshmallow.fields import Field

from abeja_run.exceptions import DescriptorError, HttpError
from abeja_run.values import in_order

__all__ = ["DELETE", "GET", "PATCH", "POST", "PUT", "Cursor", "Endpoint", "Parameter", "Resource", "Waiter"]

GET = "GET"
POST = "POST"
PUT = "PUT"
PATCH = "PATCH"
DELETE = "DELETE"

_BODILESS = frozenset({GET, DELETE})
_IDEMPOTENT = frozenset({GET, PUT, DELETE})
_METHODS = _BODILESS | _IDEMPOTENT | {POST, PATCH}
#: The keywords that every method that waits has beside its endpoint's parameters.
WAIT_OPTIONS = frozenset({"timeout", "interval", "max_interval", "on_change"})
_VARIABLE = re.compile(r"\{([^{}]*)\}")
_TEMPLATE = re.compile(r"(/([A-Za-z0-9._~-]+|\{[^{}]+\}))*")


@dataclass(frozen=True, slots=True)
class Parameter:
    """One argument of a call, wherever in the request it travels.

    Attributes:
        name: The keyword in Python.
        wire_name: The name in the request.
        location: ``path``, ``query`` or ``body``.
        field: The marshmallow field that checks and writes it; None for a path variable.
        required: Whether a call must give it.
        description: For the documentation.
        aliases: Further keywords for it.
        omit_empty: Whether an empty value counts as not given.
        secret: Whether its value must never be shown.
    """

    name: str
    wire_name: str
    location: str
    field: Field[Any] | None
    required: bool
    description: str
    aliases: tuple[str, ...] = ()
    omit_empty: bool = False
    secret: bool = False


@dataclass(frozen=True, slots=True)
class Cursor:
    """How the pages of an endpoint follow each other; gives the client an iterator over all of them.

    Attributes:
        name: The iterator's name, a method of the client.
        items: The field of the answer that lists a page's items.
        token: The field of the answer that names the next page, and the parameter that asks for it.
        until_empty: The end is a page without items, because there is always a token. Otherwise the last page
            is the one without a token.
    """

    name: str
    items: str
    token: str
    until_empty: bool = False


@dataclass(frozen=True, slots=True)
class Waiter:
    """When the thing that an endpoint tells of has come to its end; gives the client a method that waits for it.

    Attributes:
        name: The method's name.
        field: The field of the answer that tells the state.
        success: The states of a good end.
        failure: The states of a bad end.
    """

    name: str
    field: str
    success: tuple[str, ...]
    failure: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Endpoint:
    """One method and path of an API: what to send, what comes back.

    Args:
        method: ``GET``, ``POST``, ``PUT``, ``PATCH`` or ``DELETE``.
        path: What follows the resource's path, such as ``/{run_id}``.
        summary: One line for the documentation.
        returns: The schema of the answer.
        body: The schema of the JSON body: its fields are parameters of the call.
        query: The schema of the query: its fields are parameters of the call.
        raises: The error classes the service is documented to answer with.
        description: Whatever a caller must know beyond the summary.
        idempotent: Whether repeating the request does no harm. The default goes by the method: true for
            ``GET``, ``PUT`` and ``DELETE``.
        pages: How the answers follow each other, where each is a page.
        waiter: When what the answer tells of has come to its end.

    Raises:
        DescriptorError: When the resource class is made, naming the class, the endpoint and the field.

    Example:
        >>> from abeja_run.resources.runs import Runs
        >>> Runs.get_run.method, Runs.get_run.template[-14:]
        ('GET', '/runs/{run_id}')
    """

    method: str
    path: str = ""
    _: KW_ONLY
    summary: str
    returns: type[Schema]
    body: type[Schema] | None = None
    query: type[Schema] | None = None
    raises: tuple[type[HttpError], ...] = ()
    description: str = ""
    idempotent: bool | None = None
    pages: Cursor | None = None
    waiter: Waiter | None = None
    # Filled in when the resource class is made.
    name: str = field(default="", init=False)
    template: str = field(default="", init=False)
    variables: Mapping[str, str] = field(default_factory=dict, init=False)

    @property
    def repeatable(self) -> bool:
        """Whether a request that may have arrived may be sent again."""
        return self.method in _IDEMPOTENT if self.idempotent is None else self.idempotent

    @property
    def method_names(self) -> tuple[str, ...]:
        """The names of the methods that this endpoint gives a client: its own, its cursor's, its waiter's."""
        return (self.name, *(part.name for part in (self.pages, self.waiter) if part is not None))

    @cached_property
    def parameters(self) -> tuple[Parameter, ...]:
        """The parameters of the call, in positional order: those of the path, the body, the query.

        Required ones stand before optional ones, as in any Python signature.
        """
        path = (Parameter(name, name, "path", None, True, text) for name, text in self.variables.items())
        return tuple(sorted((*path, *self.body_parameters, *self.query_parameters), key=lambda p: not p.required))

    @cached_property
    def body_parameters(self) -> tuple[Parameter, ...]:
        """The parameters that travel in the JSON body, in the order of its schema."""
        return _of_schema(self.body, "body")

    @cached_property
    def query_parameters(self) -> tuple[Parameter, ...]:
        """The parameters that travel in the query, in the order of its schema."""
        return _of_schema(self.query, "query")

    @cached_property
    def segments(self) -> tuple[tuple[str, str], ...]:
        """The template in pieces: a literal text, and the variable that follows it or an empty string."""
        pieces = _VARIABLE.split(self.template)
        return tuple(zip(pieces[::2], (*pieces[1::2], ""), strict=True))

    @cached_property
    def returns_schema(self) -> Schema:
        """The schema of the answer, made once; fields it does not name are kept."""
        return self.returns(unknown="include")


def _of_schema(schema: type[Schema] | None, location: str) -> tuple[Parameter, ...]:
    if schema is None:
        return ()
    return tuple(
        Parameter(
            name=name,
            wire_name=field.data_key or name,
            location=location,
            field=field,
            required=field.required,
            description=field.metadata.get("description", ""),
            aliases=field.metadata.get("aliases", ()),
            omit_empty=field.metadata.get("omit_empty", False),
            secret=field.metadata.get("secret", False),
        )
        for name, field in in_order(schema()).items()
    )


class Resource:
    """A group of endpoints under one path. Subclass it, and name the subclass to a client.

    Class attributes:
        path: The path template that all endpoints begin with.
        variables: The description of each variable of the templates.
        endpoints: Every endpoint by name, filled in when the class is made.

    Raises:
        DescriptorError: When the subclass is made, if something in it is declared wrongly.

    Example:
        >>> from marshmallow import Schema, fields
        >>> from abeja_run import BaseClient, Endpoint
        >>> class Deployment(Schema):
        ...     name = fields.String()
        >>> class Deployments(Resource):
        ...     path = "/organizations/{organization_id}/deployments"
        ...     variables = {"organization_id": "The organization.", "deployment_id": "The deployment."}
        ...     get_deployment = Endpoint(GET, "/{deployment_id}", returns=Deployment, summary="Get a deployment.")
        >>> class MyClient(BaseClient, resources=[Deployments]):
        ...     pass
        >>> Deployments.endpoints["get_deployment"].template
        '/organizations/{organization_id}/deployments/{deployment_id}'
    """

    path: ClassVar[str] = ""
    variables: ClassVar[Mapping[str, str]] = {}
    endpoints: ClassVar[Mapping[str, Endpoint]] = MappingProxyType({})

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        found = dict(cls.endpoints)
        for name, declared in list(vars(cls).items()):
            if isinstance(declared, Endpoint):
                endpoint = _completed(cls, name, declared)
                setattr(cls, name, endpoint)
                found[name] = endpoint
        cls.endpoints = MappingProxyType(found)


def _completed(resource: type[Resource], name: str, declared: Endpoint) -> Endpoint:
    """The endpoint with its name and whole template, after every check that a declaration allows."""

    def wrong(field: str, text: str) -> DescriptorError:
        return DescriptorError(f"{resource.__qualname__}.{name}: {field}: {text}")

    template = resource.path + declared.path
    variables = _VARIABLE.findall(template)
    if name.startswith("_"):
        raise wrong("name", "an endpoint's name must not begin with an underscore")
    if declared.method not in _METHODS:
        raise wrong("method", f"{declared.method!r} is not one of {', '.join(sorted(_METHODS))}")
    if not template or not _TEMPLATE.fullmatch(template):
        raise wrong("path", f"{template!r} is not of the form /segment/{{variable}}/…")
    for variable in variables:
        if not resource.variables.get(variable):
            raise wrong("path", f"variable {variable!r} has no description in {resource.__qualname__}.variables")
    if declared.body is not None and declared.method in _BODILESS:
        raise wrong("body", f"a {declared.method} request has no body")
    if not declared.summary:
        raise wrong("summary", "must not be empty: it is the first line of the documentation")
    _check_types(declared, wrong)
    names = [*variables, *_parameter_names(declared.body), *_parameter_names(declared.query)]
    _check_names(names, wrong)
    _check_follow_up(declared, names, wrong)
    described = MappingProxyType({variable: resource.variables[variable] for variable in variables})
    completed = replace(declared)
    for attribute, value in (("name", name), ("template", template), ("variables", described)):
        object.__setattr__(completed, attribute, value)
    return completed


_Wrong = Callable[[str, str], DescriptorError]


def _check_types(declared: Endpoint, wrong: _Wrong) -> None:
    for attribute in ("body", "query", "returns"):
        schema = getattr(declared, attribute)
        left_out = schema is None and attribute != "returns"
        if not left_out and not (isinstance(schema, type) and issubclass(schema, Schema)):
            raise wrong(attribute, f"{schema!r} is not a marshmallow schema class")
    for error in declared.raises:
        if not (isinstance(error, type) and issubclass(error, HttpError)):
            raise wrong("raises", f"{error!r} is not a subclass of HttpError")


def _fields(schema: type[Schema] | None) -> Mapping[str, Field[Any]]:
    """The fields of a schema class, without the cost of an instance."""
    if schema is None:
        return {}
    declared: Mapping[str, Field[Any]] = schema._declared_fields  # noqa: SLF001 - there is no public name for it
    return declared


def _parameter_names(schema: type[Schema] | None) -> Iterator[str]:
    for name, part in _fields(schema).items():
        yield name
        yield from part.metadata.get("aliases", ())


def _check_names(names: list[str], wrong: _Wrong) -> None:
    for name in names:
        if not name.isidentifier() or keyword.iskeyword(name) or name[0] == "_" or name == "self":
            raise wrong(name, "is not usable as the name of a Python parameter")
        if names.count(name) > 1:
            raise wrong(name, "is the name of two parameters")


def _check_follow_up(declared: Endpoint, names: list[str], wrong: _Wrong) -> None:
    """The checks of ``pages`` and ``waiter``: they speak of parameters and of fields of the answer."""
    told = _fields(declared.returns)
    if declared.pages is not None:
        if declared.pages.token not in names:
            raise wrong("pages", f"{declared.pages.token!r} is not a parameter")
        for key in (declared.pages.token, declared.pages.items):
            if key not in told:
                raise wrong("pages", f"{key!r} is not a field of {declared.returns.__name__}")
    if declared.waiter is not None:
        if declared.waiter.field not in told:
            raise wrong("waiter", f"{declared.waiter.field!r} is not a field of {declared.returns.__name__}")
        if not declared.waiter.success:
            raise wrong("waiter", "has no state of success")
        if set(names) & WAIT_OPTIONS:
            raise wrong("waiter", f"{', '.join(sorted(set(names) & WAIT_OPTIONS))} is a keyword of every waiter")
