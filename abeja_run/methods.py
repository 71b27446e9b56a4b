"""Which methods an endpoint gives a client, described for whoever makes, writes out or documents them.

Its own, and those that its descriptor's cursor and waiter declare. Makes nothing and sends nothing.
"""

from __future__ import annotations

import textwrap
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any, NamedTuple

from marshmallow import Schema, fields

from abeja_run.descriptors.endpoints import EMPTY, Endpoint
from abeja_run.descriptors.parameters import Parameter
from abeja_run.values import in_order, python_type

__all__ = ["Method", "Option", "methods"]

_WIDTH = 100


class Option(NamedTuple):
    """A keyword of a method that is no parameter of the endpoint."""

    name: str
    annotation: Any
    default: Any
    description: str


class Method(NamedTuple):
    """A method of a client.

    Attributes:
        name: Its name.
        endpoint: The endpoint it calls.
        target: The attribute of the client that carries it out.
        returns: The annotation of what it returns.
        field: The marshmallow field of what it returns, or of each item where it iterates; None if it is no JSON.
        iterates: Whether it returns an iterator.
        options: Its keywords beside the endpoint's parameters.
        summary: The first line of its docstring.
        notes: What else a caller must know.
        errors: The errors of its own: pairs of name and text.
        awaited: Whether it is a coroutine function, or returns an asynchronous iterator.
    """

    name: str
    endpoint: Endpoint
    target: str
    returns: Any
    field: fields.Field[Any] | None
    summary: str
    notes: str = ""
    iterates: bool = False
    options: tuple[Option, ...] = ()
    errors: tuple[tuple[str, str], ...] = ()
    awaited: bool = False

    @property
    def coroutine(self) -> bool:
        """Whether calling it gives a coroutine."""
        return self.awaited and not self.iterates

    @property
    def schema(self) -> type[Schema] | None:
        """The schema of what it returns, or of each item where it iterates; None where that is no object."""
        return type(self.field.schema) if isinstance(self.field, fields.Nested) else None

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
        answer = self.endpoint.answer
        if self.iterates and self.field is None:
            yield "    Whatever the page lists."
        elif self.field is None:
            yield _entry(f"{getattr(self.returns, '__name__', self.returns)}: {answer.description}")
        else:
            kept = "Unknown fields are kept." if answer.place == "body" else "Other headers are left out."
            yield from _told(self.field, kept, empty=None in getattr(self.returns, "__args__", ()))


def _told(field: fields.Field[Any], kept: str, *, empty: bool) -> Iterator[str]:
    """What a JSON answer is, and what its fields are."""
    inner = field.inner if isinstance(field, fields.List) else field
    kind = "list of dict" if field is not inner else "dict"
    also = " None after an empty answer." if empty else ""
    if not isinstance(inner, fields.Nested):
        name = getattr(python_type(field), "__name__", "Any")
        yield _entry(f"{name}: {field.metadata.get('description') or 'What the answer says.'}{also}")
        return
    schema = type(inner.schema)
    yield f"    {kind}: {' '.join((schema.__doc__ or schema.__name__).split())} {kept}{also}"
    for name, part in in_order(schema()).items():
        yield _entry(f"{part.data_key or name}: {part.metadata.get('description', '')}", depth=2)


_COMMON_ERRORS = (
    ("HttpError", "Any other error status."),
    ("ValidationError", "Arguments were refused; nothing was sent."),
    (
        "TransportError",
        "There is no complete answer; its subclasses say whether the request may have arrived.",
    ),
    ("InvalidResponse", "The answer is not what is described above."),
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


def methods(endpoint: Endpoint, *, awaited: bool = False) -> Iterator[Method]:
    """The methods of an endpoint.

    Args:
        endpoint: The endpoint.
        awaited: Whether they are those of an asynchronous client.

    Example:
        >>> from abeja_run.resources.runs import Runs
        >>> [method.name for method in methods(Runs.get_run)]
        ['get_run', 'wait_for_run']
    """
    answer = endpoint.answer
    returns = answer.annotation
    if answer.place == "body" and answer.annotation is not None and EMPTY & set(endpoint.success):
        returns |= None
    yield Method(
        endpoint.name,
        endpoint,
        "_call",
        returns,
        answer.field,
        endpoint.summary,
        notes=endpoint.description,
        awaited=awaited,
    )
    if endpoint.pages is not None:
        item = _item(endpoint, endpoint.pages.items)
        kind: Any = dict[str, Any] if isinstance(item, fields.Nested) else Any
        yield Method(
            endpoint.pages.name,
            endpoint,
            "_iterate",
            AsyncIterator[kind] if awaited else Iterator[kind],
            item,
            f"{endpoint.summary.rstrip('.')}: every item of every page.",
            notes=f"Asks {endpoint.name} for the next page when it is reached.",
            iterates=True,
            awaited=awaited,
        )
    if endpoint.waiter is not None:
        ends = " or ".join((*endpoint.waiter.success, *endpoint.waiter.failure))
        yield Method(
            endpoint.waiter.name,
            endpoint,
            "_wait",
            answer.annotation,
            answer.field,
            f"Wait until {endpoint.waiter.field} is {ends}.",
            notes=f"Asks {endpoint.name} again and again, with growing pauses, and bears faults in between.",
            options=_WAIT_OPTIONS,
            errors=_WAIT_ERRORS,
            awaited=awaited,
        )


def _item(endpoint: Endpoint, name: str) -> fields.Field[Any] | None:
    """The field of an item of a page."""
    told = in_order(endpoint.returns_schema) if name else {}
    field = next((one for key, one in told.items() if (one.data_key or key) == name), endpoint.answer.field)
    return field.inner if isinstance(field, fields.List) else None


def _argument(parameter: Parameter) -> str:
    accepted: Any = str if parameter.field is None else python_type(parameter.field)
    kind = getattr(parameter.field, "kind", "") or getattr(accepted, "__name__", str(accepted))
    others = ", ".join(parameter.current_aliases)
    also = f" Also as {others}." if others else ""
    if parameter.pattern:
        also += f" It matches {parameter.pattern}"
    if parameter.deprecated_aliases:
        also += f" Deprecated names: {', '.join(parameter.deprecated_aliases)}."
    if parameter.deprecated:
        also += f" Deprecated: {parameter.deprecated}"
    optional = "" if parameter.required else ", optional"
    return _entry(f"{parameter.name} ({kind}{optional}): {parameter.description}{also}")


def _entry(text: str, depth: int = 1) -> str:
    return textwrap.fill(text, _WIDTH, initial_indent="    " * depth, subsequent_indent="    " * (depth + 1))


def _first_line(error: type[Exception]) -> str:
    return (error.__doc__ or error.__name__).strip().splitlines()[0]
