"""The resources that the commands know: those of the package's own client, and whatever is installed beside it."""

from __future__ import annotations

from collections.abc import Iterator

import click

from abeja_run.cli.output import remark
from abeja_run.client import APIClient
from abeja_run.descriptors import Resource
from abeja_run.exceptions import DescriptorError
from abeja_run.resources.installed import installed_resources

__all__ = ["offered_resources", "tell"]


def offered_resources(context: click.Context) -> Iterator[type[Resource]]:
    """The package's own resources, then each that another distribution offers; one that is broken is told and left out.

    Args:
        context: The command that asks.

    Example:
        >>> from abeja_run.cli.api import api
        >>> next(offered_resources(click.Context(api))).__name__
        'Runs'
    """
    yield from APIClient.resources
    installed = installed_resources()
    for name in installed:
        try:
            resource = installed[name]
        except DescriptorError as error:
            # One that is broken must not take the others away.
            tell(context, f"Left out: {error}.")
            continue
        if resource not in APIClient.resources:
            yield resource


def tell(context: click.Context, text: str) -> None:
    """Tell a person something; while a shell completes a line there is nobody to tell.

    Args:
        context: The command that tells it.
        text: A sentence.
    """
    if not context.resilient_parsing:
        remark(text)
