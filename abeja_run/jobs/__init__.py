"""The level above: submit once, follow and finish runs. Built on public names of the core only."""

from abeja_run.jobs.client import Client
from abeja_run.jobs.deployment import Deployment
from abeja_run.jobs.following import LogEvent
from abeja_run.jobs.run import Run, RunStatus

__all__ = ["Client", "Deployment", "LogEvent", "Run", "RunStatus"]
