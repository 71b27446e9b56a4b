"""The level of :mod:`abeja_run.jobs`, awaited: submit once, wait, follow. Every decision is taken there."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from datetime import datetime, timedelta, timezone
from types import TracebackType
from typing import Any

from abeja_run import configuration
from abeja_run.asynchronous.client import AsyncAPIClient
from abeja_run.exceptions import Error, RunFailed, WaitFailed
from abeja_run.jobs.following import LogEvent, following, told
from abeja_run.jobs.run import RunFacts, last_lines
from abeja_run.jobs.submission import Search, Settling, Submission, carrying, checked, new_submission_id
from abeja_run.patience import PASSING

__all__ = ["AsyncClient", "AsyncDeployment", "AsyncRun"]


class AsyncRun(RunFacts):
    """A run, as the service last told of it; :class:`~abeja_run.jobs.Run`, awaited."""

    _api: AsyncAPIClient

    async def refresh(self) -> AsyncRun:
        """Ask the service how far the run has come; the same object, brought up to date."""
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
        """Wait until the run has ended; see :meth:`abeja_run.jobs.Run.wait`."""

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
                try:
                    lines = last_lines(await self._api.get_run_recent_logs(*self._ids()))
                except Error:
                    lines = []
                raise RunFailed(self, lines) from failed
        return self

    async def logs(
        self,
        start: datetime | None = None,
        end: datetime | None = None,
        follow: bool = False,  # noqa: FBT001, FBT002 - reads as it is called, by keyword
        *,
        interval: float = 1.0,
        max_interval: float = 5.0,
        drain: float = 5.0,
    ) -> AsyncIterator[LogEvent]:
        """The events of the run's log, oldest first; see :meth:`abeja_run.jobs.Run.logs`."""
        if not follow:
            async for raw in self._api.iter_run_logs(*self._ids(), start_time=start, end_time=end):
                yield LogEvent.of(raw)
            return
        script = following(self._ids(), start, end, interval=interval, max_interval=max_interval, drain=drain)
        step = next(script, None)
        while step is not None:
            outcome: Any = None
            if isinstance(step, list):
                for event in step:
                    yield event
            elif isinstance(step, float):
                await self._api.transport.sleep(step)
            else:
                try:
                    outcome = await getattr(self._api, step[0])(*step[1])
                except Error as error:
                    outcome = error
            step = told(script, outcome)


class AsyncDeployment:
    """Code that runs can be submitted to; :class:`~abeja_run.jobs.Deployment`, awaited.

    Attributes:
        settling: How a submission is looked for whose outcome is open.
    """

    def __init__(self, api: AsyncAPIClient, organization_id: str, deployment_id: str) -> None:
        self._api = api
        self.organization_id = organization_id
        self.deployment_id = deployment_id
        self.settling = Settling()

    async def submit(self, version_id: str, *, submission_id: str | None = None, **parameters: Any) -> AsyncRun:
        """Submit a run, once; see :meth:`abeja_run.jobs.Deployment.submit`.

        Args:
            version_id: The version of the deployment's code.
            submission_id: The submission's ID; a fresh one by default.
            parameters: The further arguments of ``create_run``.

        Raises:
            SubmissionUnknown: It may have started a run that has not been found; submit again with its ID.
            Error: Whatever ``create_run`` raises before a run can exist.
        """
        known = submission_id is not None
        submission_id = new_submission_id() if submission_id is None else checked(submission_id)
        parameters = carrying(submission_id, {"version_id": version_id, **parameters})
        found = await self._find(submission_id, None) if known else None
        if found is not None:
            return self._run(found)
        begun = datetime.now(timezone.utc) - timedelta(seconds=self.settling.clock_allowance)
        submission = Submission(submission_id, self.settling)
        outcome: Any
        while submission.run is None:
            if submission.pause:
                await self._api.transport.sleep(submission.pause)
            if submission.looking:
                try:
                    outcome = await self._find(submission_id, begun)
                except PASSING as error:
                    outcome = error
                submission.looked(outcome)
            else:
                try:
                    outcome = await self._api.create_run(self.organization_id, self.deployment_id, **parameters)
                except Error as error:
                    outcome = error
                submission.sent(outcome)
        return self._run(submission.run)

    async def run(self, run_id: str) -> AsyncRun:
        """The run of this ID, as the service tells of it now.

        Raises:
            NotFound: There is none.
        """
        return self._run(await self._api.get_run(self.organization_id, self.deployment_id, run_id))

    async def runs(self, newest_first: bool = True) -> AsyncIterator[AsyncRun]:  # noqa: FBT001, FBT002 - as people call it
        """All runs of the deployment, each page asked for when it is reached."""
        ids = self.organization_id, self.deployment_id
        async for raw in self._api.iter_runs(*ids, scan_forward=not newest_first):
            yield self._run(raw)

    def _run(self, raw: Mapping[str, Any]) -> AsyncRun:
        return AsyncRun(self._api, self.organization_id, raw)

    async def _find(self, submission_id: str, since: datetime | None) -> Mapping[str, Any] | None:
        search = Search([submission_id], since)
        while not search.over:
            search.read(await self._api.get_runs(self.organization_id, self.deployment_id, search.token))
        return search.found.get(submission_id)


class AsyncClient:
    """A client for one organization's runs; :class:`~abeja_run.Client`, awaited.

    Args:
        organization_id: The ID of the organization; else as for :class:`~abeja_run.Client`.
        credential: As for :class:`~abeja_run.AsyncAPIClient`, like every further setting.

    Raises:
        ConfigurationError: No organization is given, or a setting is unusable.

    Example:
        >>> AsyncClient("1234567890123", {"auth_token": "any"}).organization_id
        '1234567890123'
    """

    def __init__(
        self, organization_id: str | None = None, credential: Mapping[str, str] | None = None, **settings: Any
    ) -> None:
        self.organization_id = configuration.organization_id(organization_id)
        self.api = AsyncAPIClient(credential, **settings)

    def deployment(self, deployment_id: str) -> AsyncDeployment:
        """A deployment of the organization. Asks the service nothing yet."""
        return AsyncDeployment(self.api, self.organization_id, deployment_id)

    async def close(self) -> None:
        """Close the connections of the client."""
        await self.api.close()

    async def __aenter__(self) -> AsyncClient:  # noqa: PYI034 - typing has no Self before Python 3.11
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.close()
