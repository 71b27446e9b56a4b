"""How, for an event loop: what :mod:`abeja_run.dispatch`, paging and waiting do, awaited. Nothing is decided here."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any

from abeja_run.asynchronous.base import AsyncTransport
from abeja_run.descriptors.endpoints import Endpoint
from abeja_run.exceptions import Error, TransportError
from abeja_run.exchange import Exchange, Terms
from abeja_run.messages import Response
from abeja_run.paging import Walk
from abeja_run.patience import PASSING
from abeja_run.waiting import Vigil

__all__ = ["AsyncDispatcher", "iterate", "wait"]


@dataclass(frozen=True, slots=True)
class AsyncDispatcher(Terms):
    """Carries out the calls of a client over its transport.

    Attributes:
        transport: Where requests go.
    """

    transport: AsyncTransport

    async def call(self, endpoint: Endpoint, arguments: Mapping[str, Any], deadline: float | None = None) -> Any:
        """Carry out one call and return its result; see :meth:`abeja_run.dispatch.Dispatcher.call`."""
        return await self.drive(Exchange(self, endpoint, self.prepare(endpoint, arguments), deadline))

    async def drive(self, exchange: Exchange) -> Any:
        """Send what an exchange asks for until it has come to its result."""
        transport, request = self.transport, exchange.request
        try:
            while True:
                outcome: Response | TransportError
                try:
                    outcome = await transport.send(request, exchange.timeout)
                except TransportError as error:
                    outcome = error
                wait = exchange.after(outcome)
                if wait is None:
                    return exchange.result()
                await transport.sleep(wait)
        except BaseException:
            exchange.abandon()
            raise


def iterate(dispatcher: AsyncDispatcher, endpoint: Endpoint, arguments: Mapping[str, Any]) -> AsyncIterator[Any]:
    """The items of all pages, each page asked for when it is reached; see :func:`abeja_run.paging.iterate`."""
    return _items(dispatcher, Walk(dispatcher, endpoint, arguments))


async def _items(dispatcher: AsyncDispatcher, walk: Walk) -> AsyncIterator[Any]:
    while (step := walk.step()) is not None:
        for item in walk.items(await dispatcher.drive(step)):
            yield item


async def wait(
    dispatcher: AsyncDispatcher, endpoint: Endpoint, arguments: Mapping[str, Any], **options: Any
) -> dict[str, Any]:
    """Ask again and again until the state is an end; the last answer. See :func:`abeja_run.waiting.wait`."""
    vigil = Vigil(dispatcher, endpoint, arguments, **options)
    while True:
        outcome: dict[str, Any] | Error
        try:
            outcome = await dispatcher.call(endpoint, arguments, vigil.deadline)
        except PASSING as error:
            outcome = error
        pause = vigil.after(outcome)
        if pause is None:
            assert isinstance(outcome, dict)  # noqa: S101 - an error is no good end
            return outcome
        await dispatcher.transport.sleep(pause)
