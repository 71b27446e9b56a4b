"""An error as one line for a person, with the next step; and the command's exit code for it."""

from __future__ import annotations

import re
import traceback

import click

from abeja_run import exceptions
from abeja_run.cli.output import printable

__all__ = ["FAILED", "WRONG_USAGE", "Failed", "exit_code", "in_options", "line", "trace"]

FAILED = 1
WRONG_USAGE = 2

#: The next step after each kind of error whose own text does not tell it; the first that fits counts.
_NEXT: tuple[tuple[type[BaseException], str], ...] = (
    (exceptions.Unauthorized, "Check the credential in PLATFORM_AUTH_TOKEN, or in what else you give it by."),
    (exceptions.Forbidden, "Check the organization, and what the credential may do."),
    (exceptions.NotFound, "Check the IDs of the organization, the deployment, the version and the run."),
    (exceptions.InternalServerError, "Try again later."),
    (exceptions.SubmissionUnknown, "The command takes that ID with 'abeja-run submit --once --submission-id'."),
    (exceptions.OutcomeUnknown, "See 'abeja-run list'."),
    (exceptions.ConnectError, "Check the network, and the address in --base-url or ABEJA_API_URL."),
    (exceptions.Timeout, "Try again, or allow more seconds with 'abeja-run --timeout'."),
    (exceptions.TransportError, "Try again."),
    (exceptions.InvalidResponse, "Check the address in --base-url or ABEJA_API_URL."),
)
_LONGEST = 1000
_WRONG = (
    exceptions.ConfigurationError,
    exceptions.JournalMismatch,
    exceptions.MissingExtra,
    exceptions.ValidationError,
)


class Failed(click.ClickException):
    """The command has done what it was asked for, and that came to a bad end."""

    exit_code = FAILED


def exit_code(error: BaseException) -> int:
    """The exit code for an error."""
    if isinstance(error, click.ClickException):
        return error.exit_code
    return WRONG_USAGE if isinstance(error, _WRONG) else FAILED


def in_options(error: exceptions.Error, command: click.Command) -> click.UsageError:
    """An error about the arguments of a call, in terms of the command's options that they came from.

    Rests on this: options are named as the parameters are whose values they give.
    """
    if isinstance(error, exceptions.ValidationError):
        text = "; ".join(f"{name}: {what}" for name, what in error.errors.items())
    else:
        text = str(error)
    for parameter in command.params:
        shown = parameter.human_readable_name if isinstance(parameter, click.Argument) else parameter.opts[0]
        # At the beginning, or where it can be nothing but a parameter's name.
        name = re.escape(str(parameter.name))
        text = re.sub(rf"\b{name}\b(=True)?" if "_" in name else rf"^{name}\b", shown, text)
    return click.UsageError(text)


def line(error: BaseException) -> str:
    """The error in one line that no terminal acts on."""
    text = " ".join(_text(error).split())
    return "Error: " + printable(text if len(text) <= _LONGEST else text[:_LONGEST] + "…")


def trace(error: BaseException) -> list[str]:
    """The lines of the error's traceback."""
    return "".join(traceback.format_exception(error)).rstrip().split("\n")


def _text(error: BaseException) -> str:
    if isinstance(error, click.UsageError):
        where = error.ctx.command_path if error.ctx is not None else "abeja-run"
        return f"{_sentence(error.format_message())} See '{where} --help'."
    if isinstance(error, click.ClickException):
        return error.format_message()
    if isinstance(error, exceptions.RedirectNotFollowed):
        return _sentence(error.error_description)
    if isinstance(error, exceptions.HttpError):
        detail = f", {error.error_detail}" if error.error_detail else ""
        told = f"{error.error_description or error.error} ({error.status_code} from {error.url}{detail})"
        return " ".join(filter(None, (_sentence(told), _next_step(error))))
    if isinstance(error, exceptions.Error):
        return " ".join(filter(None, (_sentence(str(error)), _next_step(error))))
    if isinstance(error, OSError):
        return _sentence(f"{error.strerror or error}{f': {error.filename}' if error.filename else ''}")
    return f"A fault of this command itself, {type(error).__name__}: {error}. Show where with 'abeja-run --debug'."


def _next_step(error: exceptions.Error) -> str:
    return next((step for kind, step in _NEXT if isinstance(error, kind)), "")


def _sentence(text: str) -> str:
    text = text.strip()
    return text if text.endswith((".", "!", "?")) else f"{text}."
