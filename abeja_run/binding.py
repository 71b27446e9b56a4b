"""From an endpoint to real methods: the real signature, annotations and docstring.

A wrong call fails as any Python call does, with ``TypeError``, before anything else. Sends nothing.
"""

from __future__ import annotations

import linecache
import warnings
from collections.abc import Callable
from typing import Any

from abeja_run.descriptors.endpoints import Endpoint
from abeja_run.methods import Method, methods
from abeja_run.values import python_type

__all__ = ["BoundEndpoint", "make_method"]


class BoundEndpoint:
    """Stands in a client class for a method until somebody looks it up, then gives way to it.

    So an endpoint that is never called costs nothing, and one that is called costs a plain function.
    """

    def __init__(self, endpoint: Endpoint, owner: type, name: str, *, awaited: bool = False) -> None:
        self._endpoint, self._owner, self._name, self._awaited = endpoint, owner, name, awaited

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        described = next(
            method for method in methods(self._endpoint, awaited=self._awaited) if method.name == self._name
        )
        made = make_method(described, self._owner)
        # Two threads may both come here; the methods are alike, and either may stay.
        setattr(self._owner, self._name, made)
        return made.__get__(instance, owner)


def make_method(method: Method, owner: type) -> Any:
    """A function with the method's parameters, which hands them to the client's attribute that carries it out.

    It is compiled from source, as dataclasses and named tuples are: no other way gives Python's own check of
    a call at the cost of a plain one. Only identifiers that the descriptor has checked become source.
    """
    filename = f"<abeja_run {owner.__qualname__}.{method.name}>"
    source = _source(method)
    namespace: dict[str, Any] = {
        "_endpoint": method.endpoint,
        "_both": _both,
        "_missing": _missing,
        "_warn": _warn,
        "_deprecated": {p.name: p.deprecated for p in method.endpoint.parameters},
    }
    exec(compile(source, filename, "exec"), namespace)  # noqa: S102
    # For tracebacks and inspect.getsource.
    linecache.cache[filename] = (len(source), None, source.splitlines(keepends=True), filename)
    function: Callable[..., Any] = namespace[method.name]
    function.__qualname__ = f"{owner.__qualname__}.{method.name}"
    function.__module__ = owner.__module__
    function.__doc__ = method.documentation()
    function.__annotations__ = _annotations(method)
    return function


def _annotations(method: Method) -> dict[str, Any]:
    annotations: dict[str, Any] = {}
    for parameter in method.endpoint.parameters:
        accepted: Any = str if parameter.field is None else python_type(parameter.field)
        for name in (parameter.name, *parameter.aliases):
            exact = parameter.required and not parameter.aliases
            annotations[name] = accepted if exact else accepted | None
    annotations |= {option.name: option.annotation for option in method.options}
    return {**annotations, "return": method.returns}


def _source(method: Method) -> str:
    parameters = method.endpoint.parameters
    aliases = [(alias, p.name) for p in parameters for alias in p.aliases]
    keywords = [f"{alias}=None" for alias, _ in aliases] + [f"{o.name}={o.default!r}" for o in method.options]
    # What has a second name cannot be required by the signature: it may come under either.
    signature = ["self", *(p.name if p.required and not p.aliases else f"{p.name}=None" for p in parameters)]
    if keywords:
        signature += ["*", *keywords]
    defined, returned = ("async def", "return await") if method.coroutine else ("def", "return")
    lines = [f"{defined} {method.name}({', '.join(signature)}):"]
    old = {alias for p in parameters for alias in p.deprecated_aliases}
    for alias, name in aliases:
        lines.append(f"    if {alias} is not None:")
        lines.append(f"        if {name} is not None: _both({method.name!r}, {name!r}, {alias!r})")
        if alias in old:
            lines.append(f"        _warn({method.name!r}, {alias!r}, 'it is called {name} now')")
        lines.append(f"        {name} = {alias}")
    for p in parameters:
        if p.required and p.aliases:
            lines.append(f"    if {p.name} is None: _missing({method.name!r}, {p.name!r})")
        if p.deprecated:
            lines.append(f"    if {p.name} is not None: _warn({method.name!r}, {p.name!r}, _deprecated[{p.name!r}])")
    arguments = ", ".join(f"{p.name!r}: {p.name}" for p in parameters)
    options = "".join(f", {option.name}={option.name}" for option in method.options)
    lines.append(f"    {returned} self.{method.target}(_endpoint, {{{arguments}}}{options})")
    return "\n".join(lines) + "\n"


def _both(function: str, name: str, alias: str) -> None:
    raise TypeError(f"{function}() got values for both '{name}' and '{alias}', which are the same parameter")


def _missing(function: str, name: str) -> None:
    raise TypeError(f"{function}() missing 1 required argument: '{name}'")


def _warn(function: str, name: str, why: str) -> None:
    # The line that is told is the caller's: this function, the method, the caller.
    warnings.warn(f"{function}(): {name} is deprecated: {why}", DeprecationWarning, stacklevel=3)
