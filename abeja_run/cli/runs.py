"""The commands about runs on a service, each a call or two of the client and a way of showing the answer."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator, Mapping
from datetime import datetime, timezone
from typing import Any

import click
from rich.text import Text

from abeja_run.cli import inputs, options
from abeja_run.cli.declared import ServiceCommand, described, option
from abeja_run.cli.errors import Failed
from abeja_run.cli.options import DATALAKE
from abeja_run.cli.output import remark, styled_status
from abeja_run.cli.settings import Settings
from abeja_run.exceptions import HttpError, RunFailed, WaitTimeout
from abeja_run.jobs import Run
from abeja_run.resources.runs import Runs

__all__ = ["logs", "show", "show_runs", "submit", "wait"]

_MAX_INTERVAL = 15.0
#: After these a run may exist although the answer was an error.
_OUTCOME_OPEN = frozenset({500, 502, 503, 504})

_run = click.argument("run_id")


@click.command(
    cls=ServiceCommand,
    help=f"{Runs.create_run.summary}\n\nVERSION_ID: {described(Runs.create_run, 'version_id')} "
    "[env var: ABEJA_MODEL_VERSION_ID]\n\nWrites the run: one JSON document, or a list of its fields. "
    "Sends nothing again that may have arrived.",
)
@click.argument("version_id", envvar="ABEJA_MODEL_VERSION_ID")
@options.organization
@options.deployment
@option(Runs.create_run, "input_data", "--input", type=inputs.json_value, metavar="JSON|@FILE|-")
@click.option(
    "--datalake",
    type=inputs.datalake_file,
    metavar="CHANNEL/FILE",
    help=f'Short for --input \'{{"{DATALAKE}": "CHANNEL/FILE"}}\'.',
)
@options.submission
@click.option(
    "--once", is_flag=True, help="Where the answer is lost, look for the run, and submit again if there is none."
)
@click.option(
    "--submission-id", metavar="ID", help="With --once: an ID that was used before gives the run that exists."
)
@click.option("--wait", "waiting", is_flag=True, help="Then wait until the run has ended.")
@click.pass_obj
def submit(
    settings: Settings,
    /,
    organization_id: str | None,
    deployment_id: str,
    datalake: str | None,
    once: bool,  # noqa: FBT001 - click gives it by its name, as the next one
    submission_id: str | None,
    waiting: bool,  # noqa: FBT001
    **parameters: Any,
) -> None:
    parameters["input_data"] = options.either(parameters["input_data"], "--input", datalake, "--datalake")
    parameters = options.submitted_with(parameters)
    if submission_id is not None and not once:
        raise click.UsageError("--submission-id says which submission is meant with --once.", _context())
    with settings.client(organization_id) as client:
        deployment = client.deployment(deployment_id)
        try:
            run = (
                deployment.submit(**parameters, submission_id=submission_id)
                if once
                else deployment.create(**parameters)
            )
        except HttpError as error:
            if error.status_code in _OUTCOME_OPEN:
                remark("The run may have been started all the same: see 'abeja-run list' before you submit it again.")
            raise
        if waiting:
            remark(f"Submitted {run.run_id}.")
            _wait(settings, run, timeout=None, interval=1.0)
        else:
            settings.output.run(run.raw)


@click.command(
    "list",
    cls=ServiceCommand,
    help=f"{Runs.get_runs.summary}\n\nWrites all of them, each page when it is reached: JSON lines, or a table.",
)
@options.organization
@options.deployment
@click.option("--limit", type=click.IntRange(min=1), metavar="N", help="How many at most; by default all.")
@option(Runs.get_runs, "scan_forward", "--oldest-first", is_flag=True, default=None)
@click.pass_obj
def show_runs(
    settings: Settings,
    organization_id: str | None,
    deployment_id: str,
    limit: int | None,
    scan_forward: bool | None,  # noqa: FBT001 - click gives it by its name
) -> None:
    with settings.client(organization_id) as client:
        runs = client.api.iter_runs(client.organization_id, deployment_id, scan_forward=scan_forward)
        settings.output.runs(itertools.islice(runs, limit))


@click.command(cls=ServiceCommand, help=f"{Runs.get_run.summary}\n\nWrites one JSON document, or a list of its fields.")
@_run
@options.organization
@options.deployment
@click.pass_obj
def show(settings: Settings, run_id: str, organization_id: str | None, deployment_id: str) -> None:
    with settings.client(organization_id) as client:
        settings.output.run(client.api.get_run(client.organization_id, deployment_id, run_id))


@click.command(
    cls=ServiceCommand,
    help=f"{Runs.get_run_logs.summary}\n\nWrites all pages of it: JSON lines, or the time in UTC and the line. "
    "How a run that is followed has ended goes to standard error. "
    "A TIME is written as 2018-01-01T09:00:00Z, in UTC unless it has another offset.",
)
@_run
@options.organization
@options.deployment
@click.option("--recent", type=click.IntRange(min=1), metavar="N", help="Only the last N lines.")
@click.option("--follow", "-f", is_flag=True, help="Go on as the run writes, until it has ended.")
@option(Runs.get_run_logs, "start_time", "--start", type=inputs.time, metavar="TIME")
@option(Runs.get_run_logs, "end_time", "--end", type=inputs.time, metavar="TIME")
@click.pass_obj
def logs(
    settings: Settings,
    run_id: str,
    organization_id: str | None,
    deployment_id: str,
    recent: int | None,
    follow: bool,  # noqa: FBT001 - click gives it by its name
    start_time: datetime | None,
    end_time: datetime | None,
) -> None:
    if recent is not None and follow:
        raise click.UsageError("--recent and --follow exclude each other; give one of them.", _context())
    with settings.client(organization_id) as client:
        ids = (client.organization_id, deployment_id, run_id)
        if recent is not None:
            found = client.api.iter_run_recent_logs(*ids, start_time=start_time, end_time=end_time)
            settings.output.events(reversed(list(itertools.islice(found, recent))))
        elif follow:
            run = client.deployment(deployment_id).run(run_id)
            settings.output.events(_following(run, start_time, end_time))
            remark(Text.assemble("The run has ended: ", styled_status(run.refresh().status)))
        else:
            settings.output.events(client.api.iter_run_logs(*ids, start_time=start_time, end_time=end_time))


@click.command(
    cls=ServiceCommand,
    short_help="Wait until a run has ended.",
    help="Wait until a run has ended; each new status goes to standard error.\n\nWrites the run as it was last "
    "seen: one JSON document, or a list of its fields. Ends with 1 where the run has failed or the time is up.",
)
@_run
@options.organization
@options.deployment
@click.option(
    "--timeout", type=click.FloatRange(min=0), metavar="SECONDS", help="How long at most; by default for ever."
)
@click.option(
    "--interval",
    type=click.FloatRange(min=0, min_open=True),
    default=1.0,
    show_default=True,
    metavar="SECONDS",
    help=f"The first pause between two looks; they grow to {_MAX_INTERVAL:g} s.",
)
@click.pass_obj
def wait(
    settings: Settings,
    run_id: str,
    organization_id: str | None,
    deployment_id: str,
    timeout: float | None,
    interval: float,
) -> None:
    with settings.client(organization_id) as client:
        # Waiting bears faults for minutes; asking for the run tells at once what is wrong from the start.
        _wait(settings, client.deployment(deployment_id).run(run_id), timeout=timeout, interval=interval)


def _wait(settings: Settings, run: Run, *, timeout: float | None, interval: float) -> None:
    """Wait for the end of a run, and write it as it was last seen.

    Raises:
        Failed: It has failed, or has not ended in time.
    """
    started = time.monotonic()
    bad_end: Failed | None = None
    try:
        run.wait(
            timeout,
            on_change=lambda run: settings.output.status(str(run.status), time.monotonic() - started),
            interval=interval,
            max_interval=max(interval, _MAX_INTERVAL),
        )
    except RunFailed as error:
        for line in error.last_lines:
            remark(f"{'':11}{line}")
        bad_end = Failed(f"Run {run.run_id} ended {error.state}. See its log with 'abeja-run logs {run.run_id}'.")
    except WaitTimeout as error:
        bad_end = Failed(
            f"Run {run.run_id} has not ended within {timeout:g} s; it was last seen {error.state or run.status}. "
            f"It goes on; wait longer with 'abeja-run wait {run.run_id}'."
        )
    settings.output.run(run.raw)
    if bad_end is not None:
        raise bad_end


def _following(run: Run, start: datetime | None, end: datetime | None) -> Iterator[Mapping[str, str]]:
    """The events of a log while it is written, each as the service would send it."""
    for event in run.logs(start, end, follow=True):
        stamp = event.timestamp.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        yield {"message": event.message, "timestamp": stamp}


def _context() -> click.Context:
    return click.get_current_context()
