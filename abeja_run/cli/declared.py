"""Commands whose options come from where they are declared: a parameter's description, the shared settings.

Knows no particular command.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable
from typing import Any, TypeVar

import click

from abeja_run.cli.errors import WRONG_USAGE, in_options
from abeja_run.cli.settings import Settings
from abeja_run.descriptors import Endpoint
from abeja_run.exceptions import ConfigurationError, ValidationError

__all__ = ["Command", "Group", "HelpfulGroup", "ServiceCommand", "described", "exit_codes", "help_alone", "option"]

_Function = TypeVar("_Function", bound=Callable[..., Any])


def exit_codes(failure: str) -> str:
    """What a command says of its exit codes.

    Args:
        failure: What 1 stands for.
    """
    return (
        f"Exit codes: 0 done; 1 {failure}; 2 wrong usage, among it a missing credential; 130 interrupted; "
        "141 nobody reads the output any more."
    )


_EXIT_CODES = exit_codes("the run has failed or the service did")


def described(endpoint: Endpoint, name: str) -> str:
    """What an endpoint's descriptor says of a parameter."""
    return next(parameter.description for parameter in endpoint.parameters if parameter.name == name)


def option(
    endpoint: Endpoint, name: str, flag: str, more: str = "", **attributes: Any
) -> Callable[[_Function], _Function]:
    """An option that gives the value of an endpoint's parameter, with the parameter's description as its help.

    Args:
        endpoint: What it is a parameter of.
        name: The parameter.
        flag: How the option is written.
        more: What is to be said beyond the description.
        attributes: Whatever else ``click.option`` takes.
    """
    return click.option(flag, name, help=f"{described(endpoint, name)} {more}".strip(), **attributes)


def _keep(context: click.Context, parameter: click.Parameter, value: Any) -> None:
    # Not given after the command must not undo what was given before it.
    if value is not None and value is not False:
        setattr(context.ensure_object(Settings), str(parameter.name), value)


def _shared(*declarations: str, **attributes: Any) -> click.Option:
    """An option that goes into the settings, wherever it stands."""
    return click.Option(declarations, callback=_keep, expose_value=False, **attributes)


_JSON = _shared("--json", "as_json", is_flag=True, help="Write JSON on a terminal too.")
_DEBUG = _shared("--debug", "debug", is_flag=True, help="Show tracebacks and all that is logged.")
_BASE_URL = _shared("--base-url", "base_url", metavar="URL", help="The service; else ABEJA_API_URL.")
_ALLOW_PLAINTEXT = _shared(
    "--allow-plaintext",
    "allow_plaintext",
    is_flag=True,
    help="Send the credential over plain HTTP to other machines too.",
)
_TIMEOUT = _shared(
    "--timeout",
    "request_timeout",
    type=click.FloatRange(min=0, min_open=True),
    metavar="SECONDS",
    help="How long one request may take; else ABEJA_SDK_CONNECTION_TIMEOUT, else 30.",
)


class Command(click.Command):
    """A command that tells its exit codes, and takes what is shared after its name too."""

    shared: tuple[click.Option, ...] = (_JSON, _DEBUG)

    def __init__(self, *args: Any, **attributes: Any) -> None:
        super().__init__(*args, **{"epilog": _EXIT_CODES, **attributes})
        self.params += self.shared

    def invoke(self, ctx: click.Context) -> Any:
        """Invoke the command; a wrong argument is told as the option that it was given with."""
        ctx.ensure_object(Settings).narrate()
        try:
            return super().invoke(ctx)
        except (ConfigurationError, ValidationError) as error:
            wrong = in_options(error, self)
            wrong.ctx = ctx
            raise wrong from error


class ServiceCommand(Command):
    """A command that speaks to a service."""

    # Not the timeout: the commands themselves have other times to bound.
    shared = (_BASE_URL, _ALLOW_PLAINTEXT, *Command.shared)


def help_alone(context: click.Context) -> None:
    """Show the help of a group where none of its commands is named: that is wrong usage, and the help the next step."""
    if context.invoked_subcommand is None:
        click.echo(context.get_help(), err=True)
        context.exit(WRONG_USAGE)


class HelpfulGroup(click.Group):
    """A group of commands that names those that may be meant."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command; where there is none, name those that may have been meant."""
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            near = difflib.get_close_matches(args[0], self.list_commands(ctx))
            if not near:
                raise
            told = f"{error.message} Did you mean {' or '.join(near)}?"
            raise click.UsageError(told, ctx) from error


class Group(HelpfulGroup):
    """A group of commands, with what is shared by all."""

    def __init__(self, *args: Any, **attributes: Any) -> None:
        super().__init__(*args, **{"epilog": _EXIT_CODES, **attributes})
        self.params += (_BASE_URL, _TIMEOUT, _ALLOW_PLAINTEXT, *Command.shared)
