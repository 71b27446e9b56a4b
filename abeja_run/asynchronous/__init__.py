"""The client for an event loop: the same descriptors and the same decisions, awaited. Needs the extra ``async``."""

from abeja_run.asynchronous.aiohttp_transport import AiohttpTransport
from abeja_run.asynchronous.base import AsyncTransport
from abeja_run.asynchronous.base_client import BaseAsyncClient
from abeja_run.asynchronous.cassette import AsyncCassetteTransport, async_cassette
from abeja_run.asynchronous.client import AsyncAPIClient

__all__ = [
    "AiohttpTransport",
    "AsyncAPIClient",
    "AsyncCassetteTransport",
    "AsyncTransport",
    "BaseAsyncClient",
    "async_cassette",
]
