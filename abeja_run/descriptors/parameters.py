"""One argument of a call: its name, its place in the request, and the marshmallow field that describes it.

Knows no endpoint.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import marshmallow
from marshmallow import Schema
from marshmallow.fields import Field

from abeja_run.values import in_order, problems, shown

__all__ = ["Parameter", "Variable", "of_field", "of_schema", "written"]


@dataclass(frozen=True)
class Variable:
    """A variable of a path, where its description alone does not say enough.

    Attributes:
        description: A sentence for the reader of the documentation.
        pattern: A regular expression that the whole of its value matches, before it is percent-encoded.

    Example:
        >>> Variable("The ID of the run.", pattern=r"run-[0-9]{16}").pattern
        'run-[0-9]{16}'
    """

    description: str
    pattern: str = ""


@dataclass(frozen=True, slots=True)
class Parameter:
    """One argument of a call, wherever in the request it travels.

    Attributes:
        name: The keyword in Python.
        wire_name: The name in the request.
        location: ``path``, ``query``, ``header`` or ``body``; ``file`` for what does not travel: where the answer
            goes on this machine.
        field: The marshmallow field that checks and writes it; None for a variable of the path.
        required: Whether a call must give it.
        description: For the documentation.
        aliases: Further keywords for it.
        omit_empty: Whether an empty value counts as not given.
        secret: Whether its value must never be shown.
        deprecated: Why it should not be given any more and what to give instead; empty if it is well.
        deprecated_aliases: Those of the aliases that should not be used any more.
        separator: What stands between the items of a list in a query; where it is empty, each item is a parameter
            of its own.
        pattern: The regular expression that a variable of the path must match; empty if there is none.
    """

    name: str
    wire_name: str
    location: str
    field: Field[Any] | None
    required: bool
    description: str
    aliases: tuple[str, ...] = ()
    omit_empty: bool = False
    secret: bool = False
    deprecated: str = ""
    deprecated_aliases: tuple[str, ...] = ()
    separator: str = ""
    pattern: str = ""

    @property
    def current_aliases(self) -> tuple[str, ...]:
        """Those of the aliases that are as good as the name."""
        return tuple(alias for alias in self.aliases if alias not in self.deprecated_aliases)


def of_field(name: str, field: Field[Any], location: str) -> Parameter:
    """The parameter that a field describes."""
    told: Mapping[str, Any] = field.metadata
    old = told.get("deprecated_aliases", ())
    return Parameter(
        name=name,
        wire_name=field.data_key or name,
        location=location,
        field=field,
        required=field.required,
        description=told.get("description", ""),
        aliases=(*told.get("aliases", ()), *old),
        omit_empty=told.get("omit_empty", False),
        secret=told.get("secret", False),
        deprecated=told.get("deprecated", ""),
        deprecated_aliases=old,
        separator=told.get("separator", ""),
    )


def of_schema(schema: type[Schema] | None, location: str) -> tuple[Parameter, ...]:
    """The parameters that the fields of a schema describe, in their order."""
    if schema is None:
        return ()
    return tuple(of_field(name, field, location) for name, field in in_order(schema()).items())


def written(parameters: tuple[Parameter, ...], arguments: Mapping[str, Any], errors: dict[str, str]) -> dict[str, Any]:
    """The arguments that travel, by their names on the wire and as they look there.

    Args:
        parameters: Those that are meant.
        arguments: A value for every parameter; None for one that is not given.
        errors: Filled with what is wrong, by the name of the parameter.
    """
    found: dict[str, Any] = {}
    for parameter in parameters:
        name, field, value = parameter.name, parameter.field, arguments[parameter.name]
        assert field is not None  # noqa: S101 - only a variable of the path has none
        if value is None:
            if parameter.required:
                errors[name] = "None is not allowed: it is required"
            elif field.dump_default is not marshmallow.missing:
                found[parameter.wire_name] = field.serialize(name, {})
            continue
        wrong = dict(problems(field, value, name, secret=parameter.secret))
        if wrong:
            errors.update(wrong)
        elif value or not parameter.omit_empty:
            try:
                found[parameter.wire_name] = field.serialize(name, arguments)
            except (marshmallow.ValidationError, ValueError, TypeError) as error:
                errors[name] = f"{shown(value, secret=parameter.secret)} {error}"
    return found
