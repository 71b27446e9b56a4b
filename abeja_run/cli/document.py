"""The command ``openapi``: the descriptors as an OpenAPI document."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

import click

from abeja_run.cli.declared import Command, exit_codes
from abeja_run.cli.errors import Failed
from abeja_run.client import APIClient
from abeja_run.descriptors import Resource
from abeja_run.resource_client import ResourceClient

__all__ = ["openapi"]


@click.command(
    cls=Command,
    epilog=exit_codes("the file is stale"),
    short_help="Write the OpenAPI document of the API.",
    help="Write the OpenAPI 3.1 document of the API, made from the descriptors of a client's endpoints.",
)
@click.option("--client", metavar="MODULE:CLASS", help="A client of your own; by default this package's.")
@click.option(
    "--check",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Write nothing; end with 1 where this file is not what would be written.",
)
@click.pass_context
def openapi(context: click.Context, client: str | None, check: Path | None) -> None:
    from abeja_run.openapi import document, written

    text = written(document(_resources(APIClient if client is None else _client(client, context))))
    if check is None:
        # As bytes: the file is UTF-8 whatever the terminal is.
        click.echo(text.encode(), nl=False)
        return
    try:
        stale = check.read_text(encoding="utf-8") != text
    except (OSError, UnicodeDecodeError):
        stale = True
    if stale:
        of = f" --client {client}" if client else ""
        raise Failed(f"{check} is stale. Write it anew with 'abeja-run openapi{of} > {check}'.")


def _client(name: str, context: click.Context) -> type[ResourceClient]:
    module, _, attribute = name.partition(":")
    if not (module and attribute):
        raise click.UsageError(
            f"--client: {name!r} is not of the form MODULE:CLASS, such as mypackage.client:MyClient.", context
        )
    # As python -m does: what is being worked on is found where one stands.
    sys.path.insert(0, "")
    try:
        found = getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError, ValueError) as error:
        raise click.UsageError(f"--client: {name!r} cannot be imported: {error}.", context) from error
    finally:
        sys.path.remove("")
    if isinstance(found, type) and issubclass(found, ResourceClient):
        return found
    raise click.UsageError(f"--client: {name!r} is not a class of clients.", context)


def _resources(client: type[ResourceClient]) -> list[type[Resource]]:
    """The resources of a client, those of its bases first."""
    found = (resource for base in reversed(client.__mro__) for resource in getattr(base, "resources", ()))
    return list(dict.fromkeys(found))
