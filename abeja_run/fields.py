"""Marshmallow fields for what this platform writes in its own way. For use in descriptors.

They know how a value looks on the wire and in Python, and nothing of endpoints.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Any, TypedDict

import marshmallow
from marshmallow import fields

__all__ = ["About", "Flag", "JSONObject", "ModelAlias", "UtcSeconds", "about"]


class About(TypedDict):
    """The metadata of a field that is a parameter; made by :func:`about`."""

    description: str
    omit_empty: bool
    aliases: tuple[str, ...]
    secret: bool


def about(description: str, *, omit_empty: bool = False, aliases: tuple[str, ...] = (), secret: bool = False) -> About:
    """Describe a parameter: the metadata of its marshmallow field.

    Args:
        description: A sentence for the reader of the documentation.
        omit_empty: Do not send an empty string, object or list, as if it had not been given.
        aliases: Further keywords for the same parameter; giving two of them is a ``TypeError``.
        secret: Never show the value, or a part of it, in an error.

    Example:
        >>> field = fields.String(metadata=about("The token of the next page.", omit_empty=True))
        >>> field.metadata["omit_empty"]
        True
    """
    return {"description": description, "omit_empty": omit_empty, "aliases": aliases, "secret": secret}


class Flag(fields.Boolean):
    """A boolean that travels as ``True`` or ``False``, as the published client sends it.

    Example:
        >>> Flag().serialize("scan_forward", {"scan_forward": True})
        'True'
    """

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
