# Generated from the descriptors by: python -m abeja_run.stubs abeja_run.asynchronous.client

from collections.abc import AsyncIterator, Callable, Mapping
from datetime import datetime
from typing import Any, Literal

from typing_extensions import NotRequired, TypedDict

from abeja_run.asynchronous.base_client import BaseAsyncClient

class Run(TypedDict):
    """A run, as the service tells of it."""

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


class RunPage(TypedDict):
    """A page of runs."""

    entries: list[Run]
    """The runs of this page."""
    next_page_token: NotRequired[str]
    """The token of the next page; the last page has none."""


class Event(TypedDict):
    """A line that a run wrote."""

    message: str
    """The line."""
    timestamp: str
    """When the line was written."""


class LogPage(TypedDict):
    """A page of a run's log, oldest first."""

    events: list[Event]
    """The lines."""
    next_token: NotRequired[str]
    """The token of the next page; the last page has none."""


class RecentLogPage(TypedDict):
    """A page of a run's log, newest first."""

    events: list[Event]
    """The lines; empty at the end."""
    next_backward_token: str
    """The token of older lines, always there."""
    next_forward_token: str
    """The token of newer lines, always there."""


class AsyncAPIClient(BaseAsyncClient):
    async def create_run(
        self,
        organization_id: str,
        deployment_id: str,
        version_id: str,
        input_data: Mapping[str, Any] | None = None,
        output_template: Mapping[str, Any] | None = None,
        distribution: int | None = None,
        retry_count: int | None = None,
        environment: Mapping[str, str] | None = None,
        model_id: str | None = None,
        *,
        output_data: Mapping[str, Any] | None = None,
    ) -> Run:
        """Submit a run.

        Never repeated once the request may have arrived: where the answer is lost the call ends in
        OutcomeUnknown, and after 500, 502, 503 or 504 in that error; the run may exist all the same.

        API reference: POST /organizations/{organization_id}/deployments/{deployment_id}/runs

        Args:
            organization_id (str): The ID of the organization.
            deployment_id (str): The ID of the deployment.
            version_id (str): The ID of the version of the deployment's code, ver-…
            input_data (Mapping, optional): The input, passed to the first argument of the handler:
                {"<operator>:<protocol version>": "<payload>"}, such as {"$datalake:1":
                "<channel_id>/<file_id>"}, or any other JSON object. Not sent when empty.
            output_template (Mapping, optional): Where the output goes, such as {"$datalake:1":
                "<channel_id>"}. Not sent when empty. Also as output_data.
            distribution (int, optional): A number whose remainder decides the queue; by default queues are
                used in turn.
            retry_count (int, optional): How many further attempts follow a failed one, 0 to 9; the
                service's default is 5.
            environment (Mapping, optional): Environment variables for the run's code, str to str.
            model_id (str, optional): The ID of a trained model.

        Returns:
            dict: A run, as the service tells of it. Unknown fields are kept.
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

    async def get_run(
        self,
        organization_id: str,
        deployment_id: str,
        run_id: str,
    ) -> Run:
        """Get a run.

        API reference: GET /organizations/{organization_id}/deployments/{deployment_id}/runs/{run_id}

        Args:
            organization_id (str): The ID of the organization.
            deployment_id (str): The ID of the deployment.
            run_id (str): The ID of the run.

        Returns:
            dict: A run, as the service tells of it. Unknown fields are kept.
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

    async def wait_for_run(
        self,
        organization_id: str,
        deployment_id: str,
        run_id: str,
        *,
        timeout: float | None = None,
        interval: float = 1.0,
        max_interval: float = 15.0,
        on_change: Callable[[dict[str, Any]], object] | None = None,
    ) -> Run:
        """Wait until status is SUCCEEDED or FAILED.

        Asks get_run again and again, with growing pauses, and bears faults in between.

        API reference: GET /organizations/{organization_id}/deployments/{deployment_id}/runs/{run_id}

        Args:
            organization_id (str): The ID of the organization.
            deployment_id (str): The ID of the deployment.
            run_id (str): The ID of the run.
            timeout: Seconds to wait at most; by default for ever.
            interval: Seconds of the first pause; each is half as long again as the one before.
            max_interval: Seconds of the longest pause.
            on_change: Called with the answer whenever the state has changed.

        Returns:
            dict: A run, as the service tells of it. Unknown fields are kept.
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

        Raises:
            Unauthorized: 401: the credential is missing or wrong.
            NotFound: 404: no such organization, deployment, version or run.
            Forbidden: 403: the credential is valid but may not do this.
            InternalServerError: 500: the service failed. After a POST the outcome is open.
            WaitFailed: It has come to a bad end.
            WaitTimeout: It has not ended in time.
            HttpError: Any other error status.
            ValidationError: Arguments were refused; nothing was sent.
            TransportError: There is no complete answer; its subclasses say whether the request may have
                arrived.
            InvalidResponse: The answer is not what is described above.
        """

    async def get_runs(
        self,
        organization_id: str,
        deployment_id: str,
        next_page_token: str | None = None,
        scan_forward: bool | None = None,
    ) -> RunPage:
        """List a deployment's runs.

        API reference: GET /organizations/{organization_id}/deployments/{deployment_id}/runs

        Args:
            organization_id (str): The ID of the organization.
            deployment_id (str): The ID of the deployment.
            next_page_token (str, optional): The next_page_token of the page before.
            scan_forward (bool, optional): Oldest first. By default the newest comes first.

        Returns:
            dict: A page of runs. Unknown fields are kept.
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

    def iter_runs(
        self,
        organization_id: str,
        deployment_id: str,
        next_page_token: str | None = None,
        scan_forward: bool | None = None,
    ) -> AsyncIterator[Run]:
        """List a deployment's runs: every item of every page.

        Asks get_runs for the next page when it is reached.

        API reference: GET /organizations/{organization_id}/deployments/{deployment_id}/runs

        Args:
            organization_id (str): The ID of the organization.
            deployment_id (str): The ID of the deployment.
            next_page_token (str, optional): The next_page_token of the page before.
            scan_forward (bool, optional): Oldest first. By default the newest comes first.

        Yields:
            dict: A run, as the service tells of it. Unknown fields are kept.
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

    async def get_run_logs(
        self,
        organization_id: str,
        deployment_id: str,
        run_id: str,
        next_token: str | None = None,
        start_time: datetime | None = None,
        end_time: datetime | None = None,
    ) -> LogPage:
        """Get a run's log, oldest first.

        API reference: GET /organizations/{organization_id}/deployments/{deployment_id}/runs/{run_id}/logs

        Args:
            organization_id (str): The ID of the organization.
            deployment_id (str): The ID of the deployment.
            run_id (str): The ID of the run.
            next_token (str, optional): The next_token of the page before.
            start_time (datetime, optional): No event before this time. Whole seconds; a naive datetime is
                taken as UTC.
            end_time (datetime, optional): No event after this time. Whole seconds; a naive datetime is
                taken as UTC.

        Returns:
            dict: A page of a run's log, oldest first. Unknown fields are kept.
                events: The lines.
                next_token: The token of the next page; the last page has none.

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

    def iter_run_logs(
        self,
        organization_id: str,
        deployment_id: str,
        run_id: str,
        next_token: str | None = None,
        start_time: datetime | None = None,
        end_time: datetime | None = None,
    ) -> AsyncIterator[Event]:
        """Get a run's log, oldest first: every item of every page.

        Asks get_run_logs for the next page when it is reached.

        API reference: GET /organizations/{organization_id}/deployments/{deployment_id}/runs/{run_id}/logs

        Args:
            organization_id (str): The ID of the organization.
            deployment_id (str): The ID of the deployment.
            run_id (str): The ID of the run.
            next_token (str, optional): The next_token of the page before.
            start_time (datetime, optional): No event before this time. Whole seconds; a naive datetime is
                taken as UTC.
            end_time (datetime, optional): No event after this time. Whole seconds; a naive datetime is
                taken as UTC.

        Yields:
            dict: A line that a run wrote. Unknown fields are kept.
                message: The line.
                timestamp: When the line was written.

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

    async def get_run_recent_logs(
        self,
        organization_id: str,
        deployment_id: str,
        run_id: str,
        next_forward_token: str | None = None,
        next_backward_token: str | None = None,
        start_time: datetime | None = None,
        end_time: datetime | None = None,
    ) -> RecentLogPage:
        """Get a run's log, newest first.

        API reference: GET /organizations/{organization_id}/deployments/{deployment_id}/runs/{run_id}/recentlogs

        Args:
            organization_id (str): The ID of the organization.
            deployment_id (str): The ID of the deployment.
            run_id (str): The ID of the run.
            next_forward_token (str, optional): The next_forward_token of another page: newer events.
            next_backward_token (str, optional): The next_backward_token of another page: older events.
            start_time (datetime, optional): No event before this time. Whole seconds; a naive datetime is
                taken as UTC.
            end_time (datetime, optional): No event after this time. Whole seconds; a naive datetime is
                taken as UTC.

        Returns:
            dict: A page of a run's log, newest first. Unknown fields are kept.
                events: The lines; empty at the end.
                next_backward_token: The token of older lines, always there.
                next_forward_token: The token of newer lines, always there.

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

    def iter_run_recent_logs(
        self,
        organization_id: str,
        deployment_id: str,
        run_id: str,
        next_forward_token: str | None = None,
        next_backward_token: str | None = None,
        start_time: datetime | None = None,
        end_time: datetime | None = None,
    ) -> AsyncIterator[Event]:
        """Get a run's log, newest first: every item of every page.

        Asks get_run_recent_logs for the next page when it is reached.

        API reference: GET /organizations/{organization_id}/deployments/{deployment_id}/runs/{run_id}/recentlogs

        Args:
            organization_id (str): The ID of the organization.
            deployment_id (str): The ID of the deployment.
            run_id (str): The ID of the run.
            next_forward_token (str, optional): The next_forward_token of another page: newer events.
            next_backward_token (str, optional): The next_backward_token of another page: older events.
            start_time (datetime, optional): No event before this time. Whole seconds; a naive datetime is
                taken as UTC.
            end_time (datetime, optional): No event after this time. Whole seconds; a naive datetime is
                taken as UTC.

        Yields:
            dict: A line that a run wrote. Unknown fields are kept.
                message: The line.
                timestamp: When the line was written.

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

