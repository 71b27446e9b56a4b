"""The bodies of requests, as an endpoint declares them; a schema alone declares a JSON object of its fields.

A further kind of body is a further subclass: nothing else has to know it.
"""

from __future__ import annotations

import json
import uuid
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from pathlib import PurePath
from typing import Any

from marshmallow import Schema, fields

from abeja_run.descriptors.parameters import Parameter, of_field, of_schema, written
from abeja_run.fields import Content, about
from abeja_run.messages import Source
from abeja_run.sources import Joined, Upload, source_of
from abeja_run.values import shown, text_of

__all__ = ["Body", "JSONBody", "Multipart", "RawBody", "encoded"]

_DISPOSITION = str.maketrans({'"': "%22", "\r": "%0D", "\n": "%0A"})


class Body(ABC):
    """What a request carries beside its address and headers.

    Attributes:
        content_type: Its media type, as an OpenAPI document names it.
        parameters: The arguments of the call that it is made from.
    """

    content_type: str
    parameters: tuple[Parameter, ...]

    @abstractmethod
    def write(self, arguments: Mapping[str, Any], errors: dict[str, str]) -> tuple[str, bytes | Source] | None:
        """The content type and the content; None where the arguments ask for no body.

        Args:
            arguments: A value for every parameter; None for one that is not given.
            errors: Filled with what is wrong, by the name of the parameter.
        """

    def faults(self) -> Iterator[str]:
        """What is wrong with the declaration."""
        yield from ()


class JSONBody(Body):
    """JSON that is the value of one parameter, such as an array.

    Args:
        name: The parameter.
        field: What describes it, with ``metadata=about(…)``.

    Example:
        >>> tags = JSONBody("tags", fields.List(fields.String(), required=True, metadata=about("All tags.")))
        >>> tags.write({"tags": ["a", "b"]}, {})
        ('application/json', b'["a", "b"]')
    """

    content_type = "application/json"

    def __init__(self, name: str, field: fields.Field[Any]) -> None:
        self.parameters = (of_field(name, field, "body"),)

    def write(self, arguments: Mapping[str, Any], errors: dict[str, str]) -> tuple[str, bytes | Source] | None:
        """The value as JSON."""
        parameter = self.parameters[0]
        values = written(self.parameters, arguments, errors)
        if parameter.wire_name not in values:
            return None
        value = values[parameter.wire_name]
        return self.content_type, encoded({parameter.name: value}, errors, only=parameter.name)


class RawBody(Body):
    """Bytes as they are: given as bytes, or read from a file or an iterator piece by piece.

    Args:
        name: The parameter.
        description: A sentence for the reader of the documentation.
        content_type: The media type; a header parameter ``content-type`` or an
            :class:`~abeja_run.sources.Upload` may name another one.
        required: Whether a call must give it.

    Example:
        >>> RawBody("image", "The picture.", content_type="image/png").write({"image": b"PNG"}, {})
        ('image/png', b'PNG')
    """

    def __init__(
        self,
        name: str,
        description: str,
        *,
        content_type: str = "application/octet-stream",
        required: bool = True,
    ) -> None:
        self.content_type = content_type
        field = Content(content_type=content_type, required=required, metadata=about(description))
        self.parameters = (of_field(name, field, "body"),)

    def write(self, arguments: Mapping[str, Any], errors: dict[str, str]) -> tuple[str, bytes | Source] | None:
        """The content, with its media type."""
        parameter = self.parameters[0]
        content = arguments[parameter.name]
        if not written(self.parameters, arguments, errors):
            return None
        told = content.content_type if isinstance(content, Upload) else ""
        return told or self.content_type, _source(parameter.name, content, errors)


class Multipart(Body):
    """``multipart/form-data``, a part for each field of a schema.

    A :class:`~abeja_run.fields.Content` is a file, read piece by piece; objects, and lists of them, are a part of
    JSON; of any other list each item is a part of its own; everything else is a part of text.

    Args:
        schema: Its fields are parameters of the call.

    Example:
        >>> class NewImage(Schema):
        ...     picture = Content(content_type="image/png", required=True)
        ...     labels = fields.Dict()
        >>> kind, body = Multipart(NewImage).write({"picture": b"PNG", "labels": {"a": 1}}, {})
        >>> kind[:30], body.count(kind.partition("boundary=")[2].encode())
        ('multipart/form-data; boundary=', 3)
    """

    content_type = "multipart/form-data"

    def __init__(self, schema: type[Schema]) -> None:
        self.schema = schema
        self.parameters = of_schema(schema, "body") if _is_schema(schema) else ()

    def faults(self) -> Iterator[str]:
        """What is wrong with the declaration."""
        if not _is_schema(self.schema):
            yield f"{self.schema!r} is not a marshmallow schema class"

    def write(self, arguments: Mapping[str, Any], errors: dict[str, str]) -> tuple[str, bytes | Source] | None:
        """All parts; their lengths are known beforehand unless one of them is an iterator."""
        boundary = uuid.uuid4().hex
        parts: list[bytes | Source] = []
        values = written(self.parameters, arguments, errors)
        for parameter in self.parameters:
            if parameter.wire_name in values:
                for head, content in _parts(parameter, values[parameter.wire_name], errors):
                    parts += [f"--{boundary}\r\n{head}\r\n\r\n".encode(), content, b"\r\n"]
        parts.append(f"--{boundary}--\r\n".encode())
        body = Joined(parts)
        in_memory = all(isinstance(part, bytes) for part in parts)
        return f"{self.content_type}; boundary={boundary}", body.read() if in_memory else body


def _is_schema(schema: object) -> bool:
    return isinstance(schema, type) and issubclass(schema, Schema)


def _parts(parameter: Parameter, value: Any, errors: dict[str, str]) -> Iterator[tuple[str, bytes | Source]]:
    """The parts that a value becomes: the lines of a head, and the content."""
    field = parameter.field
    inner = field.inner if isinstance(field, fields.List) else field
    disposition = f'Content-Disposition: form-data; name="{parameter.wire_name.translate(_DISPOSITION)}"'
    if isinstance(inner, Content):
        for item in value if isinstance(field, fields.List) else [value]:
            name = _filename(item) or parameter.wire_name
            kind = (item.content_type if isinstance(item, Upload) else "") or inner.content_type
            if _is_media_type(kind):
                head = f'{disposition}; filename="{name.translate(_DISPOSITION)}"\r\nContent-Type: {kind}'
                yield head, _source(parameter.name, item, errors)
            else:
                errors[parameter.name] = f"{shown(kind)} is not a media type"
    elif isinstance(inner, (fields.Nested, fields.Mapping)):
        content = encoded({parameter.name: value}, errors, only=parameter.name)
        yield f"{disposition}\r\nContent-Type: application/json", content
    else:
        for item in value if isinstance(field, fields.List) else [value]:
            yield disposition, text_of(item).encode("utf-8", "replace")


def _filename(content: Any) -> str:
    if isinstance(content, Upload):
        return content.filename or _filename(content.content)
    named = content if isinstance(content, PurePath) else getattr(content, "name", "")
    return PurePath(named).name if isinstance(named, (str, PurePath)) else ""


def _is_media_type(text: str) -> bool:
    return text.isascii() and text.isprintable() and "/" in text


def _source(name: str, content: Any, errors: dict[str, str]) -> bytes | Source:
    try:
        return source_of(content)
    except (ValueError, OSError) as error:
        errors[name] = f"{shown(content)} {error}"
        return b""


def encoded(values: Mapping[str, Any], errors: dict[str, str], *, only: str = "") -> bytes:
    """Values as a JSON object, or one of them alone.

    Args:
        values: What is to be written, by the names that errors are told with.
        errors: Filled with what cannot be written.
        only: The one that is written, and not the object.
    """
    try:
        return json.dumps(values[only] if only else values, allow_nan=False).encode()
    except (TypeError, ValueError, RecursionError):
        for name, value in values.items():
            try:
                json.dumps(value, allow_nan=False)
            except (TypeError, ValueError, RecursionError) as error:
                errors[name] = f"cannot be written as JSON: {error}"
    return b""
