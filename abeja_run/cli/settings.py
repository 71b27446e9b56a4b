"""What the options say that every command takes, and the client that is made from them.

Knows no command. A credential is not among them: an option would show it to everyone on the machine.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TypeVar

from abeja_run.base_client import BaseClient
from abeja_run.cli.output import Output, remark
from abeja_run.jobs import Client
from abeja_run.transports import Transport

__all__ = ["Settings"]

_Client = TypeVar("_Client", bound=BaseClient)


@dataclass
class Settings:
    """The options that stand before a command, or after it.

    Attributes:
        as_json: Whether to write JSON on a terminal too.
        debug: Whether to show tracebacks and everything that is logged.
        request_timeout: Seconds one request may take, or None.
        base_url: The service's address, or None.
        allow_plaintext: Whether the credential may travel over plain HTTP to other machines.
    """

    as_json: bool = False
    debug: bool = False
    request_timeout: float | None = None
    base_url: str | None = None
    allow_plaintext: bool = False

    @cached_property
    def output(self) -> Output:
        """Where the command's data goes."""
        return Output(as_json=self.as_json)

    def client(self, organization_id: str | None) -> Client:
        """A client for an organization; the caller closes it.

        Raises:
            ConfigurationError: A setting is unusable, or no organization is known.
        """
        return Client(
            organization_id,
            timeout=self.request_timeout,
            base_url=self.base_url,
            allow_plaintext=self.allow_plaintext,
        )

    def low_level(
        self,
        client: type[_Client],
        credential: Mapping[str, str] | None = None,
        transport: Transport | None = None,
    ) -> _Client:
        """A client of a class; the caller closes it.

        Raises:
            ConfigurationError: A setting is unusable.
        """
        return client(
            credential,
            timeout=self.request_timeout,
            base_url=self.base_url,
            transport=transport,
            allow_plaintext=self.allow_plaintext,
        )

    def narrate(self) -> None:
        """Show what the package logs: retries, and with ``debug`` everything."""
        logger = logging.getLogger("abeja_run")
        handler = _Remarks()
        if self.debug:
            logger.setLevel(logging.DEBUG)
            handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
        logger.handlers = [handler]
        logger.propagate = False


class _Remarks(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        remark(self.format(record))
