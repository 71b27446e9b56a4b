"""Recorded answers held against what the endpoints declare."""

import json

import pytest
from marshmallow import Schema, fields
from servers import IDS, RUN

from abeja_run.cassettes import Interaction
from abeja_run.descriptors import GET, Download, Endpoint, NoContent, Resource
from abeja_run.drift import drift
from abeja_run.exceptions import Timeout
from abeja_run.messages import Request, Response
from abeja_run.resources.runs import Runs

RUN_ENDPOINTS = tuple(Runs.endpoints.values())
RUNS = f"https://api.abeja.io/organizations/{IDS[0]}/deployments/{IDS[1]}/runs"


def found(answer, method="GET", url=f"{RUNS}/run-1", status=200, endpoints=RUN_ENDPOINTS):
    body = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
    return list(drift([Interaction(Request(method, url), Response(status, {}, body))], endpoints))


def told(*arguments, **keywords):
    return [(one.endpoint, one.field, one.wrong) for one in found(*arguments, **keywords)]


@pytest.mark.parametrize("base", ["", "https://other:8443/below/api"])
def test_answers_as_declared_are_no_drift_whatever_the_base_address(base):
    url = RUNS.replace("https://api.abeja.io", base or "https://api.abeja.io")
    assert found(RUN, url=f"{url}/run-1") == []
    assert found(RUN, "POST", url, 201) == []
    assert found({"entries": [RUN], "next_page_token": "t"}, url=f"{url}?scan_forward=True") == []
    assert found({"events": []}, url=f"{url}/run-1/logs") == []
    assert found({**RUN, "of_tomorrow": 1}) == []


def test_a_field_that_is_wrong_is_named_with_its_place():
    page = {"entries": [RUN, {**RUN, "status": "LOST", "created_at": "yesterday"}]}
    (created, status) = sorted(told(page, url=RUNS))
    assert status[:2] == ("get_runs", "entries[1].status")
    assert status[2].startswith("Must be one of")
    assert created == ("get_runs", "entries[1].created_at", "Not a valid datetime.")
    missing = {name: value for name, value in RUN.items() if name != "run_id"}
    assert told(missing) == [("get_run", "run_id", "Missing data for required field.")]


def test_answers_that_are_not_of_the_kind_are_told():
    assert told(b"<html>") == [("get_run", "", "The answer is not JSON.")]
    assert told([]) == [("get_run", "", "The answer is not a JSON object.")]


def test_errors_are_held_against_their_documented_form():
    assert found({"error": "not_found", "error_description": "no such run"}, status=404) == []
    assert found({}, status=500) == []
    assert found(b"<html>Bad Gateway", status=502) == []
    assert told({"error": 1}, status=404) == [("get_run", "error", "Not a string.")]
    assert told(b"<html>", status=404) == [("get_run", "", "The body of the answer 404 is not JSON.")]
    assert told([], status=401) == [("get_run", "", "The body of the answer 401 is not a JSON object.")]
    assert found({"error": "conflict"}, status=409) == []


def test_a_redirect_is_drift():
    answered = Response(302, {"location": "https://elsewhere/"}, b"moved")
    (one,) = drift([Interaction(Request("GET", f"{RUNS}/run-1"), answered)], RUN_ENDPOINTS)
    assert (one.endpoint, one.wrong) == ("get_run", "The status 302 points elsewhere.")


def test_requests_that_no_endpoint_is_like_are_told_without_an_endpoint():
    for method, url in (("DELETE", f"{RUNS}/run-1"), ("GET", f"{RUNS}/run-1/other"), ("GET", "https://h/")):
        (one,) = found(RUN, method, url)
        assert (one.endpoint, one.wrong) == ("", "No endpoint is known for it.")


def test_a_fault_is_no_drift_and_interactions_are_counted_from_one():
    faulty = Interaction(Request("GET", RUNS), Timeout("late"))
    wrong = Interaction(Request("GET", f"{RUNS}/run-1"), Response(200, {}, b"{}"))
    assert {one.interaction for one in drift([faulty, wrong], Runs.endpoints.values())} == {2}


class Thing(Schema):
    name = fields.String(required=True)


class Things(Resource):
    path = "/things"
    variables = {"thing": "A thing."}
    get_thing = Endpoint(GET, "/{thing}", returns=Thing, summary="Get one.")
    get_latest = Endpoint(GET, "/latest", returns=NoContent(), success=(204,), summary="Get none.")
    get_file = Endpoint(GET, "/{thing}/file", returns=Download("to"), success=(200,), summary="Get its file.")


def test_the_endpoint_that_spells_out_more_goes_before_one_with_a_variable():
    things = list(Things.endpoints.values())
    assert found(b"", url="http://h/things/latest", status=204, endpoints=things) == []
    assert told({}, url="http://h/things/a", endpoints=things)[0][:2] == ("get_thing", "name")


def test_the_status_is_held_against_those_of_a_good_answer():
    things = list(Things.endpoints.values())
    ((_, _, wrong),) = told(b"", url="http://h/things/latest", endpoints=things)
    assert wrong == "The answer has the status 200, not 204."
    assert found(b"bytes", url="http://h/things/a/file", endpoints=things) == []
    ((_, _, wrong),) = told(b"bytes", url="http://h/things/a/file", status=206, endpoints=things)
    assert wrong == "The status is 206."
