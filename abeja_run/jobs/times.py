"""The service's times as aware ``datetime`` objects."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

import marshmallow
from marshmallow import fields

__all__ = ["parsed_time"]

_ISO = fields.AwareDateTime(format="iso", default_timezone=timezone.utc)


def parsed_time(value: Any) -> datetime | None:
    """A time of an answer, aware; None if it is none.

    Example:
        >>> parsed_time("2018-01-01T00:00:00.000000Z")
        datetime.datetime(2018, 1, 1, 0, 0, tzinfo=datetime.timezone.utc)
    """
    try:
        time: datetime | None = _ISO.deserialize(value)
    except marshmallow.ValidationError:
        return None
    return time
