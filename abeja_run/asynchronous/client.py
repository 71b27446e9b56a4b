"""The Run API's asynchronous client: a list of resources, and nothing else. Its types stand in ``client.pyi``."""

from __future__ import annotations

from abeja_run.asynchronous.base_client import BaseAsyncClient
from abeja_run.resources.runs import Runs

__all__ = ["AsyncAPIClient"]


class AsyncAPIClient(BaseAsyncClient, resources=[Runs]):  # noqa: D101 - put together below
    __doc__ = f"A low-level asynchronous client for the Run API.\n\n{BaseAsyncClient.__doc__}"
