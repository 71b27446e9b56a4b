"""Cassettes for an event loop: what the transports of cassettes decide, awaited. The files are the same."""

from __future__ import annotations

import asyncio
import os
import weakref
from collections.abc import Sequence
from typing import Any, Literal

from abeja_run.asynchronous.aiohttp_transport import AiohttpTransport
from abeja_run.asynchronous.base import AsyncTransport
from abeja_run.cassettes.interaction import Interaction
from abeja_run.cassettes.matching import DEFAULT_MATCH, Matcher
from abeja_run.cassettes.redaction import Redaction
from abeja_run.exceptions import InvalidResponse, TransportError
from abeja_run.messages import Request, Response
from abeja_run.transports.base import Transport
from abeja_run.transports.cassette_transport import CassetteTransport, Mode, cassette
from abeja_run.transports.wrapping import step

__all__ = ["AsyncCassetteTransport", "async_cassette"]


class _Awaited(Transport):
    """Stands for an asynchronous transport where it is decided what goes through it."""

    def __init__(self, inner: AsyncTransport) -> None:
        self.leaves_process = inner.leaves_process

    def send(self, request: Request, timeout: float) -> Response:
        raise NotImplementedError


class AsyncCassetteTransport(AsyncTransport):
    """What :func:`async_cassette` gives. A task that is cancelled leaves nothing of its request in the cassette."""

    def __init__(self, transport: CassetteTransport, inner: AsyncTransport, *, own: bool) -> None:
        self._transport = transport
        self._inner = inner
        self._own = own
        self.leaves_process = transport.leaves_process
        #: Whether the last answer of a task is a live one, and that of any task.
        self._of_task: weakref.WeakKeyDictionary[asyncio.Task[Any], bool] = weakref.WeakKeyDictionary()
        self._live = transport.sends

    @property
    def unplayed(self) -> list[Interaction]:
        """What was recorded before and has not been asked for, in recorded order."""
        return self._transport.unplayed

    async def send(self, request: Request, timeout: float) -> Response:
        """Answer from the cassette, or send and record; see :meth:`AsyncTransport.send`."""
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - a coroutine runs in one
        self._answered(task, live=False)
        course = self._transport.course(request)
        outcome: Response | TransportError | InvalidResponse | None = None
        try:
            while True:
                asked = step(course, outcome)
                if isinstance(asked, Response):
                    return asked
                self._answered(task, live=True)
                try:
                    outcome = await self._inner.send(asked, timeout)
                except (TransportError, InvalidResponse) as fault:
                    outcome = fault
        finally:
            course.close()
            if not self._of_task[task]:
                # The other tasks have their turn.
                await asyncio.sleep(0)

    async def sleep(self, seconds: float) -> None:
        """Wait where the last answer was a live one; after one of the cassette return at once.

        It is the task's last answer that counts, and where it has had none, that of any task.
        """
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - a coroutine runs in one
        if self._of_task.get(task, self._live):
            await self._inner.sleep(seconds)
        else:
            await asyncio.sleep(0)

    def _answered(self, task: asyncio.Task[Any], *, live: bool) -> None:
        self._of_task[task] = self._live = live

    async def close(self) -> None:
        """Put the cassette in its place, where something was recorded."""
        try:
            self._transport.close()
        finally:
            if self._own:
                await self._inner.close()


def async_cassette(
    path: str | os.PathLike[str],
    mode: Mode = "once",
    inner: AsyncTransport | None = None,
    *,
    match: Sequence[Matcher] = DEFAULT_MATCH,
    repeat: Literal["error", "last"] = "error",
    redaction: Redaction | None = None,
) -> AsyncCassetteTransport:
    """A transport that plays or records a cassette, as the mode says; :func:`~abeja_run.transports.cassette`, awaited.

    Args:
        path: The cassette, a JSON file.
        mode: As for :func:`~abeja_run.transports.cassette`, like everything that is not named here.
        inner: Where requests go that are sent; it stays the caller's to close. By default the wire.

    Raises:
        CassetteError: The file is missing in a mode that replays, or damaged.
        ConfigurationError: There is no such mode.

    Example:
        >>> import tempfile
        >>> from abeja_run import AsyncAPIClient
        >>> class Canned(AsyncTransport):
        ...     leaves_process = False
        ...     async def send(self, request, timeout):
        ...         return Response(200, {"content-type": "application/json"}, b'{"status": "RUNNING"}')
        >>> async def main():
        ...     with tempfile.TemporaryDirectory() as folder:
        ...         for mode in "once", "none":
        ...             async with async_cassette(f"{folder}/run.json", mode, Canned()) as transport:
        ...                 client = AsyncAPIClient({"auth_token": "any"}, transport=transport)
        ...                 print(await client.get_run("1234567890123", "1111111111111", "run-1"))
        >>> asyncio.run(main())
        {'status': 'RUNNING'}
        {'status': 'RUNNING'}
    """
    live = inner or AiohttpTransport()
    transport = cassette(path, mode, _Awaited(live), match=match, repeat=repeat, redaction=redaction)
    return AsyncCassetteTransport(transport, live, own=inner is None)
