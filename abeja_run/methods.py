"""Which methods an endpoint gives a client, described for whoever makes, writes out or documents them.

Its own, and those that its descriptor's cursor and waiter declare. Makes nothing and sends nothing.
"""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from marshmallow import Schema, fields

from abeja_run.descriptors import Endpoint, Parameter
from abeja_run.values import in_order, python_type

__all__ = ["Method", "Option", "methods"]

_WIDTH = 100


@dataclass(frozen=True, slots=True)
class Option:
    """A keyword of a method that is no parameter of the endpoint."""

    name: str
    annotation: Any
    default: Any
    description: str


@dataclass(frozen=True, slots=True)
class Method:
    """A method of a client.

    Attributes:
        name: Its name.
        endpoint: The endpoint it calls.
        target: The attribute of the client that carries it out.
        returns: The annotation of what it returns.
        schema: The schema of what it returns, or of each item where it iterates; None if there is none.
        iterates: Whether it returns an iterator.
        options: Its keywords beside the endpoint's parameters.
        summary: The first line of its docstring.
        notes: What else a caller must know.
        errors: The errors of its own: pairs of name and text.
    """

    name: str
    endpoint: Endpoint
    target: str
    returns: Any
    schema: type[Schema] | None
    summary: str
    notes: str = ""
    iterates: bool = False
    options: tuple[Option, ...] = ()
    errors: tuple[tuple[str, str], ...] = ()

    def documentation(self) -> str:
        """The docstring."""
        endpoint = self.endpoint
        parts = [self.summary]
        if self.notes:
            parts.append(textwrap.fill(self.notes, _WIDTH))
        parts.append(f"API reference: {endpoint.method} {endpoint.template}")
        arguments = [_argument(parameter) for parameter in endpoint.parameters]
        arguments += [_entry(f"{option.name}: {option.description}") for option in self.options]
        parts.append("\n".join(["Args:", *arguments]))
        parts.append("\n".join(["Yields:" if self.iterates else "Returns:", *self._returned()]))
        errors = [(error.__name__, _first_line(error)) for error in endpoint.raises]
        listed = (_entry(f"{name}: {text}") for name, text in (*errors, *self.errors, *_COMMON_ERRORS))
        parts.append("\n".join(["Raises:", *listed]))
        return "\n\n".join(parts) + "\n"

    def _returned(self) -> Iterator[str]:
        if self.schema is None:
            yield "    Whatever the page lists."
            return
        text = " ".join((self.schema.__doc__ or self.schema.__name__).split())
        yield f"    dict: {text} Unknown fields are kept."
        for name, field in in_order(self.schema()).items():
            yield _entry(f"{name}: {field.metadata.get('description', '')}", depth=2)


_COMMON_ERRORS = (
    ("HttpError", "Any other error status."),
    ("ValidationError", "Arguments were refused; nothing was sent."),
    (
        "TransportError",
        "There is no complete answer; its subclasses say whether the request may have arrived.",
    ),
    ("InvalidResponse", "The answer is not a JSON object."),
)
_WAIT_OPTIONS = (
    Option("timeout", float | None, None, "Seconds to wait at most; by default for ever."),
    Option("interval", float, 1.0, "Seconds of the first pause; each is half as long again as the one before."),
    Option("max_interval", float, 15.0, "Seconds of the longest pause."),
    Option(
        "on_change",
        Callable[[dict[str, Any]], object] | None,
        None,
        "Called with the answer whenever the state has changed.",
    ),
)
_WAIT_ERRORS = (
    ("WaitFailed", "It has come to a bad end."),
    ("WaitTimeout", "It has not ended in time."),
)


def methods(endpoint: Endpoint) -> Iterator[Method]:
    """The methods of an endpoint.

    Example:
        >>> from abeja_run.resources.runs import Runs
        >>> [method.name for method in methods(Runs.get_run)]
        ['get_run', 'wait_for_run']
    """
    answer = dict[str, Any]
    yield Method(
        endpoint.name, endpoint, "_call", answer, endpoint.returns, endpoint.summary, notes=endpoint.description
    )
    if endpoint.pages is not None:
        item = _item_schema(endpoint)
        yield Method(
            endpoint.pages.name,
            endpoint,
            "_iterate",
            Iterator[answer if item else Any],  # type: ignore[misc]  # built at run time
            item,
            f"{endpoint.summary.rstrip('.')}: every item of every page.",
            notes=f"Asks {endpoint.name} for the next page when it is reached.",
            iterates=True,
        )
    if endpoint.waiter is not None:
        ends = " or ".join((*endpoint.waiter.success, *endpoint.waiter.failure))
        yield Method(
            endpoint.waiter.name,
            endpoint,
            "_wait",
            answer,
            endpoint.returns,
            f"Wait until {endpoint.waiter.field} is {ends}.",
            notes=f"Asks {endpoint.name} again and again, with growing pauses, and bears faults in between.",
            options=_WAIT_OPTIONS,
            errors=_WAIT_ERRORS,
        )


def _item_schema(endpoint: Endpoint) -> type[Schema] | None:
    assert endpoint.pages is not None  # noqa: S101 - for the type checker
    field = endpoint.returns_schema.fields[endpoint.pages.items]
    inner = field.inner if isinstance(field, fields.List) else None
    return type(inner.schema) if isinstance(inner, fields.Nested) else None


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
