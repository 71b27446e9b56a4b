"""The Run API's client with triggers beside the runs. Its types stand in ``platform_client.pyi``."""

from __future__ import annotations

from triggers import Triggers

from abeja_run import APIClient
from abeja_run.resources.runs import Runs


class PlatformClient(APIClient, resources=[Runs, Triggers]):
    """Everything that an :class:`~abeja_run.APIClient` can do, and triggers."""
