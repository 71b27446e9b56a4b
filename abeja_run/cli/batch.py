"""The command that submits a run for each line of a file."""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import click

from abeja_run.cli import options
from abeja_run.cli.declared import ServiceCommand, option
from abeja_run.cli.errors import Failed
from abeja_run.cli.output import remark
from abeja_run.cli.settings import Settings
from abeja_run.jobs import BatchResult
from abeja_run.resources.runs import Runs

__all__ = ["batch"]


@click.command(
    cls=ServiceCommand,
    help="Submit a run for each line of a file, once each.\n\nINPUTS: The file, or - for standard input. Each line is "
    "the input of a run, one JSON document.\n\nWrites what came of each line as it is there: JSON lines, or rows. One "
    "bad line does not stop the rest. With a journal, the same command takes up where an earlier one stopped, however "
    "that one ended. Ends with 1 where any line has no run, or with --wait where any run has failed.",
)
@click.argument("inputs")
@option(
    Runs.create_run,
    "version_id",
    "--version-id",
    metavar="ID",
    envvar="ABEJA_MODEL_VERSION_ID",
    show_envvar=True,
    required=True,
)
@options.organization
@options.deployment
@click.option(
    "--journal", metavar="FILE", help="Remembers what has been submitted; made where it does not exist. It is no input."
)
@click.option(
    "--max-in-flight",
    type=click.IntRange(min=1),
    default=8,
    show_default=True,
    metavar="N",
    help="How many requests are under way at a time; with --wait, how many runs are unfinished.",
)
@options.submission
@click.option("--wait", is_flag=True, help="Wait for the end of each run.")
@click.pass_obj
def batch(
    settings: Settings,
    /,
    organization_id: str | None,
    deployment_id: str,
    inputs: str,
    journal: str | None,
    max_in_flight: int,
    wait: bool,  # noqa: FBT001 - click gives it by its name
    **given: Any,
) -> None:
    with contextlib.ExitStack() as stack:
        file = sys.stdin.buffer if inputs == "-" else stack.enter_context(_opened(inputs))
        client = stack.enter_context(settings.client(organization_id))
        results = client.deployment(deployment_id).submit_many(
            inputs=_lines(file),
            journal=journal,
            max_in_flight=max_in_flight,
            wait=wait,
            **options.submitted_with(given),
        )
        # Whatever ends this command, what is under way has been noted before it is gone.
        counting = _Counting(stack.enter_context(contextlib.closing(results)))
        try:
            settings.output.results(counting, total=None if inputs == "-" else lambda: _count(inputs))
        except KeyboardInterrupt:
            results.close()
            remark("Stopped." if journal is None else "Stopped; the same command goes on from here.")
            raise
    if counting.failed:
        again = "" if journal is None else " The same command tries again those that have no run."
        raise Failed(f"{counting.failed} of {counting.total} failed.{again}")


class _NotJson(str):
    """A line that is not JSON; no input of a run can be one."""

    __slots__ = ()


class _Counting:
    """Results as they are written, and how many there were."""

    def __init__(self, results: Iterator[BatchResult]) -> None:
        self._results = results
        self.total = 0
        self.failed = 0

    def __iter__(self) -> Iterator[dict[str, Any]]:
        for result in self._results:
            self.total += 1
            self.failed += result.error is not None
            yield _told(result)


def _told(result: BatchResult) -> dict[str, Any]:
    """A result as it is written: the line counted from 1, and what there is to say of it."""
    told: dict[str, Any] = {"line": result.index + 1, "submission_id": result.submission_id}
    if result.run is not None:
        told["run_id"] = result.run.raw.get("run_id")
        told["status"] = result.run.raw.get("status")
    if isinstance(result.input_data, _NotJson):
        told["error"] = "the line is not JSON"
    elif result.error is not None:
        told["error"] = str(result.error)
    return told


def _lines(file: BinaryIO) -> Iterator[Any]:
    for line in file:
        try:
            yield json.loads(line)
        except (ValueError, RecursionError):
            yield _NotJson(line[:1000].decode("utf-8", "replace"))


def _opened(path: str) -> BinaryIO:
    try:
        return Path(path).open("rb")
    except OSError as error:
        told = f"{path!r} cannot be read: {error.strerror}."
        raise click.BadParameter(told, click.get_current_context(), param_hint="INPUTS") from error


def _count(path: str) -> int:
    with Path(path).open("rb") as file:
        return sum(1 for _ in file)
