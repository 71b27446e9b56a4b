"""The reference pages, written from the descriptors: one for each endpoint, and one that lists them.

Everything on them is said elsewhere: in the descriptors, and in the recordings of the examples.
"""

from __future__ import annotations

import json
import shlex
import textwrap
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from marshmallow import fields
from reference_examples import DOCUMENTED, ENVIRONMENT, Documented, arguments_of, body_of, endpoints, recorded

from abeja_run.cassettes.schema import (
    BodySchema,
    CassetteSchema,
    FaultSchema,
    InteractionSchema,
    RequestSchema,
    ResponseSchema,
)
from abeja_run.descriptors.endpoints import Endpoint
from abeja_run.descriptors.parameters import Parameter
from abeja_run.exceptions import HttpError, InvalidResponse, TransportError, ValidationError
from abeja_run.methods import Method, methods
from abeja_run.values import in_order
from abeja_run.written_types import WrittenTypes

__all__ = ["page", "pages", "python_example", "shell_example", "write"]

_PLACES = {"path": "path", "query": "query", "body": "body", "header": "header", "file": "this machine"}
_SHORT_LINE = 80
_ALWAYS: tuple[tuple[type[Exception], str], ...] = (
    (HttpError, "Any other error status."),
    (ValidationError, "Arguments were refused; nothing was sent."),
    (TransportError, "There is no complete answer; its subclasses say whether the request may have arrived."),
    (InvalidResponse, "The answer is not what is described above."),
)


def pages() -> dict[str, str]:
    """The text of every page by the name of its file."""
    found = {"index.rst": _index(), "cassette_file.rst": _cassette_file()}
    for name in endpoints():
        found[f"{name}.rst"] = page(name)
    return found


def write(folder: Path) -> None:
    """Write every page that is not there as it should be, and remove those of endpoints that are gone."""
    folder.mkdir(exist_ok=True)
    wanted = pages()
    for path in folder.glob("*.rst"):
        if path.name not in wanted:
            path.unlink()
    for name, text in wanted.items():
        path = folder / name
        # An untouched file is not read again by Sphinx.
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")


def _index() -> str:
    parts = [
        _heading("Endpoints", "="),
        "Each method of a client is made from the descriptor of an endpoint; so are these pages.",
    ]
    told = endpoints()
    for documented in DOCUMENTED:
        for resource in documented.client.resources:
            here = [one for name, one in resource.endpoints.items() if told[name] == (documented, one)]
            if not here:
                continue
            parts.append(_heading(resource.__name__, "-"))
            parts += filter(None, (_literal(resource.__doc__ or ""), documented.note))
            parts.append(f"All paths begin with ``{resource.path}``.")
            rows = [
                (
                    ", ".join(f":py:meth:`~{_class(documented)}.{method}`" for method in endpoint.method_names),
                    f"``{endpoint.method} {endpoint.template.removeprefix(resource.path) or '…'}``",
                    _literal(endpoint.summary),
                )
                for endpoint in here
            ]
            parts.append(_table(("Methods", "Request", "What it does"), rows, (38, 30, 32)))
    parts.append(".. toctree::\n   :hidden:\n\n" + "\n".join(f"   {name}" for name in told))
    return "\n\n".join(parts) + "\n"


def _class(documented: Documented) -> str:
    return f"{documented.module}.{documented.client.__name__}"


def _cassette_file() -> str:
    """The format of a cassette, from the schema that describes it."""
    parts = [_heading("The file of a cassette", "="), "Version 1, object by object; :doc:`/cassettes` shows a file."]
    for schema in (CassetteSchema, InteractionSchema, RequestSchema, ResponseSchema, FaultSchema, BodySchema):
        parts.append(_heading(schema.__name__.removesuffix("Schema"), "-"))
        parts.append(_literal((schema.__doc__ or "").partition("Example:")[0]))
        parts.append(_fields_table(schema(), _FileTypes()))
    parts.append("Members of other names are passed over.")
    return "\n\n".join(parts) + "\n"


class _FileTypes(WrittenTypes):
    """Objects of the file by the names of their headings."""

    def of_answer(self, field: fields.Field[Any]) -> str:
        return super().of_answer(field).replace("Schema", "")


def page(name: str) -> str:
    """The page of an endpoint."""
    documented, endpoint = endpoints()[name]
    types = WrittenTypes()
    own, *others = methods(endpoint)
    parts = [_heading(endpoint.name, "=")]
    parts += filter(None, (_literal(endpoint.summary), _literal(endpoint.description), documented.note))
    parts.append(f".. code-block:: http\n\n   {endpoint.method} {endpoint.template} HTTP/1.1")
    parts.append(_repeated(endpoint))
    parts.append(_signature(documented, own))
    parts.append(_heading("Parameters", "-"))
    rows = [_parameter(parameter, types) for parameter in endpoint.parameters]
    parts.append(_table(("Name", "Type", "Sent in", "Meaning"), rows, (21, 25, 9, 45)))
    parts.append(_heading("Answer", "-"))
    parts += _answer(own, types)
    parts.append(_heading("Errors", "-"))
    errors = [(error, (error.__doc__ or error.__name__).strip().splitlines()[0]) for error in endpoint.raises]
    parts.append(
        "\n".join(
            f"- :exc:`~{error.__module__}.{error.__name__}`: {_literal(text)}" for error, text in (*errors, *_ALWAYS)
        )
    )
    parts.append(_heading("Example", "-"))
    parts += _example(endpoint)
    for method in others:
        parts.append(_heading(method.name, "-"))
        parts.append(f"{_literal(method.summary)} {_literal(method.notes)}")
        parts.append(_signature(documented, method))
        if method.options:
            rows = [(f"``{option.name}``", _literal(option.description)) for option in method.options]
            parts.append("Beside the parameters above it takes, by name:")
            parts.append(_table(("Name", "Meaning"), rows, (25, 75)))
        if method.errors:
            parts.append("Beside the errors above it raises:")
            parts.append(
                "\n".join(f"- :exc:`~abeja_run.exceptions.{name}`: {_literal(text)}" for name, text in method.errors)
            )
        parts.append(_code("python", python_example(method)))
    return "\n\n".join(parts) + "\n"


def _repeated(endpoint: Endpoint) -> str:
    if endpoint.repeatable:
        return "Sent again after a fault; see :doc:`/retries`."
    return "Sent again only when the request cannot have arrived, and after 429; see :doc:`/retries`."


def _signature(documented: Documented, method: Method) -> str:
    """The method for the index, for links and for whoever reads."""
    written = [p.name if p.required else f"{p.name}=None" for p in method.endpoint.parameters]
    if method.options:
        written += ["*", *(f"{option.name}={option.default!r}" for option in method.options)]
    name = f"{documented.client.__name__}.{method.name}"
    return f".. py:method:: {name}({', '.join(written)})\n   :module: {documented.module}"


def _parameter(parameter: Parameter, types: WrittenTypes) -> tuple[str, ...]:
    kind = "str" if parameter.field is None else types.of_argument(parameter.field)
    text = _literal(parameter.description)
    if parameter.required:
        text += " **Required.**"
    if parameter.wire_name != parameter.name:
        text += f" Sent as ``{parameter.wire_name}``."
    if parameter.current_aliases:
        text += f" Also as {_names(parameter.current_aliases)}."
    if parameter.pattern:
        text += f" It matches ``{parameter.pattern}``."
    if parameter.deprecated_aliases:
        text += f" Deprecated names: {_names(parameter.deprecated_aliases)}."
    if parameter.deprecated:
        text += f" *Deprecated:* {_literal(parameter.deprecated)}"
    return f"``{parameter.name}``", f"``{kind}``", _PLACES[parameter.location], text


def _answer(method: Method, types: WrittenTypes) -> Iterator[str]:
    answer, schema = method.endpoint.answer, method.schema
    if schema is None:
        yield _literal(answer.description)
        return
    many = "A list of these: " if isinstance(answer.field, fields.List) else ""
    kept = "Fields that are not listed are kept." if answer.place == "body" else "Each is a header of the answer."
    yield f"{many}{_literal(' '.join((schema.__doc__ or '').split()))} {kept}"
    yield _fields_table(schema(), types)
    for name, field in in_order(schema()).items():
        inner = field.inner if isinstance(field, fields.List) else field
        if isinstance(inner, fields.Nested):
            yield f"Each of ``{name}``:"
            yield _fields_table(type(inner.schema)(), types)


def _fields_table(schema: Any, types: WrittenTypes) -> str:
    rows = []
    for name, field in in_order(schema).items():
        kind = types.of_answer(field) + (" | None" if field.allow_none else "")
        always = " Always there." if field.required else ""
        rows.append(
            (f"``{field.data_key or name}``", f"``{kind}``", _literal(field.metadata.get("description", "")) + always)
        )
    return _table(("Field", "Type", "Meaning"), rows, (22, 30, 48))


def python_example(method: Method) -> str:
    """A call of a method, with what the example of its endpoint is called with."""
    given = arguments_of(method.endpoint.name)
    lines = "".join(f"    {name}={_written(value)},\n" for name, value in given.items())
    call = f"client.{method.name}(\n{lines})"
    if method.iterates:
        return f"for item in {call}:\n    print(item)\n"
    return f"answer = {call}\nprint(answer)\n"


def shell_example(endpoint: Endpoint) -> str:
    """The command that does the same; what stands in the environment is not given."""
    from_environment = {name.removeprefix("ABEJA_").lower() for name in ENVIRONMENT}
    documented, _ = endpoints()[endpoint.name]
    words = [f"{documented.command} {endpoint.name}"]
    for name, value in arguments_of(endpoint.name).items():
        flag = f"--{name.replace('_', '-')}"
        if name in from_environment:
            continue
        if isinstance(value, bool):
            words.append(flag if value else f"--no-{flag[2:]}")
        else:
            words.append(f"{flag} {shlex.quote(value if isinstance(value, str) else json.dumps(value))}")
    one_line = " ".join(words)
    return f"{one_line}\n" if len(one_line) <= _SHORT_LINE else " \\\n    ".join(words) + "\n"


def _written(value: object) -> str:
    return json.dumps(value, ensure_ascii=False) if isinstance(value, (str, dict)) else repr(value)


def _example(endpoint: Endpoint) -> Iterator[str]:
    own = next(methods(endpoint))
    yield "In Python:"
    yield _code("python", python_example(own))
    told = ", ".join(f"``{name}``" for name in ENVIRONMENT)
    yield f"In the shell, with {told} and a credential in the environment:"
    yield _code("sh", shell_example(endpoint))
    first = recorded(endpoint.name)[0]
    sent = body_of(first.request)
    path = first.request.url.partition("//")[2].partition("/")[2]
    if sent is None:
        yield f"As JSON, the answer to ``{endpoint.method} /{path}``:"
    else:
        yield f"As JSON, sent with ``{endpoint.method} /{path}``:"
        yield _code("json", _json(sent))
        yield "and answered:"
    yield _code("json", _json(body_of(first.outcome)))


def _json(value: object) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"


def _code(language: str, text: str) -> str:
    return f".. code-block:: {language}\n\n{textwrap.indent(text.rstrip(), '   ')}"


def _heading(text: str, line: str) -> str:
    return f"{text}\n{line * len(text)}"


def _names(names: Iterable[str]) -> str:
    return ", ".join(f"``{name}``" for name in names)


def _literal(text: str) -> str:
    """Text that means nothing to Sphinx."""
    return "".join(f"\\{character}" if character in "*`|_\\" else character for character in " ".join(text.split()))


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]], widths: tuple[int, ...]) -> str:
    lines = [".. list-table::", "   :header-rows: 1", f"   :widths: {' '.join(map(str, widths))}", ""]
    for row in (head, *rows):
        lines += [f"   {'* -' if number == 0 else '  -'} {cell}" for number, cell in enumerate(row)]
    return "\n".join(lines)
