"""What ``--dry-run`` shows: the request that a call would send, and the line by which curl sends an equal one.

Sends nothing, and never shows a credential.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Collection, Mapping
from typing import Any

from abeja_run.base_client import BaseClient
from abeja_run.cli.curl import curl, secret_variable
from abeja_run.cli.output import printable, remark
from abeja_run.cli.settings import Settings
from abeja_run.configuration import tool_configuration
from abeja_run.credentials import find_credential
from abeja_run.descriptors import Endpoint
from abeja_run.messages import Request, Response, Source
from abeja_run.transports import Transport

__all__ = ["rehearse"]

#: Stands for the credential where there is none yet; it is never shown.
_NOBODY = {"auth_token": "nobody"}


class _Caught(Exception):
    """A request that was to be sent."""

    def __init__(self, request: Request) -> None:
        super().__init__()
        self.request = request


class _Net(Transport):
    """Lets no request through."""

    def send(self, request: Request, timeout: float) -> Response:
        """Catch it."""
        raise _Caught(request)


def rehearse(settings: Settings, client: type[BaseClient], endpoint: Endpoint, arguments: Mapping[str, Any]) -> None:
    """Write the request and the line.

    Args:
        settings: Where the service is, and how to write.
        client: A class of clients that has the endpoint.
        endpoint: What is called.
        arguments: What it is called with.

    Raises:
        Error: The call would be refused before anything is sent.
    """
    credential = None if find_credential(None, tool_configuration) else _NOBODY
    with settings.low_level(client, credential, _Net()) as called:
        try:
            getattr(called, endpoint.name)(**arguments)
        except _Caught as caught:
            request = caught.request
    everything = {parameter.name: arguments.get(parameter.name) for parameter in endpoint.parameters}
    line = curl(endpoint, everything, request)
    headers = {name: _shown(name, value, request.headers.secret) for name, value in request.headers.pairs}
    body = _body(request)
    if settings.as_json:
        settings.output.answer(
            {"method": request.method, "url": request.url, "headers": headers, "body": body, "curl": line}
        )
        return
    variable = secret_variable(request)
    if variable and variable not in os.environ:
        remark(f"The line takes the secret from {variable}, which is not set here.")
    told = [f"{request.method} {request.url}", *(f"{name}: {value}" for name, value in headers.items())]
    if body is not None:
        told += ["", *body.splitlines()]
    # Comments for a shell, so that the whole of it can be run by one.
    sys.stdout.write("".join(f"# {printable(text)}".rstrip() + "\n" for text in told) + printable(line) + "\n")


def _shown(name: str, value: str, secret: Collection[str]) -> str:
    if name == "authorization":
        return f"{value.partition(' ')[0]} ***"
    return "***" if name.lower() in secret else value


def _body(request: Request) -> str | None:
    if request.body is None:
        return None
    if isinstance(request.body, Source):
        length = "unknown" if request.body.length is None else request.body.length
        return f"({length} bytes)"
    try:
        return request.body.decode()
    except UnicodeDecodeError:
        return f"({len(request.body)} bytes)"
