"""The commands about cassettes: what is in one, whether it still holds, and the way from and to other tools.

Knows nothing of what a cassette holds; it prints what others find.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import IO, Any

import click

from abeja_run.cassettes.file import PartialFile, interaction_of, load, partial_path, save
from abeja_run.cassettes.foreign import export_vcrpy, import_foreign
from abeja_run.cassettes.interaction import Interaction
from abeja_run.cassettes.redaction import Redaction
from abeja_run.cassettes.scrubbing import changed_places, scrubbed
from abeja_run.cli.declared import Command, HelpfulGroup, exit_codes, help_alone
from abeja_run.cli.errors import Failed
from abeja_run.cli.offered import client_option, offered_resources
from abeja_run.cli.output import remark
from abeja_run.cli.settings import Settings
from abeja_run.credentials import SHORTEST_SECRET
from abeja_run.drift import drift
from abeja_run.exceptions import CassetteError
from abeja_run.messages import Response
from abeja_run.resource_client import ResourceClient

__all__ = ["cassette"]

_PARTIAL = ".partial"
_FILE = click.Path(dir_okay=False, path_type=Path)
_force = click.option("--force", is_flag=True, help="Replace DEST where it exists.")


@click.group(
    "cassette",
    cls=HelpfulGroup,
    invoke_without_command=True,
    short_help="Show, check, scrub and convert recorded cassettes.",
    help="Look at recorded cassettes, check and scrub them, and convert those of other tools.",
    epilog=exit_codes("there is drift, or a file cannot be read or written"),
)
@click.pass_context
def cassette(context: click.Context) -> None:
    """Show the help where no command is named."""
    help_alone(context)


@cassette.command(
    cls=Command,
    epilog=exit_codes("it cannot be read"),
    short_help="Show what is in a cassette.",
    help="Show the interactions of a cassette, in recorded order: the request, the status or the fault that came, and "
    "the sizes of both bodies in bytes. A recording that was cut off, FILE.partial, is shown too.",
)
@click.argument("file", type=_FILE)
@click.pass_obj
def show(settings: Settings, file: Path) -> None:
    interactions, told = _kept(file)
    settings.output.records(_row(number, interaction) for number, interaction in enumerate(interactions, 1))
    if told:
        remark(told)
    if not interactions:
        remark("There are no interactions.")


def _kept(file: Path) -> tuple[Sequence[Interaction], str]:
    """What a cassette has, or what a recording that was cut off has; and what is to be said of it."""
    cassette = file.with_suffix("") if file.suffix == _PARTIAL else file
    partial = partial_path(cassette)
    if file != partial and (file.exists() or not partial.exists()):
        return load(file), f"{partial} is a later recording that was cut off." if partial.exists() else ""
    if not partial.exists():
        raise CassetteError(f"{partial} does not exist")
    kept = [interaction_of(raw) for raw in PartialFile(cassette, resume=True).kept()]
    return kept, f"{partial} is a recording that was cut off, or still goes on; mode 'new' goes on with it."


def _row(number: int, interaction: Interaction) -> dict[str, Any]:
    request, outcome = interaction.request, interaction.outcome
    return {
        "interaction": number,
        "method": request.method,
        "path": "/" + request.url.partition("://")[2].partition("/")[2],
        "outcome": outcome.status if isinstance(outcome, Response) else type(outcome).__name__,
        "request_bytes": len(request.body) if isinstance(request.body, bytes) else 0,
        "response_bytes": len(outcome.body) if isinstance(outcome, Response) else 0,
    }


@cassette.command(
    cls=Command,
    epilog=exit_codes("there is drift, or a file cannot be read"),
    short_help="Hold recorded answers against what the endpoints declare.",
    help="Hold every recorded answer against what the endpoints declare, and list where it is not so: the number of "
    "the interaction, the field, and what is wrong. Requests that no endpoint is like are told, and are no drift.",
)
@click.argument("files", type=_FILE, nargs=-1, required=True)
@client_option("this package's, with what is installed")
@click.pass_context
def check(context: click.Context, files: Sequence[Path], client: type[ResourceClient] | None) -> None:
    endpoints = [one for resource in offered_resources(context, client) for one in resource.endpoints.values()]
    rows, unknown = [], []
    for file in files:
        for found in drift(load(file), endpoints):
            if found.endpoint:
                rows.append({"file": str(file), **asdict(found)})
            else:
                unknown.append(f"{file}: interaction {found.interaction}: no endpoint is known for {found.request}.")
    context.ensure_object(Settings).output.records(rows)
    for told in unknown:
        remark(told)
    if rows:
        raise Failed(f"{len(rows)} {'places are' if len(rows) > 1 else 'place is'} not as declared.")


@cassette.command(
    cls=Command,
    epilog=exit_codes("a file cannot be read or written"),
    short_help="Apply the rules of redaction anew.",
    help="Apply the rules of redaction anew, and tell how many places changed. A file is replaced as a whole, and only "
    "where something changed. A secret is never an argument, which everyone on the machine can see.",
)
@click.argument("files", type=_FILE, nargs=-1, required=True)
@click.option("--name", "names", multiple=True, metavar="PART", help="Hide what has this in its name too.")
@click.option(
    "--value-of",
    "variables",
    multiple=True,
    metavar="VARIABLE",
    help="Hide the value of this environment variable wherever it stands, in any spelling.",
)
@click.option(
    "--values",
    type=click.File(encoding="utf-8"),
    metavar="FILE|-",
    help="Hide the values in this file, or on standard input, a line each.",
)
@click.pass_obj
def scrub(
    settings: Settings, files: Sequence[Path], names: Sequence[str], variables: Sequence[str], values: IO[str] | None
) -> None:
    redaction_values = _values(variables, values)
    rows = []
    for file in files:
        if partial_path(file).exists():
            raise click.UsageError(
                f"{partial_path(file)} is a recording that was cut off, or still goes on: end it with mode 'new', or "
                "remove it"
            )
        before = load(file)
        # Anew for each file: what is a credential in one is none of another's business.
        after = scrubbed(before, Redaction(names=tuple(names), values=redaction_values))
        pairs = enumerate(zip(before, after, strict=True), 1)
        places = [f"interaction {number}: {place}" for number, pair in pairs for place in changed_places(*pair)]
        if places:
            save(file, after)
        rows.append({"file": str(file), "changed": len(places)})
        for place in places:
            remark(f"{file}: {place}")
    settings.output.records(rows)


def _values(variables: Sequence[str], values: IO[str] | None) -> tuple[str, ...]:
    found = []
    for name in variables:
        if name not in os.environ:
            raise click.UsageError(f"the environment has no variable {name!r}")
        found.append(os.environ[name])
    if values is not None:
        try:
            found += filter(None, (line.rstrip("\r\n") for line in values))
        except UnicodeDecodeError:
            raise click.UsageError("the values are not UTF-8") from None
    for value in found:
        if len(value) < SHORTEST_SECRET:
            raise click.UsageError(f"a value has fewer than {SHORTEST_SECRET} characters; hiding it would garble all")
    return tuple(found)


@cassette.command(
    "import",
    cls=Command,
    epilog=exit_codes("a file cannot be read or written"),
    short_help="Make a cassette of what vcrpy or cassetter has recorded.",
    help="Make a cassette of what vcrpy (YAML or JSON) or cassetter (YAML) has recorded. Secrets are redacted.",
)
@click.argument("source", type=_FILE, metavar="SRC")
@click.argument("destination", type=_FILE, metavar="DEST")
@_force
def import_(source: Path, destination: Path, *, force: bool) -> None:
    _refuse(source, destination, force=force)
    interactions = scrubbed(import_foreign(source), Redaction())
    save(destination, interactions)
    remark(f"{len(interactions)} interactions are in {destination}.")


@cassette.command(
    cls=Command,
    epilog=exit_codes("a file cannot be read or written"),
    short_help="Write what vcrpy reads.",
    help="Write what vcrpy reads: JSON where DEST ends in .json, else YAML. Faults are left out, and told.",
)
@click.argument("source", type=_FILE, metavar="SRC")
@click.argument("destination", type=_FILE, metavar="DEST")
@_force
def export(source: Path, destination: Path, *, force: bool) -> None:
    _refuse(source, destination, force=force)
    interactions = scrubbed(load(source), Redaction())
    left_out = export_vcrpy(destination, interactions)
    remark(f"{len(interactions) - left_out} interactions are in {destination}.")
    if left_out:
        remark(f"{left_out} are left out: a fault cannot be told to vcrpy.")


def _refuse(source: Path, destination: Path, *, force: bool) -> None:
    """Refuse to destroy what is there."""
    if destination.exists() and (not force or destination.samefile(source)):
        raise click.UsageError(f"{destination} exists{'' if force else '; --force replaces it'}")
    if partial_path(destination).exists():
        raise click.UsageError(f"{partial_path(destination)} is a recording that was cut off, or still goes on")
