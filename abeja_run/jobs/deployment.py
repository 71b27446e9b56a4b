"""A deployment as an object: submit runs, find them again, list them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from abeja_run.client import APIClient
from abeja_run.jobs.run import Run
from abeja_run.jobs.submission import Settling, submit_once

__all__ = ["Deployment"]


class Deployment:
    """Code that runs can be submitted to. Made by :meth:`Client.deployment`.

    Attributes:
        deployment_id: The ID of the deployment.
        organization_id: The ID of its organization.
        settling: How a submission is looked for whose outcome is open; replace it to change that.
    """

    def __init__(self, api: APIClient, organization_id: str, deployment_id: str) -> None:
        self._api = api
        self.organization_id = organization_id
        self.deployment_id = deployment_id
        self.settling = Settling()

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
            self.organization_id,
            self.deployment_id,
            version_id,
            input_data,
            output_template,
            distribution,
            retry_count,
            environment,
            model_id,
        )
        return Run(self._api, self.organization_id, raw)

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

        The submission's ID travels in the run's environment, as ``ABEJA_RUN_SUBMISSION_ID``. Submitting with an
        ID that was used before returns the run that exists, whatever the other arguments say. It looks through
        all runs of the deployment for it.

        Args:
            version_id: See :meth:`APIClient.create_run`, like everything up to ``model_id``.
            submission_id: The submission's ID; a fresh one by default.

        Raises:
            SubmissionUnknown: It may have started a run that has not been found; submit again with its ID.
            Error: Whatever ``create_run`` raises before a run can exist.
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
        raw = submit_once(self._api, self.organization_id, self.deployment_id, parameters, submission_id, self.settling)
        return Run(self._api, self.organization_id, raw)

    def run(self, run_id: str) -> Run:
        """The run of this ID, as the service tells of it now.

        Raises:
            NotFound: There is none.
        """
        return Run(self._api, self.organization_id, self._api.get_run(self.organization_id, self.deployment_id, run_id))

    def runs(self, newest_first: bool = True) -> Iterator[Run]:  # noqa: FBT001, FBT002 - as people call it
        """All runs of the deployment, each page asked for when it is reached."""
        found = self._api.iter_runs(self.organization_id, self.deployment_id, scan_forward=not newest_first)
        return (Run(self._api, self.organization_id, raw) for raw in found)

    def __repr__(self) -> str:
        return f"<Deployment {self.deployment_id} of organization {self.organization_id}>"
