"""The door to the level above, for an event loop: one organization, its deployments."""

from __future__ import annotations

from collections.abc import Mapping
from types import TracebackType

from abeja_run import configuration
from abeja_run.asynchronous.base import AsyncTransport
from abeja_run.asynchronous.client import AsyncAPIClient
from abeja_run.asynchronous.jobs.deployment import AsyncDeployment
from abeja_run.transports import Transport

__all__ = ["AsyncClient"]


class AsyncClient:
    """A client for one organization's runs, on top of an :class:`~abeja_run.AsyncAPIClient`; shared by tasks.

    Args:
        organization_id: The ID of the organization; else as for :class:`~abeja_run.Client`.
        credential: As for :class:`~abeja_run.AsyncAPIClient`, like everything that follows.

    Attributes:
        organization_id: The ID of the organization.
        api: The client of the level below.

    Raises:
        ConfigurationError: No organization is given, or a setting is unusable.

    Example:
        >>> import asyncio
        >>> async def main():
        ...     async with AsyncClient("1234567890123", {"auth_token": "any"}) as client:
        ...         print(client.deployment("1111111111111"))
        >>> asyncio.run(main())
        <AsyncDeployment 1111111111111 of organization 1234567890123>
    """

    def __init__(
        self,
        organization_id: str | None = None,
        credential: Mapping[str, str] | None = None,
        timeout: float | None = None,
        max_retry_count: int | None = None,
        *,
        base_url: str | None = None,
        transport: AsyncTransport | Transport | None = None,
        deadline: float | None = None,
        check_responses: bool = False,
        allow_plaintext: bool = False,
    ) -> None:
        self.organization_id = configuration.organization_id(organization_id)
        self.api = AsyncAPIClient(
            credential,
            timeout,
            max_retry_count,
            base_url=base_url,
            transport=transport,
            deadline=deadline,
            check_responses=check_responses,
            allow_plaintext=allow_plaintext,
        )

    def deployment(self, deployment_id: str) -> AsyncDeployment:
        """A deployment of the organization. Asks the service nothing yet.

        Raises:
            ValidationError: When it is used, if the ID cannot be one.
        """
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

    def __repr__(self) -> str:
        return f"<AsyncClient of organization {self.organization_id}, {self.api!r}>"
