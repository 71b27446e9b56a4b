"""From an endpoint to a real method: the real signature, annotations and docstring.

A wrong call fails as any Python call does, with ``TypeError``, before anything else. Sends nothing.
"""

from __future__ import annotations

import linecache
import textwrap
from collections.abc import Callable
from typing import Any

from abeja_run.descriptors import Endpoint, Parameter
from abeja_run.values import python_type

__all__ = ["BoundEndpoint", "make_method"]

_WIDTH = 100


class BoundEndpoint:
    """Stands in a client class for a method until somebody looks it up, then gives way to it.

    So an endpoint that is never called costs nothing, and one that is called costs a plain function.
    """

    def __init__(self, endpoint: Endpoint, owner: type, name: str) -> None:
        self._endpoint, self._owner, self._name = endpoint, owner, name

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        method = make_method(self._endpoint, self._owner)
        # Two threads may both come here; the methods are alike, and either may stay.
        setattr(self._owner, self._name, method)
        return method.__get__(instance, owner)


def make_method(endpoint: Endpoint, owner: type) -> Callable[..., dict[str, Any]]:
    """The method of an endpoint: a function with its parameters, which hands them to ``self._call``.

    It is compiled from source, as dataclasses and named tuples are: no other way gives Python's own check of
    a call at the cost of a plain one. Only identifiers that the descriptor has checked become source.
    """
    filename = f"<abeja_run {endpoint.method} {endpoint.template}>"
    source = _source(endpoint)
    namespace: dict[str, Any] = {"_endpoint": endpoint, "_both": _both}
    exec(compile(source, filename, "exec"), namespace)  # noqa: S102
    # For tracebacks and inspect.getsource.
    linecache.cache[filename] = (len(source), None, source.splitlines(keepends=True), filename)
    method: Any = namespace[endpoint.name]
    method.__qualname__ = f"{owner.__qualname__}.{endpoint.name}"
    method.__module__ = owner.__module__
    method.__doc__ = documentation(endpoint)
    annotations: dict[str, Any] = {}
    for parameter in endpoint.parameters:
        accepted: Any = str if parameter.field is None else python_type(parameter.field)
        for name in (parameter.name, *parameter.aliases):
            annotations[name] = accepted if parameter.required else accepted | None
    annotations["return"] = dict[str, Any]
    method.__annotations__ = annotations
    function: Callable[..., dict[str, Any]] = method
    return function


def _source(endpoint: Endpoint) -> str:
    parameters = endpoint.parameters
    signature = ["self", *(p.name if p.required else f"{p.name}=None" for p in parameters)]
    aliases = [(alias, p.name) for p in parameters for alias in p.aliases]
    if aliases:
        signature += ["*", *(f"{alias}=None" for alias, _ in aliases)]
    lines = [f"def {endpoint.name}({', '.join(signature)}):"]
    for alias, name in aliases:
        lines.append(f"    if {alias} is not None:")
        lines.append(f"        if {name} is not None: _both({endpoint.name!r}, {name!r}, {alias!r})")
        lines.append(f"        {name} = {alias}")
    arguments = ", ".join(f"{p.name!r}: {p.name}" for p in parameters)
    lines.append(f"    return self._call(_endpoint, {{{arguments}}})")
    return "\n".join(lines) + "\n"


def _both(function: str, name: str, alias: str) -> None:
    raise TypeError(f"{function}() got values for both '{name}' and '{alias}', which are the same parameter")


def documentation(endpoint: Endpoint) -> str:
    """The docstring of an endpoint's method."""
    parts = [endpoint.summary]
    if endpoint.description:
        parts.append(textwrap.fill(endpoint.description, _WIDTH))
    parts.append(f"API reference: {endpoint.method} {endpoint.template}")
    parts.append("Args:\n" + "\n".join(map(_argument, endpoint.parameters)))
    returns = " ".join((endpoint.returns.__doc__ or endpoint.returns.__name__).split())
    fields = endpoint.returns_schema.fields.items()
    listed = [_entry(f"{name}: {field.metadata.get('description', '')}", depth=2) for name, field in fields]
    parts.append("\n".join([f"Returns:\n    dict: {returns} Unknown fields are kept.", *listed]))
    errors = [f"    {error.__name__}: {_first_line(error)}" for error in endpoint.raises]
    parts.append("\n".join(["Raises:", *errors, *_COMMON_ERRORS]))
    return "\n\n".join(parts) + "\n"


_COMMON_ERRORS = (
    "    HttpError: Any other error status.",
    "    ValidationError: Arguments were refused; nothing was sent.",
    "    TransportError: There is no complete answer; its subclasses say whether the request may have arrived.",
    "    InvalidResponse: The answer is not a JSON object.",
)


def _argument(parameter: Parameter) -> str:
    accepted: Any = str if parameter.field is None else python_type(parameter.field)
    kind = getattr(accepted, "__name__", str(accepted))
    also = f" Also as {', '.join(parameter.aliases)}." if parameter.aliases else ""
    optional = "" if parameter.required else ", optional"
    return _entry(f"{parameter.name} ({kind}{optional}): {parameter.description}{also}")


def _entry(text: str, depth: int = 1) -> str:
    return textwrap.fill(text, _WIDTH, initial_indent="    " * depth, subsequent_indent="    " * (depth + 1))


def _first_line(error: type[Exception]) -> str:
    return (error.__doc__ or error.__name__).strip().splitlines()[0]
