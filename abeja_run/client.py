"""The Run API's client: a list of resources, and nothing else. Its types stand in ``client.pyi``."""

from __future__ import annotations

from abeja_run.base_client import BaseClient
from abeja_run.resources.runs import Runs

__all__ = ["APIClient"]


class APIClient(BaseClient, resources=[Runs]):  # noqa: D101 - put together below
    __doc__ = f"A low-level client for the Run API.\n\n{BaseClient.__doc__}"
