"""The types of arguments and answers, written out as source: ``TypedDict`` for a schema, ``Literal`` for a choice.

Knows no client and writes no file.
"""

from __future__ import annotations

import enum
import inspect
import re
from collections.abc import Callable
from datetime import datetime
from typing import Any

from marshmallow import Schema, fields
from marshmallow.validate import OneOf

from abeja_run.fields import Content, LocalPath
from abeja_run.values import in_order, python_type

__all__ = ["WrittenTypes", "docstring"]

#: What stands in an answer for a field of this class; the nearest base class decides.
_WIRE: dict[type[Any], str] = {
    fields.String: "str",
    fields.Integer: "int",
    fields.Float: "float",
    fields.Decimal: "float",
    fields.Boolean: "bool",
    fields.DateTime: "str",
    fields.Date: "str",
    fields.Time: "str",
    fields.TimeDelta: "float",
}


class WrittenTypes:
    """Writes types, and remembers the classes and imports that they need.

    Example:
        >>> types = WrittenTypes()
        >>> types.of_answer(fields.List(fields.String(validate=OneOf(["a", "b"]))))
        "list[Literal['a', 'b']]"
    """

    def __init__(self) -> None:
        self._imports: set[tuple[str, str]] = set()
        self._written: dict[str, str] = {}
        self._names: dict[tuple[type[Schema], str], str] = {}

    def classes(self) -> str:
        """The source of every ``TypedDict`` that was named."""
        return "".join(f"{text}\n\n" for text in self._written.values())

    def imports(self, known: frozenset[str]) -> str:
        """The source of every import that is needed.

        Args:
            known: The modules whose names are there already.
        """
        needed = sorted((module, name) for module, name in self._imports if module not in known)
        return "".join(f"from {module} import {name}\n" for module, name in needed)

    def bring(self, kind: Any) -> str:
        """The name of a class that is imported."""
        name: str = kind.__qualname__
        self._imports.add((kind.__module__, name.partition(".")[0]))
        return name

    def annotation(self, annotation: Any) -> str:
        """A type that is no field's."""
        if annotation is None:
            return "None"
        # A generic alias is an instance of type too in Python 3.10.
        if isinstance(annotation, type) and not hasattr(annotation, "__args__") and annotation is not datetime:
            return self.bring(annotation)
        return _text(annotation)

    def of_argument(self, field: fields.Field[Any]) -> str:
        """What a caller gives for a field."""
        return self._of(field, self.of_argument, self._given)

    def of_answer(self, field: fields.Field[Any]) -> str:
        """What stands in an answer for a field."""
        return self._of(field, self.of_answer, self._told)

    def _of(
        self, field: fields.Field[Any], inner: Callable[[fields.Field[Any]], str], plain: Callable[[Any], str]
    ) -> str:
        if isinstance(field, fields.List):
            item = inner(field.inner)
            return f"list[{item} | None]" if field.inner.allow_none else f"list[{item}]"
        return plain(field)

    def _given(self, field: fields.Field[Any]) -> str:
        if isinstance(field, Content):
            self._imports.add(("abeja_run.sources", "UploadContent"))
            return "UploadContent"
        if isinstance(field, LocalPath):
            self._imports.add(("os", "PathLike"))
            return "str | PathLike[str]"
        if isinstance(field, fields.Nested):
            return self._typed_dict(type(field.schema), "Input", self.of_argument)
        if isinstance(field, fields.Enum):
            return self.bring(field.enum)
        if isinstance(field, fields.Mapping):
            return f"Mapping[str, {self.of_argument(field.value_field) if field.value_field else 'Any'}]"
        return _choices(field) or self.annotation(python_type(field))

    def _told(self, field: fields.Field[Any]) -> str:
        declared = getattr(field, "wire_type", None)
        if declared:
            return str(declared)
        if isinstance(field, fields.Nested):
            return self._typed_dict(type(field.schema), "", self.of_answer)
        if isinstance(field, fields.Enum):
            return _literal([member.value if field.by_value else member.name for member in field.enum])
        if isinstance(field, fields.Mapping):
            return f"dict[str, {self.of_answer(field.value_field) if field.value_field else 'Any'}]"
        if isinstance(field, fields.DateTime) and str(field.format).startswith("timestamp"):
            return "float"
        return _choices(field) or next((_WIRE[cls] for cls in type(field).__mro__ if cls in _WIRE), "Any")

    def _typed_dict(self, schema: type[Schema], suffix: str, of: Callable[[fields.Field[Any]], str]) -> str:
        """The name of the class that is written for a schema."""
        if (schema, suffix) in self._names:
            return self._names[schema, suffix]
        name, number = f"{schema.__name__}{suffix}", 2
        while name in self._names.values():
            # Two schemas of two resources may have one name.
            name, number = f"{schema.__name__}{suffix}{number}", number + 1
        self._names[schema, suffix] = name
        entries = []
        for key, field in in_order(schema()).items():
            kind = of(field) + (" | None" if field.allow_none else "")
            # A caller gives the schema's own names; they are translated where they differ on the wire.
            entries.append(
                (
                    key if suffix else field.data_key or key,
                    kind if field.required else f"NotRequired[{kind}]",
                    field.metadata.get("description", ""),
                )
            )
        # After the classes that it names, which were written meanwhile.
        self._written[name] = _source(name, inspect.cleandoc(schema.__doc__ or schema.__name__), entries)
        return name


def _source(name: str, documentation: str, entries: list[tuple[str, str, str]]) -> str:
    if not all(key.isidentifier() for key, _, _ in entries):
        members = "".join(f"    {key!r}: {kind},\n" for key, kind, _ in entries)
        return f'{name} = TypedDict("{name}", {{\n{members}}})\n'
    lines = [f"class {name}(TypedDict):", f"    {docstring(documentation)}", ""]
    for key, kind, description in entries:
        lines += [f"    {key}: {kind}", f"    {docstring(description)}"]
    return "\n".join(lines) + "\n"


def docstring(text: str) -> str:
    """The source of a docstring.

    Example:
        >>> len(docstring("a text")), docstring("a text")[3:-3]
        (12, 'a text')
    """
    escaped = text.replace("\\", "\\\\").replace('"""', '\\"\\"\\"')
    return f'"""{escaped}"""'


def _choices(field: fields.Field[Any]) -> str:
    """The values that a field may have, where it names them all; else an empty string."""
    for validator in field.validators:
        if isinstance(validator, OneOf):
            return _literal(list(validator.choices))
    return ""


def _literal(values: list[Any]) -> str:
    if values and all(isinstance(value, (str, int)) and not isinstance(value, enum.Enum) for value in values):
        return f"Literal[{', '.join(map(repr, values))}]"
    return ""


def _text(annotation: Any) -> str:
    return re.sub(r"\b(collections\.abc|datetime|typing)\.", "", inspect.formatannotation(annotation))
