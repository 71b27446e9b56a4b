"""Carries out a batch in an event loop: its steps where the results are asked for, its requests by a crew."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncGenerator, AsyncIterable, Callable, Iterable
from typing import Any, TypeVar

from abeja_run.asynchronous.client import AsyncAPIClient
from abeja_run.asynchronous.jobs.crew import AsyncCrew
from abeja_run.asynchronous.jobs.inlet import AsyncInlet, Inlet
from abeja_run.asynchronous.jobs.run import AsyncRun
from abeja_run.asynchronous.jobs.script import driven
from abeja_run.jobs.batch import Batch
from abeja_run.jobs.journal import Journal, Unwritten
from abeja_run.jobs.plan import BatchResult, Plan
from abeja_run.jobs.progress import Bar
from abeja_run.jobs.steps import Await, Intend, TakeIn

__all__ = ["submitted"]

_Result = TypeVar("_Result")


async def submitted(
    api: AsyncAPIClient,
    plan: Plan,
    inputs: Iterable[Any] | AsyncIterable[Any],
    *,
    journal: str | os.PathLike[str] | None,
    bar: Bar | None,
) -> AsyncGenerator[BatchResult[AsyncRun], None]:
    """The results of a batch, in the order of their completion; see :func:`abeja_run.jobs.many.submitted`.

    The disk is waited for in a thread. What else is written is only handed to the system, in the event loop.

    Args:
        api: The client.
        plan: What all submissions have in common.
        inputs: The inputs.
        journal: The file that remembers the batch, or None.
        bar: What shows how far it has come, or None.

    Raises:
        Error: Whatever the batch raises.
    """
    async with contextlib.AsyncExitStack() as stack:
        kept: Journal | Unwritten = Unwritten()
        if journal is not None:
            # Entered in the thread, so that it is closed however this ends meanwhile.
            kept = await in_thread(lambda: stack.enter_context(Journal(journal, plan.identity())))
        crew = AsyncCrew(api.with_options(max_retry_count=0))
        stack.push_async_callback(crew.close)
        inlet = AsyncInlet(inputs, crew.wake) if isinstance(inputs, AsyncIterable) else Inlet(inputs)
        stack.push_async_callback(inlet.close)
        if bar is not None:
            stack.enter_context(bar)

        async def perform(step: TakeIn | Intend | Await | float) -> Any:
            if isinstance(step, Await):
                return await crew.next(step.seconds)
            if isinstance(step, TakeIn):
                return await inlet.next()
            if isinstance(step, Intend):
                return await in_thread(lambda: kept.intend(step.inputs, step.since, step.straggling))
            return await api.transport.sleep(step)

        batch = Batch(plan, kept, crew, lambda raw: AsyncRun(api, plan.organization_id, raw))
        async for result in await stack.enter_async_context(contextlib.aclosing(driven(batch.script(), perform))):
            if bar is not None:
                bar.count(result)
            yield result
            # A journal gives its results without a wait: the other tasks have their turn.
            await asyncio.sleep(0)


async def in_thread(function: Callable[[], _Result]) -> _Result:
    """What a function returns that is carried out in a thread. A cancelled task waits for its end all the same.

    Raises:
        Exception: Whatever the function raises.
    """
    work = asyncio.ensure_future(asyncio.to_thread(function))
    try:
        return await asyncio.shield(work)
    except asyncio.CancelledError:
        while not work.done():
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.wait({work})
        if not work.cancelled():
            # That the task was cancelled is told, not what the function has raised.
            work.exception()
        raise
