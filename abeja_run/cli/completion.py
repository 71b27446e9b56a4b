"""The command ``completion``: what makes a shell complete the names of commands, options and endpoints."""

from __future__ import annotations

import os

import click
from click.shell_completion import get_completion_class, shell_complete

from abeja_run.cli.declared import Command

__all__ = ["complete", "completion"]

_PROGRAM = "abeja-run"
#: By this the shell asks, with what click's own scripts put into it.
_VARIABLE = "_ABEJA_RUN_COMPLETE"
_SHELLS = ("bash", "zsh", "fish")


def complete(group: click.Group) -> int | None:
    """Answer a shell that asks how its line goes on.

    Returns:
        The exit code, or None where no shell asks.
    """
    asked = os.environ.get(_VARIABLE)
    return shell_complete(group, {}, _PROGRAM, _VARIABLE, asked) if asked else None


@click.command(
    cls=Command,
    short_help="Make a shell complete what is typed.",
    help="Write the lines that make a shell complete the names of commands, options and endpoints.\n\n"
    '\b\nbash, in ~/.bashrc:  eval "$(abeja-run completion bash)"\n'
    'zsh, in ~/.zshrc:    eval "$(abeja-run completion zsh)"\n'
    "fish:                abeja-run completion fish > ~/.config/fish/completions/abeja-run.fish",
)
@click.argument("shell", type=click.Choice(_SHELLS))
@click.pass_context
def completion(context: click.Context, shell: str) -> None:
    found = get_completion_class(shell)
    if found is None:
        raise click.UsageError(f"the installed version of click knows no completion for {shell}.", context)
    click.echo(found(context.find_root().command, {}, _PROGRAM, _VARIABLE).source())
