"""The command as a whole: its parts put together, and every way in which it can end."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import TextIO

import click

from abeja_run import __version__
from abeja_run.cli import batch, cassettes, demo, runs, serving
from abeja_run.cli.api import api
from abeja_run.cli.completion import complete, completion
from abeja_run.cli.declared import Group, help_alone
from abeja_run.cli.document import openapi
from abeja_run.cli.errors import exit_code, line, trace
from abeja_run.cli.output import remark
from abeja_run.cli.settings import Settings

__all__ = ["group", "run"]

_SIGNALLED = 128
_SIGINT = 2
_SIGPIPE = 13
_ENVIRONMENT = (
    ("PLATFORM_AUTH_TOKEN", "the credential: a token"),
    ("ABEJA_PLATFORM_USER_ID,", "or a user and"),
    ("ABEJA_PLATFORM_PERSONAL_ACCESS_TOKEN", "the user's token"),
    ("ABEJA_PLATFORM_DATASOURCE_ID,", "or a datasource and"),
    ("ABEJA_PLATFORM_DATASOURCE_SECRET", "the datasource's secret"),
    ("ABEJA_API_URL", "the service"),
    ("ABEJA_ORGANIZATION_ID", "the organization"),
    ("ABEJA_DEPLOYMENT_ID", "the deployment"),
    ("ABEJA_MODEL_VERSION_ID", "the version to run"),
    ("ABEJA_SDK_CONNECTION_TIMEOUT", "seconds for a request"),
    ("ABEJA_SDK_MAX_RETRY_COUNT", "how often it is repeated"),
    ("NO_COLOR", "no colours on a terminal"),
)


@click.group(
    "abeja-run",
    cls=Group,
    invoke_without_command=True,
    help="Submit runs to the ABEJA Platform, follow them and read their logs, there or on this machine. "
    "Data goes to standard output, as tables on a terminal and as JSON elsewhere; all else goes to standard error. "
    "A credential comes from the environment or from ~/.abeja/config, never from an option, which everyone on the "
    "machine could read.\n\n"
    "\b\nEnvironment:\n" + "\n".join(f"  {name:<38}{text}" for name, text in _ENVIRONMENT),
)
@click.version_option(__version__, message="%(prog)s %(version)s")
@click.pass_context
def group(context: click.Context) -> None:
    """Show the help where no command is named."""
    help_alone(context)


for _command in (
    *(runs.submit, batch.batch, runs.show_runs, runs.show, runs.logs, runs.wait),
    *(api, openapi),
    *(serving.local, demo.demo, cassettes.cassette, completion),
):
    group.add_command(_command)


def run(arguments: Sequence[str] | None = None) -> int:
    """Run the command.

    Args:
        arguments: What follows the command's name; else the arguments of the process.

    Returns:
        The exit code. Nothing that goes wrong leaves as an exception.
    """
    sys.stdout, sys.stderr = _usable(sys.stdout), _usable(sys.stderr)
    settings = Settings()
    try:
        code = _invoke(sys.argv[1:] if arguments is None else list(arguments), settings)
        sys.stdout.flush()
    except BrokenPipeError:
        # Whoever read has enough.
        _give_up_output()
        return _SIGNALLED + _SIGPIPE
    except KeyboardInterrupt:
        return _SIGNALLED + _SIGINT
    except Exception as error:  # noqa: BLE001 - the last place where one can be told in a line
        if settings.debug:
            for told in trace(error):
                remark(told)
        try:
            sys.stdout.flush()
        except OSError:
            _give_up_output()
        sys.stderr.write(line(error) + "\n")
        return exit_code(error)
    return code


def _give_up_output() -> None:
    """Let what is left in the buffer go nowhere, or Python would complain of it at its exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _invoke(arguments: list[str], settings: Settings) -> int:
    completed = complete(group)
    if completed is not None:
        return completed
    try:
        with group.make_context("abeja-run", arguments, obj=settings) as context:
            group.invoke(context)
    except click.exceptions.Exit as end:
        return end.exit_code
    return 0


def _usable(stream: TextIO | None) -> TextIO:
    """A stream that takes every character, and one that takes everything where the process was given none."""
    if stream is None:
        return open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123 - open for as long as the process is
    if hasattr(stream, "reconfigure"):
        stream.reconfigure(errors="backslashreplace")
    return stream
