"""A deployment as an object: submit runs, find them again, list them."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Generator, Iterable, Iterator, Mapping, Sized
from concurrent.futures import Executor
from typing import Any

from abeja_run.client import APIClient
from abeja_run.exceptions import ValidationError
from abeja_run.jobs.batch import Batch, BatchResult, Plan
from abeja_run.jobs.crew import Crew
from abeja_run.jobs.journal import Journal, Unwritten, digest
from abeja_run.jobs.progress import Bar
from abeja_run.jobs.run import Run
from abeja_run.jobs.script import carried_out
from abeja_run.jobs.submission import SUBMISSION_VARIABLE, Settling, submitting
from abeja_run.values import shown

__all__ = ["Deployment", "DeploymentFacts"]


class DeploymentFacts:
    """Which deployment it is. Asks nothing.

    Attributes:
        deployment_id: The ID of the deployment.
        organization_id: The ID of its organization.
        settling: How a submission is looked for whose outcome is open; replace it to change that.
    """

    def __init__(self, api: Any, organization_id: str, deployment_id: str) -> None:
        self._api = api
        self.organization_id = organization_id
        self.deployment_id = deployment_id
        self.settling = Settling()

    def _ids(self) -> tuple[str, str]:
        return self.organization_id, self.deployment_id

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
        parameters = {
            "version_id": version_id,
            "output_template": output_template,
            "distribution": distribution,
            "retry_count": retry_count,
            "environment": environment,
            "model_id": model_id,
        }
        _check_batch(version_id, inputs, max_in_flight, environment, interval=interval, max_interval=max_interval)
        plan = Plan(
            self.organization_id,
            self.deployment_id,
            parameters,
            self.settling,
            max_in_flight,
            wait,
            interval,
            max(interval, max_interval),
        )
        total = len(inputs) if isinstance(inputs, Sized) else None
        return self._results(plan, inputs, journal, executor, Bar(total) if progress else None)

    def _results(
        self,
        plan: Plan,
        inputs: Iterable[Any],
        journal: str | os.PathLike[str] | None,
        executor: Executor | None,
        bar: Bar | None,
    ) -> Generator[BatchResult, None, None]:
        with contextlib.ExitStack() as stack:
            kept: Journal | Unwritten = Unwritten()
            if journal is not None:
                kept = stack.enter_context(Journal(journal, _identity(plan)))
            single = self._api.with_options(max_retry_count=0)
            crew = Crew(single, executor, plan.max_in_flight, plan.settling.lease)
            stack.callback(crew.close)
            if bar is not None:
                stack.enter_context(bar)
            results = stack.enter_context(contextlib.closing(Batch(self._api, plan, inputs, kept, crew).results()))
            for result in results:
                if bar is not None:
                    bar.count(result)
                yield result

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


def _identity(plan: Plan) -> dict[str, str]:
    """What makes a batch this one, for its journal. The environment may be secret, so only its digest."""
    others = {name: value for name, value in plan.parameters.items() if name != "version_id"}
    return {
        "organization_id": plan.organization_id,
        "deployment_id": plan.deployment_id,
        "version_id": plan.parameters["version_id"],
        "other_arguments": digest(others),
    }


def _check_batch(
    version_id: object, inputs: object, max_in_flight: object, environment: object, **pauses: object
) -> None:
    errors = {}
    if not isinstance(version_id, str) or not version_id:
        errors["version_id"] = f"{shown(version_id)} is not the ID of a version"
    if isinstance(inputs, (str, bytes, Mapping)) or not isinstance(inputs, Iterable):
        errors["inputs"] = f"{shown(inputs)} is not a number of inputs to iterate over"
    if isinstance(max_in_flight, bool) or not isinstance(max_in_flight, int) or max_in_flight < 1:
        errors["max_in_flight"] = f"{shown(max_in_flight)} is not a whole number from 1"
    if isinstance(environment, Mapping) and SUBMISSION_VARIABLE in environment:
        errors["environment"] = f"{SUBMISSION_VARIABLE} is another one for each input"
    for name, value in pauses.items():
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value < 1e9:
            errors[name] = f"{shown(value)} is not a number of seconds above 0"
    if errors:
        raise ValidationError("submit_many", errors)
