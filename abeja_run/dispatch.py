"""How: an endpoint and arguments become a request, the request an answer, the answer a result.

No endpoint is known here by name, and nothing is decided here: see :mod:`abeja_run.exchange`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from abeja_run.descriptors.endpoints import Endpoint
from abeja_run.exceptions import TransportError
from abeja_run.exchange import Exchange, Terms
from abeja_run.interpretation import interpret
from abeja_run.messages import Response
from abeja_run.preparation import prepare
from abeja_run.transports.base import Transport

__all__ = ["Dispatcher", "interpret", "prepare"]


@dataclass(frozen=True, slots=True)
class Dispatcher(Terms):
    """Carries out the calls of a client over its transport.

    Attributes:
        transport: Where requests go.
    """

    transport: Transport

    def call(self, endpoint: Endpoint, arguments: Mapping[str, Any], deadline: float | None = None) -> Any:
        """Carry out one call and return its result.

        Args:
            endpoint: What to call.
            arguments: A value for every parameter; None for one that is not given.
            deadline: Seconds this call may take, where that is less than the client's own deadline.

        Raises:
            Error: Any of this package's, as the endpoint's method documents them.
        """
        request = prepare(endpoint, arguments, self.base_url, self.headers)
        return self.drive(Exchange(self, endpoint, request, deadline))

    def drive(self, exchange: Exchange) -> Any:
        """Send what an exchange asks for until it has come to its result."""
        transport, request = self.transport, exchange.request
        try:
            while True:
                outcome: Response | TransportError
                try:
                    outcome = transport.send(request, exchange.timeout)
                except TransportError as error:
                    outcome = error
                wait = exchange.after(outcome)
                if wait is None:
                    return exchange.result()
                transport.sleep(wait)
        except BaseException:
            exchange.abandon()
            raise
