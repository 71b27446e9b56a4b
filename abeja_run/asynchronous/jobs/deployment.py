"""A deployment as an object: submit runs, find them again, list them."""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator, Mapping
from typing import Any

from abeja_run.asynchronous.client import AsyncAPIClient
from abeja_run.asynchronous.jobs.run import AsyncRun
from abeja_run.asynchronous.jobs.script import carried_out
from abeja_run.jobs.deployment import DeploymentFacts
from abeja_run.jobs.submission import submitting

__all__ = ["AsyncDeployment"]


class AsyncDeployment(DeploymentFacts):
    """Code that runs can be submitted to; :class:`~abeja_run.jobs.Deployment`, awaited. Made by a client.

    Attributes:
        deployment_id: The ID of the deployment.
        organization_id: The ID of its organization.
        settling: How a submission is looked for whose outcome is open; replace it to change that.
    """

    _api: AsyncAPIClient

    async def create(
        self,
        version_id: str,
        input_data: Mapping[str, Any] | None = None,
        output_template: Mapping[str, Any] | None = None,
        distribution: int | None = None,
        retry_count: int | None = None,
        environment: Mapping[str, str] | None = None,
        model_id: str | None = None,
    ) -> AsyncRun:
        """Submit a run with a single request, as :meth:`APIClient.create_run` does.

        Raises:
            Error: Whatever ``create_run`` raises; after some of its errors a run may exist all the same.
        """
        raw = await self._api.create_run(
            *self._ids(),
            version_id,
            input_data,
            output_template,
            distribution,
            retry_count,
            environment,
            model_id,
        )
        return self._run(raw)

    async def submit(
        self,
        version_id: str,
        input_data: Mapping[str, Any] | None = None,
        output_template: Mapping[str, Any] | None = None,
        distribution: int | None = None,
        retry_count: int | None = None,
        environment: Mapping[str, str] | None = None,
        model_id: str | None = None,
        *,
        submission_id: str | None = None,
    ) -> AsyncRun:
        """Submit a run, once: when the answer is lost, the run is looked for before it is submitted again.

        What :meth:`abeja_run.jobs.Deployment.submit` promises holds here too. When the task is cancelled, a run may
        have been started: give a ``submission_id`` to be able to submit again with it.

        Args:
            version_id: See :meth:`APIClient.create_run`, like everything up to ``model_id``.
            submission_id: The submission's ID, 1 to 200 printable characters; a fresh UUID by default.

        Raises:
            SubmissionUnknown: It may have started a run that has not been found; submit again with its ID.
            Error: Whatever ``create_run`` raises before a run can exist.

        Example:
            >>> import asyncio, json
            >>> from abeja_run import AsyncClient
            >>> from abeja_run.messages import Response
            >>> from abeja_run.transports import Transport
            >>> class Service(Transport):
            ...     leaves_process, runs = False, []
            ...
            ...     def send(self, request, timeout):
            ...         if request.method == "GET":
            ...             return Response(200, body=json.dumps({"entries": self.runs}).encode())
            ...         environment = json.loads(request.body)["environment"]
            ...         self.runs.append({"run_id": f"run-{len(self.runs)}", "user_env_vars": environment})
            ...         return Response(200, body=json.dumps(self.runs[-1]).encode())
            >>> async def main():
            ...     async with AsyncClient("1", {"auth_token": "any"}, transport=Service()) as client:
            ...         deployment = client.deployment("2")
            ...         for _ in range(3):
            ...             print((await deployment.submit("ver-1", {"a": 1}, submission_id="order 17")).run_id)
            >>> asyncio.run(main())
            run-0
            run-0
            run-0
        """
        parameters = {
            "version_id": version_id,
            "input_data": input_data,
            "output_template": output_template,
            "distribution": distribution,
            "retry_count": retry_count,
            "environment": environment,
            "model_id": model_id,
        }
        script = submitting(self._ids(), parameters, submission_id, self.settling)
        (raw,) = [handed async for handed in carried_out(self._api, script)]
        return self._run(raw)

    async def run(self, run_id: str) -> AsyncRun:
        """The run of this ID, as the service tells of it now.

        Raises:
            NotFound: There is none.
        """
        return self._run(await self._api.get_run(*self._ids(), run_id))

    def runs(self, newest_first: bool = True) -> AsyncIterator[AsyncRun]:  # noqa: FBT001, FBT002 - as people call it
        """All runs of the deployment, each page asked for when it is reached."""
        return self._runs(self._api.iter_runs(*self._ids(), scan_forward=not newest_first))

    async def _runs(self, found: AsyncIterable[Mapping[str, Any]]) -> AsyncIterator[AsyncRun]:
        async for raw in found:
            yield self._run(raw)

    def _run(self, raw: Mapping[str, Any]) -> AsyncRun:
        return AsyncRun(self._api, self.organization_id, raw)
