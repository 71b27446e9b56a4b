"""The command ``local``: a platform on this machine, and what a shell has to know to speak to it."""

from __future__ import annotations

import ipaddress
import json
import shlex
import sys
from collections.abc import Mapping
from importlib.machinery import PathFinder
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import click

from abeja_run.cli.declared import Command
from abeja_run.cli.interruption import Interruption
from abeja_run.cli.output import remark
from abeja_run.cli.settings import Settings
from abeja_run.configuration import is_loopback
from abeja_run.exceptions import MissingExtra

if TYPE_CHECKING:
    from abeja_run.local import LocalPlatform

__all__ = ["local", "local_platform"]

_FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)


def local_platform() -> type[LocalPlatform]:
    """The class of the local platform, which needs more than the command does.

    Raises:
        UsageError: That is not installed.
    """
    try:
        from abeja_run.local import LocalPlatform
    except MissingExtra as error:
        name = error.__cause__.name if isinstance(error.__cause__, ImportError) else None
        missing = (name or "more").partition(".")[0]
        raise click.UsageError(
            f"the local platform needs {missing}: pip install 'abeja-run[all]'", click.get_current_context()
        ) from error
    return LocalPlatform


@click.command(
    cls=Command,
    short_help="Serve the Run API on this machine.",
    help="Serve the Run API on this machine, and truly execute the runs that are submitted to it.\n\n"
    "Writes the lines that tell a shell where it is and who may use it, to be pasted into another one; "
    "then serves until Ctrl-C or SIGTERM, and ends with 0.",
)
@click.option("--code", type=_FOLDER, required=True, metavar="DIR", help="The folder of the deployment's code.")
@click.option(
    "--datalake",
    type=_FOLDER,
    required=True,
    metavar="DIR",
    help="The datalake: CHANNEL/FILE are folders and files in it.",
)
@click.option(
    "--state",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Where runs, IDs and the token are remembered; by default they are forgotten at the end.",
)
@click.option("--host", default="127.0.0.1", show_default=True, metavar="ADDRESS", help="The address to listen on.")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=8080,
    metavar="N",
    show_default=True,
    help="The port; 0 takes a free one.",
)
@click.option(
    "--workers",
    type=click.IntRange(min=1),
    default=2,
    metavar="N",
    show_default=True,
    help="How many attempts run side by side.",
)
@click.option(
    "--timeout", type=float, default=3600, show_default=True, metavar="SECONDS", help="How long one attempt may take."
)
@click.option("--handler", default="main:handler", show_default=True, metavar="MODULE:FUNCTION", help="What is called.")
@click.option(
    "--fault",
    "faults",
    multiple=True,
    metavar="NAME=VALUE",
    help="What goes wrong on purpose, such as close_after_execute=0.1: this share of requests is executed but not "
    "answered. all=0.3 is every kind, 0.3 together; seed=N, delay=SECONDS, methods=POST and paths='*/runs' say more. "
    "Can be repeated; the documentation of abeja_run.local.Faults has all names.",
)
@click.pass_obj
def local(
    settings: Settings,
    code: Path,
    datalake: Path,
    state: Path | None,
    host: str,
    port: int,
    workers: int,
    timeout: float,
    handler: str,
    faults: tuple[str, ...],
) -> None:
    platform_class = local_platform()
    from abeja_run.local import Faults

    with (
        Interruption() as interruption,
        platform_class(
            code,
            datalake,
            state=state,
            workers=workers,
            timeout=timeout,
            handler=handler,
            faults=Faults.parse(faults) if faults else None,
        ) as platform,
    ):
        url = _reachable(platform.serve(host, port).url)
        # The only place where the command shows a secret: it is made here, for whoever reads this.
        variables = {
            "ABEJA_API_URL": url,
            "PLATFORM_AUTH_TOKEN": platform.credential["auth_token"],
            "ABEJA_ORGANIZATION_ID": platform.organization_id,
            "ABEJA_DEPLOYMENT_ID": platform.deployment_id,
            "ABEJA_MODEL_VERSION_ID": platform.version_id,
        }
        sys.stdout.write(json.dumps(variables) + "\n" if settings.as_json else exports(variables))
        sys.stdout.flush()
        if not is_loopback(f"http://{f'[{host}]' if ':' in host else host}"):
            remark(
                f"Warning: listening on {host}, where other machines reach it, and the token travels unencrypted. "
                "They put its name into ABEJA_API_URL, and need --allow-plaintext."
            )
        if missing := missing_module(handler, code):
            remark(f"Warning: there is no {missing}.py in {code}, so every run fails until there is one.")
        remark(f"Serving {code} at {url}; paste the lines above into another shell. Ctrl-C ends it.")
        interruption.wait()


def exports(variables: Mapping[str, str]) -> str:
    """Lines for a shell that set variables.

    Example:
        >>> print(exports({"A": "it's"}), end="")
        export A='it'"'"'s'
    """
    return "".join(f"export {name}={shlex.quote(value)}\n" for name, value in variables.items())


def missing_module(handler: str, code: Path) -> str | None:
    """The module of a handler, where an attempt would not find it; it is looked for, but not imported.

    Example:
        >>> missing_module("json:loads", Path()), missing_module("nowhere:handler", Path())
        (None, 'nowhere')
    """
    module = handler.partition(":")[0].partition(".")[0]
    found = PathFinder.find_spec(module, [str(code), *filter(None, sys.path)])
    return None if found else module


def _reachable(url: str) -> str:
    """The address by which this machine reaches a server: one that listens everywhere is here too."""
    parts = urlsplit(url)
    address = ipaddress.ip_address(parts.hostname or "")
    if not address.is_unspecified:
        return url
    return f"http://{'127.0.0.1' if '.' in str(address) else '[::1]'}:{parts.port}"
