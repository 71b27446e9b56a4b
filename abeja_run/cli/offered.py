"""The resources that a command knows: those of this package's client and whatever is installed, or those of another.

Knows no command.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import click

from abeja_run.cli.output import remark
from abeja_run.client import APIClient
from abeja_run.descriptors import Resource
from abeja_run.exceptions import DescriptorError
from abeja_run.resource_client import ResourceClient
from abeja_run.resources.installed import installed_resources

__all__ = ["client_option", "offered_resources", "resources_of", "tell"]

_Function = TypeVar("_Function", bound=Callable[..., Any])


def _client(name: str) -> type[ResourceClient]:
    """A class of clients, by where it is."""
    module, _, attribute = name.partition(":")
    if not (module and attribute):
        raise click.BadParameter(f"{name!r} is not of the form MODULE:CLASS, such as mypackage.client:MyClient.")
    # As python -m does: what is being worked on is found where one stands.
    sys.path.insert(0, "")
    try:
        found = getattr(importlib.import_module(module), attribute)
    except Exception as error:
        # A module that is being worked on may fail in any way.
        raise click.BadParameter(f"{name!r} cannot be imported: {type(error).__name__}: {error}.") from error
    finally:
        sys.path.remove("")
    if isinstance(found, type) and issubclass(found, ResourceClient):
        return found
    raise click.BadParameter(f"{name!r} is not a class of clients.")


def client_option(default: str) -> Callable[[_Function], _Function]:
    """The option for a client of one's own.

    Args:
        default: What the command knows without it.
    """
    # Eager: the help of a group lists what the client has.
    return click.option(
        "--client",
        type=_client,
        is_eager=True,
        metavar="MODULE:CLASS",
        help=f"A client of your own; by default {default}.",
    )


def resources_of(client: type[ResourceClient]) -> list[type[Resource]]:
    """The resources of a client, those of its bases first.

    Example:
        >>> [resource.__name__ for resource in resources_of(APIClient)]
        ['Runs']
    """
    found = (resource for base in reversed(client.__mro__) for resource in getattr(base, "resources", ()))
    return list(dict.fromkeys(found))


def offered_resources(context: click.Context, client: type[ResourceClient] | None = None) -> Iterator[type[Resource]]:
    """The resources of a client; without one those of the package's own, and each that is installed beside it.

    One that is installed and broken is told and left out.

    Args:
        context: The command that asks.
        client: The client.

    Example:
        >>> from abeja_run.cli.api import api
        >>> next(offered_resources(click.Context(api))).__name__
        'Runs'
    """
    yield from resources_of(client or APIClient)
    installed = installed_resources() if client is None else {}
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
