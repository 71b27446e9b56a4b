"""From a parameter of a descriptor to an option of a command, and from what is written there to an argument of a call.

Knows the kinds of fields and no endpoint.
"""

from __future__ import annotations

import decimal
import ipaddress
import sys
from collections.abc import Callable, Collection
from datetime import date, timedelta
from datetime import time as time_of_day
from pathlib import Path
from typing import Any

import click
from marshmallow import fields
from marshmallow.validate import OneOf

from abeja_run.cli import inputs
from abeja_run.descriptors.parameters import Parameter
from abeja_run.fields import Content, LocalPath

__all__ = ["argument", "option_for"]

_FILE = click.Path(exists=True, dir_okay=False, allow_dash=True, path_type=Path)
_REPEATED = "Can be repeated."
_JSON = {"type": inputs.json_value, "metavar": "JSON|@FILE|-"}


def option_for(parameter: Parameter, taken: Collection[str]) -> click.Option:
    """The option by which a parameter is given.

    Args:
        parameter: What it gives.
        taken: The options, and names of options, that the command has beside it.
    """
    name, flag = parameter.name, _flag(parameter.name)
    if name in taken or flag in taken:
        name = f"{parameter.location}_{parameter.name}"
        flag = _flag(name)
    attributes = _attributes(parameter)
    more = attributes.pop("more", "")
    aliases = [_flag(alias) for alias in parameter.current_aliases]
    flags = [flag, *(alias for alias in aliases if alias not in taken)]
    if attributes.get("is_flag"):
        flags = [f"{one}/--no-{one[2:]}" for one in flags]
    deprecated = f"Deprecated: {parameter.deprecated}" if parameter.deprecated else ""
    return click.Option(
        [name, *flags],
        required=parameter.required,
        help=" ".join(filter(None, (parameter.description, more, deprecated))),
        **attributes,
    )


def argument(parameter: Parameter, value: Any) -> Any:
    """The argument of a call, from the value of its option; None where that was not given."""
    field = parameter.field
    if value is None or value == ():
        return None
    if _is_texts(field):
        return {name: text for given in value for name, text in given.items()}
    if isinstance(field, fields.List) and isinstance(value, tuple):
        return [_meant(field.inner, item) for item in value]
    return value if field is None else _meant(field, value)


def _meant(field: fields.Field[Any], value: Any) -> Any:
    """What a value of an option stands for."""
    if isinstance(field, Content):
        # To be read when it is sent.
        return sys.stdin.buffer if str(value) == "-" else value
    choices = _choices(field)
    return choices[value] if choices else value


def _flag(name: str) -> str:
    return "--" + name.strip("_").replace("_", "-")


def _attributes(parameter: Parameter) -> dict[str, Any]:
    """What ``click.Option`` is told of a parameter."""
    field = parameter.field
    if field is None:
        variable = f"ABEJA_{parameter.name.upper()}"
        return {"type": str, "metavar": "TEXT", "envvar": variable, "show_envvar": True}
    if _is_texts(field):
        more = f"KEY alone takes its value from the environment, so that it stands in no list of processes. {_REPEATED}"
        return {"type": _texts, "metavar": "KEY[=VALUE]|@FILE|-", "multiple": True, "more": more}
    if isinstance(field, fields.List):
        inner = _plain(field.inner)
        return {**inner, "multiple": True, "more": _REPEATED} if inner else dict(_JSON)
    if isinstance(field, fields.Boolean) and not parameter.required:
        return {"is_flag": True, "default": None}
    if parameter.secret and isinstance(field, fields.String):
        more = "Only from a file or standard input, so that it stands in no list of processes."
        return {"type": _secret, "metavar": "@FILE|-", "more": more}
    return _plain(field) or dict(_JSON)


def _plain(field: fields.Field[Any]) -> dict[str, Any]:
    """The type of a value that is written as it is; empty for one that is written as JSON."""
    if isinstance(field, Content):
        return {"type": _FILE, "metavar": "FILE|-"}
    if isinstance(field, LocalPath):
        return {"type": click.Path(), "metavar": "FILE"}
    choices = _choices(field)
    if choices:
        return {"type": click.Choice(list(choices))}
    if isinstance(field, fields.TimeDelta):
        return {"type": _duration(field), "metavar": field.precision.upper()}
    kind: Any = type(field)
    return next(({"type": read, "metavar": shown} for cls, read, shown in _PLAIN if issubclass(kind, cls)), {})


def _read(read: Callable[[str], Any], example: str) -> Callable[[str], Any]:
    """A reader whose refusal shows what was expected."""

    def value(text: str) -> Any:
        try:
            return read(text)
        except (ValueError, ArithmeticError, KeyError) as error:
            raise click.BadParameter(f"{text!r} is not of the form {example}.") from error

    return value


#: How a text becomes the value of a field of this class; the first that fits counts.
_PLAIN: tuple[tuple[type[Any], Any, str], ...] = (
    (fields.Date, _read(date.fromisoformat, "2018-01-31"), "DATE"),
    (fields.Time, _read(time_of_day.fromisoformat, "09:30:00"), "TIME"),
    (fields.DateTime, inputs.time, "TIME"),
    (fields.Integer, int, "N"),
    (fields.Decimal, _read(decimal.Decimal, "12.5"), "NUMBER"),
    (fields.Number, float, "NUMBER"),
    (fields.Boolean, _read({"true": True, "false": False}.__getitem__, "true or false"), "true|false"),
    (fields.IPInterface, _read(ipaddress.ip_interface, "192.0.2.5/24"), "ADDRESS"),
    (fields.IP, _read(ipaddress.ip_address, "192.0.2.5"), "ADDRESS"),
    (fields.String, str, "TEXT"),
)


def _choices(field: fields.Field[Any]) -> dict[str, Any]:
    """The values that a field may have, by how they are written; empty where it does not name them all."""
    if isinstance(field, fields.Enum):
        return {member.name: member for member in field.enum}
    for validator in field.validators:
        if isinstance(validator, OneOf) and all(type(choice) in (str, int) for choice in validator.choices):
            return {str(choice): choice for choice in validator.choices}
    return {}


def _duration(field: fields.TimeDelta) -> Callable[[str], timedelta]:
    return _read(lambda text: timedelta(**{field.precision: float(text)}), f"12.5, a number of {field.precision}")


def _is_texts(field: fields.Field[Any] | None) -> bool:
    """Whether it is a mapping of names to texts."""
    return isinstance(field, fields.Mapping) and isinstance(field.value_field, fields.String)


def _texts(text: str) -> dict[str, Any]:
    """One text with its name, or a JSON object of several."""
    if text != "-" and not text.startswith("@"):
        return dict([inputs.variable(text)])
    found = inputs.json_value(text)
    if not isinstance(found, dict):
        raise click.BadParameter("it is not a JSON object.")
    return found


def _secret(text: str) -> str:
    """A text that must not stand on the command line, where everyone on the machine can read it."""
    named = inputs.content(text)
    if named is None:
        raise click.BadParameter("it is secret: give @FILE, or - for standard input.")
    try:
        return named.decode().removesuffix("\n").removesuffix("\r")
    except UnicodeDecodeError as error:
        raise click.BadParameter("it is not UTF-8.") from error
