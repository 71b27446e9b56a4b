"""The triggers of a deployment: each file that comes into a channel starts a run.

Declared from the platform's API reference, line by line.
"""

from __future__ import annotations

from marshmallow import Schema, fields
from marshmallow.validate import Length, OneOf, Range

from abeja_run import DELETE, GET, POST, Endpoint, Resource
from abeja_run.descriptors import Cursor, Variable
from abeja_run.exceptions import Forbidden, InternalServerError, NotFound, Unauthorized
from abeja_run.fields import ModelAlias, about
from abeja_run.resources.runs import ListRuns, Run

_ERRORS = (Unauthorized, NotFound, Forbidden, InternalServerError)


class CreateTrigger(Schema):
    """What to run, and whenever what happens."""

    version_id = fields.String(
        required=True, validate=Length(min=1), metadata=about("The ID of the version of the deployment's code, ver-…")
    )
    input_service_name = fields.String(
        required=True, validate=OneOf(["datalake"]), metadata=about("The service that is watched.")
    )
    input_service_id = fields.String(
        required=True, validate=Length(min=1), metadata=about("What of it is watched: the ID of a channel.")
    )
    output_service_name = fields.String(
        validate=OneOf(["datalake"]), metadata=about("The service that the output goes to.")
    )
    output_service_id = fields.String(metadata=about("Where in it the output goes: the ID of a channel."))
    distribution = fields.Integer(
        strict=True, metadata=about("A number whose remainder decides the queue; by default queues are used in turn.")
    )
    retry_count = fields.Integer(
        strict=True,
        validate=Range(0, 9),
        metadata=about("How many further attempts follow a failed one, 0 to 9; the service's default is 5."),
    )
    environment = fields.Dict(
        keys=fields.String(validate=Length(min=1)),
        values=fields.String(),
        metadata=about("Environment variables for the code of the runs.", secret=True),
    )
    model_id = ModelAlias(data_key="models", metadata=about("The ID of a trained model.", omit_empty=True))


class Trigger(Schema):
    """A trigger, as the service tells of it."""

    trigger_id = fields.String(required=True, metadata=about("The ID of the trigger, tri- and digits."))
    deployment_id = fields.String(required=True, metadata=about("The ID of the deployment."))
    input_service_name = fields.String(required=True, metadata=about("The service that is watched."))
    input_service_id = fields.String(required=True, metadata=about("What of it is watched."))
    organization_id = fields.String(metadata=about("The ID of the organization."))
    output_service_name = fields.String(allow_none=True, metadata=about("The service that the output goes to."))
    output_service_id = fields.String(allow_none=True, metadata=about("Where in it the output goes."))
    model_version = fields.String(metadata=about("The number of the version."))
    model_version_id = fields.String(metadata=about("The ID of the version."))
    models = fields.Dict(allow_none=True, metadata=about('{"alias": model id}'))
    retry_count = fields.Integer(metadata=about("How many further attempts follow a failed one."))
    distribution = fields.Integer(allow_none=True, metadata=about("As submitted."))
    user_env_vars = fields.Dict(
        allow_none=True, metadata=about("Environment variables for the code of the runs.", secret=True)
    )
    created_at = fields.DateTime(metadata=about("When the trigger was created."))
    modified_at = fields.DateTime(metadata=about("When the trigger last changed."))


class TriggerList(Schema):
    """All triggers of a deployment."""

    entries = fields.List(fields.Nested(Trigger, unknown="include"), required=True, metadata=about("The triggers."))


class Deleted(Schema):
    """The service's word that a trigger is gone."""

    message = fields.String(required=True, metadata=about("A sentence with the ID of the trigger."))


class TriggerRun(Run):
    """A run that a trigger has started."""

    trigger_id = fields.String(metadata=about("The ID of the trigger."))


class TriggerRunPage(Schema):
    """A page of the runs that a trigger has started."""

    entries = fields.List(
        fields.Nested(TriggerRun, unknown="include"), required=True, metadata=about("The runs of this page.")
    )
    next_page_token = fields.String(metadata=about("The token of the next page; the last page has none."))


class Triggers(Resource):
    """What starts runs of a deployment's code by itself."""

    path = "/organizations/{organization_id}/deployments/{deployment_id}/triggers"
    variables = {  # noqa: RUF012 - declared with plain values
        "organization_id": "The ID of the organization.",
        "deployment_id": "The ID of the deployment.",
        "trigger_id": Variable("The ID of the trigger.", pattern="tri-[0-9]+"),
    }

    create_trigger = Endpoint(
        POST, body=CreateTrigger, returns=Trigger, success=(200, 201), raises=_ERRORS, summary="Create a trigger."
    )
    get_trigger = Endpoint(GET, "/{trigger_id}", returns=Trigger, raises=_ERRORS, summary="Get a trigger.")
    get_triggers = Endpoint(GET, returns=TriggerList, raises=_ERRORS, summary="List a deployment's triggers.")
    delete_trigger = Endpoint(
        DELETE,
        "/{trigger_id}",
        returns=Deleted,
        raises=_ERRORS,
        summary="Delete a trigger.",
        description="Runs that it has started go on. Deleted again, for example after a lost answer, it is NotFound.",
    )
    get_trigger_runs = Endpoint(
        GET,
        "/{trigger_id}/runs",
        query=ListRuns,
        returns=TriggerRunPage,
        raises=_ERRORS,
        pages=Cursor("iter_trigger_runs", items="entries", token="next_page_token"),  # noqa: S106 - of a page
        summary="List the runs that a trigger has started.",
    )
