"""The types of a client's methods, written out for editors and type checkers.

``python -m abeja_run.stubs mypackage.client`` writes ``client.pyi`` beside the module; ``--check`` says whether
it is stale. Reads the descriptors only.
"""

from __future__ import annotations

import argparse
import importlib
import re
import sys
import textwrap
from pathlib import Path
from types import ModuleType
from typing import Any

from abeja_run.descriptors.parameters import Parameter
from abeja_run.exceptions import ConfigurationError, Error
from abeja_run.methods import Method, methods
from abeja_run.resource_client import ResourceClient
from abeja_run.written_types import WrittenTypes, docstring

__all__ = ["main", "stub"]

#: What a stub may need beside the classes of its methods.
_IMPORTS = {
    "collections.abc": ("AsyncIterator", "Callable", "Iterator", "Mapping"),
    "datetime": ("datetime",),
    "typing": ("Any", "Literal"),
}


def stub(module: ModuleType) -> str:
    """The text of the stub of a module that defines clients, and nothing else that is public.

    Example:
        >>> import abeja_run.client
        >>> "class APIClient(BaseClient):" in stub(abeja_run.client)
        True
    """
    clients = _clients(module)
    types = WrittenTypes()
    classes = "\n\n".join(_class(client, types) for client in clients)
    for client in clients:
        for base in client.__bases__:
            if base.__module__ != module.__name__:
                types.bring(base)
    body = f"{types.classes()}{classes}"
    # Looked for as words: one that stands in a docstring alone is imported for nothing, which does no harm.
    needed = {m: [n for n in names if re.search(rf"\b{n}\b", body)] for m, names in _IMPORTS.items()}
    header = "".join(f"from {module} import {', '.join(names)}\n" for module, names in needed.items() if names)
    if "TypedDict" in body:
        header += "\nfrom typing_extensions import NotRequired, TypedDict\n"
    return (
        f"# Generated from the descriptors by: python -m abeja_run.stubs {module.__name__}\n\n"
        f"{header}\n{types.imports(frozenset({'builtins', *_IMPORTS}))}\n{body}"
    )


def _class(client: type[ResourceClient], types: WrittenTypes) -> str:
    lines = [f"class {client.__name__}({', '.join(base.__name__ for base in client.__bases__)}):"]
    inherited = {resource for base in client.__mro__[1:] for resource in getattr(base, "resources", ())}
    for resource in client.resources:
        for endpoint in resource.endpoints.values() if resource not in inherited else ():
            lines += (
                textwrap.indent(_method(method, types), "    ")
                for method in methods(endpoint, awaited=client.asynchronous)
            )
    return "\n".join([*lines, "    ..."] if len(lines) == 1 else lines) + "\n"


def _method(method: Method, types: WrittenTypes) -> str:
    parameters = method.endpoint.parameters
    lines = [f"{'async def' if method.coroutine else 'def'} {method.name}(", "    self,"]
    lines += [f"    {_parameter(parameter, parameter.name, types)}," for parameter in parameters]
    keywords = [_parameter(parameter, alias, types) for parameter in parameters for alias in parameter.aliases]
    keywords += [f"{o.name}: {types.annotation(o.annotation)} = {o.default!r}" for o in method.options]
    if keywords:
        lines += ["    *,", *(f"    {keyword}," for keyword in keywords)]
    lines.append(f") -> {_returned(method, types)}:")
    lines.append(textwrap.indent(docstring(f"{method.documentation().rstrip()}\n"), "    "))
    return "\n".join(lines) + "\n"


def _returned(method: Method, types: WrittenTypes) -> str:
    if method.field is None:
        return types.annotation(method.returns)
    kind = types.of_answer(method.field)
    if method.iterates:
        return f"AsyncIterator[{kind}]" if method.awaited else f"Iterator[{kind}]"
    return f"{kind} | None" if type(None) in getattr(method.returns, "__args__", ()) else kind


def _parameter(parameter: Parameter, name: str, types: WrittenTypes) -> str:
    kind = "str" if parameter.field is None else types.of_argument(parameter.field)
    return f"{name}: {kind}" if parameter.required and not parameter.aliases else f"{name}: {kind} | None = None"


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
        if name.endswith(".py"):
            parser.error(f"{name!r} is a file: name the module, such as mypackage.client")
        try:
            module = importlib.import_module(name)
            path = _path(module)
            hidden = _hidden(module)
        except (ImportError, Error) as error:
            print(f"Error: {name}: {error}", file=sys.stderr)
            return 1
        text = stub(module)
        if not options.check:
            path.write_text(text, encoding="utf-8")
            if hidden:
                told = f"{name}: what stands beside its clients is unknown to type checkers from now on"
                print(f"{told}, {', '.join(hidden)}: keep it in another module", file=sys.stderr)
        elif not path.exists() or path.read_text(encoding="utf-8") != text:
            print(f"{path.name} is stale; run: python -m abeja_run.stubs {name}", file=sys.stderr)
            stale = 1
    return stale


def _clients(module: ModuleType) -> list[type[ResourceClient]]:
    """The clients that a module defines."""
    return [
        value for value in _defined(module).values() if isinstance(value, type) and issubclass(value, ResourceClient)
    ]


def _hidden(module: ModuleType) -> list[str]:
    """What else a module defines that is public: its stub is all that a type checker looks at."""
    clients = _clients(module)
    return [name for name, value in _defined(module).items() if value not in clients and not name.startswith("_")]


def _defined(module: ModuleType) -> dict[str, Any]:
    """The classes and functions that a module defines."""
    return {name: value for name, value in vars(module).items() if getattr(value, "__module__", "") == module.__name__}


def _path(module: ModuleType) -> Path:
    if not getattr(module, "__file__", None):
        raise ConfigurationError("it is no file")
    if not _clients(module):
        # Written all the same, an empty stub would hide everything that is there.
        raise ConfigurationError("it defines no client")
    return Path(str(module.__file__)).with_suffix(".pyi")


if __name__ == "__main__":
    sys.exit(main())
