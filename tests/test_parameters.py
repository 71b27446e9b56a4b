"""Parameters of paths, queries and headers: how a server sees them, and what is refused before it sees anything."""

import enum
import pickle
import warnings
from datetime import date, datetime, timedelta, timezone
from urllib.parse import parse_qsl, unquote

import pytest
from clients import client
from marshmallow import Schema, fields
from marshmallow.validate import OneOf
from servers import TOKEN, Scripted

from abeja_run import GET, POST, Endpoint
from abeja_run.descriptors import Variable
from abeja_run.exceptions import ValidationError
from abeja_run.fields import HeaderFamily, PercentEncoded, about


class Thing(Schema):
    name = fields.String()


class Colour(enum.Enum):
    RED = "red"
    DARK_BLUE = "dark blue"


class Search(Schema):
    tags = fields.List(fields.String(), metadata=about("Tags."))
    ids = fields.List(fields.Integer(strict=True), metadata=about("IDs.", separator=","))
    exact = fields.Boolean(metadata=about("Exact."))
    since = fields.DateTime(data_key="createdSince", metadata=about("Since."))
    day = fields.Date(metadata=about("Day."))
    colour = fields.Enum(Colour, by_value=True, metadata=about("Colour."))
    colours = fields.List(fields.Enum(Colour, by_value=True), metadata=about("Colours."))
    order = fields.String(validate=OneOf(["up", "down"]), data_key="$order", metadata=about("Order."))


SEARCH = Endpoint(GET, query=Search, returns=Thing, summary="Search.")


def query_of(wire):
    return parse_qsl(wire.requests[-1].target.partition("?")[2], keep_blank_values=True)


@pytest.mark.parametrize(
    ("given", "seen"),
    [
        ({"tags": ["a b", "ü&="]}, [("tags", "a b"), ("tags", "ü&=")]),
        ({"tags": []}, []),
        ({"ids": [1, 2, 3]}, [("ids", "1,2,3")]),
        ({"exact": True}, [("exact", "true")]),
        ({"exact": False}, [("exact", "false")]),
        (
            {"since": datetime(2018, 1, 1, tzinfo=timezone(timedelta(hours=9)))},
            [("createdSince", "2018-01-01T00:00:00+09:00")],
        ),
        ({"day": date(2018, 1, 2)}, [("day", "2018-01-02")]),
        ({"colour": Colour.DARK_BLUE}, [("colour", "dark blue")]),
        ({"colours": [Colour.RED, Colour.DARK_BLUE]}, [("colours", "red"), ("colours", "dark blue")]),
        ({"order": "up"}, [("$order", "up")]),
    ],
)
def test_a_query_carries_lists_booleans_times_and_enumerations_under_their_names_on_the_wire(wire, given, seen):
    client(wire.url, search=SEARCH).search(**given)
    assert query_of(wire) == seen


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"tags": "ab"}, "tags"),
        ({"tags": ["a", 1]}, r"tags\[1\]"),
        ({"tags": ["a", None]}, r"tags\[1\]"),
        ({"tags": ["\ud800"]}, "tags"),
        ({"ids": [1.5]}, r"ids\[0\]"),
        ({"exact": "yes"}, "exact"),
        ({"since": "2018-01-01"}, "since"),
        ({"colour": "red"}, "colour"),
        ({"order": "sideways"}, "order"),
    ],
)
def test_a_query_that_cannot_be_is_refused_before_anything_is_sent(wire, given, named):
    with pytest.raises(ValidationError, match=rf"^search: {named}: "):
        client(wire.url, search=SEARCH).search(**given)
    assert not wire.requests


class Headers(Schema):
    trace = fields.String(data_key="X-Trace-Id", metadata=about("Trace."))
    level = fields.Integer(strict=True, data_key="X-Level", metadata=about("Level."))
    title = PercentEncoded(data_key="X-Title", metadata=about("Title."))
    dry = fields.Boolean(data_key="X-Dry", metadata=about("Dry."))
    accept = fields.String(metadata=about("Accept."))
    secret = fields.String(data_key="X-Secret", metadata=about("A secret.", secret=True))
    metadata = HeaderFamily("x-abeja-meta-", metadata=about("Metadata."))


POST_THING = Endpoint(POST, headers=Headers, returns=Thing, summary="Post.")


def test_headers_are_parameters_and_a_family_of_them_is_one(wire):
    given = {"title": "図 1.txt", "note": " 100% a\r\nb", "empty": "", "plain": "a/b; c=d"}
    client(wire.url, post=POST_THING).post(trace="t-1", level=3, title="表", dry=True, metadata=given)
    seen = wire.requests[0].headers
    assert (seen["x-trace-id"], seen["x-level"], seen["x-dry"]) == ("t-1", "3", "true")
    assert unquote(seen["x-title"]) == "表"
    family = {name.removeprefix("x-abeja-meta-"): value for name, value in seen.items() if "meta" in name}
    assert {name: unquote(value) for name, value in family.items()} == given
    assert family["plain"] == "a/b; c=d"
    assert seen["authorization"] == f"Bearer {TOKEN}"


def test_a_header_may_replace_what_the_client_accepts(wire):
    client(wire.url, post=POST_THING).post(accept="application/vnd.thing+json")
    assert wire.requests[0].headers["accept"] == "application/vnd.thing+json"


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"trace": "a\r\nx-evil: 1"}, "trace"),
        ({"trace": "ü"}, "trace"),
        ({"trace": " a"}, "trace"),
        ({"title": "\ud800"}, "title"),
        ({"metadata": {"a b": "c"}}, "metadata key"),
        ({"metadata": {"a\r\n": "c"}}, "metadata key"),
        ({"metadata": {"": "c"}}, "metadata key"),
        ({"metadata": {"a": 5}}, r"metadata\['a'\]"),
    ],
)
def test_no_argument_can_add_or_break_a_header(wire, given, named):
    with pytest.raises(ValidationError, match=f"^post: {named}: "):
        client(wire.url, post=POST_THING).post(**given)
    assert not wire.requests


def test_a_secret_header_is_not_told(wire):
    with pytest.raises(ValidationError) as caught:
        client(wire.url, post=POST_THING).post(secret="hünter2")
    assert "nter2" not in str(caught.value)
    transport = Scripted()
    client(wire.url, post=POST_THING, settings={"transport": transport}).post(secret="hunter2", trace="t-1")
    request = transport.requests[0]
    assert request.headers["x-secret"] == "hunter2"
    assert "t-1" in repr(request)
    assert "hunter2" not in repr(request) + repr(pickle.loads(pickle.dumps(request)))


PATTERN = {"thing_id": Variable("The thing.", pattern=r"thing-[0-9]{2}(/x)?")}


@pytest.mark.parametrize("thing_id", ["thing-1", "thing-123", "xthing-12", "thing-12\n", "", None, 5])
def test_a_variable_that_does_not_match_its_pattern_is_refused(wire, thing_id):
    get = Endpoint(GET, "/{thing_id}", returns=Thing, summary="Get.")
    calling = client(wire.url, variables=PATTERN, get=get)
    with pytest.raises(ValidationError, match="^get: thing_id: "):
        calling.get(thing_id)
    assert not wire.requests
    calling.get("thing-12/x")
    assert wire.requests[0].target == "/things/thing-12%2Fx"
    assert "thing-[0-9]{2}" in calling.get.__doc__


def test_a_segment_may_hold_more_than_a_variable(wire):
    cancel = Endpoint(POST, "/{thing_id}:cancel", returns=Thing, summary="Cancel.")
    client(wire.url, cancel=cancel).cancel("a:b")
    assert wire.requests[0].target == "/things/a%3Ab:cancel"


class Renamed(Schema):
    version_id = fields.String(required=True, metadata=about("V.", deprecated_aliases=("version",), aliases=("v",)))
    size = fields.Integer(metadata=about("Size.", deprecated="it is ignored; leave it out"))
    name = fields.String(required=True, metadata=about("Name."))


RENAMED = Endpoint(POST, body=Renamed, returns=Thing, summary="Post.")


def test_a_deprecated_parameter_works_and_warns_at_the_callers_line(wire):
    calling = client(wire.url, post=RENAMED)
    with pytest.warns(DeprecationWarning, match=r"^post\(\): size is deprecated: it is ignored; leave") as caught:
        calling.post("n", "v", size=1)
    assert caught[0].filename == __file__
    with pytest.warns(DeprecationWarning, match="version is deprecated: it is called version_id now"):
        calling.post("n", version="v")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        calling.post("n", v="v")
        calling.post(name="n", version_id="v")
    assert [seen.json["version_id"] for seen in wire.requests] == ["v"] * 4


@pytest.mark.parametrize("given", [{}, {"v": "1", "version_id": "2"}, {"v": "1", "version": "2"}])
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_parameter_of_several_names_is_given_once(wire, given):
    with pytest.raises(TypeError, match="version_id"):
        client(wire.url, post=RENAMED).post("n", **given)
    assert not wire.requests
