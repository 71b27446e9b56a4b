"""A marshmallow field seen from Python: the type a caller gives, and what is wrong with a value.

marshmallow's own dump coerces (``3.7`` to ``3``, ``5`` to ``"5"``); a caller's slip must be refused instead.
"""

from __future__ import annotations

import datetime as dt
import decimal
import functools
import uuid
from collections.abc import Iterator, Mapping
from typing import Any

import marshmallow
from marshmallow import fields

__all__ = ["in_order", "problems", "python_type", "shown", "text_of"]

#: What a caller may give for a field of this class; the nearest base class decides.
_TYPES: dict[type[Any], tuple[type[Any], ...]] = {
    fields.String: (str,),
    fields.UUID: (str, uuid.UUID),
    fields.Integer: (int,),
    fields.Float: (float, int),
    fields.Decimal: (decimal.Decimal, int),
    fields.Boolean: (bool,),
    fields.DateTime: (dt.datetime,),
    fields.Date: (dt.date,),
    fields.Time: (dt.time,),
    fields.TimeDelta: (dt.timedelta,),
    fields.Mapping: (Mapping,),
    fields.Nested: (Mapping,),
    fields.List: (list, tuple),
}


def _accepted(field: fields.Field[Any]) -> tuple[type[Any], ...]:
    kind: Any = type(field)  # mypy takes the hash of a class for that of its instances
    accepted = _accepted_by(kind)
    return (field.enum,) if isinstance(field, fields.Enum) else accepted


@functools.lru_cache(maxsize=256)
def _accepted_by(kind: type[Any]) -> tuple[type[Any], ...]:
    # A field of one's own may say it itself.
    own: tuple[type[Any], ...] | None = getattr(kind, "accepts", None)
    return own or next((_TYPES[cls] for cls in kind.__mro__ if cls in _TYPES), ())


def python_type(field: fields.Field[Any]) -> Any:
    """The annotation of a parameter that this field describes.

    Example:
        >>> python_type(fields.Dict(keys=fields.String(), values=fields.Integer()))
        collections.abc.Mapping[str, int]
    """
    own = getattr(field, "python_type", None)
    if own is not None:
        return own
    if isinstance(field, fields.List):
        return list[python_type(field.inner)]  # type: ignore[misc]  # built at run time
    accepted = _accepted(field)
    if not accepted:
        return Any
    if isinstance(field, fields.Nested):
        return Mapping[str, Any]
    if isinstance(field, fields.Mapping):
        value: Any = python_type(field.value_field) if field.value_field else Any
        return Mapping[str, value]
    return accepted[0]


def shown(value: object, *, secret: bool = False) -> str:
    """A value as an error names it: short, on one line, with its type; the type alone if it is secret.

    Example:
        >>> shown("5"), shown("hunter2", secret=True)
        ("'5' (str)", 'a value of type str')
    """
    if secret:
        return f"a value of type {type(value).__name__}"
    text = ascii(value)
    if len(text) > 80:
        text = f"{text[:60]}…{text[-15:]}"
    return f"{text} ({type(value).__name__})"


def problems(field: fields.Field[Any], value: object, name: str, *, secret: bool = False) -> Iterator[tuple[str, str]]:
    """What is wrong with a caller's value: pairs of the place in it and a sentence; none if all is well.

    Example:
        >>> list(problems(fields.Integer(), 3.7, "retry_count"))
        [('retry_count', '3.7 (float) is not of type int')]
    """
    accepted = _accepted(field)
    wrong_type = accepted and not isinstance(value, accepted)
    # bool is an int, and datetime a date, in Python only.
    if isinstance(value, bool) and bool not in accepted:
        wrong_type = bool(accepted)
    if isinstance(value, dt.datetime) and accepted == (dt.date,):
        wrong_type = True
    if wrong_type:
        yield name, f"{shown(value, secret=secret)} is not of type {' or '.join(t.__name__ for t in accepted)}"
        return
    yield from _inner_problems(field, value, name, secret=secret)
    for validator in field.validators:
        try:
            accepts = validator(value)
        except marshmallow.ValidationError as error:
            yield name, f"{shown(value, secret=secret)}: {' '.join(_texts(error.messages))}"
        else:
            # marshmallow 3 also counts a returned False as a refusal.
            if accepts is False:
                yield name, f"{shown(value, secret=secret)} is not allowed"


def _inner_problems(field: fields.Field[Any], value: Any, name: str, *, secret: bool) -> Iterator[tuple[str, str]]:
    if isinstance(field, fields.List):
        for index, item in enumerate(value):
            yield from problems(field.inner, item, f"{name}[{index}]", secret=secret)
    elif isinstance(field, fields.Nested):
        yield from _schema_problems(field.schema, value, name, secret=secret)
    elif isinstance(field, fields.Mapping):
        for key, item in value.items():
            if field.key_field:
                yield from problems(field.key_field, key, f"{name} key", secret=secret and not isinstance(key, str))
            if field.value_field:
                place = f"{name}[{shown(key).rpartition(' ')[0]}]"
                yield from problems(field.value_field, item, place, secret=secret)


def in_order(schema: marshmallow.Schema) -> dict[str, fields.Field[Any]]:
    """The fields of a schema in the order of their declaration, which marshmallow 3 does not always keep.

    Example:
        >>> list(in_order(marshmallow.Schema.from_dict({"b": fields.String(), "a": fields.String()})()))
        ['b', 'a']
    """
    declared = schema._declared_fields  # noqa: SLF001 - there is no public name for it
    return {name: schema.fields[name] for name in declared if name in schema.fields}


def _schema_problems(schema: marshmallow.Schema, value: Any, name: str, *, secret: bool) -> Iterator[tuple[str, str]]:
    for key in value:
        if key not in schema.fields:
            yield f"{name}.{key}", f"is not one of {', '.join(in_order(schema))}"
    for key, part in in_order(schema).items():
        if value.get(key) is not None:
            yield from problems(part, value[key], f"{name}.{key}", secret=secret)
        elif part.required:
            yield f"{name}.{key}", "is required"


def text_of(value: object) -> str:
    """A written value as it stands in a query, a header or a part of a form: ``true`` and ``false`` for a boolean.

    Example:
        >>> text_of(True), text_of(1.5)
        ('true', '1.5')
    """
    return str(value).lower() if isinstance(value, bool) else str(value)


def _texts(messages: Any) -> Iterator[str]:
    if isinstance(messages, Mapping):
        for part in messages.values():
            yield from _texts(part)
    elif isinstance(messages, list):
        for part in messages:
            yield from _texts(part)
    else:
        yield str(messages)
