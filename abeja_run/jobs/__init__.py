"""The level above: submit once, one or many, follow and finish runs. Built on public names of the core only."""

from abeja_run.jobs.client import Client
from abeja_run.jobs.deployment import Deployment
from abeja_run.jobs.following import LogEvent
from abeja_run.jobs.plan import BatchResult
from abeja_run.jobs.run import Run, RunStatus
from abeja_run.jobs.submission import Settling

__all__ = ["BatchResult", "Client", "Deployment", "LogEvent", "Run", "RunStatus", "Settling"]
