"""The types of a client's methods, written out for editors and type checkers.

``python -m abeja_run.stubs mypackage.client`` writes ``client.pyi`` beside the module; ``--check`` says whether
it is stale. Reads the descriptors only.
"""

from __future__ import annotations

import argparse
import importlib
import inspect
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

from marshmallow import Schema, fields
from marshmallow.validate import OneOf

from abeja_run.base_client import BaseClient
from abeja_run.descriptors import Parameter
from abeja_run.exceptions import ConfigurationError, Error
from abeja_run.methods import Method, methods
from abeja_run.values import in_order, python_type

__all__ = ["main", "stub"]

#: What stands in an answer for a field of this class; the nearest base class decides.
_WIRE: dict[type[Any], str] = {
    fields.String: "str",
    fields.Integer: "int",
    fields.Float: "float",
    fields.Boolean: "bool",
    fields.DateTime: "str",
    fields.Date: "str",
    fields.Time: "str",
    fields.Mapping: "dict[str, Any]",
}


_IMPORTS = """\
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any, Literal

from typing_extensions import NotRequired, TypedDict
"""


def stub(module: ModuleType) -> str:
    """The text of the stub of a module that defines clients, and nothing else that is public.

    Example:
        >>> import abeja_run.client
        >>> "class APIClient(BaseClient):" in stub(abeja_run.client)
        True
    """
    clients = [
        value
        for value in vars(module).values()
        if isinstance(value, type) and issubclass(value, BaseClient) and value.__module__ == module.__name__
    ]
    schemas: dict[str, type[Schema]] = {}
    classes = "\n\n".join(_class(client, schemas) for client in clients)
    types = "".join(_typed_dict(schema) + "\n\n" for schema in schemas.values())
    bases = sorted({base for client in clients for base in client.__bases__}, key=lambda base: base.__module__)
    imports = "".join(f"from {base.__module__} import {base.__name__}\n" for base in bases)
    return (
        f"# Generated from the descriptors by: python -m abeja_run.stubs {module.__name__}\n\n"
        f"{_IMPORTS}\n"
        f"{imports}\n{types}{classes}"
    )


def _class(client: type[BaseClient], schemas: dict[str, type[Schema]]) -> str:
    lines = [f"class {client.__name__}({', '.join(base.__name__ for base in client.__bases__)}):"]
    for resource in client.resources:
        for endpoint in resource.endpoints.values():
            for schema in _nested(endpoint.returns):
                schemas.setdefault(schema.__name__, schema)
            lines += (textwrap.indent(_method(method), "    ") for method in methods(endpoint))
    return "\n".join(lines) + "\n"


def _nested(schema: type[Schema]) -> Iterator[type[Schema]]:
    """A schema after those it holds."""
    for field in in_order(schema()).values():
        inner = field.inner if isinstance(field, fields.List) else field
        if isinstance(inner, fields.Nested):
            yield from _nested(type(inner.schema))
    yield schema


def _typed_dict(schema: type[Schema]) -> str:
    lines = [f"class {schema.__name__}(TypedDict):", f'    """{schema.__doc__}"""', ""]
    for name, field in in_order(schema()).items():
        kind = _wire_type(field) + (" | None" if field.allow_none else "")
        lines.append(f"    {field.data_key or name}: {kind if field.required else f'NotRequired[{kind}]'}")
        lines.append(f'    """{field.metadata.get("description", "")}"""')
    return "\n".join(lines) + "\n"


def _wire_type(field: fields.Field[Any]) -> str:
    declared = getattr(field, "wire_type", None)
    if declared:
        return str(declared)
    if isinstance(field, fields.List):
        return f"list[{_wire_type(field.inner)}]"
    if isinstance(field, fields.Nested):
        return type(field.schema).__name__
    for validator in field.validators:
        if isinstance(validator, OneOf):
            return f"Literal[{', '.join(map(repr, validator.choices))}]"
    return next((_WIRE[cls] for cls in type(field).__mro__ if cls in _WIRE), "Any")


def _method(method: Method) -> str:
    parameters = method.endpoint.parameters
    lines = [f"def {method.name}(", "    self,"]
    lines += [f"    {_parameter(parameter, parameter.name)}," for parameter in parameters]
    keywords = [_parameter(parameter, alias) for parameter in parameters for alias in parameter.aliases]
    keywords += [f"{o.name}: {_type_text(o.annotation)} = {o.default!r}" for o in method.options]
    if keywords:
        lines += ["    *,", *(f"    {keyword}," for keyword in keywords)]
    kind = method.schema.__name__ if method.schema else "Any"
    lines.append(f") -> {f'Iterator[{kind}]' if method.iterates else kind}:")
    text = method.documentation().rstrip()
    lines.append(textwrap.indent(f'"""{text}\n"""', "    ").replace("\\", "\\\\"))
    return "\n".join(lines) + "\n"


def _parameter(parameter: Parameter, name: str) -> str:
    kind = "str" if parameter.field is None else _type_text(python_type(parameter.field))
    return f"{name}: {kind}" if parameter.required else f"{name}: {kind} | None = None"


def _type_text(annotation: Any) -> str:
    if annotation is Any:
        return "Any"
    text = inspect.formatannotation(annotation)
    for module in ("collections.abc.", "datetime.", "typing."):
        text = text.replace(module, "")
    return text


def main(arguments: list[str] | None = None) -> int:
    """The command: write stubs, or with ``--check`` tell which are stale.

    Returns:
        0, or 1 when a stub is stale or a module cannot be used.
    """
    parser = argparse.ArgumentParser(prog="python -m abeja_run.stubs", description="Write the types of clients.")
    parser.add_argument("module", nargs="+", help="a module that defines clients, such as mypackage.client")
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 if a stub is stale")
    options = parser.parse_args(arguments)
    stale = 0
    for name in options.module:
        try:
            module = importlib.import_module(name)
            path = _path(module)
        except (ImportError, Error) as error:
            print(f"Error: {name}: {error}", file=sys.stderr)
            return 1
        text = stub(module)
        if not options.check:
            path.write_text(text, encoding="utf-8")
        elif not path.exists() or path.read_text(encoding="utf-8") != text:
            print(f"{path.name} is stale; run: python -m abeja_run.stubs {name}", file=sys.stderr)
            stale = 1
    return stale


def _path(module: ModuleType) -> Path:
    if not module.__file__:
        raise ConfigurationError("it is no file")
    return Path(module.__file__).with_suffix(".pyi")


if __name__ == "__main__":
    sys.exit(main())
