"""The command ``demo``: the whole way once, on this machine, with everything cleared away behind it."""

from __future__ import annotations

import contextlib
import importlib.resources
import itertools
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.text import Text

from abeja_run.cli.declared import Command
from abeja_run.cli.errors import Failed
from abeja_run.cli.interruption import Interruption
from abeja_run.cli.output import Output, printable, styled_status
from abeja_run.cli.serving import local_platform
from abeja_run.cli.settings import Settings
from abeja_run.jobs import Client, Run, RunStatus
from abeja_run.transports import Urllib3Transport

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable  # Python 3.10 has it elsewhere

__all__ = ["demo"]

_DATALAKE = "$datalake:1"
_INPUT_CHANNEL = "1111111111111"
_OUTPUT_CHANNEL = "2222222222222"
_DATA = "measurements.csv"
#: Seconds for which each status stays visible, and between two looks: so that none is missed.
_PACE = 0.15
_LOOK = 0.03
_SHOWN_LINES = 6
_SIGNALLED = 128


@click.command(
    cls=Command,
    short_help="See it work, on this machine.",
    help="See it work: serve the local platform in a temporary folder, submit the example deployment to it, "
    "and show the statuses, the log and the output as they come.\n\nWrites text, or JSON lines with --json. "
    "Leaves nothing running and nothing behind.",
)
@click.option(
    "--keep",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="Use this folder, a new or empty one, and keep it.",
)
@click.pass_context
def demo(context: click.Context, keep: Path | None) -> None:
    output = context.ensure_object(Settings).output
    with contextlib.ExitStack() as stack:
        interruption = stack.enter_context(Interruption())
        folder = _kept(keep, context) if keep else _temporary(stack)
        _lay_out(folder)
        platform = stack.enter_context(
            local_platform()(
                folder / "code", folder / "datalake", state=folder / "state.sqlite", workers=1, timeout=60.0, pace=_PACE
            )
        )
        url = platform.serve().url
        transport = Urllib3Transport()
        stack.callback(transport.close)
        client = Client(
            platform.organization_id,
            platform.credential,
            timeout=30.0,
            max_retry_count=2,
            base_url=url,
            transport=transport,
        )
        deployment = client.deployment(platform.deployment_id)
        data = f"{_INPUT_CHANNEL}/{_DATA}"
        run = deployment.create(platform.version_id, {_DATALAKE: data}, {_DATALAKE: _OUTPUT_CHANNEL}, retry_count=0)
        for name, value in (("platform", url), ("input", data), ("run", run.run_id)):
            _tell_fact(output, name, value)
        signalled = _follow(run, output, interruption)
        if signalled is not None:
            context.exit(_SIGNALLED + signalled)
        if run.status != RunStatus.SUCCEEDED:
            raise Failed(f"The run ended {run.status}. Its log above says why.")
        _tell_output(output, folder / "datalake", run.run_id)
        if keep:
            _tell_fact(output, "kept", str(folder))


def _follow(run: Run, output: Output, interruption: Interruption) -> int | None:
    """Show every status and every line of the log once, as they come, a line never after the run's end.

    Returns:
        None at the end of the run, or the number of the signal that came before it.
    """
    started = time.monotonic()
    told, seen = None, 0
    while True:
        if run.status != told and not run.done:
            _tell_status(output, run, started)
        told = run.status
        # From the beginning each time: a log only grows at its end, so what was seen can be counted.
        for event in itertools.islice(run.logs(), seen, None):
            seen += 1
            line = {"message": event.message, "timestamp": event.timestamp.isoformat()}
            output.tell(line, Text(f"{'':11}{printable(event.message)}", "dim"))
        if run.done:
            _tell_status(output, run, started)
            return None
        signalled = interruption.wait(_LOOK)
        if signalled is not None:
            return signalled
        run.refresh()


def _tell_fact(output: Output, name: str, value: str) -> None:
    output.tell({name: value}, Text.assemble((f"{name:<11}", "dim"), printable(value)))


def _tell_status(output: Output, run: Run, started: float) -> None:
    seconds = time.monotonic() - started
    text = Text.assemble((f"{seconds:7.2f} s  ", "dim"), styled_status(str(run.status)))
    output.tell({"status": str(run.status), "seconds": round(seconds, 3)}, text)


def _tell_output(output: Output, datalake: Path, run_id: str) -> None:
    path = next((datalake / _OUTPUT_CHANNEL).glob(f"{run_id}_0*"))
    header, *rows = path.read_text(encoding="utf-8").splitlines()
    name, shown = f"{_OUTPUT_CHANNEL}/{path.name}", rows[:_SHOWN_LINES]
    text = Text.assemble(
        ("output     ", "dim"),
        f"{name}\n\n",
        (header, "bold"),
        *(f"\n{row}" for row in shown),
        (f"\n… {len(rows)} rows in all", "dim"),
    )
    output.tell({"output": name, "rows": len(rows), "beginning": [header, *shown]}, text)


def _temporary(stack: contextlib.ExitStack) -> Path:
    return Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="abeja-run-demo-")))


def _kept(folder: Path, context: click.Context) -> Path:
    if folder.exists() and any(folder.iterdir()):
        raise click.UsageError(f"--keep: {str(folder)!r} is not empty.", context)
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _lay_out(folder: Path) -> None:
    """The example's code and its data, as the platform expects them."""
    code, channel = folder / "code", folder / "datalake" / _INPUT_CHANNEL
    code.mkdir()
    channel.mkdir(parents=True)
    for file in _example().iterdir():
        if file.is_file():
            (channel if file.name == _DATA else code).joinpath(file.name).write_bytes(file.read_bytes())


def _example() -> Traversable:
    """The example deployment: installed with the package, or beside it where the package is used from its sources."""
    try:
        return importlib.resources.files("abeja_run.examples") / "iris"
    except ModuleNotFoundError:
        return Path(__file__).parents[2] / "examples" / "iris"
