"""The requests of a batch as tasks of an event loop, and what came of them. Decides nothing about runs."""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass
from typing import Any

from abeja_run.asynchronous.client import AsyncAPIClient
from abeja_run.exceptions import Error
from abeja_run.jobs.errand import lost
from abeja_run.jobs.steps import Done

__all__ = ["AsyncCrew"]


@dataclass(frozen=True, slots=True)
class _Sent:
    purpose: Any
    method: str
    when: float
    once: bool


class AsyncCrew:
    """A task for each request that is under way. They go on while nobody waits for them.

    Made in the event loop that it is used in.

    Args:
        api: What sends them, once each.

    Attributes:
        straggling: None arrives after the end of this process: no seconds.
        ahead: Each is carried out at once: none is handed over ahead.
        grace: Seconds after which what is under way when the batch ends is not waited for any longer.
    """

    straggling = 0.0
    ahead = 0

    def __init__(self, api: AsyncAPIClient) -> None:
        self.grace = api.timeout
        self._api = api
        self._under_way: dict[asyncio.Task[dict[str, Any]], _Sent] = {}
        self._done: deque[asyncio.Task[dict[str, Any]]] = deque()
        self._awake = asyncio.Event()

    @property
    def busy(self) -> bool:
        """Whether a request is under way."""
        return bool(self._under_way)

    def send(self, purpose: Any, now: float, method: str, *arguments: Any, once: bool = False, **keywords: Any) -> None:
        """Hand a request over.

        Args:
            purpose: What it is for; comes back with what came of it.
            now: The time, by the clock of the caller.
            method: The method of the client.
            arguments: The method's.
            once: Whether it must not be sent twice.
            keywords: The method's.
        """
        task = asyncio.create_task(getattr(self._api, method)(*arguments, **keywords))
        self._under_way[task] = _Sent(purpose, method, now, once)
        task.add_done_callback(self._ended)

    async def next(self, timeout: float | None) -> Done | None:
        """Wait for a request to be done.

        Args:
            timeout: Seconds to wait at most; None waits for as long as it takes.

        Returns:
            What came of it; None when the time is up, or somebody has called :meth:`wake`.

        Raises:
            Exception: A fault of the transport that is none of this package.
        """
        if not self._done and timeout != 0:
            alarm = None if timeout is None else asyncio.get_running_loop().call_later(timeout, self.wake)
            try:
                await self._awake.wait()
            finally:
                if alarm is not None:
                    alarm.cancel()
        self._awake.clear()
        if not self._done:
            return None
        task = self._done.popleft()
        sent = self._under_way.pop(task)
        return Done(sent.purpose, _outcome(task, sent), sent.when)

    def wake(self, *_: object) -> None:
        """Let whoever waits look whether there is something else to do."""
        self._awake.set()

    def release(self) -> None:
        """The pause that the service has asked for is over. Nothing was handed over ahead of it."""

    def give_up(self) -> None:
        """Do not begin what has not begun. That does each at the next turn of the event loop."""

    async def close(self) -> None:
        """Leave no task behind."""
        for task in self._under_way:
            task.cancel()
        await asyncio.gather(*self._under_way, return_exceptions=True)

    def _ended(self, task: asyncio.Task[dict[str, Any]]) -> None:
        self._done.append(task)
        self._awake.set()


def _outcome(task: asyncio.Task[dict[str, Any]], sent: _Sent) -> dict[str, Any] | Error:
    try:
        return task.result()
    except Error as error:
        return error
    except asyncio.CancelledError as error:
        # Somebody has cancelled all tasks of the event loop.
        return lost(sent.method, error, once=sent.once)
