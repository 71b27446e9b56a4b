"""A resource with every kind of parameter, body and answer, for the checks of types."""

from __future__ import annotations

import enum

from marshmallow import Schema, fields
from marshmallow.validate import OneOf

from abeja_run import DELETE, GET, HEAD, POST, PUT, Endpoint, Resource
from abeja_run.descriptors import (
    ArrayOf,
    Download,
    InHeaders,
    JSONAnswer,
    JSONBody,
    Links,
    Multipart,
    NoContent,
    Offset,
    RawBody,
    Text,
    Variable,
    Waiter,
)
from abeja_run.fields import Content, HeaderFamily, about


class Colour(enum.Enum):
    """A colour."""

    RED = "red"
    BLUE = "blue"


class Limits(Schema):
    """Bounds of a thing."""

    most = fields.Integer(required=True, data_key="max", metadata=about("The most."))
    kind = fields.String(validate=OneOf(["soft", "hard"]), metadata=about("How they hold."))


class Thing(Schema):
    """A thing."""

    name = fields.String(required=True, metadata=about("Its name."))
    state = fields.String(required=True, validate=OneOf(["NEW", "DONE"]), metadata=about("How it is."))
    colour = fields.Enum(Colour, by_value=True, required=True, metadata=about("Its colour."))
    limits = fields.Nested(Limits, required=True, metadata=about("Its bounds."))
    weights = fields.Dict(values=fields.Float(), required=True, metadata=about("Weights by name."))
    note = fields.String(allow_none=True, required=True, data_key="a-note", metadata=about("A note."))


class CreateThing(Schema):
    """What to create."""

    name = fields.String(required=True, metadata=about("Its name."))
    limits = fields.Nested(Limits, metadata=about("Its bounds."))
    tags = fields.List(fields.String(validate=OneOf(["x", "y"])), metadata=about("Tags."))
    colour = fields.Enum(Colour, by_value=True, metadata=about("Its colour."))


class Search(Schema):
    """What to look for."""

    order = fields.String(validate=OneOf(["up", "down"]), metadata=about("The order."))
    since = fields.DateTime(metadata=about("Not before."))
    exact = fields.Boolean(metadata=about("Exactly."))
    offset = fields.Integer(metadata=about("After so many."))


class Traced(Schema):
    """Headers."""

    trace = fields.String(data_key="X-Trace", metadata=about("An ID."))
    meta = HeaderFamily("x-meta-", metadata=about("Further words."))


class Picture(Schema):
    """A picture."""

    picture = Content(content_type="image/png", required=True, metadata=about("The picture."))
    labels = fields.Dict(metadata=about("Labels."))


class Facts(Schema):
    """What is told of a file."""

    size = fields.Integer(data_key="content-length", required=True, metadata=about("Its size."))
    meta = HeaderFamily("x-meta-", required=True, metadata=about("Further words."))


class Catalogue(Resource):
    """Things."""

    path = "/things"
    variables = {"thing_id": Variable("The thing.", pattern="[a-z]+")}

    create_thing = Endpoint(POST, body=CreateThing, headers=Traced, returns=Thing, summary="Create.")
    get_thing = Endpoint(
        GET,
        "/{thing_id}",
        returns=Thing,
        success=(200, 204),
        waiter=Waiter("wait_for_thing", field="state", success=("DONE",)),
        summary="Get.",
    )
    get_things = Endpoint(
        GET, query=Search, returns=ArrayOf(Thing), pages=Offset("iter_things"), summary="List things."
    )
    get_names = Endpoint(GET, "/names", returns=ArrayOf(fields.String()), pages=Links("iter_names"), summary="Names.")
    count = Endpoint(GET, "/count", returns=JSONAnswer(fields.Integer()), summary="Count.")
    put_limits = Endpoint(
        PUT,
        "/limits",
        body=JSONBody("limits", fields.List(fields.Nested(Limits), required=True, metadata=about("All."))),
        returns=NoContent(),
        summary="Put limits.",
    )
    upload = Endpoint(PUT, "/{thing_id}/raw", body=RawBody("content", "The content."), returns=Thing, summary="Upload.")
    add_picture = Endpoint(POST, "/{thing_id}/picture", body=Multipart(Picture), returns=Thing, summary="Add.")
    get_text = Endpoint(GET, "/{thing_id}/text", returns=Text(), summary="Get the text.")
    look = Endpoint(HEAD, "/{thing_id}/file", returns=InHeaders(Facts), summary="Look at the file.")
    download = Endpoint(GET, "/{thing_id}/file", returns=Download("path"), summary="Download.")
    delete_thing = Endpoint(DELETE, "/{thing_id}", returns=NoContent(), summary="Delete.")
