"""The command ``api``: every endpoint as a command of its own, made from its descriptor when it is asked for.

Knows no endpoint by name.
"""

from __future__ import annotations

import types
import warnings
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, is_dataclass
from typing import Any

import click

from abeja_run.base_client import BaseClient
from abeja_run.cli.arguments import argument, option_for
from abeja_run.cli.declared import Group, ServiceCommand, help_alone
from abeja_run.cli.offered import client_option, offered_resources, resources_of, tell
from abeja_run.cli.output import remark
from abeja_run.cli.rehearsal import rehearse
from abeja_run.cli.settings import Settings
from abeja_run.client import APIClient
from abeja_run.descriptors import Endpoint, Resource
from abeja_run.descriptors.parameters import Parameter
from abeja_run.exceptions import WaitFailed
from abeja_run.resource_client import ResourceClient

__all__ = ["api"]

#: Names that no parameter has: those of parameters do not begin so.
_DRY_RUN, _ALL, _WAIT = "_dry_run", "_all", "_wait"
_FOUND = "abeja_run.cli.api"


class _Api(Group):
    """A group whose commands are the endpoints of resources."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names of all endpoints, in the order of their declaration."""
        return list(_endpoints(ctx))

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of an endpoint, whose name may be written with hyphens too."""
        name = cmd_name.replace("-", "_")
        # Nothing of others is imported for an endpoint of the client's own.
        found = _own(ctx).get(name) or _endpoints(ctx).get(name)
        return None if found is None else command_for(*found)


def _own(context: click.Context) -> dict[str, tuple[type[Resource], Endpoint]]:
    """The endpoints of the client by name; a resource that extends one of a base class goes before it."""
    client = context.params.get("client") or APIClient
    return {name: (one, endpoint) for one in resources_of(client) for name, endpoint in one.endpoints.items()}


def _endpoints(context: click.Context) -> Mapping[str, tuple[type[Resource], Endpoint]]:
    """All endpoints by name: those of the client, then those that other distributions offer."""
    found: dict[str, tuple[type[Resource], Endpoint]] | None = context.meta.get(_FOUND)
    if found is None:
        found = context.meta[_FOUND] = _own(context)
        for resource in offered_resources(context, context.params.get("client")):
            for name, endpoint in resource.endpoints.items():
                known = found.setdefault(name, (resource, endpoint))[0]
                if not issubclass(known, resource):
                    tell(context, f"{name} is that of {known.__qualname__}, not that of {resource.__qualname__}.")
    return found


def command_for(resource: type[Resource], endpoint: Endpoint) -> click.Command:
    """The command that calls an endpoint.

    Args:
        resource: What the endpoint belongs to.
        endpoint: What is called.

    Example:
        >>> from abeja_run.resources.runs import Runs
        >>> [option.opts for option in command_for(Runs, Runs.get_runs).params][2:4]
        [['--next-page-token'], ['--scan-forward']]
    """
    own = [click.Option(["--dry-run", _DRY_RUN], is_flag=True, help=_DRY_RUN_HELP)]
    if endpoint.pages is not None:
        own.append(click.Option(["--all", _ALL], is_flag=True, help=f"Write every item of every page, {_LINES}."))
    if endpoint.waiter is not None:
        states = " or ".join((*endpoint.waiter.success, *endpoint.waiter.failure))
        text = f"Ask again and again until {endpoint.waiter.field} is {states}; end with 1 after a bad end."
        own.append(click.Option(["--wait", _WAIT], is_flag=True, help=text))
    beside = (*own, *ServiceCommand.shared)
    taken = {"--help", *_names(beside)}
    options: dict[Parameter, click.Option] = {}
    for parameter in endpoint.parameters:
        options[parameter] = option = option_for(parameter, taken)
        taken.update(_names([option]))

    @click.pass_obj
    def call(settings: Settings, /, **values: Any) -> None:
        given = {parameter: values[str(option.name)] for parameter, option in options.items()}
        for parameter, option in options.items():
            if parameter.deprecated and given[parameter] not in (None, ()):
                remark(f"{option.opts[0]} is deprecated: {parameter.deprecated}")
        arguments = {p.name: value for p in given if (value := argument(p, given[p])) is not None}
        client: type[BaseClient] = types.new_class("Client", (BaseClient,), {"resources": [resource]})
        with warnings.catch_warnings():
            # Told already, as the options that they are here.
            warnings.simplefilter("ignore", DeprecationWarning)
            if values[_DRY_RUN]:
                rehearse(settings, client, endpoint, arguments)
            else:
                _call(settings, client, endpoint, arguments, every=values.get(_ALL), wait=values.get(_WAIT))

    return ServiceCommand(
        endpoint.name,
        params=[*options.values(), *own],
        callback=call,
        help="\n\n".join(filter(None, _help(endpoint))),
        short_help=endpoint.summary,
    )


def _names(options: Iterable[click.Option]) -> Iterator[str]:
    """What no further option may be called."""
    for option in options:
        yield from (str(option.name), *option.opts, *option.secondary_opts)


_LINES = "a line of JSON each"
_DRY_RUN_HELP = (
    "Send nothing: write the request, and a line for a shell that has curl send an equal one. Both without the "
    "credential, for which the line names the variable of the environment that holds it."
)


def _help(endpoint: Endpoint) -> Iterator[str]:
    yield endpoint.summary
    yield endpoint.description
    # Not to be broken into lines.
    yield f"\b\nAPI reference:\n{endpoint.method} {endpoint.template}"
    answer = endpoint.answer
    if answer.field is not None:
        yield "Writes the answer as JSON."
    elif answer.annotation is not None:
        yield f"Writes: {answer.description}"


def _call(
    settings: Settings,
    client: type[BaseClient],
    endpoint: Endpoint,
    arguments: Mapping[str, Any],
    *,
    every: bool | None,
    wait: bool | None,
) -> None:
    """Call the method that is meant, and write what comes of it."""
    output = settings.output
    with settings.low_level(client) as called:
        if every and endpoint.pages is not None:
            for item in getattr(called, endpoint.pages.name)(**arguments):
                output.line(item)
            return
        waiter = endpoint.waiter if wait else None
        try:
            result = getattr(called, endpoint.name if waiter is None else waiter.name)(**arguments)
        except WaitFailed as error:
            output.answer(error.result)
            raise
    if result is None:
        return
    if isinstance(result, str) and endpoint.answer.field is None:
        output.text(result)
    else:
        output.answer(asdict(result) if is_dataclass(result) and not isinstance(result, type) else result)


@click.group(
    cls=_Api,
    invoke_without_command=True,
    short_help="Call any endpoint of the API.",
    help="Call any endpoint of the API, by the name of its method in Python. Each parameter is an option; "
    "a variable of the path is also taken from the environment, such as ABEJA_RUN_ID.\n\n"
    "JSON is written out, or in a file as @FILE, or on standard input as -.",
)
@client_option("this package's, with what is installed")
@click.pass_context
def api(context: click.Context, client: type[ResourceClient] | None) -> None:  # noqa: ARG001 - its endpoints are the commands
    help_alone(context)
