"""How, for an event loop: what :mod:`abeja_run.jobs.script` does, awaited. Nothing is decided here."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
from typing import Any

from abeja_run.asynchronous.client import AsyncAPIClient
from abeja_run.jobs.script import Call, Handed, Item, Script, over

__all__ = ["carried_out", "driven"]


async def driven(
    script: Generator[Any, Any, None], perform: Callable[[Any], Awaitable[Any]]
) -> AsyncGenerator[Any, None]:
    """What a script hands over; see :func:`abeja_run.jobs.script.driven`. A cancelled task is an early end too."""
    outcome: Any = None
    error: BaseException | None = None
    while True:
        try:
            step = script.send(outcome) if error is None else script.throw(error)
            outcome = error = None
            if isinstance(step, Handed):
                yield step.item
            else:
                outcome = await perform(step)
        except BaseException as raised:
            error = None
            if not over(script):
                error = raised
            elif isinstance(raised, StopIteration):
                return
            else:
                raise


def carried_out(api: AsyncAPIClient, script: Script[Item]) -> AsyncGenerator[Item, None]:
    """What a script hands over that a client carries out.

    Raises:
        Error: While iterating, whatever the script raises.
    """

    async def perform(step: Call | float) -> Any:
        if isinstance(step, Call):
            return await getattr(api, step.method)(*step.arguments, **step.keywords)
        return await api.transport.sleep(step)

    return driven(script, perform)
