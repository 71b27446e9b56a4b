"""The Run API: batch executions of a deployment's code.

Source: the platform's API reference, "API Client" of the Run API.
"""

from __future__ import annotations

from marshmallow import Schema, fields
from marshmallow.validate import Length, OneOf, Range

from abeja_run.descriptors import GET, POST, Cursor, Endpoint, Resource, Waiter
from abeja_run.exceptions import Forbidden, InternalServerError, NotFound, Unauthorized
from abeja_run.fields import Flag, JSONObject, ModelAlias, UtcSeconds, about

__all__ = ["STATUSES", "Runs"]

#: Every status of a run, in the order in which it passes them; it ends in one of the last two.
STATUSES = ("SUBMITTED", "PENDING", "RUNNABLE", "STARTING", "RUNNING", "SUCCEEDED", "FAILED")


class CreateRun(Schema):
    """What to run, on what."""

    version_id = fields.String(
        required=True,
        validate=Length(min=1),
        metadata=about("The ID of the version of the deployment's code, ver-…"),
    )
    input_data = fields.Dict(
        metadata=about(
            'The input, passed to the first argument of the handler: {"<operator>:<protocol version>": "<payload>"}, '
            'such as {"$datalake:1": "<channel_id>/<file_id>"}, or any other JSON object. Not sent when empty.',
            omit_empty=True,
        )
    )
    output_template = fields.Dict(
        metadata=about(
            'Where the output goes, such as {"$datalake:1": "<channel_id>"}. Not sent when empty.',
            omit_empty=True,
            aliases=("output_data",),
        )
    )
    distribution = fields.Integer(
        strict=True,
        metadata=about("A number whose remainder decides the queue; by default queues are used in turn."),
    )
    retry_count = fields.Integer(
        strict=True,
        validate=Range(0, 9),
        metadata=about("How many further attempts follow a failed one, 0 to 9; the service's default is 5."),
    )
    environment = fields.Dict(
        keys=fields.String(validate=Length(min=1)),
        values=fields.String(),
        dump_default={},
        metadata=about("Environment variables for the run's code, str to str.", secret=True),
    )
    model_id = ModelAlias(data_key="models", metadata=about("The ID of a trained model.", omit_empty=True))


class ListRuns(Schema):
    """Which runs, in which order."""

    next_page_token = fields.String(metadata=about("The next_page_token of the page before."))
    scan_forward = Flag(metadata=about("Oldest first. By default the newest comes first."))


def _time(which: str) -> UtcSeconds:
    return UtcSeconds(metadata=about(f"{which} Whole seconds; a naive datetime is taken as UTC.", omit_empty=True))


class ListLogs(Schema):
    """Which events of a run's log."""

    next_token = fields.String(metadata=about("The next_token of the page before.", omit_empty=True))
    start_time = _time("No event before this time.")
    end_time = _time("No event after this time.")


class ListRecentLogs(Schema):
    """Which events of a run's log, from its end."""

    next_forward_token = fields.String(
        metadata=about("The next_forward_token of another page: newer events.", omit_empty=True)
    )
    next_backward_token = fields.String(
        metadata=about("The next_backward_token of another page: older events.", omit_empty=True)
    )
    start_time = _time("No event before this time.")
    end_time = _time("No event after this time.")


class Run(Schema):
    """A run, as the service tells of it."""

    run_id = fields.String(required=True, metadata=about("The ID of the run, run- and digits."))
    deployment_id = fields.String(required=True, metadata=about("The ID of the deployment."))
    status = fields.String(
        required=True, validate=OneOf(STATUSES), metadata=about("How far the run has come; ends SUCCEEDED or FAILED.")
    )
    model_version_id = fields.String(metadata=about("The ID of the version, ver-…"))
    model_version = fields.String(allow_none=True, metadata=about("The number of the version."))
    models = fields.Dict(allow_none=True, metadata=about('{"alias": model id}'))
    input_data = JSONObject(allow_none=True, metadata=about("The input; an object, or a JSON string of one."))
    output_template = JSONObject(allow_none=True, metadata=about("Where the output goes."))
    retry_count = fields.Integer(strict=True, metadata=about("How many further attempts follow a failed one."))
    user_env_vars = fields.Dict(
        allow_none=True, metadata=about("Environment variables of the run's code.", secret=True)
    )
    distribution = fields.Integer(
        strict=True, allow_none=True, metadata=about("As submitted; only in the answer to create_run.")
    )
    created_at = fields.DateTime(metadata=about("When the run was submitted."))
    modified_at = fields.DateTime(metadata=about("When the run last changed."))


class RunPage(Schema):
    """A page of runs."""

    entries = fields.List(
        fields.Nested(Run, unknown="include"), required=True, metadata=about("The runs of this page.")
    )
    next_page_token = fields.String(metadata=about("The token of the next page; the last page has none."))


class Event(Schema):
    """A line that a run wrote."""

    message = fields.String(required=True, metadata=about("The line."))
    timestamp = fields.DateTime(required=True, metadata=about("When the line was written."))


class LogPage(Schema):
    """A page of a run's log, oldest first."""

    events = fields.List(fields.Nested(Event, unknown="include"), required=True, metadata=about("The lines."))
    next_token = fields.String(metadata=about("The token of the next page; the last page has none."))


class RecentLogPage(Schema):
    """A page of a run's log, newest first."""

    events = fields.List(
        fields.Nested(Event, unknown="include"), required=True, metadata=about("The lines; empty at the end.")
    )
    next_backward_token = fields.String(required=True, metadata=about("The token of older lines, always there."))
    next_forward_token = fields.String(required=True, metadata=about("The token of newer lines, always there."))


_ERRORS = (Unauthorized, NotFound, Forbidden, InternalServerError)


class Runs(Resource):
    """Batch executions of a deployment's code."""

    path = "/organizations/{organization_id}/deployments/{deployment_id}/runs"
    variables = {
        "organization_id": "The ID of the organization.",
        "deployment_id": "The ID of the deployment.",
        "run_id": "The ID of the run.",
    }

    create_run = Endpoint(
        POST,
        body=CreateRun,
        returns=Run,
        raises=_ERRORS,
        summary="Submit a run.",
        description=(
            "Never repeated once the request may have arrived: where the answer is lost the call ends in "
            "OutcomeUnknown, and after 500, 502, 503 or 504 in that error; the run may exist all the same."
        ),
    )
    get_run = Endpoint(
        GET,
        "/{run_id}",
        returns=Run,
        raises=_ERRORS,
        waiter=Waiter("wait_for_run", field="status", success=("SUCCEEDED",), failure=("FAILED",)),
        summary="Get a run.",
    )
    get_runs = Endpoint(
        GET,
        query=ListRuns,
        returns=RunPage,
        raises=_ERRORS,
        pages=Cursor("iter_runs", items="entries", token="next_page_token"),
        summary="List a deployment's runs.",
    )
    get_run_logs = Endpoint(
        GET,
        "/{run_id}/logs",
        query=ListLogs,
        returns=LogPage,
        raises=_ERRORS,
        pages=Cursor("iter_run_logs", items="events", token="next_token"),
        summary="Get a run's log, oldest first.",
    )
    get_run_recent_logs = Endpoint(
        GET,
        "/{run_id}/recentlogs",
        query=ListRecentLogs,
        returns=RecentLogPage,
        raises=_ERRORS,
        pages=Cursor("iter_run_recent_logs", items="events", token="next_backward_token", until_empty=True),
        summary="Get a run's log, newest first.",
    )
