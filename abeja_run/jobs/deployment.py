"""A deployment as an object: submit runs, find them again, list them."""

from __future__ import annotations

import os
from collections.abc import Generator, Iterable, Iterator, Mapping
from concurrent.futures import Executor
from typing import Any, ClassVar

from abeja_run.client import APIClient
from abeja_run.jobs.many import submitted
from abeja_run.jobs.plan import BatchResult, Plan, check
from abeja_run.jobs.progress import Bar
from abeja_run.jobs.run import Run
from abeja_run.jobs.script import carried_out
from abeja_run.jobs.submission import Settling, submitting

__all__ = ["Deployment", "DeploymentFacts"]


class DeploymentFacts:
    """Which deployment it is. Asks nothing.

    Attributes:
        deployment_id: The ID of the deployment.
        organization_id: The ID of its organization.
        settling: How a submission is looked for whose outcome is open; replace it to change that.
    """

    #: What the inputs of a batch may be.
    _kinds: ClassVar[tuple[type, ...]] = (Iterable,)

    def __init__(self, api: Any, organization_id: str, deployment_id: str) -> None:
        self._api = api
        self.organization_id = organization_id
        self.deployment_id = deployment_id
        self.settling = Settling()

    def _ids(self) -> tuple[str, str]:
        return self.organization_id, self.deployment_id

    def _plan(self, inputs: object, max_in_flight: int, **given: Any) -> Plan:
        """What all submissions of a batch have in common.

        Raises:
            ValidationError: Arguments that cannot be right for any input.
        """
        wait, interval, longest = given.pop("wait"), given.pop("interval"), given.pop("max_interval")
        check(inputs, self._kinds, max_in_flight, given, interval=interval, max_interval=longest)
        return Plan(*self._ids(), given, self.settling, max_in_flight, wait, interval, max(interval, longest))

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.deployment_id} of organization {self.organization_id}>"


class Deployment(DeploymentFacts):
    """Code that runs can be submitted to. Made by :meth:`Client.deployment`.

    Attributes:
        deployment_id: The ID of the deployment.
        organization_id: The ID of its organization.
        settling: How a submission is looked for whose outcome is open; replace it to change that.
    """

    _api: APIClient

    def create(
        self,
        version_id: str,
        input_data: Mapping[str, Any] | None = None,
        output_template: Mapping[str, Any] | None = None,
        distribution: int | None = None,
        retry_count: int | None = None,
        environment: Mapping[str, str] | None = None,
        model_id: str | None = None,
    ) -> Run:
        """Submit a run with a single request, as :meth:`APIClient.create_run` does.

        Raises:
            Error: Whatever ``create_run`` raises; after some of its errors a run may exist all the same.
        """
        raw = self._api.create_run(
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

    def submit(
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
    ) -> Run:
        """Submit a run, once: when the answer is lost, the run is looked for before it is submitted again.

        The submission's ID travels in the run's environment, as ``ABEJA_RUN_SUBMISSION_ID``. Where the outcome of a
        request is open, a run with that ID is looked for, a few times over :attr:`settling`; it is returned, or the
        request is sent again with the same ID.

        So one submission starts at most one run, and you are told of it: this returns the run, or raises an error
        after which there is none, or raises ``SubmissionUnknown``, which says the ID to go on with. That rests on two
        things: what the service starts can be listed within the settling time, and this machine's clock is not ahead
        of the service's by more than the allowance.

        Submitting with an ID that was used before returns the run that exists, whatever the other arguments say; all
        runs of the deployment are looked through for it. Of two clients who submit with the same ID at the same time
        both may start a run, because neither finds one; from then on everybody who submits with this ID is given the
        older of the two.

        Args:
            version_id: See :meth:`APIClient.create_run`, like everything up to ``model_id``.
            submission_id: The submission's ID, 1 to 200 printable characters; a fresh UUID by default.

        Raises:
            SubmissionUnknown: It may have started a run that has not been found; submit again with its ID.
            Error: Whatever ``create_run`` raises before a run can exist.

        Example:
            >>> import json
            >>> from abeja_run import Client
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
            >>> deployment = Client("1", {"auth_token": "any"}, transport=Service()).deployment("2")
            >>> [deployment.submit("ver-1", {"a": 1}, submission_id="order 17").run_id for _ in range(3)]
            ['run-0', 'run-0', 'run-0']
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
        (raw,) = carried_out(self._api, script)
        return self._run(raw)

    def submit_many(
        self,
        version_id: str,
        inputs: Iterable[Any],
        *,
        journal: str | os.PathLike[str] | None = None,
        max_in_flight: int = 8,
        executor: Executor | None = None,
        progress: bool | None = None,
        wait: bool = False,
        output_template: Mapping[str, Any] | None = None,
        distribution: int | None = None,
        retry_count: int | None = None,
        environment: Mapping[str, str] | None = None,
        model_id: str | None = None,
        interval: float = 1.0,
        max_interval: float = 15.0,
    ) -> Generator[BatchResult, None, None]:
        """Submit a run for each of many inputs, each once, as :meth:`submit` does; the results as they come.

        Nothing is sent before the first result is asked for. One bad input does not stop the rest: its result has an
        error. What would be wrong with every input is raised. Breaking off, with Ctrl-C or by asking for no further
        result, waits for the requests that are under way, at most as long as they may take, and notes their outcome.

        With a journal, the same call takes up where an earlier one stopped, however that one ended: it gives the
        results of the earlier one again, looks for the runs whose requests it may have sent, and goes on; every input
        gets one run. An input that was refused is submitted anew. That a request will be sent is on the disk before it
        is sent. The journal holds no input, only a digest of each, by which it tells that they are the same in the
        same order. What it says of a run that an earlier call has submitted is its ID, its status and its time;
        :meth:`Run.refresh` asks for the rest.

        Memory does not grow with the number of inputs, only with ``max_in_flight``. When the service says that there
        are too many requests, all of them wait, not one.

        An executor that is not of threads is given single requests, so that everything that it is given can be
        pickled; a credential that does not come from an argument must be found there too. A request that a worker
        does not begin within ``settling.lease`` seconds is not sent by it, and one that a worker of Dask has begun
        is begun by no other. So a worker that dies leaves one outcome open, which is then looked for.
        The clocks of the machines must not differ by more than the lease.

        Args:
            version_id: The ID of the version of the deployment's code.
            inputs: The ``input_data`` of each run; may be a generator of millions.
            journal: The file that remembers the batch; made where it does not exist.
            max_in_flight: How many requests are under way at a time at most; with ``wait``, how many runs are
                unfinished. Up to three times as many inputs are held.
            executor: What carries out the requests, such as that of a Dask cluster, ``client.get_executor()``; threads
                of this process by default. It stays yours to shut down.
            progress: Whether to show a bar, on a terminal or in a notebook.
            wait: Whether to wait for the end of each run before its result is handed over.
            output_template: See :meth:`APIClient.create_run`, like everything up to ``model_id``.
            interval: With ``wait``, seconds of the first pause; each is half as long again as the one before.
            max_interval: Seconds of the longest pause.

        Raises:
            ValidationError: Arguments that cannot be right for any input.
            JournalError: The journal cannot be used; while iterating.
            JournalMismatch: It is that of another batch, or of other inputs; while iterating.
            BatchStopped: The executor cannot carry out anything any more; while iterating.
            MissingExtra: The bar needs tqdm.
            Error: While iterating, what would be wrong with every input, such as ``Unauthorized``.

        Example:
            >>> import tempfile
            >>> from abeja_run import Client
            >>> from abeja_run.messages import Response
            >>> from abeja_run.transports import Transport
            >>> class Service(Transport):
            ...     leaves_process = False
            ...
            ...     def send(self, request, timeout):
            ...         return Response(200, body=b'{"run_id": "run-1", "status": "SUBMITTED"}')
            >>> deployment = Client("1", {"auth_token": "any"}, transport=Service()).deployment("2")
            >>> inputs = [{"number": 1}, {"number": 2}, "not an object"]
            >>> with tempfile.TemporaryDirectory() as folder:
            ...     results = list(deployment.submit_many("ver-1", inputs, journal=f"{folder}/batch.jsonl"))
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
        bar = Bar(inputs) if progress else None
        return submitted(self._api, plan, inputs, journal=journal, executor=executor, bar=bar)

    def run(self, run_id: str) -> Run:
        """The run of this ID, as the service tells of it now.

        Raises:
            NotFound: There is none.
        """
        return self._run(self._api.get_run(*self._ids(), run_id))

    def runs(self, newest_first: bool = True) -> Iterator[Run]:  # noqa: FBT001, FBT002 - as people call it
        """All runs of the deployment, each page asked for when it is reached."""
        return map(self._run, self._api.iter_runs(*self._ids(), scan_forward=not newest_first))

    def _run(self, raw: Mapping[str, Any]) -> Run:
        return Run(self._api, self.organization_id, raw)
