"""From an endpoint and arguments to the request that carries them. Pure; no endpoint is known here by name."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Iterator, Mapping
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from abeja_run.configuration import is_loopback
from abeja_run.descriptors.bodies import Body, encoded
from abeja_run.descriptors.endpoints import BASE_HOST, Endpoint
from abeja_run.descriptors.parameters import written
from abeja_run.exceptions import ValidationError
from abeja_run.fields import HeaderFamily
from abeja_run.messages import Headers, Request, Source
from abeja_run.values import shown, text_of

__all__ = ["prepare"]

_PLAIN_SEGMENT = re.compile(r"[A-Za-z0-9_-]+")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
# What few endpoints need is compiled when one does.
_LABEL = r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_HEADER_TEXT = r"([\x21-\x7e]([\t\x20-\x7e]*[\x21-\x7e])?)?"
_ADDRESS = r"[0-9.]+|\[.*\]"


def new_key() -> str:
    """A key for a request that may be repeated, like no other."""
    return str(uuid.uuid4())


def prepare(
    endpoint: Endpoint,
    arguments: Mapping[str, Any],
    base_url: str,
    headers: Headers,
    key: Callable[[], str] = new_key,
) -> Request:
    """The request that a call asks for.

    Args:
        endpoint: What is called.
        arguments: A value for every parameter; None for one that is not given.
        base_url: What the path is appended to, without a slash at its end.
        headers: The header fields that every request of the client carries.
        key: Makes an idempotency key, where the endpoint has one and the caller gives none.

    Raises:
        ValidationError: Arguments that cannot be sent; it names every one.
    """
    errors: dict[str, str] = {}
    path, body, sink = [base_url], None, None
    for literal, name in endpoint.segments:
        path.append(literal)
        if name:
            path.append(_segment(arguments[name], name, errors))
    if endpoint.query is not None:
        values = written(endpoint.query_parameters, arguments, errors)
        query = list(_spread(values, endpoint.query_separators) if endpoint.query_separators else values.items())
        _check_text(query, errors)
        if query and not errors:
            path.append("?" + urlencode(query))
    plain = endpoint.is_plain
    if not plain:
        _check_patterns(endpoint, arguments, errors)
        if endpoint.host:
            path[0], headers = _elsewhere(endpoint, arguments, base_url, headers, errors)
        headers = Headers(tuple(_headers(endpoint, arguments, headers, key, errors)))
        sink = endpoint.answer.sink(arguments, errors)
    if endpoint.body is None:
        pass
    elif isinstance(endpoint.body, Body):
        content = endpoint.body.write(arguments, errors)
        if content is not None:
            body = content[1]
            headers = Headers((*_described(content, headers), *headers.pairs))
    else:
        body = encoded(written(endpoint.body_parameters, arguments, errors), errors)
        headers = Headers((*headers.pairs, ("content-type", "application/json")))
    if errors:
        raise ValidationError(endpoint.name, errors)
    if not plain and endpoint.secret_headers:
        headers = headers.hiding(name for name, _ in headers.pairs if name.startswith(endpoint.secret_headers))
    return Request(endpoint.method, "".join(path), headers, body, sink)


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


def _spread(values: Mapping[str, Any], separators: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """The pairs of a query: a list becomes several, or one with its items joined."""
    for name, value in values.items():
        items = [text_of(item) for item in value] if isinstance(value, (list, tuple)) else [text_of(value)]
        separator = separators.get(name)
        yield from ((name, item) for item in ([separator.join(items)] if separator else items))


def _check_text(query: list[tuple[str, Any]], errors: dict[str, str]) -> None:
    for name, value in query:
        try:
            str(value).encode()
        except UnicodeEncodeError:
            errors[name] = f"{shown(value)} cannot be written as UTF-8"


def _check_patterns(endpoint: Endpoint, arguments: Mapping[str, Any], errors: dict[str, str]) -> None:
    for name, pattern in endpoint.patterns.items():
        if name not in errors and not pattern.fullmatch(arguments[name]):
            errors[name] = f"{shown(arguments[name])} does not match {pattern.pattern}"


def _elsewhere(
    endpoint: Endpoint, arguments: Mapping[str, Any], base_url: str, headers: Headers, errors: dict[str, str]
) -> tuple[str, Headers]:
    """What the path of an endpoint on another host is appended to, and the headers that it is asked with."""
    base = urlsplit(base_url)
    host, relative = [], False
    for literal, name in endpoint.host_pieces:
        host.append(literal)
        if name == BASE_HOST:
            relative = True
            host.append(base.netloc)
        elif name:
            value = arguments[name]
            if isinstance(value, str) and re.fullmatch(_LABEL, value):
                host.append(value)
            else:
                errors.setdefault(name, f"{shown(value)} is not usable in the name of a host")
    there = "".join(host)
    if is_loopback(base_url) or (relative and re.fullmatch(_ADDRESS, base.hostname or "")):
        # This machine has no hosts below it, nor has an address; and what is tried out here must not leave it.
        return base_url, Headers((*headers.pairs, ("host", there)))
    return (f"{base.scheme}://{there}{base.path}" if relative else f"https://{there}"), headers


def _headers(
    endpoint: Endpoint, arguments: Mapping[str, Any], headers: Headers, key: Callable[[], str], errors: dict[str, str]
) -> Iterator[tuple[str, str]]:
    """The header fields of the client as this endpoint wants them, and those that are parameters."""
    own = {"accept": endpoint.answer.accept}
    values = written(endpoint.header_parameters, arguments, errors)
    for parameter in endpoint.header_parameters:
        if parameter.wire_name not in values:
            continue
        value = values[parameter.wire_name]
        several = value.items() if isinstance(parameter.field, HeaderFamily) else [(parameter.wire_name, value)]
        for name, part in several:
            text = ", ".join(map(text_of, part)) if isinstance(part, (list, tuple)) else text_of(part)
            if not re.fullmatch(_HEADER_TEXT, text):
                told = shown(text, secret=parameter.secret)
                errors[parameter.name] = f"{told} holds what a header cannot: it must be ASCII, without line breaks"
            own[name.lower()] = text
    if endpoint.idempotency_key:
        own.setdefault(endpoint.idempotency_key.lower(), key())
    for name, value in headers.pairs:
        if name not in own and (name != "authorization" or endpoint.authorized):
            yield name, value
    yield from own.items()


def _described(content: tuple[str, bytes | Source], headers: Headers) -> Iterator[tuple[str, str]]:
    """The header fields that tell of a body. A transport itself tells the length of one in memory."""
    kind, body = content
    if "content-type" not in headers:
        yield "content-type", kind
    if isinstance(body, Source) and body.length is not None:
        yield "content-length", str(body.length)
