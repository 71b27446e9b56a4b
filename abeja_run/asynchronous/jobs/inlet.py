"""The inputs of a batch, one after the other, from whatever they are iterated with. Decides nothing."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable
from typing import Any

from abeja_run.jobs.steps import END, LATER

__all__ = ["AsyncInlet", "Inlet"]


class Inlet:
    """Inputs that are there when they are asked for.

    Args:
        inputs: They.
    """

    def __init__(self, inputs: Iterable[Any]) -> None:
        self._inputs = iter(inputs)

    async def next(self) -> Any:
        """The next one, or :data:`END`."""
        return next(self._inputs, END)

    async def close(self) -> None:
        """Nothing is left behind."""


class AsyncInlet:
    """Inputs that have to be awaited. While one is not there, nobody waits for it here.

    Args:
        inputs: They.
        wake: Called when one is there that was not.
    """

    def __init__(self, inputs: AsyncIterable[Any], wake: Callable[[object], None]) -> None:
        self._inputs = aiter(inputs)
        self._wake = wake
        self._coming: asyncio.Task[Any] | None = None

    async def next(self) -> Any:
        """The next one, :data:`END`, or :data:`LATER`.

        Raises:
            Exception: Whatever the iterator raises.
        """
        if self._coming is None:
            self._coming = asyncio.create_task(_following(self._inputs))
            # Most are there at once.
            await asyncio.sleep(0)
            if not self._coming.done():
                self._coming.add_done_callback(self._wake)
        if not self._coming.done():
            return LATER
        task, self._coming = self._coming, None
        return task.result()

    async def close(self) -> None:
        """Wait for no further input."""
        if self._coming is not None:
            self._coming.cancel()
            with contextlib.suppress(asyncio.CancelledError, Exception):
                await self._coming


async def _following(inputs: AsyncIterator[Any]) -> Any:
    return await anext(inputs, END)
