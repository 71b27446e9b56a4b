"""The JSON Schema of fields and schemas, as apispec writes it.

What apispec cannot know of this package's fields stands here. Knows no endpoint.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from typing import Any

from marshmallow import RAISE, Schema, fields
from marshmallow.validate import ContainsOnly, Range, Regexp

from abeja_run.exceptions import MissingExtra
from abeja_run.fields import Content, Flag, JSONObject, ModelAlias, UtcSeconds
from abeja_run.values import in_order

try:
    from apispec import APISpec
    from apispec.ext.marshmallow import MarshmallowPlugin
except ImportError as error:
    raise MissingExtra("an OpenAPI document needs apispec: pip install 'abeja-run[openapi]'") from error

__all__ = ["OPENAPI", "WrittenSchemas", "described", "pattern"]

#: The version of OpenAPI.
OPENAPI = "3.1.0"
_END = r"\Z"
#: What a regular expression of JavaScript, and so of JSON Schema, lacks or writes in another way.
_PYTHON_ONLY = re.compile(r"\(\?(?:P|#|[aiLmsux]|\()|\\[AZ]|[*+?}]\+")
_SECONDS = "^[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])T([01][0-9]|2[0-3])(:[0-5][0-9]){2}$"

#: How this package's own fields look on the wire; the nearest base class decides.
_WIRE: dict[type[Any], Callable[[Any], dict[str, Any]]] = {
    Flag: lambda _: {"type": "string", "enum": ["True", "False"]},
    UtcSeconds: lambda _: {"type": "string", "pattern": _SECONDS, "examples": ["2018-01-01T00:00:00"]},
    ModelAlias: lambda _: {
        "type": "object",
        "properties": {"alias": {"type": "string"}},
        "required": ["alias"],
        "additionalProperties": False,
    },
    JSONObject: lambda _: {"type": ["object", "string"]},
    Content: lambda field: {"type": "string", "format": "binary", "contentMediaType": field.content_type},
}


class WrittenSchemas:
    """The schemas of one direction, as apispec writes them.

    Args:
        suffix: What follows the name of a schema whose name is taken.
        names: The names that are taken, of both directions.
        closed: Whether fields that a schema does not name are refused.
    """

    def __init__(self, suffix: str, names: set[str], *, closed: bool) -> None:
        self._suffix, self._names, self._closed = suffix, names, closed
        self._schemas: dict[str, Schema] = {}
        plugin = MarshmallowPlugin(schema_name_resolver=self._name)
        self._spec = APISpec("", "", OPENAPI, plugins=[plugin])
        converter = plugin.converter
        assert converter is not None  # noqa: S101 - made with the APISpec
        converter.add_attribute_function(_attributes)  # type: ignore[no-untyped-call]
        self._property: Callable[[Any], dict[str, Any]] = converter.field2property

    def of(self, field: fields.Field[Any] | None) -> dict[str, Any]:
        """What a field is described by."""
        return {} if field is None else self._property(field)

    def written(self) -> dict[str, Any]:
        """Every schema that was named."""
        found: dict[str, Any] = self._spec.to_dict().get("components", {}).get("schemas", {})
        return {name: self._completed(found[name], schema) for name, schema in self._schemas.items()}

    def _completed(self, told: dict[str, Any], schema: Schema) -> dict[str, Any]:
        properties = told["properties"]
        # marshmallow 3 does not always keep the order of the fields.
        ordered = [field.data_key or name for name, field in in_order(schema).items()]
        result = described({"type": "object"}, told.get("description") or type(schema).__doc__)
        result["properties"] = {name: properties[name] for name in ordered if name in properties}
        if "required" in told:
            result["required"] = [name for name in ordered if name in told["required"]]
        if self._closed and schema.unknown == RAISE:
            result["additionalProperties"] = False
        return result

    def _name(self, schema: Any) -> str:
        """Asked by apispec once for each schema that it writes."""
        schema = schema() if isinstance(schema, type) else schema
        name = type(schema).__name__
        base, number = f"{name}{self._suffix}", 2
        if name in self._names:
            name = base
        while name in self._names:
            name, number = f"{base}{number}", number + 1
        self._names.add(name)
        self._schemas[name] = schema
        return name


def _attributes(converter: Any, field: fields.Field[Any], ret: dict[str, Any]) -> dict[str, Any]:
    """What apispec does not know of a field, or does not write as JSON Schema has it; it calls this last of all."""
    _correct(field, ret)
    form = next((_WIRE[cls] for cls in type(field).__mro__ if cls in _WIRE), None)
    if form is not None:
        for key in ("type", "format", "enum", "additionalProperties"):
            ret.pop(key, None)
        ret |= form(field)
        if field.allow_none:
            kinds = ret["type"] if isinstance(ret["type"], list) else [ret["type"]]
            ret["type"] = [*kinds, "null"]
    elif isinstance(field, fields.Mapping) and field.key_field:
        names = converter.field2property(field.key_field)
        if names != {"type": "string"}:
            ret["propertyNames"] = names
    return {}


def _correct(field: fields.Field[Any], ret: dict[str, Any]) -> None:
    for key in [key for key, value in ret.items() if value is None and key != "default"]:
        del ret[key]
    deprecated = field.metadata.get("deprecated")
    if deprecated:
        ret["deprecated"] = True
        ret["description"] = f"{ret.get('description', '')} Deprecated: {deprecated}".strip()
    else:
        ret.pop("deprecated", None)
    if not ret.get("description"):
        ret.pop("description", None)
    for validator in field.validators:
        if isinstance(validator, Range):
            _exclude_ends(validator, ret)
        elif isinstance(validator, Regexp) and "pattern" in ret:
            ret |= pattern(ret.pop("pattern"), validator.regex.flags)
        elif isinstance(validator, ContainsOnly) and "items" in ret and "enum" in ret:
            ret["items"]["enum"] = ret.pop("enum")


def _exclude_ends(validator: Range, ret: dict[str, Any]) -> None:
    for inclusive, key, exclusive in (
        (validator.min_inclusive, "minimum", "exclusiveMinimum"),
        (validator.max_inclusive, "maximum", "exclusiveMaximum"),
    ):
        if not inclusive and key in ret:
            ret[exclusive] = ret.pop(key)


def pattern(expression: str, flags: int = 0) -> dict[str, str]:
    r"""A regular expression that matches from the beginning of a text on, as JSON Schema has it.

    One that only Python understands is told all the same, under a name of its own.

    Example:
        >>> pattern(r"ver-[0-9]+\Z"), pattern(r"(?i)ver")
        ({'pattern': '^(?:ver-[0-9]+)$'}, {'x-python-pattern': '(?i)ver'})
    """
    body = expression.removesuffix(_END)
    if flags & ~re.UNICODE or _PYTHON_ONLY.search(body):
        return {"x-python-pattern": expression}
    return {"pattern": f"^(?:{body})$" if body != expression else f"^(?:{body})"}


def described(told: dict[str, Any], text: str | None) -> dict[str, Any]:
    """What is told, with a description where there is one."""
    if text:
        told["description"] = inspect.cleandoc(text)
    return told
