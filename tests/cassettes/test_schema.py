"""The schema of the file and the checks of its reader say the same."""

import copy
import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from abeja_run.cassettes import Interaction, Redaction, save
from abeja_run.cassettes.file import checked
from abeja_run.cassettes.schema import CassetteSchema
from abeja_run.exceptions import CassetteError, InvalidResponse, Timeout
from abeja_run.messages import Request, Response

GOOD = {
    "format": "abeja_run cassette",
    "version": 1,
    "interactions": [
        {
            "request": {
                "method": "POST",
                "url": "https://h/",
                "headers": {"a": "b", "c": ["d", "e"]},
                "body": {"json": None, "style": "compact"},
            },
            "response": {"status": 200, "headers": {}, "body": {"base64": "/w=="}},
        },
        {
            "request": {"method": "GET", "url": "http://h/", "body": {"text": "é"}},
            "fault": {"kind": "InvalidResponse", "reason": "too long", "status": 200, "content_type": ""},
        },
    ],
}
MEMBERS = (
    *("format", "version", "interactions", "request", "response", "fault", "method", "url", "headers", "body"),
    *("json", "text", "base64", "style", "status", "kind", "reason", "content_type", "other"),
)
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.sampled_from([-1, 0, 1, 1.0, 99, 100, 599, 600, 200.0, 10**30])
    | st.sampled_from(
        ["", "GET", "get", "GET\n", "http://", "ftp://h/", "Timeout", "compact", "/w==", "/w=", "é", "\ud800"]
    )
    | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(MEMBERS), inner, max_size=3),
    max_leaves=5,
)


def places(value):
    """Every object and list of a document."""
    if isinstance(value, (dict, list)):
        yield value
        for inner in value.values() if isinstance(value, dict) else value:
            yield from places(inner)


@st.composite
def documents(draw):
    """Cassettes with a few places changed."""
    document = copy.deepcopy(GOOD)
    for _ in range(draw(st.integers(0, 3))):
        place = draw(st.sampled_from(list(places(document))))
        at = draw(st.sampled_from([*place, *MEMBERS]) if isinstance(place, dict) else st.integers(0, len(place)))
        change = draw(st.sampled_from(["set", "remove"]))
        if isinstance(place, list):
            place[at:] = [draw(VALUES)] if change == "set" else []
        elif change == "set":
            place[at] = draw(VALUES)
        else:
            place.pop(at, None)
    return document


@settings(max_examples=300, deadline=None)
@given(documents())
def test_the_reader_and_the_schema_accept_and_refuse_the_same(document):
    try:
        checked(document, Path("c.json"))
        wrong = None
    except CassetteError as error:
        wrong = str(error)
    errors = CassetteSchema().validate(document)
    assert bool(errors) is (wrong is not None), (wrong, errors)


@pytest.mark.parametrize("change", [{}, {"other": 1}, {"version": 1.0}])
def test_the_schema_accepts_what_is_right(change):
    assert CassetteSchema().validate({**GOOD, **change}) == {}


def test_what_is_written_is_what_the_schema_describes(tmp_path):
    request = Request("GET", "http://h/?token=a", {"Authorization": "Basic abc", "accept": "*/*"}, b'{"a":1}')
    refused = InvalidResponse("too long", status_code=200, content_type="text/plain", body="", url=request.url)
    outcomes = [Response(200, [("a", "1"), ("a", "2")], b"\xff"), Response(204), Timeout("late"), refused]
    save(tmp_path / "c.json", [Redaction().interaction(Interaction(request, outcome)) for outcome in outcomes])
    assert CassetteSchema().validate(json.loads((tmp_path / "c.json").read_bytes())) == {}


def test_every_member_of_the_format_is_described():
    def described(schema):
        for name, field in schema.fields.items():
            assert field.metadata["description"], name
            inner = getattr(field, "inner", field)
            if hasattr(inner, "schema"):
                yield name
                yield from described(inner.schema)

    assert set(described(CassetteSchema())) == {"interactions", "request", "response", "fault", "body"}
