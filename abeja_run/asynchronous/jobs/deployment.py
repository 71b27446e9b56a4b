"""A deployment as an object: submit runs, find them again, list them."""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Iterable, Mapping
from typing import Any

from abeja_run.asynchronous.client import AsyncAPIClient
from abeja_run.asynchronous.jobs.many import submitted
from abeja_run.asynchronous.jobs.run import AsyncRun
from abeja_run.asynchronous.jobs.script import carried_out
from abeja_run.jobs.deployment import DeploymentFacts
from abeja_run.jobs.plan import BatchResult
from abeja_run.jobs.progress import Bar
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
    _kinds = (Iterable, AsyncIterable)

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

    def submit_many(
        self,
        version_id: str,
        inputs: Iterable[Any] | AsyncIterable[Any],
        *,
        journal: str | os.PathLike[str] | None = None,
        max_in_flight: int = 8,
        progress: bool | None = None,
        wait: bool = False,
        output_template: Mapping[str, Any] | None = None,
        distribution: int | None = None,
        retry_count: int | None = None,
        environment: Mapping[str, str] | None = None,
        model_id: str | None = None,
        interval: float = 1.0,
        max_interval: float = 15.0,
    ) -> AsyncGenerator[BatchResult[AsyncRun], None]:
        """Submit a run for each of many inputs, each once, as :meth:`submit` does; the results as they come.

        What :meth:`abeja_run.jobs.Deployment.submit_many` promises holds here too, and the journals are the same: a
        batch that was begun there can be taken up here, and the other way round.

        Breaking off, by cancelling the task that asks for a result or by closing the generator, waits for the requests
        that are under way, at most as long as they may take, and notes their outcome. Leaving ``async for`` alone does
        not close it: iterate inside of ``contextlib.aclosing(…)`` where you may leave it early. Where all tasks of the
        event loop are cancelled at once, the requests are too; what came of them stays open in the journal, and is
        looked for when it is taken up.

        While the disk is waited for, other tasks go on. Smaller parts of the journal's work, and ``inputs`` that are
        not asynchronous, are carried out in the event loop.

        Args:
            version_id: The ID of the version of the deployment's code.
            inputs: The ``input_data`` of each run; may be a generator of millions. An asynchronous one holds up nothing
                while its next input is not there: it may wait for the results of earlier ones.
            journal: The file that remembers the batch; made where it does not exist.
            max_in_flight: How many requests are under way at a time; with ``wait``, how many runs are unfinished. Up to
                three times as many inputs are held. A transport with fewer connections lets some of them wait.
            progress: Whether to show a bar, on a terminal or in a notebook.
            wait: Whether to wait for the end of each run before its result is handed over.
            output_template: See :meth:`APIClient.create_run`, like everything up to ``model_id``.
            interval: With ``wait``, seconds of the first pause; each is half as long again as the one before.
            max_interval: Seconds of the longest pause.

        Raises:
            ValidationError: Arguments that cannot be right for any input.
            JournalError: The journal cannot be used; while iterating.
            JournalMismatch: It is that of another batch, or of other inputs; while iterating.
            MissingExtra: The bar needs tqdm.
            Error: While iterating, what would be wrong with every input, such as ``Unauthorized``.

        Example:
            >>> import asyncio, contextlib, tempfile
            >>> from abeja_run import AsyncClient
            >>> from abeja_run.messages import Response
            >>> from abeja_run.transports import Transport
            >>> class Service(Transport):
            ...     leaves_process = False
            ...
            ...     def send(self, request, timeout):
            ...         return Response(200, body=b'{"run_id": "run-1", "status": "SUBMITTED"}')
            >>> async def main(inputs, journal):
            ...     async with AsyncClient("1", {"auth_token": "any"}, transport=Service()) as client:
            ...         results = client.deployment("2").submit_many("ver-1", inputs, journal=journal)
            ...         async with contextlib.aclosing(results):
            ...             return [result async for result in results]
            >>> inputs = [{"number": 1}, {"number": 2}, "not an object"]
            >>> with tempfile.TemporaryDirectory() as folder:
            ...     results = asyncio.run(main(inputs, f"{folder}/batch.jsonl"))
            >>> for result in sorted(results, key=lambda result: result.index):
            ...     print(result.input_data, result.run.run_id if result.run else result.error)
            {'number': 1} run-1
            {'number': 2} run-1
            not an object create_run: input_data: 'not an object' (str) is not of type Mapping
        """
        plan = self._plan(
            inputs,
            max_in_flight,
            wait=wait,
            interval=interval,
            max_interval=max_interval,
            version_id=version_id,
            output_template=output_template,
            distribution=distribution,
            retry_count=retry_count,
            environment=environment,
            model_id=model_id,
        )
        return submitted(self._api, plan, inputs, journal=journal, bar=Bar(inputs) if progress else None)

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
