"""Marshmallow fields for what this platform writes in its own way. For use in descriptors.

They know how a value looks on the wire and in Python, and nothing of endpoints.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Any, TypedDict
from urllib.parse import quote, unquote

import marshmallow
from marshmallow import fields
from marshmallow.validate import Regexp

from abeja_run.sources import UploadContent

__all__ = [
    "About",
    "Content",
    "Flag",
    "HeaderFamily",
    "JSONObject",
    "LocalPath",
    "ModelAlias",
    "PercentEncoded",
    "UtcSeconds",
    "about",
]

#: What a header's text may hold as it is: every printable character of ASCII but the percent sign.
_HEADER_TEXT = "".join(map(chr, range(0x20, 0x7F))).replace("%", "")


class About(TypedDict):
    """The metadata of a field that is a parameter; made by :func:`about`."""

    description: str
    omit_empty: bool
    aliases: tuple[str, ...]
    secret: bool
    deprecated: str
    deprecated_aliases: tuple[str, ...]
    separator: str


def about(
    description: str,
    *,
    omit_empty: bool = False,
    aliases: tuple[str, ...] = (),
    secret: bool = False,
    deprecated: str = "",
    deprecated_aliases: tuple[str, ...] = (),
    separator: str = "",
) -> About:
    """Describe a parameter: the metadata of its marshmallow field.

    Args:
        description: A sentence for the reader of the documentation.
        omit_empty: Do not send an empty string, object or list, as if it had not been given.
        aliases: Further keywords for the same parameter; giving two of them is a ``TypeError``.
        secret: Never show the value, or a part of it, in an error.
        deprecated: Why it should not be given any more, and what to give instead; a call that gives it gets a
            ``DeprecationWarning`` with this text.
        deprecated_aliases: Keywords that the parameter had before; using one is a ``DeprecationWarning``.
        separator: What stands between the items of a list in a query, such as a comma. By default each item is a
            parameter of its own: ``tag=a&tag=b``.

    Example:
        >>> field = fields.String(metadata=about("The token of the next page.", omit_empty=True))
        >>> field.metadata["omit_empty"]
        True
    """
    return {
        "description": description,
        "omit_empty": omit_empty,
        "aliases": aliases,
        "secret": secret,
        "deprecated": deprecated,
        "deprecated_aliases": deprecated_aliases,
        "separator": separator,
    }


class Flag(fields.Boolean):
    """A boolean that travels as ``True`` or ``False``, as the published client sends it.

    Example:
        >>> Flag().serialize("scan_forward", {"scan_forward": True})
        'True'
        >>> Flag().deserialize("False")
        False
    """

    truthy = {"True"}  # noqa: RUF012 - as its base class has it
    falsy = {"False"}  # noqa: RUF012

    def _serialize(self, value: Any, attr: str | None, obj: Any, **kwargs: Any) -> Any:
        return None if value is None else str(bool(value))


class UtcSeconds(fields.DateTime):
    """A time that travels as ``YYYY-MM-DDTHH:MM:SS`` in UTC: whole seconds, the fraction cut off.

    A naive ``datetime`` is taken as UTC, an aware one is converted.

    Example:
        >>> from datetime import timedelta
        >>> tokyo = timezone(timedelta(hours=9))
        >>> UtcSeconds().serialize("t", {"t": datetime(2018, 1, 1, 9, tzinfo=tokyo)})
        '2018-01-01T00:00:00'
    """

    def _serialize(self, value: Any, attr: str | None, obj: Any, **kwargs: Any) -> Any:
        if value is None:
            return None
        if value.tzinfo is not None:
            try:
                value = value.astimezone(timezone.utc)
            except OverflowError as error:
                raise marshmallow.ValidationError("has no UTC time between the years 1 and 9999") from error
        return value.replace(tzinfo=None).isoformat(timespec="seconds")

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        try:
            return datetime.strptime(value, "%Y-%m-%dT%H:%M:%S").replace(tzinfo=timezone.utc)
        except (TypeError, ValueError) as error:
            raise marshmallow.ValidationError("Not a time of the form YYYY-MM-DDTHH:MM:SS.") from error


class ModelAlias(fields.String):
    """A model id that travels as ``{"alias": id}``.

    Example:
        >>> ModelAlias().serialize("model_id", {"model_id": "3333333333333"})
        {'alias': '3333333333333'}
    """

    def _serialize(self, value: Any, attr: str | None, obj: Any, **kwargs: Any) -> Any:
        return None if value is None else {"alias": value}

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        if not isinstance(value, Mapping) or list(value) != ["alias"]:
            raise marshmallow.ValidationError('Not an object of the form {"alias": model id}.')
        return fields.String().deserialize(value["alias"], attr, data)


class PercentEncoded(fields.String):
    """A text for a header whose characters beyond ASCII travel percent-encoded, as UTF-8.

    ``%``, control characters and blanks at the ends are encoded too, so that every text comes back as it was.

    Example:
        >>> PercentEncoded().serialize("title", {"title": "図 1"})
        '%E5%9B%B3 1'
        >>> PercentEncoded().deserialize("%E5%9B%B3 1")
        '図 1'
    """

    def _serialize(self, value: Any, attr: str | None, obj: Any, **kwargs: Any) -> Any:
        if value is None:
            return None
        text = str(value)
        inner = text.strip(" ")
        ends = text.partition(inner) if inner else (text, "", "")
        return f"{quote(ends[0])}{quote(inner, safe=_HEADER_TEXT)}{quote(ends[2])}"

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        return unquote(super()._deserialize(value, attr, data, **kwargs))


class HeaderFamily(fields.Dict):
    """Header fields under one prefix, given as a mapping of the rest of their names to their values.

    Args:
        prefix: What all of their names begin with.
        values: The field of a value; by default texts, percent-encoded where they are not ASCII.
        settings: Whatever any field takes.

    Example:
        >>> HeaderFamily("x-abeja-meta-").serialize("metadata", {"metadata": {"title": "図 1"}})
        {'x-abeja-meta-title': '%E5%9B%B3 1'}
    """

    def __init__(self, prefix: str, values: fields.Field[Any] | None = None, **settings: Any) -> None:
        self.prefix = prefix
        name = fields.String(validate=Regexp(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+\Z", error="is no name of a header"))
        super().__init__(keys=name, values=values or PercentEncoded(), **settings)

    def _serialize(self, value: Any, attr: str | None, obj: Any, **kwargs: Any) -> Any:
        written = super()._serialize(value, attr, obj, **kwargs)  # type: ignore[no-untyped-call]  # marshmallow 4
        return None if written is None else {f"{self.prefix}{name}": text for name, text in written.items()}


class Content(fields.Field):  # type: ignore[type-arg]  # not generic in marshmallow 3
    """Bytes of any length: given as bytes, the path of a file, an open binary file, or an iterable of bytes.

    Args:
        content_type: The media type, in a part of a ``multipart/form-data`` body.
        settings: Whatever any field takes.

    Example:
        >>> Content(content_type="image/png").content_type
        'image/png'
    """

    #: What a caller may give.
    python_type = UploadContent
    kind = "bytes, Path, binary file or iterable of bytes"

    def __init__(self, *, content_type: str = "application/octet-stream", **settings: Any) -> None:
        self.content_type = content_type
        super().__init__(**settings)


class LocalPath(fields.String):
    """The path of a file on this machine. It does not travel.

    Example:
        >>> LocalPath().serialize("path", {"path": "a/b"})
        'a/b'
    """

    python_type = str | os.PathLike[str]
    kind = "str or Path"
    accepts = (str, os.PathLike)


class JSONObject(fields.Dict):
    """An object that the service may also send as a JSON string of one.

    Example:
        >>> JSONObject().deserialize('{"a": 1}')
        {'a': 1}
    """

    #: What a reader of an answer finds.
    wire_type = "dict[str, Any] | str"

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        if isinstance(value, str):
            try:
                value = json.loads(value)
            except (ValueError, RecursionError):
                raise self.make_error("invalid") from None
        return super()._deserialize(value, attr, data, **kwargs)  # type: ignore[no-untyped-call]  # marshmallow 4
