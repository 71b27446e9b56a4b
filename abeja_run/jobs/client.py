"""The door to the level above: one organization, its deployments."""

from __future__ import annotations

from collections.abc import Mapping
from types import TracebackType

from abeja_run import configuration
from abeja_run.client import APIClient
from abeja_run.jobs.deployment import Deployment
from abeja_run.transports import Transport

__all__ = ["Client"]


class Client:
    """A client for one organization's runs, on top of an :class:`~abeja_run.APIClient`.

    Args:
        organization_id: The ID of the organization; else ``ABEJA_ORGANIZATION_ID``, else the one that the
            ``abeja`` tool is configured for.
        credential: As for :class:`~abeja_run.APIClient`, like everything that follows.

    Attributes:
        organization_id: The ID of the organization.
        api: The client of the level below.

    Raises:
        ConfigurationError: No organization is given, or a setting is unusable.

    Example:
        >>> with Client("1234567890123", {"auth_token": "any"}) as client:
        ...     client.deployment("1111111111111")
        <Deployment 1111111111111 of organization 1234567890123>
    """

    def __init__(
        self,
        organization_id: str | None = None,
        credential: Mapping[str, str] | None = None,
        timeout: float | None = None,
        max_retry_count: int | None = None,
        *,
        base_url: str | None = None,
        transport: Transport | None = None,
        deadline: float | None = None,
        check_responses: bool = False,
        allow_plaintext: bool = False,
    ) -> None:
        self.organization_id = configuration.organization_id(organization_id)
        self.api = APIClient(
            credential,
            timeout,
            max_retry_count,
            base_url=base_url,
            transport=transport,
            deadline=deadline,
            check_responses=check_responses,
            allow_plaintext=allow_plaintext,
        )

    def deployment(self, deployment_id: str) -> Deployment:
        """A deployment of the organization. Asks the service nothing yet.

        Raises:
            ValidationError: When it is used, if the ID cannot be one.
        """
        return Deployment(self.api, self.organization_id, deployment_id)

    def close(self) -> None:
        """Close the connections of the client."""
        self.api.close()

    def __enter__(self) -> Client:  # noqa: PYI034 - typing has no Self before Python 3.11
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<Client of organization {self.organization_id}, {self.api!r}>"
