"""From an endpoint and arguments to the request that carries them. Pure; no endpoint is known here by name."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlencode

import marshmallow

from abeja_run.descriptors import Endpoint, Parameter
from abeja_run.exceptions import ValidationError
from abeja_run.messages import Headers, Request
from abeja_run.values import problems, shown

__all__ = ["prepare"]

_PLAIN_SEGMENT = re.compile(r"[A-Za-z0-9_-]+")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")


def prepare(endpoint: Endpoint, arguments: Mapping[str, Any], base_url: str, headers: Headers) -> Request:
    """The request that a call asks for.

    Args:
        endpoint: What is called.
        arguments: A value for every parameter; None for one that is not given.
        base_url: What the path is appended to, without a slash at its end.
        headers: The header fields that every request of the client carries.

    Raises:
        ValidationError: Arguments that cannot be sent; it names every one.
    """
    errors: dict[str, str] = {}
    path, query, body = [base_url], [], None
    for literal, name in endpoint.segments:
        path.append(literal)
        if name:
            path.append(_segment(arguments[name], name, errors))
    if endpoint.query is not None:
        query = list(_written(endpoint.query_parameters, arguments, errors).items())
        _check_text(query, errors)
    if endpoint.body is not None:
        body = _encoded(_written(endpoint.body_parameters, arguments, errors), errors)
        headers = Headers((*headers.pairs, ("content-type", "application/json")))
    if errors:
        raise ValidationError(endpoint.name, errors)
    if query:
        path.append("?" + urlencode(query))
    return Request(endpoint.method, "".join(path), headers, body)


def _segment(value: object, name: str, errors: dict[str, str]) -> str:
    """One variable of the path, as one segment of it."""
    if not isinstance(value, str):
        errors[name] = f"{shown(value)} is not of type str"
    elif _PLAIN_SEGMENT.fullmatch(value):
        return value
    elif not value:
        errors[name] = "'' (str) is empty"
    elif value in (".", ".."):
        errors[name] = f"{shown(value)} is not an id but a step in the path"
    elif _CONTROL.search(value):
        errors[name] = f"{shown(value)} holds a control character"
    else:
        try:
            return quote(value, safe="")
        except UnicodeEncodeError:
            errors[name] = f"{shown(value)} cannot be written as UTF-8"
    return ""


def _written(parameters: tuple[Parameter, ...], arguments: Mapping[str, Any], errors: dict[str, str]) -> dict[str, Any]:
    """The arguments that travel, by their names on the wire and as they look there."""
    written: dict[str, Any] = {}
    for parameter in parameters:
        name, field, value = parameter.name, parameter.field, arguments[parameter.name]
        assert field is not None  # noqa: S101 - only a variable of the path has none
        if value is None:
            if parameter.required:
                errors[name] = "None is not allowed: it is required"
            elif field.dump_default is not marshmallow.missing:
                written[parameter.wire_name] = field.serialize(name, {})
            continue
        wrong = dict(problems(field, value, name, secret=parameter.secret))
        if wrong:
            errors.update(wrong)
        elif value or not parameter.omit_empty:
            try:
                written[parameter.wire_name] = field.serialize(name, arguments)
            except (marshmallow.ValidationError, ValueError, TypeError) as error:
                errors[name] = f"{shown(value, secret=parameter.secret)} {error}"
    return written


def _check_text(query: list[tuple[str, Any]], errors: dict[str, str]) -> None:
    for name, value in query:
        try:
            str(value).encode()
        except UnicodeEncodeError:
            errors[name] = f"{shown(value)} cannot be written as UTF-8"


def _encoded(body: dict[str, Any], errors: dict[str, str]) -> bytes:
    try:
        return json.dumps(body, allow_nan=False).encode()
    except (TypeError, ValueError, RecursionError):
        for name, value in body.items():
            try:
                json.dumps(value, allow_nan=False)
            except (TypeError, ValueError, RecursionError) as error:
                errors[name] = f"cannot be written as JSON: {error}"
    return b""
