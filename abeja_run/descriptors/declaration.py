"""What may stand in a descriptor: every check of it that is possible before a call, made when the class is made."""

from __future__ import annotations

import keyword
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any

from marshmallow import Schema, fields
from marshmallow.fields import Field

from abeja_run.descriptors.answers import Answer
from abeja_run.descriptors.bodies import Body, RawBody
from abeja_run.descriptors.endpoints import (
    BASE_HOST,
    DELETE,
    GET,
    HEAD,
    PATCH,
    POST,
    PUT,
    Endpoint,
    description_of,
    variables_of,
)
from abeja_run.descriptors.pages import Pages
from abeja_run.descriptors.parameters import Parameter, Variable
from abeja_run.exceptions import DescriptorError, HttpError
from abeja_run.fields import HeaderFamily

__all__ = ["WAIT_OPTIONS", "completed"]

#: The keywords that every method that waits has beside its endpoint's parameters.
WAIT_OPTIONS = frozenset({"timeout", "interval", "max_interval", "on_change"})
_METHODS = frozenset({GET, HEAD, POST, PUT, PATCH, DELETE})
# Patterns that few descriptors need are compiled when one does.
#: Within a segment nothing that could be a word follows a variable at once: there a slash was forgotten.
_TEMPLATE = re.compile(r"(/([A-Za-z0-9._~!$&'()*+,;=:@-]|\{[^{}]+\}(?![A-Za-z0-9_~{]))+)*/?")
_HOST = r"([A-Za-z0-9-]|\{[^{}]+\})+(\.([A-Za-z0-9-]|\{[^{}]+\})+)*(:[0-9]{1,5})?"
_FIELD_NAME = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
#: Headers that are the client's or the transport's own.
_RESERVED = frozenset(
    {
        "authorization",
        "connection",
        "content-length",
        "expect",
        "host",
        "proxy-authorization",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)

_Wrong = Callable[[str, str], DescriptorError]


def completed(where: str, resource_path: str, described: Mapping[str, str | Variable], declared: Endpoint) -> Endpoint:
    """The endpoint with its name and whole template, after every check that a declaration allows.

    Args:
        where: The name of the class and that of the endpoint, with a dot between them.
        resource_path: What its path follows.
        described: The resource's descriptions of variables.
        declared: The endpoint as it was written down.

    Raises:
        DescriptorError: Something is wrong; it names the class, the endpoint and the field.
    """

    def wrong(field: str, text: str) -> DescriptorError:
        return DescriptorError(f"{where}: {field}: {text}")

    name = where.rpartition(".")[2]
    template = resource_path + declared.path
    if name.startswith("_"):
        raise wrong("name", "an endpoint's name must not begin with an underscore")
    if declared.method not in _METHODS:
        raise wrong("method", f"{declared.method!r} is not one of {', '.join(sorted(_METHODS))}")
    if not template or not _TEMPLATE.fullmatch(template) or {".", ".."} & set(template.split("/")):
        raise wrong("path", f"{template!r} is not of the form /segment/{{variable}}/…")
    hosts = [variable for variable in variables_of(declared.host) if variable != BASE_HOST]
    variables = [*variables_of(template), *(variable for variable in hosts if variable not in variables_of(template))]
    for variable in variables:
        if not description_of(described.get(variable, "")):
            field = "path" if variable in variables_of(template) else "host"
            raise wrong(field, f"variable {variable!r} has no description in {where.rpartition('.')[0]}.variables")
    if not declared.summary:
        raise wrong("summary", "must not be empty: it is the first line of the documentation")
    _check_types(declared, wrong)
    _check_settings(declared, wrong)
    names = [
        *variables,
        *_schema_names(declared.body, wrong, "body"),
        *_schema_names(declared.query, wrong, "query"),
        *_schema_names(declared.headers, wrong, "headers"),
        *_names(declared.returns.parameters if isinstance(declared.returns, Answer) else ()),
    ]
    _check_names(names, wrong)
    _check_places(declared, wrong)
    _check_follow_up(declared, names, wrong)
    result = replace(declared)
    told = {
        "name": name,
        "template": template,
        "variables": MappingProxyType({variable: description_of(described[variable]) for variable in variables}),
        "patterns": MappingProxyType(dict(_patterns(variables, described, wrong))),
    }
    for attribute, value in told.items():
        object.__setattr__(result, attribute, value)
    return result


def _patterns(
    variables: list[str], described: Mapping[str, str | Variable], wrong: _Wrong
) -> Iterator[tuple[str, re.Pattern[str]]]:
    for name in variables:
        variable = described[name]
        if isinstance(variable, Variable) and variable.pattern:
            try:
                yield name, re.compile(variable.pattern)
            except re.error as error:
                raise wrong("variables", f"the pattern of {name!r} is no regular expression: {error}") from error


def _is_schema(value: object) -> bool:
    return isinstance(value, type) and issubclass(value, Schema)


def _check_types(declared: Endpoint, wrong: _Wrong) -> None:
    for attribute, kind in (("body", Body), ("query", None), ("headers", None), ("returns", Answer)):
        value = getattr(declared, attribute)
        if kind is not None and isinstance(value, kind):
            for fault in value.faults():
                raise wrong(attribute, fault)
        elif not _is_schema(value) and (value is not None or attribute == "returns"):
            also = "" if kind is None else f" and no {kind.__name__}"
            raise wrong(attribute, f"{value!r} is not a marshmallow schema class{also}")
    if declared.method == HEAD and (not isinstance(declared.returns, Answer) or declared.returns.place == "body"):
        raise wrong("returns", "a HEAD request is answered by headers alone: InHeaders(…) or NoContent()")
    if declared.body is not None and declared.method in (GET, HEAD):
        raise wrong("body", f"a {declared.method} request has no body")
    for error in declared.raises:
        if not (isinstance(error, type) and issubclass(error, HttpError)):
            raise wrong("raises", f"{error!r} is not a subclass of HttpError")
    if declared.pages is not None and not isinstance(declared.pages, Pages):
        raise wrong("pages", f"{declared.pages!r} is not one of the ways that pages follow each other")


def _check_settings(declared: Endpoint, wrong: _Wrong) -> None:
    for status in declared.success:
        if isinstance(status, bool) or not isinstance(status, int) or not 200 <= status < 300:
            raise wrong("success", f"{status!r} is not a status from 200 to 299")
    if declared.timeout is not None and not (_is_number(declared.timeout) and 0 < declared.timeout < 1e9):
        raise wrong("timeout", f"{declared.timeout!r} is not a number of seconds")
    if declared.host and not re.fullmatch(_HOST, declared.host):
        raise wrong("host", f"{declared.host!r} is not of the form {{variable}}.example.com or {{base_host}}")
    key = declared.idempotency_key
    if key and (not re.fullmatch(_FIELD_NAME, key) or key.lower() in _RESERVED):
        raise wrong("idempotency_key", f"{key!r} is not usable as the name of a header")
    if key and declared.idempotent is False:
        raise wrong("idempotency_key", "a request with a key may be repeated, but idempotent is False")


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _fields(schema: type[Schema] | None) -> Mapping[str, Field[Any]]:
    """The fields of a schema class, without the cost of an instance."""
    if schema is None:
        return {}
    declared: Mapping[str, Field[Any]] = schema._declared_fields  # noqa: SLF001 - there is no public name for it
    return declared


def _told(schema: type[Schema] | None) -> Mapping[str, Field[Any]]:
    """The fields of a schema class by their names in an answer."""
    return {field.data_key or name: field for name, field in _fields(schema).items()}


def _schema_names(part: type[Schema] | Body | None, wrong: _Wrong, place: str) -> Iterator[str]:
    if isinstance(part, Body):
        yield from _names(part.parameters)
        return
    for name, field in _fields(part).items():
        yield name
        for key in ("aliases", "deprecated_aliases"):
            aliases = field.metadata.get(key, ())
            if isinstance(aliases, str):
                raise wrong(place, f"the {key} of {name!r} are a text, not a tuple of texts")
            yield from aliases


def _names(parameters: tuple[Parameter, ...]) -> Iterator[str]:
    for parameter in parameters:
        yield parameter.name
        yield from parameter.aliases


def _check_names(names: list[str], wrong: _Wrong) -> None:
    for name in names:
        if not name.isidentifier() or keyword.iskeyword(name) or name[0] == "_" or name == "self":
            raise wrong(name, "is not usable as the name of a Python parameter")
        if names.count(name) > 1:
            raise wrong(name, "is the name of two parameters")


def _check_places(declared: Endpoint, wrong: _Wrong) -> None:
    """The checks of what a query and headers can carry."""
    for name, field in _fields(declared.query).items():
        inner = field.inner if isinstance(field, fields.List) else field
        if isinstance(inner, (fields.Nested, fields.List)) or type(inner) in (fields.Dict, fields.Mapping):
            raise wrong("query", f"{name!r} is an object or a list of lists, which a query cannot carry")
    taken = {declared.idempotency_key.lower()}
    for name, field in _fields(declared.headers).items():
        wire = field.prefix if isinstance(field, HeaderFamily) else field.data_key or name
        if not re.fullmatch(_FIELD_NAME, wire):
            raise wrong("headers", f"{wire!r} is not usable as the name of a header")
        family = isinstance(field, HeaderFamily)
        if family and any(reserved.startswith(wire.lower()) for reserved in (*_RESERVED, "content-type", "cookie")):
            raise wrong("headers", f"the prefix {wire!r} is that of a header that the client sets itself")
        if wire.lower() in _RESERVED or (wire.lower() == "content-type" and not isinstance(declared.body, RawBody)):
            raise wrong("headers", f"{wire!r} is set by the client itself")
        if wire.lower() in taken - {declared.idempotency_key.lower()}:
            raise wrong("headers", f"{wire!r} is the name of two headers")
        taken.add(wire.lower())
        if isinstance(field, fields.Nested) or (
            isinstance(field, fields.Mapping) and not isinstance(field, HeaderFamily)
        ):
            raise wrong("headers", f"{name!r} is an object: only a HeaderFamily carries one, as a header for each key")


def _check_follow_up(declared: Endpoint, names: list[str], wrong: _Wrong) -> None:
    """The checks of ``pages`` and ``waiter``: they speak of parameters and of fields of the answer."""
    object_schema = None if isinstance(declared.returns, Answer) else declared.returns
    told = _told(object_schema)
    for attribute in ("pages", "waiter"):
        part = getattr(declared, attribute)
        if part is not None and (not part.name.isidentifier() or keyword.iskeyword(part.name) or part.name[0] == "_"):
            raise wrong(attribute, f"{part.name!r} is not usable as the name of a method")
    called = "the answer" if object_schema is None else object_schema.__name__
    if declared.pages is not None:
        for fault in declared.pages.faults(names, told):
            raise wrong("pages", fault)
        if declared.pages.items and declared.pages.items not in told:
            raise wrong("pages", f"{declared.pages.items!r} is not a field of {called}")
        if declared.pages.items and not isinstance(told[declared.pages.items], fields.List):
            raise wrong("pages", f"{declared.pages.items!r} is no list")
        answer = declared.returns
        if not declared.pages.items and not (isinstance(answer, Answer) and isinstance(answer.field, fields.List)):
            raise wrong("pages", "names no field that lists the items, but the answer is no array")
    if declared.waiter is not None:
        within: Mapping[str, Field[Any]] = told
        for name in declared.waiter.field.split("."):
            if name not in within:
                raise wrong("waiter", f"{declared.waiter.field!r} is not a field of {called}")
            inner = within[name]
            within = _told(type(inner.schema)) if isinstance(inner, fields.Nested) and not inner.many else {}
        if not declared.waiter.success:
            raise wrong("waiter", "has no state of success")
        if set(names) & WAIT_OPTIONS:
            raise wrong("waiter", f"{', '.join(sorted(set(names) & WAIT_OPTIONS))} is a keyword of every waiter")
