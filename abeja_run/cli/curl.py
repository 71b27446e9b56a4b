"""A request as a line for a shell that has curl send an equal one, without the secret. Knows no command.

Equal in everything that a service goes by: method, address, body and headers, but for those in which a program tells of
itself.
"""

from __future__ import annotations

import base64
import json
import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from marshmallow import fields

from abeja_run.descriptors.bodies import Multipart, RawBody
from abeja_run.descriptors.endpoints import Endpoint
from abeja_run.descriptors.parameters import Parameter, written
from abeja_run.exceptions import ConfigurationError
from abeja_run.fields import Content
from abeja_run.messages import Request
from abeja_run.values import text_of

__all__ = ["curl", "secret_variable"]

#: Where a shell has the secret, by the beginning of the identity that it belongs to; a token has none.
_SECRETS = {
    "user-": "ABEJA_PLATFORM_PERSONAL_ACCESS_TOKEN",
    "datasource-": "ABEJA_PLATFORM_DATASOURCE_SECRET",
    "": "PLATFORM_AUTH_TOKEN",
}
#: What curl writes itself: how it decodes an answer, what it is, how long a body is.
_OF_CURL = frozenset({"accept-encoding", "user-agent", "content-length"})
#: The longest argument of a process, on Linux, is a little longer.
_LONGEST = 100_000


def curl(endpoint: Endpoint, arguments: Mapping[str, Any], request: Request) -> str:
    """The line.

    Args:
        endpoint: What is called.
        arguments: What it is called with.
        request: What was made of that.

    Raises:
        ConfigurationError: curl cannot be told of a body of this kind.
    """
    words: list[str] = []
    secrets: list[tuple[str, str]] = []
    if request.method == "HEAD":
        # With -X it would wait for a body.
        words.append("--head")
    elif request.method != "GET":
        words += ["-X", request.method]
    words.append(shlex.quote(request.url))
    multipart = isinstance(endpoint.body, Multipart)
    for name, value in request.headers.pairs:
        if name == "authorization":
            secrets.append(_authorization(request))
        elif name in request.headers.secret:
            secrets.append((f"{name.replace('%', '%%')}: %s", f'"${_variable(name)}"'))
        elif name == "accept-encoding":
            words.append("--compressed")
        elif name not in _OF_CURL and not (multipart and name == "content-type"):
            words += ["-H", _header(name, value)]
    for parameter in endpoint.answer.parameters:
        words += ["-o", shlex.quote(str(arguments[parameter.name]))]
    body, feed = _body(endpoint, arguments, request)
    words += body
    # Also for a body that comes from elsewhere: whoever runs the line gives it to standard input.
    line = _told(secrets, words, busy=bool(feed) or "-" in _places(endpoint, arguments))
    return f"{feed} | {line}" if feed else line


def _told(secrets: Sequence[tuple[str, str]], words: Sequence[str], *, busy: bool) -> str:
    """The call of curl, which reads the headers that are secret: among its arguments everybody would see them.

    Args:
        secrets: Each such header as a format and what the shell puts into it.
        words: The other arguments.
        busy: Whether curl reads a body from standard input.
    """
    told = " ".join(words)
    if not secrets:
        return f"curl {told}"
    lines = "".join(rf"{line}\n" for line, _ in secrets)
    # A shell's own printf is no process.
    source = " ".join(["printf", shlex.quote(lines), *(value for _, value in secrets)])
    if not busy:
        return f"{source} | curl -H @- {told}"
    return f"{{ {source} | curl -H @/dev/fd/4 {told} 4<&0 <&3; }} 3<&0"


def _body(endpoint: Endpoint, arguments: Mapping[str, Any], request: Request) -> tuple[list[str], str]:
    """The options for a body, and the command that gives it to curl where it is too long for an option."""
    if request.body is None:
        return [], ""
    if isinstance(endpoint.body, Multipart):
        parts = (part for parameter in endpoint.body.parameters for part in _parts(parameter, arguments))
        return [*map(shlex.quote, parts)], ""
    if isinstance(endpoint.body, RawBody):
        (place,) = _places(endpoint, arguments)
        return ["--data-binary", shlex.quote(f"@{place}")], ""
    if not isinstance(request.body, bytes):
        raise ConfigurationError(f"{endpoint.name}: a body of this kind cannot be written as a line for curl")
    text = shlex.quote(request.body.decode())
    if len(text) > _LONGEST:
        # A shell's own printf takes what is too long for another process.
        return ["--data-binary", "@-"], f"printf %s {text}"
    return ["--data-raw", text], ""


def secret_variable(request: Request) -> str | None:
    """The variable from which the line takes the secret of the credential; None where no credential is sent."""
    if "authorization" not in request.headers:
        return None
    identity = _identity(request.headers["authorization"])
    return next(name for prefix, name in _SECRETS.items() if identity.startswith(prefix))


def _identity(authorization: str) -> str:
    """Who is named beside the secret; nobody is beside a token."""
    kind, _, told = authorization.partition(" ")
    return base64.b64decode(told).decode().partition(":")[0] if kind == "Basic" else ""


def _authorization(request: Request) -> tuple[str, str]:
    variable, identity = secret_variable(request), _identity(request.headers["authorization"])
    if identity:
        pair = f'{shlex.quote(f"{identity}:")}"${variable}"'
        return "authorization: Basic %s", f"\"$(printf %s {pair} | base64 | tr -d '\\n')\""
    return "authorization: Bearer %s", f'"${variable}"'


def _variable(name: str) -> str:
    """Where a shell has the value of a header that is secret."""
    return re.sub("[^A-Z0-9]", "_", name.upper())


def _header(name: str, value: str) -> str:
    # Without a value curl would leave the header out.
    return shlex.quote(f"{name}: {value}" if value else f"{name};")


def _parts(parameter: Parameter, arguments: Mapping[str, Any]) -> Iterator[str]:
    """The parts of a form that a parameter becomes: options of curl and their values."""
    values = written((parameter,), arguments, {})
    if parameter.wire_name not in values:
        return
    field, value = parameter.field, values[parameter.wire_name]
    name, inner = parameter.wire_name, field.inner if isinstance(field, fields.List) else field
    items = value if isinstance(field, fields.List) else [value]
    if isinstance(inner, Content):
        for item in items:
            told = item.name if isinstance(item, Path) else "<stdin>"
            yield "-F"
            yield f"{name}=@{_quoted(_place(item))};filename={_quoted(told)};type={inner.content_type}"
    elif isinstance(inner, (fields.Nested, fields.Mapping)):
        yield "-F"
        yield f"{name}={_quoted(json.dumps(value))};type=application/json"
    else:
        for item in items:
            yield "--form-string"
            yield f"{name}={text_of(item)}"


def _quoted(text: str) -> str:
    """A text in which curl finds no sign of its own."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _places(endpoint: Endpoint, arguments: Mapping[str, Any]) -> list[str]:
    """Where curl finds the contents of a call."""
    if isinstance(endpoint.body, RawBody):
        return [_place(arguments[endpoint.body.parameters[0].name])]
    found = []
    for parameter in endpoint.body.parameters if isinstance(endpoint.body, Multipart) else ():
        value, field = arguments.get(parameter.name), parameter.field
        inner = field.inner if isinstance(field, fields.List) else field
        if isinstance(inner, Content) and value is not None:
            found += [_place(item) for item in (value if isinstance(field, fields.List) else [value])]
    return found


def _place(content: Any) -> str:
    """Where curl finds a content: the path of a file, or standard input."""
    return str(content) if isinstance(content, Path) else "-"
