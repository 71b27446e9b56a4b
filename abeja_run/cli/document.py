"""The command ``openapi``: the descriptors as an OpenAPI document."""

from __future__ import annotations

from pathlib import Path

import click

from abeja_run.cli.declared import Command, exit_codes
from abeja_run.cli.errors import Failed
from abeja_run.cli.offered import client_option, resources_of
from abeja_run.client import APIClient
from abeja_run.resource_client import ResourceClient

__all__ = ["openapi"]


@click.command(
    cls=Command,
    epilog=exit_codes("the file is stale"),
    short_help="Write the OpenAPI document of the API.",
    help="Write the OpenAPI 3.1 document of the API, made from the descriptors of a client's endpoints.",
)
@client_option("this package's")
@click.option(
    "--check",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Write nothing; end with 1 where this file is not what would be written.",
)
def openapi(client: type[ResourceClient] | None, check: Path | None) -> None:
    from abeja_run.openapi import document, written

    text = written(document(resources_of(client or APIClient)))
    if check is None:
        # As bytes: the file is UTF-8 whatever the terminal is.
        click.echo(text.encode(), nl=False)
        return
    try:
        stale = check.read_text(encoding="utf-8") != text
    except (OSError, UnicodeDecodeError):
        stale = True
    if stale:
        of = f" --client {client.__module__}:{client.__qualname__}" if client else ""
        raise Failed(f"{check} is stale. Write it anew with 'abeja-run openapi{of} > {check}'.")
