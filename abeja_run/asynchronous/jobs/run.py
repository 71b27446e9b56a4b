"""A run as an object: waiting for its end, its log."""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator, Callable, Mapping
from datetime import datetime
from typing import Any

from abeja_run.asynchronous.client import AsyncAPIClient
from abeja_run.asynchronous.jobs.script import carried_out
from abeja_run.exceptions import Error, RunFailed, WaitFailed
from abeja_run.jobs.following import LogEvent, following
from abeja_run.jobs.run import RunFacts, last_lines

__all__ = ["AsyncRun"]


class AsyncRun(RunFacts):
    """A run, as the service last told of it; :class:`~abeja_run.jobs.Run`, awaited. Made by a deployment.

    Its attributes are those of :class:`~abeja_run.jobs.Run`.
    """

    _api: AsyncAPIClient

    async def refresh(self) -> AsyncRun:
        """Ask the service how far the run has come; the same object, brought up to date.

        Raises:
            NotFound: There is none any more.
        """
        self.raw = dict(await self._api.get_run(*self._ids()))
        return self

    async def wait(
        self,
        timeout: float | None = None,
        raise_on_failure: bool = True,  # noqa: FBT001, FBT002 - reads as it is called, by keyword
        on_change: Callable[[AsyncRun], object] | None = None,
        *,
        interval: float = 1.0,
        max_interval: float = 15.0,
    ) -> AsyncRun:
        """Wait until the run has ended; the same object, brought up to date. See :meth:`abeja_run.jobs.Run.wait`.

        Args:
            timeout: Seconds to wait at most; by default for ever.
            raise_on_failure: Whether a failed run is an error.
            on_change: Called, not awaited, with this run whenever its status has changed.
            interval: Seconds of the first pause; each is half as long again as the one before.
            max_interval: Seconds of the longest pause.

        Raises:
            RunFailed: The run has failed; carries it and its last lines.
            WaitTimeout: The run has not ended in time. It goes on.

        Example:
            >>> import asyncio
            >>> from abeja_run import AsyncClient
            >>> from abeja_run.messages import Response
            >>> from abeja_run.transports import Transport
            >>> class Service(Transport):
            ...     leaves_process = False
            ...
            ...     def send(self, request, timeout):
            ...         return Response(200, body=b'{"run_id": "run-1", "deployment_id": "2", "status": "SUCCEEDED"}')
            >>> async def main():
            ...     async with AsyncClient("1", {"auth_token": "any"}, transport=Service()) as client:
            ...         run = await client.deployment("2").run("run-1")
            ...         print((await run.wait(timeout=60)).status)
            >>> asyncio.run(main())
            SUCCEEDED
        """

        def changed(raw: Mapping[str, Any]) -> None:
            self.raw = dict(raw)
            if on_change is not None:
                on_change(self)

        try:
            ended = await self._api.wait_for_run(
                *self._ids(), timeout=timeout, interval=interval, max_interval=max_interval, on_change=changed
            )
            self.raw = dict(ended)
        except WaitFailed as failed:
            self.raw = failed.result
            if raise_on_failure:
                raise RunFailed(self, await self._last_lines()) from failed
        return self

    def logs(
        self,
        start: datetime | None = None,
        end: datetime | None = None,
        follow: bool = False,  # noqa: FBT001, FBT002 - reads as it is called, by keyword
        *,
        interval: float = 1.0,
        max_interval: float = 5.0,
        drain: float = 5.0,
    ) -> AsyncIterator[LogEvent]:
        """The events of the run's log, oldest first, page by page. See :meth:`abeja_run.jobs.Run.logs`.

        Args:
            start: No event before this time; whole seconds, a naive one is taken as UTC.
            end: No event after this time.
            follow: Go on as the run writes, each event once, until it has ended and its log is drained. Bears
                faults in between.
            interval: Seconds of the first pause of following; each is half as long again as the one before.
            max_interval: Seconds of the longest pause.
            drain: Seconds after the end of the run for which the log must have been silent.

        Raises:
            ValidationError: At once, a time that is none; of following, while iterating.
            Error: While iterating, whatever the service answers.
        """
        if follow:
            bounds = {"interval": interval, "max_interval": max_interval, "drain": drain}
            return carried_out(self._api, following(self._ids(), start, end, **bounds))
        return _events(self._api.iter_run_logs(*self._ids(), start_time=start, end_time=end))

    def recent_logs(self) -> AsyncIterator[LogEvent]:
        """The events of the run's log, newest first, page by page."""
        return _events(self._api.iter_run_recent_logs(*self._ids()))

    def copy(self) -> AsyncRun:
        """Another object for the same run, for another task to bring up to date."""
        return AsyncRun(self._api, self._organization_id, self.raw)

    async def _last_lines(self) -> list[str]:
        try:
            return last_lines(await self._api.get_run_recent_logs(*self._ids()))
        except Error:
            # That the run has failed is what counts; its lines can be asked for again.
            return []


async def _events(raw: AsyncIterable[Mapping[str, Any]]) -> AsyncIterator[LogEvent]:
    async for event in raw:
        yield LogEvent.of(event)
