# Generated from the descriptors by: python -m abeja_run.stubs platform_client

from collections.abc import Iterator, Mapping
from typing import Any, Literal

from typing_extensions import NotRequired, TypedDict

from abeja_run.client import APIClient

class Trigger(TypedDict):
    """A trigger, as the service tells of it."""

    trigger_id: str
    """The ID of the trigger, tri- and digits."""
    deployment_id: str
    """The ID of the deployment."""
    input_service_name: str
    """The service that is watched."""
    input_service_id: str
    """What of it is watched."""
    organization_id: NotRequired[str]
    """The ID of the organization."""
    output_service_name: NotRequired[str | None]
    """The service that the output goes to."""
    output_service_id: NotRequired[str | None]
    """Where in it the output goes."""
    model_version: NotRequired[str]
    """The number of the version."""
    model_version_id: NotRequired[str]
    """The ID of the version."""
    models: NotRequired[dict[str, Any] | None]
    """{"alias": model id}"""
    retry_count: NotRequired[int]
    """How many further attempts follow a failed one."""
    distribution: NotRequired[int | None]
    """As submitted."""
    user_env_vars: NotRequired[dict[str, Any] | None]
    """Environment variables for the code of the runs."""
    created_at: NotRequired[str]
    """When the trigger was created."""
    modified_at: NotRequired[str]
    """When the trigger last changed."""


class TriggerList(TypedDict):
    """All triggers of a deployment."""

    entries: list[Trigger]
    """The triggers."""


class Deleted(TypedDict):
    """The service's word that a trigger is gone."""

    message: str
    """A sentence with the ID of the trigger."""


class TriggerRun(TypedDict):
    """A run that a trigger has started."""

    run_id: str
    """The ID of the run, run- and digits."""
    deployment_id: str
    """The ID of the deployment."""
    status: Literal['SUBMITTED', 'PENDING', 'RUNNABLE', 'STARTING', 'RUNNING', 'SUCCEEDED', 'FAILED']
    """How far the run has come; ends SUCCEEDED or FAILED."""
    model_version_id: NotRequired[str]
    """The ID of the version, ver-…"""
    model_version: NotRequired[str | None]
    """The number of the version."""
    models: NotRequired[dict[str, Any] | None]
    """{"alias": model id}"""
    input_data: NotRequired[dict[str, Any] | str | None]
    """The input; an object, or a JSON string of one."""
    output_template: NotRequired[dict[str, Any] | str | None]
    """Where the output goes."""
    retry_count: NotRequired[int]
    """How many further attempts follow a failed one."""
    user_env_vars: NotRequired[dict[str, Any] | None]
    """Environment variables of the run's code."""
    distribution: NotRequired[int | None]
    """As submitted; only in the answer to create_run."""
    created_at: NotRequired[str]
    """When the run was submitted."""
    modified_at: NotRequired[str]
    """When the run last changed."""
    trigger_id: NotRequired[str]
    """The ID of the trigger."""


class TriggerRunPage(TypedDict):
    """A page of the runs that a trigger has started."""

    entries: list[TriggerRun]
    """The runs of this page."""
    next_page_token: NotRequired[str]
    """The token of the next page; the last page has none."""


class PlatformClient(APIClient):
    def create_trigger(
        self,
        organization_id: str,
        deployment_id: str,
        version_id: str,
        input_service_name: Literal['datalake'],
        input_service_id: str,
        output_service_name: Literal['datalake'] | None = None,
        output_service_id: str | None = None,
        distribution: int | None = None,
        retry_count: int | None = None,
        environment: Mapping[str, str] | None = None,
        model_id: str | None = None,
    ) -> Trigger:
        """Create a trigger.

        API reference: POST /organizations/{organization_id}/deployments/{deployment_id}/triggers

        Args:
            organization_id (str): The ID of the organization.
            deployment_id (str): The ID of the deployment.
            version_id (str): The ID of the version of the deployment's code, ver-…
            input_service_name (str): The service that is watched.
            input_service_id (str): What of it is watched: the ID of a channel.
            output_service_name (str, optional): The service that the output goes to.
            output_service_id (str, optional): Where in it the output goes: the ID of a channel.
            distribution (int, optional): A number whose remainder decides the queue; by default queues are
                used in turn.
            retry_count (int, optional): How many further attempts follow a failed one, 0 to 9; the
                service's default is 5.
            environment (Mapping, optional): Environment variables for the code of the runs.
            model_id (str, optional): The ID of a trained model.

        Returns:
            dict: A trigger, as the service tells of it. Unknown fields are kept.
                trigger_id: The ID of the trigger, tri- and digits.
                deployment_id: The ID of the deployment.
                input_service_name: The service that is watched.
                input_service_id: What of it is watched.
                organization_id: The ID of the organization.
                output_service_name: The service that the output goes to.
                output_service_id: Where in it the output goes.
                model_version: The number of the version.
                model_version_id: The ID of the version.
                models: {"alias": model id}
                retry_count: How many further attempts follow a failed one.
                distribution: As submitted.
                user_env_vars: Environment variables for the code of the runs.
                created_at: When the trigger was created.
                modified_at: When the trigger last changed.

        Raises:
            Unauthorized: 401: the credential is missing or wrong.
            NotFound: 404: no such organization, deployment, version or run.
            Forbidden: 403: the credential is valid but may not do this.
            InternalServerError: 500: the service failed. After a POST the outcome is open.
            HttpError: Any other error status.
            ValidationError: Arguments were refused; nothing was sent.
            TransportError: There is no complete answer; its subclasses say whether the request may have
                arrived.
            InvalidResponse: The answer is not what is described above.
        """

    def get_trigger(
        self,
        organization_id: str,
        deployment_id: str,
        trigger_id: str,
    ) -> Trigger:
        """Get a trigger.

        API reference: GET /organizations/{organization_id}/deployments/{deployment_id}/triggers/{trigger_id}

        Args:
            organization_id (str): The ID of the organization.
            deployment_id (str): The ID of the deployment.
            trigger_id (str): The ID of the trigger. It matches tri-[0-9]+

        Returns:
            dict: A trigger, as the service tells of it. Unknown fields are kept.
                trigger_id: The ID of the trigger, tri- and digits.
                deployment_id: The ID of the deployment.
                input_service_name: The service that is watched.
                input_service_id: What of it is watched.
                organization_id: The ID of the organization.
                output_service_name: The service that the output goes to.
                output_service_id: Where in it the output goes.
                model_version: The number of the version.
                model_version_id: The ID of the version.
                models: {"alias": model id}
                retry_count: How many further attempts follow a failed one.
                distribution: As submitted.
                user_env_vars: Environment variables for the code of the runs.
                created_at: When the trigger was created.
                modified_at: When the trigger last changed.

        Raises:
            Unauthorized: 401: the credential is missing or wrong.
            NotFound: 404: no such organization, deployment, version or run.
            Forbidden: 403: the credential is valid but may not do this.
            InternalServerError: 500: the service failed. After a POST the outcome is open.
            HttpError: Any other error status.
            ValidationError: Arguments were refused; nothing was sent.
            TransportError: There is no complete answer; its subclasses say whether the request may have
                arrived.
            InvalidResponse: The answer is not what is described above.
        """

    def get_triggers(
        self,
        organization_id: str,
        deployment_id: str,
    ) -> TriggerList:
        """List a deployment's triggers.

        API reference: GET /organizations/{organization_id}/deployments/{deployment_id}/triggers

        Args:
            organization_id (str): The ID of the organization.
            deployment_id (str): The ID of the deployment.

        Returns:
            dict: All triggers of a deployment. Unknown fields are kept.
                entries: The triggers.

        Raises:
            Unauthorized: 401: the credential is missing or wrong.
            NotFound: 404: no such organization, deployment, version or run.
            Forbidden: 403: the credential is valid but may not do this.
            InternalServerError: 500: the service failed. After a POST the outcome is open.
            HttpError: Any other error status.
            ValidationError: Arguments were refused; nothing was sent.
            TransportError: There is no complete answer; its subclasses say whether the request may have
                arrived.
            InvalidResponse: The answer is not what is described above.
        """

    def delete_trigger(
        self,
        organization_id: str,
        deployment_id: str,
        trigger_id: str,
    ) -> Deleted:
        """Delete a trigger.

        Runs that it has started go on. Deleted again, for example after a lost answer, it is NotFound.

        API reference: DELETE /organizations/{organization_id}/deployments/{deployment_id}/triggers/{trigger_id}

        Args:
            organization_id (str): The ID of the organization.
            deployment_id (str): The ID of the deployment.
            trigger_id (str): The ID of the trigger. It matches tri-[0-9]+

        Returns:
            dict: The service's word that a trigger is gone. Unknown fields are kept.
                message: A sentence with the ID of the trigger.

        Raises:
            Unauthorized: 401: the credential is missing or wrong.
            NotFound: 404: no such organization, deployment, version or run.
            Forbidden: 403: the credential is valid but may not do this.
            InternalServerError: 500: the service failed. After a POST the outcome is open.
            HttpError: Any other error status.
            ValidationError: Arguments were refused; nothing was sent.
            TransportError: There is no complete answer; its subclasses say whether the request may have
                arrived.
            InvalidResponse: The answer is not what is described above.
        """

    def get_trigger_runs(
        self,
        organization_id: str,
        deployment_id: str,
        trigger_id: str,
        next_page_token: str | None = None,
        scan_forward: bool | None = None,
    ) -> TriggerRunPage:
        """List the runs that a trigger has started.

        API reference: GET /organizations/{organization_id}/deployments/{deployment_id}/triggers/{trigger_id}/runs

        Args:
            organization_id (str): The ID of the organization.
            deployment_id (str): The ID of the deployment.
            trigger_id (str): The ID of the trigger. It matches tri-[0-9]+
            next_page_token (str, optional): The next_page_token of the page before.
            scan_forward (bool, optional): Oldest first. By default the newest comes first.

        Returns:
            dict: A page of the runs that a trigger has started. Unknown fields are kept.
                entries: The runs of this page.
                next_page_token: The token of the next page; the last page has none.

        Raises:
            Unauthorized: 401: the credential is missing or wrong.
            NotFound: 404: no such organization, deployment, version or run.
            Forbidden: 403: the credential is valid but may not do this.
            InternalServerError: 500: the service failed. After a POST the outcome is open.
            HttpError: Any other error status.
            ValidationError: Arguments were refused; nothing was sent.
            TransportError: There is no complete answer; its subclasses say whether the request may have
                arrived.
            InvalidResponse: The answer is not what is described above.
        """

    def iter_trigger_runs(
        self,
        organization_id: str,
        deployment_id: str,
        trigger_id: str,
        next_page_token: str | None = None,
        scan_forward: bool | None = None,
    ) -> Iterator[TriggerRun]:
        """List the runs that a trigger has started: every item of every page.

        Asks get_trigger_runs for the next page when it is reached.

        API reference: GET /organizations/{organization_id}/deployments/{deployment_id}/triggers/{trigger_id}/runs

        Args:
            organization_id (str): The ID of the organization.
            deployment_id (str): The ID of the deployment.
            trigger_id (str): The ID of the trigger. It matches tri-[0-9]+
            next_page_token (str, optional): The next_page_token of the page before.
            scan_forward (bool, optional): Oldest first. By default the newest comes first.

        Yields:
            dict: A run that a trigger has started. Unknown fields are kept.
                run_id: The ID of the run, run- and digits.
                deployment_id: The ID of the deployment.
                status: How far the run has come; ends SUCCEEDED or FAILED.
                model_version_id: The ID of the version, ver-…
                model_version: The number of the version.
                models: {"alias": model id}
                input_data: The input; an object, or a JSON string of one.
                output_template: Where the output goes.
                retry_count: How many further attempts follow a failed one.
                user_env_vars: Environment variables of the run's code.
                distribution: As submitted; only in the answer to create_run.
                created_at: When the run was submitted.
                modified_at: When the run last changed.
                trigger_id: The ID of the trigger.

        Raises:
            Unauthorized: 401: the credential is missing or wrong.
            NotFound: 404: no such organization, deployment, version or run.
            Forbidden: 403: the credential is valid but may not do this.
            InternalServerError: 500: the service failed. After a POST the outcome is open.
            HttpError: Any other error status.
            ValidationError: Arguments were refused; nothing was sent.
            TransportError: There is no complete answer; its subclasses say whether the request may have
                arrived.
            InvalidResponse: The answer is not what is described above.
        """

