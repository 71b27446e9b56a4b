"""A run as an object: typed attributes, waiting for its end, its log."""

from __future__ import annotations

import html
import json
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from enum import Enum
from typing import Any

from abeja_run.client import APIClient
from abeja_run.exceptions import Error, InvalidResponse, RunFailed, WaitFailed, unusable
from abeja_run.jobs.following import LogEvent, following
from abeja_run.jobs.script import carried_out
from abeja_run.jobs.submission import SUBMISSION_VARIABLE
from abeja_run.jobs.times import parsed_time
from abeja_run.resources.runs import Runs

__all__ = ["Run", "RunFacts", "RunStatus", "last_lines"]

#: How many of its last lines the error of a failed run carries.
_LAST_LINES = 10


class RunStatus(str, Enum):
    """How far a run has come. One that this version does not know is kept, and is not an end.

    Example:
        >>> RunStatus("RUNNING").done, RunStatus("FAILED").done, RunStatus("PAUSED").done
        (False, True, False)
    """

    SUBMITTED = "SUBMITTED"
    PENDING = "PENDING"
    RUNNABLE = "RUNNABLE"
    STARTING = "STARTING"
    RUNNING = "RUNNING"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"

    @classmethod
    def _missing_(cls, value: object) -> RunStatus | None:
        if not isinstance(value, str):
            return None
        unknown = str.__new__(cls, value)
        unknown._name_ = unknown._value_ = value
        return unknown

    @property
    def done(self) -> bool:
        """Whether the run has ended."""
        return self in (RunStatus.SUCCEEDED, RunStatus.FAILED)

    def __str__(self) -> str:
        return self.value


class RunFacts:
    """What the service last told of a run. Asks nothing.

    Attributes:
        raw: What the service sent, unchanged.
    """

    def __init__(self, api: Any, organization_id: str, raw: Mapping[str, Any]) -> None:
        self._api = api
        self._organization_id = organization_id
        if not isinstance(raw, Mapping):
            raise unusable("a run that is no object", raw, Runs.get_run.template)
        self.raw = dict(raw)

    @property
    def run_id(self) -> str:
        """The ID of the run."""
        return self._text("run_id")

    @property
    def deployment_id(self) -> str:
        """The ID of the deployment."""
        return self._text("deployment_id")

    @property
    def version_id(self) -> str | None:
        """The ID of the version of the deployment's code."""
        return self.raw.get("model_version_id")

    @property
    def status(self) -> RunStatus:
        """How far the run had come."""
        return RunStatus(self._text("status"))

    @property
    def done(self) -> bool:
        """Whether the run had ended."""
        return self.status.done

    @property
    def input_data(self) -> dict[str, Any]:
        """The input; empty where there is none."""
        return self._object("input_data")

    @property
    def output_template(self) -> dict[str, Any]:
        """Where the output goes; empty where there is none."""
        return self._object("output_template")

    @property
    def retry_count(self) -> int | None:
        """How many further attempts follow a failed one."""
        return self.raw.get("retry_count")

    @property
    def environment(self) -> dict[str, str]:
        """The environment variables of the run's code."""
        return self._object("user_env_vars")

    @property
    def submission_id(self) -> str | None:
        """The ID it was submitted with, where it was submitted by :meth:`Deployment.submit`."""
        return self.environment.get(SUBMISSION_VARIABLE)

    @property
    def created_at(self) -> datetime:
        """When the run was submitted, aware."""
        return self._time("created_at")

    @property
    def modified_at(self) -> datetime:
        """When the run last changed, aware."""
        return self._time("modified_at")

    def _ids(self) -> tuple[str, str, str]:
        return self._organization_id, self.deployment_id, self.run_id

    def _text(self, key: str) -> str:
        value = self.raw.get(key)
        if not isinstance(value, str) or not value:
            raise self._unusable(key)
        return value

    def _object(self, key: str) -> dict[str, Any]:
        value = self.raw.get(key)
        if isinstance(value, str) and value:
            try:
                value = json.loads(value)
            except (ValueError, RecursionError):
                raise self._unusable(key) from None
        if value is None or value == "":
            return {}
        if not isinstance(value, dict):
            raise self._unusable(key)
        return value

    def _time(self, key: str) -> datetime:
        time = parsed_time(self.raw.get(key))
        if time is None:
            raise self._unusable(key)
        return time

    def _unusable(self, key: str) -> InvalidResponse:
        return unusable(f"the run has no usable {key!r}", self.raw.get(key), Runs.get_run.template)

    def __repr__(self) -> str:
        raw = self.raw
        return f"<{type(self).__name__} {raw.get('run_id')} {raw.get('status')}, submitted {raw.get('created_at')}>"

    def _repr_html_(self) -> str:
        """For notebooks: a table, without the environment, whose values may be secret."""
        shown = ("run_id", "status", "model_version_id", "input_data", "output_template", "created_at", "modified_at")
        rows = ((key, self.raw.get(key)) for key in shown)
        cells = (f"<tr><th>{key}</th><td>{html.escape(str(value))}</td></tr>" for key, value in rows if value)
        return f"<table>{''.join(cells)}</table>"


class Run(RunFacts):
    """A run, as the service last told of it. Made by a deployment; :meth:`refresh` asks again.

    Attributes:
        raw: What the service sent, unchanged.
    """

    _api: APIClient

    def refresh(self) -> Run:
        """Ask the service how far the run has come; the same object, brought up to date."""
        self.raw = dict(self._api.get_run(*self._ids()))
        return self

    def wait(
        self,
        timeout: float | None = None,
        raise_on_failure: bool = True,  # noqa: FBT001, FBT002 - reads as it is called, by keyword
        on_change: Callable[[Run], object] | None = None,
        *,
        interval: float = 1.0,
        max_interval: float = 15.0,
    ) -> Run:
        """Wait until the run has ended; the same object, brought up to date.

        Args:
            timeout: Seconds to wait at most; by default for ever.
            raise_on_failure: Whether a failed run is an error.
            on_change: Called with this run whenever its status has changed.
            interval: Seconds of the first pause; each is half as long again as the one before.
            max_interval: Seconds of the longest pause.

        Raises:
            RunFailed: The run has failed; carries it and its last lines.
            WaitTimeout: The run has not ended in time. It goes on.
        """

        def changed(raw: Mapping[str, Any]) -> None:
            self.raw = dict(raw)
            if on_change is not None:
                on_change(self)

        try:
            self.raw = dict(
                self._api.wait_for_run(
                    *self._ids(), timeout=timeout, interval=interval, max_interval=max_interval, on_change=changed
                )
            )
        except WaitFailed as failed:
            self.raw = failed.result
            if raise_on_failure:
                raise RunFailed(self, self._last_lines()) from failed
        return self

    def logs(
        self,
        start: datetime | None = None,
        end: datetime | None = None,
        follow: bool = False,  # noqa: FBT001, FBT002 - reads as it is called, by keyword
        *,
        interval: float = 1.0,
        max_interval: float = 5.0,
        drain: float = 5.0,
    ) -> Iterator[LogEvent]:
        """The events of the run's log, oldest first, page by page.

        Args:
            start: No event before this time; whole seconds, a naive one is taken as UTC.
            end: No event after this time.
            follow: Go on as the run writes, each event once, until it has ended and its log is drained. Bears
                faults in between.
            interval: Seconds of the first pause of following; each is half as long again as the one before.
            max_interval: Seconds of the longest pause.
            drain: Seconds after the end of the run for which the log must have been silent.
        """
        if follow:
            bounds = {"interval": interval, "max_interval": max_interval, "drain": drain}
            return carried_out(self._api, following(self._ids(), start, end, **bounds))
        events = self._api.iter_run_logs(*self._ids(), start_time=start, end_time=end)
        return (LogEvent.of(event) for event in events)

    def recent_logs(self) -> Iterator[LogEvent]:
        """The events of the run's log, newest first, page by page."""
        return (LogEvent.of(event) for event in self._api.iter_run_recent_logs(*self._ids()))

    def copy(self) -> Run:
        """Another object for the same run, for another thread to bring up to date."""
        return Run(self._api, self._organization_id, self.raw)

    def _last_lines(self) -> list[str]:
        try:
            return last_lines(self._api.get_run_recent_logs(*self._ids()))
        except Error:
            # That the run has failed is what counts; its lines can be asked for again.
            return []


def last_lines(recent: Mapping[str, Any]) -> list[str]:
    """The last lines of a log, oldest first, from its newest page; none where that page is none.

    Example:
        >>> last_lines({"events": [{"message": "the end"}, {"message": "before"}]})
        ['before', 'the end']
    """
    try:
        return [event["message"] for event in reversed(recent["events"][:_LAST_LINES])]
    except (LookupError, TypeError):
        return []
