"""Where a command's data and remarks go: data to standard output, everything else to standard error.

Knows how runs and events look to a person and to a program, and nothing of how they are asked for.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import re
import sys
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from abeja_run.resources.runs import Runs

__all__ = ["Output", "printable", "remark"]

_STYLES = {"SUCCEEDED": "green", "FAILED": "red", "RUNNING": "cyan"}
#: What a terminal would act on, or what would make a text look like another one.
_UNPRINTABLE = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
#: Rows whose widths decide the columns of a table, and which are shown together.
_ROWS = 100
_COLUMNS = ("run", "status", "submitted", "version")
_SECRET = frozenset(name for name, field in Runs.get_run.returns_schema.fields.items() if field.metadata.get("secret"))


def printable(text: str) -> str:
    r"""The text with every character spelled out that a terminal would act on.

    Example:
        >>> printable("a\x1b[2Jb\u202e")
        'a\\x1b[2Jb\\u202e'
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(
        character.encode("unicode_escape").decode() if unicodedata.category(character) in _UNPRINTABLE else character
        for character in text
    )


class _Console(Console):
    """A console that leaves a closed pipe to the command, as every other way of writing does."""

    def on_broken_pipe(self) -> None:
        raise  # noqa: PLE0704 - called while the BrokenPipeError is handled


def _console(*, stderr: bool = False) -> Console:
    return _Console(stderr=stderr, markup=False, emoji=False, highlight=False)


def remark(text: str | Text) -> None:
    """Say something in passing, on standard error."""
    shown = Text(printable(text), "dim") if isinstance(text, str) else text
    _console(stderr=True).print(shown, soft_wrap=True)


class Output:
    """What a command hands over: JSON for programs, tables and colour for people.

    Args:
        as_json: Whether JSON was asked for; it is written too where standard output is no terminal.
    """

    def __init__(self, *, as_json: bool) -> None:
        self._json_asked_for = as_json
        self._as_json = as_json or not sys.stdout.isatty()
        self._console = _console()

    def answer(self, value: Any) -> None:
        """An answer as it is: a JSON document."""
        _write(value, indent=2)

    def line(self, value: Any) -> None:
        """One of many, as they come: a line of JSON."""
        _write(value)
        sys.stdout.flush()

    def text(self, text: str) -> None:
        """A text: as it is for a program, and so that no terminal acts on it for a person."""
        sys.stdout.write("\n".join(map(_text, text.split("\n"))) if sys.stdout.isatty() else text)

    def run(self, run: Mapping[str, Any]) -> None:
        """One run: a JSON document, or a list of its fields."""
        if self._as_json:
            _write(run, indent=2)
            return
        grid = Table(box=None, show_header=False, pad_edge=False)
        grid.add_column(style="dim", no_wrap=True)
        grid.add_column(overflow="fold")
        for name, value in run.items():
            if value not in (None, "", {}):
                grid.add_row(Text(printable(name.replace("_", " "))), _cell(name, value))
        self._console.print(grid)

    def runs(self, runs: Iterable[Any]) -> None:
        """Many runs, as they come: a line of JSON each, or rows of a table."""
        if self._as_json:
            for run in runs:
                _write(run)
            return
        widths: list[int] | None = None
        for some in _chunks(runs, _ROWS):
            rows = [_row(run) for run in some]
            table = Table(
                box=None, pad_edge=False, padding=(0, 3, 0, 0), show_header=widths is None, header_style="dim"
            )
            if widths is None:
                widths = [max(map(len, column)) for column in zip(_COLUMNS, *rows, strict=True)]
            for name, width in zip(_COLUMNS, widths, strict=True):
                table.add_column(name, min_width=width, overflow="fold")
            for row in rows:
                table.add_row(*row)
            self._console.print(table)
        if widths is None:
            remark("There are no runs.")

    def results(self, results: Iterable[Mapping[str, Any]], total: Callable[[], int] | None) -> None:
        """What came of the lines of a batch, as it is there: a line of JSON each, or rows; with a bar for people.

        Args:
            results: For each line a mapping with ``line``, and of ``run_id``, ``status``, ``error`` what there is.
            total: Counts the lines, where they can be counted.
        """
        # Where rows and bar are on one terminal, they must come from one console.
        console = _console(stderr=True) if self._as_json else self._console
        hidden = not console.is_terminal or (self._as_json and sys.stdout.isatty())
        columns = (BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TextColumn("{task.fields[failed]}"))
        failed = 0
        with contextlib.ExitStack() as stack:
            progress = None
            # Not one that is disabled: some versions of rich end it with an empty line all the same.
            if not hidden:
                progress = stack.enter_context(
                    Progress(*columns, console=console, transient=True, redirect_stdout=False, redirect_stderr=False)
                )
                bar = progress.add_task("", total=None if total is None else total(), failed="")
            for result in results:
                if self._as_json:
                    _write(result)
                    sys.stdout.flush()
                else:
                    console.print(_result(result), soft_wrap=True)
                failed += "error" in result
                if progress is not None:
                    progress.update(bar, advance=1, failed=f"{failed} failed" if failed else "")

    def events(self, events: Iterable[Any]) -> None:
        """Events of a log, as they come: a line of JSON each, or the time and the line."""
        for event in events:
            if self._as_json:
                _write(event)
                sys.stdout.flush()
            else:
                line = Text.assemble((_time(_field(event, "timestamp")), "dim"), "  ", _text(_field(event, "message")))
                self._console.print(line, soft_wrap=True)

    def records(self, records: Iterable[Mapping[str, Any]]) -> None:
        """Objects of the same members: a line of JSON each, or rows of a table with a column for each member."""
        if self._as_json:
            for record in records:
                _write(record)
            return
        table: Table | None = None
        for record in records:
            if table is None:
                table = Table(box=None, pad_edge=False, padding=(0, 3, 0, 0), header_style="dim")
                for name, value in record.items():
                    table.add_column(
                        name.replace("_", " "), overflow="fold", justify="right" if isinstance(value, int) else "left"
                    )
            table.add_row(*(Text("" if value is None else _text(value)) for value in record.values()))
        if table is not None:
            self._console.print(table)

    def tell(self, value: Mapping[str, Any], text: Text) -> None:
        """A piece of a story: a line of JSON only where that was asked for, since stories are for people."""
        if self._json_asked_for:
            _write(value)
            sys.stdout.flush()
        else:
            self._console.print(text, soft_wrap=True)

    def status(self, status: str, seconds: float) -> None:
        """A change of a run's status, in passing.

        Args:
            status: The new one.
            seconds: How long it has been followed.
        """
        remark(Text.assemble((f"{seconds:7.1f} s  ", "dim"), styled_status(status)))


def styled_status(status: str) -> Text:
    """A status in its colour."""
    return Text(printable(status), _STYLES.get(status, "yellow"))


def written(value: Any, indent: int | None = None) -> str:
    """A value as JSON that no terminal acts on; it reads back as the same value."""
    unicode = (sys.stdout.encoding or "").lower().replace("-", "") == "utf8"
    text = json.dumps(value, ensure_ascii=not unicode, indent=indent, default=str)
    # All of these stand inside of strings, where JSON allows every character to be escaped.
    return re.sub(r"[^\n -~]", _escaped, text)


def _escaped(match: re.Match[str]) -> str:
    character = match.group()
    return (
        json.dumps(character)[1:-1]
        if unicodedata.category(character) in _UNPRINTABLE or character == "\x7f"
        else character
    )


def _write(value: Any, indent: int | None = None) -> None:
    sys.stdout.write(written(value, indent) + "\n")


def _chunks(items: Iterable[Any], size: int) -> Iterator[list[Any]]:
    iterator = iter(items)
    while chunk := list(itertools.islice(iterator, size)):
        yield chunk


def _field(answer: Any, name: str) -> Any:
    """A field of what should be an object; what a service sends in its stead must be shown all the same."""
    return answer.get(name, "") if isinstance(answer, Mapping) else answer


def _text(value: Any) -> str:
    return printable(value.replace("\t", "    ") if isinstance(value, str) else json.dumps(value, ensure_ascii=False))


def _time(value: Any) -> str:
    """A time of the service without the parts that do not help a reader; what is no time stays as it is."""
    match = (
        re.fullmatch(r"(\d{4}-\d\d-\d\d)T(\d\d:\d\d:\d\d)(\.\d+)?(Z|\+00:?00)", value)
        if isinstance(value, str)
        else None
    )
    return f"{match[1]} {match[2]}" if match else _text(value)


def _row(run: Any) -> Sequence[Text]:
    return (
        Text(_text(_field(run, "run_id"))),
        styled_status(_text(_field(run, "status"))),
        Text(_time(_field(run, "created_at"))),
        Text(_text(_field(run, "model_version_id"))),
    )


def _result(result: Mapping[str, Any]) -> Text:
    text = Text(f"{result['line']:>6}  ")
    if "run_id" in result:
        text.append_text(Text.assemble(_text(result["run_id"]), "  ", styled_status(_text(result["status"])), "  "))
    if "error" in result:
        first, *between = result["error"].split("\n")
        # Of the last lines of a run that has failed the very last say why; JSON has them all.
        shown = [first, *(["…"] if between[:-2] else []), *between[-2:]]
        text.append(_text(" ".join(" ".join(shown).split())), "red")
    return text


def _cell(name: str, value: Any) -> Text:
    if name == "status" and isinstance(value, str):
        return styled_status(value)
    if name in _SECRET and isinstance(value, Mapping):
        return Text(printable(", ".join(value)) + " (values not shown)")
    return Text(_time(value) if name.endswith("_at") else _text(value))
