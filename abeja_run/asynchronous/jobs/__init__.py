"""The level of :mod:`abeja_run.jobs`, awaited. Every decision is taken there."""

from abeja_run.asynchronous.jobs.client import AsyncClient
from abeja_run.asynchronous.jobs.deployment import AsyncDeployment
from abeja_run.asynchronous.jobs.run import AsyncRun

__all__ = ["AsyncClient", "AsyncDeployment", "AsyncRun"]
