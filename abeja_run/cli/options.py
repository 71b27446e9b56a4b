"""The options that several commands have: where runs are, and what they are submitted with."""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce
from typing import Any, TypeVar

import click

from abeja_run.cli import inputs
from abeja_run.cli.declared import option
from abeja_run.resources.runs import Runs

__all__ = ["DATALAKE", "deployment", "either", "organization", "submission", "submitted_with"]

DATALAKE = "$datalake:1"
_Function = TypeVar("_Function", bound=Callable[..., Any])

organization = option(
    Runs.create_run,
    "organization_id",
    "--organization",
    "Else that of the abeja tool's configuration.",
    metavar="ID",
    envvar="ABEJA_ORGANIZATION_ID",
    show_envvar=True,
)
deployment = option(
    Runs.create_run,
    "deployment_id",
    "--deployment",
    metavar="ID",
    envvar="ABEJA_DEPLOYMENT_ID",
    show_envvar=True,
    required=True,
)
_SUBMISSION = (
    option(Runs.create_run, "output_template", "--output", type=inputs.json_value, metavar="JSON|@FILE|-"),
    click.option("--output-channel", metavar="CHANNEL", help=f'Short for --output \'{{"{DATALAKE}": "CHANNEL"}}\'.'),
    option(Runs.create_run, "retry_count", "--retry-count", type=int, metavar="N"),
    option(Runs.create_run, "distribution", "--distribution", type=int, metavar="N"),
    option(
        Runs.create_run,
        "environment",
        "--env",
        "KEY alone takes its value from the environment, so that it stands in no list of processes. Can be repeated.",
        type=inputs.variable,
        multiple=True,
        metavar="KEY[=VALUE]",
    ),
    option(Runs.create_run, "model_id", "--model-id", metavar="ID"),
)


def submission(function: _Function) -> _Function:
    """Give a command the options of a submission, but for its input."""
    return reduce(lambda decorated, add: add(decorated), reversed(_SUBMISSION), function)


def submitted_with(given: dict[str, Any]) -> dict[str, Any]:
    """The arguments of a submission that those options give."""
    channel = given.pop("output_channel")
    output_template = either(given.pop("output_template"), "--output", channel, "--output-channel")
    return {**given, "output_template": output_template, "environment": dict(given["environment"]) or None}


def either(whole: Any, flag: str, short: str | None, short_flag: str) -> Any:
    """What an option gives, or its short form."""
    if short is None:
        return whole
    if whole is not None:
        told = f"{flag} and {short_flag} exclude each other; give one of them."
        raise click.UsageError(told, click.get_current_context())
    return {DATALAKE: short}
