"""A resource that uses every word that a descriptor has, for the surfaces that are made from descriptors."""

from __future__ import annotations

import enum

from marshmallow import Schema, fields
from marshmallow.validate import ContainsOnly, Length, OneOf, Range, Regexp

from abeja_run import DELETE, GET, HEAD, POST, PUT, Endpoint, Resource
from abeja_run.descriptors import (
    ArrayOf,
    Cursor,
    Download,
    InHeaders,
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
from abeja_run.exceptions import Conflict, HttpError, NotFound
from abeja_run.fields import Content, Flag, HeaderFamily, JSONObject, ModelAlias, PercentEncoded, UtcSeconds, about


class Colour(enum.Enum):
    RED = "red"
    DARK_BLUE = "dark blue"


class Size(Schema):
    """How large it is."""

    width = fields.Integer(required=True, strict=True, validate=Range(min=0, min_inclusive=False))
    unit = fields.String(validate=OneOf(["mm", "px"]))


class Thing(Schema):
    """A thing."""

    thing_id = fields.String(required=True, metadata=about("Its ID."))
    size = fields.Nested(Size, allow_none=True, metadata=about("How large it is."))
    state = fields.Enum(Colour, by_value=True, metadata=about("Its state."))
    data = JSONObject(allow_none=True)


class ThingPage(Schema):
    """A page of things."""

    things = fields.List(fields.Nested(Thing), required=True)
    token = fields.String()
    total = fields.Integer()


class Search(Schema):
    """What to look for."""

    tags = fields.List(fields.String(), metadata=about("Tags."))
    codes = fields.List(fields.Integer(strict=True), metadata=about("Codes.", separator=","))
    words = fields.List(fields.String(), metadata=about("Words.", separator=" "))
    lines = fields.List(fields.String(), metadata=about("Lines.", separator=";"))
    flags = fields.List(fields.Boolean(), metadata=about("Flags."))
    exact = fields.Boolean(metadata=about("Exact."))
    forward = Flag(metadata=about("Forward."))
    since = fields.DateTime(data_key="createdSince", metadata=about("Since."))
    until = UtcSeconds(metadata=about("Until."))
    day = fields.Date(metadata=about("Day."))
    hour = fields.Time(metadata=about("Hour."))
    age = fields.TimeDelta(precision="minutes", metadata=about("Age."))
    colour = fields.Enum(Colour, by_value=True, metadata=about("Colour."))
    number = fields.Integer(strict=True, validate=OneOf([1, 2]), metadata=about("One or two."))
    ratio = fields.Float(metadata=about("Ratio."))
    price = fields.Decimal(metadata=about("Price."))
    address = fields.IP(metadata=about("Address."))
    json = fields.String(metadata=about("Named as an option of the command is."))
    debug = fields.String(metadata=about("So is this."))
    token = fields.String(metadata=about("The token of the page before.", aliases=("page_token",)))
    old = fields.String(metadata=about("Old.", deprecated="give colour", deprecated_aliases=("older",)))


class Slice(Schema):
    """Which parts."""

    whole = fields.Boolean(required=True, metadata=about("Given always.", aliases=("needed",)))
    offset = fields.Integer(strict=True, metadata=about("After how many."))
    limit = fields.Integer(strict=True, metadata=about("How many at most."))


class Marks(Schema):
    """What is said in headers."""

    meta = HeaderFamily("x-abeja-meta-", metadata=about("What is noted of it."))
    match = fields.String(data_key="If-Match", metadata=about("The version that is meant."))
    title = PercentEncoded(data_key="x-title", metadata=about("The title."))
    kinds = fields.List(fields.String(), data_key="x-kinds", metadata=about("Kinds."))
    api_key = fields.String(data_key="x-api-key", metadata=about("A key.", secret=True))


class NewThing(Schema):
    """A new thing."""

    name = fields.String(required=True, validate=[Length(min=1, max=20), Regexp(r"[a-z]+\Z")])
    size = fields.Nested(Size, required=True, metadata=about("How large it is."))
    numbers = fields.List(fields.Integer(strict=True), metadata=about("Numbers."))
    sizes = fields.List(fields.Nested(Size), metadata=about("Sizes."))
    letters = fields.List(fields.String(), validate=ContainsOnly(["a", "b"]))
    labels = fields.Dict(keys=fields.String(validate=Length(min=1)), values=fields.String(), metadata=about("Labels."))
    counts = fields.Dict(keys=fields.String(), values=fields.Integer(), metadata=about("Counts."))
    model_id = ModelAlias(data_key="models", metadata=about("A model."))
    anything = fields.Raw(metadata=about("Anything."))


class NewImage(Schema):
    """A new image."""

    title = fields.String(required=True, metadata=about("Its title."))
    picture = Content(content_type="image/png", required=True, metadata=about("The picture."))
    others = fields.List(Content(), metadata=about("More of them."))
    tags = fields.List(fields.String(), metadata=about("Tags."))
    labels = fields.Dict(metadata=about("Labels."))
    sizes = fields.List(fields.Nested(Size), metadata=about("Sizes."))
    public = fields.Boolean(metadata=about("Public."))


class Kind(Schema):
    """The kind of a content."""

    content_type = fields.String(data_key="content-type", metadata=about("Its media type."))


class ImageHead(Schema):
    """What is told of a picture."""

    size = fields.Integer(data_key="content-length", required=True, metadata=about("Its size in bytes."))
    etag = fields.String(metadata=about("Its version."))
    meta = HeaderFamily("x-abeja-meta-", metadata=about("What is noted of it."))


class Spoilt(Conflict):
    """The thing is spoilt."""


class Strange(HttpError):
    """No status is its own."""


class Things(Resource):
    """Things of every kind."""

    path = "/organizations/{organization_id}/things"
    variables = {
        "organization_id": "The organization.",
        "thing_id": Variable("The thing.", pattern="[a-z0-9]+"),
        "region": "The region.",
    }

    find_things = Endpoint(
        GET,
        query=Search,
        returns=ThingPage,
        raises=(NotFound,),
        pages=Cursor("iter_things", items="things", token="token"),
        summary="Find things.",
    )
    list_things = Endpoint(
        GET, "/list", returns=ArrayOf(Thing), pages=Links("iter_listed_things"), summary="List all things."
    )
    create_thing = Endpoint(
        POST,
        body=NewThing,
        returns=Thing,
        success=(201,),
        raises=(Spoilt, Strange),
        idempotency_key="Idempotency-Key",
        idempotent=True,
        timeout=60.0,
        summary="Create a thing.",
        description="At once.",
    )
    get_thing = Endpoint(
        GET,
        "/{thing_id}",
        returns=Thing,
        waiter=Waiter("wait_for_thing", field="state", success=("red",)),
        summary="Get a thing.",
    )
    mark_thing = Endpoint(PUT, "/{thing_id}/marks", headers=Marks, returns=NoContent(), summary="Mark a thing.")
    set_tags = Endpoint(
        PUT,
        "/{thing_id}/tags",
        body=JSONBody("tags", fields.List(fields.String(), required=True, metadata=about("All tags."))),
        returns=ArrayOf(fields.String()),
        summary="Set the tags of a thing.",
    )
    put_image = Endpoint(
        PUT,
        "/{thing_id}/image",
        headers=Kind,
        body=RawBody("image", "The picture.", content_type="image/png"),
        returns=NoContent(),
        success=(201, 204),
        summary="Replace the picture of a thing.",
    )
    add_image = Endpoint(
        POST, "/{thing_id}/images", body=Multipart(NewImage), returns=Thing, summary="Add a picture to a thing."
    )
    get_image = Endpoint(GET, "/{thing_id}/image", returns=Download("path"), summary="Get the picture of a thing.")
    check_image = Endpoint(
        HEAD,
        "/{thing_id}/image",
        returns=InHeaders(ImageHead),
        raises=(NotFound,),
        summary="Look at the picture of a thing.",
    )
    get_note = Endpoint(GET, "/{thing_id}/note", returns=Text(), summary="Get what is noted of a thing.")
    delete_thing = Endpoint(DELETE, "/{thing_id}", returns=NoContent(), summary="Delete a thing.")
    get_status = Endpoint(
        GET,
        "/status",
        host="{region}.{base_host}",
        returns=Thing,
        waiter=Waiter("wait_for_region", field="size.unit", success=("mm",)),
        summary="Get the status of a region.",
    )
    list_parts = Endpoint(
        GET,
        "/{thing_id}/parts",
        query=Slice,
        returns=ArrayOf(Size),
        pages=Offset("iter_parts", limit="limit"),
        summary="List the parts of a thing.",
    )
    get_public = Endpoint(GET, "/public", authorization=False, returns=Text("text/html"), summary="Get what all see.")
