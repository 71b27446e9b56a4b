"""The wire format, the checks of arguments, the reading of answers, and the loop that repeats."""

import json
import logging
import math
from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st
from servers import CREDENTIAL, IDS, RUN, TOKEN, Scripted

from abeja_run import APIClient
from abeja_run import exceptions as e
from abeja_run.dispatch import interpret, prepare
from abeja_run.messages import Headers, Response
from abeja_run.resources.runs import Runs

PREFIX = f"/organizations/{IDS[0]}/deployments/{IDS[1]}/runs"


def client(*script, **settings):
    return APIClient(CREDENTIAL, base_url="http://any.example/base", transport=Scripted(*script), **settings)


def sent(method, *arguments, **keywords):
    """The request of a call, as the transport sees it: method, what follows the base URL, the JSON body."""
    calling = client()
    getattr(calling, method)(*IDS, *arguments, **keywords)
    (request,) = calling.transport.requests
    assert request.url.startswith("http://any.example/base/")
    body = None if request.body is None else json.loads(request.body)
    return request.method, request.url.removeprefix("http://any.example/base"), body


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        (("create_run", "ver-1"), ("POST", PREFIX, {"version_id": "ver-1", "environment": {}})),
        (("get_run", "run-1"), ("GET", f"{PREFIX}/run-1", None)),
        (("get_runs",), ("GET", PREFIX, None)),
        (("get_runs", "a/b c:d", False), ("GET", f"{PREFIX}?next_page_token=a%2Fb+c%3Ad&scan_forward=False", None)),
        (("get_runs", None, True), ("GET", f"{PREFIX}?scan_forward=True", None)),
        (("get_runs", ""), ("GET", f"{PREFIX}?next_page_token=", None)),
        (("get_run_logs", "run-1"), ("GET", f"{PREFIX}/run-1/logs", None)),
        (("get_run_logs", "run-1", "", None, None), ("GET", f"{PREFIX}/run-1/logs", None)),
        (("get_run_recent_logs", "run-1", "f"), ("GET", f"{PREFIX}/run-1/recentlogs?next_forward_token=f", None)),
        (
            ("get_run_recent_logs", "run-1", None, "b"),
            ("GET", f"{PREFIX}/run-1/recentlogs?next_backward_token=b", None),
        ),
    ],
)
def test_a_call_becomes_the_request_of_the_reference(call, expected):
    assert sent(*call) == expected


def test_create_run_sends_every_parameter_by_position():
    _, _, body = sent("create_run", "ver-1", {"a": 1}, {"o": 2}, 0, 0, {"K": "v"}, "333")
    assert body == {
        "version_id": "ver-1",
        "input_data": {"a": 1},
        "output_template": {"o": 2},
        "distribution": 0,
        "retry_count": 0,
        "environment": {"K": "v"},
        "models": {"alias": "333"},
    }


def test_create_run_leaves_out_what_is_empty_but_sends_zero():
    _, _, body = sent("create_run", "ver-1", {}, {}, 0, 0, {}, "")
    assert body == {"version_id": "ver-1", "environment": {}, "distribution": 0, "retry_count": 0}


def test_output_data_is_another_name_of_output_template_and_both_are_a_type_error():
    assert sent("create_run", "ver-1", output_data={"o": 1})[2]["output_template"] == {"o": 1}
    with pytest.raises(TypeError, match="output_data"):
        client().create_run(*IDS, "ver-1", output_data={"o": 1}, output_template={"o": 1})


@pytest.mark.parametrize(
    ("time", "wire"),
    [
        (datetime(2018, 1, 1, 11, 22, 33, 999999), "2018-01-01T11:22:33"),
        (datetime(2018, 1, 1, 9, tzinfo=timezone(timedelta(hours=9))), "2018-01-01T00:00:00"),
        (datetime(1, 1, 1), "0001-01-01T00:00:00"),
        (datetime(9999, 12, 31, 23, 59, 59), "9999-12-31T23:59:59"),
    ],
)
def test_times_travel_as_whole_seconds_in_utc(time, wire):
    _, target, _ = sent("get_run_logs", "run-1", None, time)
    assert target.endswith("?start_time=" + wire.replace(":", "%3A"))


def test_a_time_that_has_no_utc_time_is_refused():
    edge = datetime.min.replace(tzinfo=timezone(timedelta(hours=9)))
    with pytest.raises(e.ValidationError, match="start_time"):
        client().get_run_logs(*IDS, "run-1", start_time=edge)


def test_every_request_carries_credential_and_what_it_accepts():
    calling = client()
    calling.create_run(*IDS, "ver-1")
    headers = calling.transport.requests[0].headers
    assert headers["Authorization"] == f"Bearer {TOKEN}"
    assert headers["accept-encoding"] == "gzip"
    assert headers["content-type"] == "application/json"
    assert headers["user-agent"].startswith("abeja-run/")


@pytest.mark.parametrize(
    ("bad", "told"),
    [
        ("", "empty"),
        (".", "step"),
        ("..", "step"),
        ("a\nb", "control"),
        ("a\x7f", "control"),
        ("a\x9f", "control"),
        ("\x00", "control"),
        ("\ud800", "UTF-8"),
        (None, "not of type str"),
        (5, "5 (int)"),
        (b"run", "bytes"),
    ],
)
def test_an_id_that_is_none_is_refused(bad, told):
    with pytest.raises(e.ValidationError) as caught:
        client().get_run(*IDS, bad)
    assert told in caught.value.errors["run_id"]


@given(st.text(min_size=1))
def test_whatever_an_id_holds_the_path_keeps_its_shape(run_id):
    try:
        request = prepare(
            Runs.get_run,
            {"organization_id": IDS[0], "deployment_id": IDS[1], "run_id": run_id},
            "http://h.example",
            Headers(),
        )
    except e.ValidationError:
        return
    from urllib.parse import unquote, urlsplit

    parts = urlsplit(request.url)
    assert not parts.query
    assert not parts.fragment
    *rest, last = parts.path.split("/")
    assert "/".join(rest) == PREFIX
    assert unquote(last) == run_id


@pytest.mark.parametrize(
    ("keywords", "named"),
    [
        ({"version_id": None}, ["version_id"]),
        ({"version_id": ""}, ["version_id"]),
        ({"version_id": 7}, ["version_id"]),
        ({"retry_count": 10}, ["retry_count"]),
        ({"retry_count": -1}, ["retry_count"]),
        ({"retry_count": "5"}, ["retry_count"]),
        ({"retry_count": 5.0}, ["retry_count"]),
        ({"retry_count": True}, ["retry_count"]),
        ({"distribution": False}, ["distribution"]),
        ({"input_data": [1]}, ["input_data"]),
        ({"input_data": "{}"}, ["input_data"]),
        ({"input_data": {"a": {1, 2}}}, ["input_data"]),
        ({"input_data": {"a": math.nan}}, ["input_data"]),
        ({"input_data": {"a": datetime(2018, 1, 1)}}, ["input_data"]),
        ({"environment": {"A": 1}}, ["environment['A']"]),
        ({"environment": {1: "a"}}, ["environment key"]),
        ({"environment": "A=1"}, ["environment"]),
        ({"model_id": 3}, ["model_id"]),
        ({"retry_count": 10, "distribution": "x", "version_id": ""}, ["version_id", "distribution", "retry_count"]),
    ],
)
def test_wrong_arguments_are_all_named_before_anything_is_sent(keywords, named):
    calling = client()
    with pytest.raises(e.ValidationError) as caught:
        calling.create_run(*IDS, **{"version_id": "ver-1", **keywords})
    assert list(caught.value.errors) == named
    assert isinstance(caught.value, ValueError)
    assert calling.transport.requests == []


def test_a_wrong_argument_is_told_with_its_value_and_what_is_allowed():
    with pytest.raises(e.ValidationError, match=r"create_run: retry_count: 10 \(int\): .*0 and .*9"):
        client().create_run(*IDS, "ver-1", retry_count=10)


def test_values_of_environment_variables_stand_in_no_error():
    for bad in ({"A": ["hunter2"]}, ["hunter2"], {"A": "ok", "B": b"hunter2"}):
        with pytest.raises(e.ValidationError) as caught:
            client().create_run(*IDS, "ver-1", environment=bad)
        assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("depth", [100_000])
def test_input_that_is_circular_or_too_deep_is_refused(depth):
    circular = {}
    circular["me"] = circular
    deep = {}
    for _ in range(depth):
        deep = {"a": deep}
    for bad in (circular, deep):
        with pytest.raises(e.ValidationError, match="input_data"):
            client().create_run(*IDS, "ver-1", {"x": bad})


def test_a_token_that_cannot_be_written_is_refused():
    with pytest.raises(e.ValidationError, match="next_page_token"):
        client().get_runs(*IDS, "\ud800")


def test_an_answer_is_handed_over_unchanged_with_unknown_fields():
    body = {"status": "RUNNING", "new": [1, {"x": None}], "input_data": '{"a": 1}'}
    assert client(Response(200, body=json.dumps(body).encode())).get_run(*IDS, "run-1") == body


@pytest.mark.parametrize(
    "body", [b"", b"<html>", b"[1]", b'"text"', b"null", b'{"a": 1', b"\xff\xfe\xff", b"[" * 100_000]
)
def test_a_success_that_is_no_json_object_is_an_invalid_response(body):
    with pytest.raises(e.InvalidResponse) as caught:
        client(Response(200, {"content-type": "text/html"}, body)).get_run(*IDS, "run-1")
    error = caught.value
    assert (error.status_code, error.content_type) == (200, "text/html")
    assert error.body == body.decode("utf-8", "replace")[:500]
    assert error.__cause__ is None


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, e.BadRequest),
        (401, e.Unauthorized),
        (403, e.Forbidden),
        (404, e.NotFound),
        (405, e.MethodNotAllowed),
        (409, e.Conflict),
        (418, e.HttpError),
        (599, e.HttpError),
        (304, e.HttpError),
        (101, e.HttpError),
    ],
)
def test_an_error_status_is_an_error_of_its_class(status, kind):
    body = b'{"error": "some_name", "error_description": "some words", "error_detail": {"a": 1}}'
    with pytest.raises(e.HttpError) as caught:
        client(Response(status, body=body)).get_run(*IDS, "run-1")
    error = caught.value
    assert type(error) is kind
    assert (error.error, error.error_description, error.error_detail) == ("some_name", "some words", {"a": 1})
    assert error.status_code == status
    url = f"http://any.example/base{PREFIX}/run-1"
    assert str(error) == f"<{kind.__name__} \"some_name\": some words ({status} from {url}), {{'a': 1}}>"


@pytest.mark.parametrize(
    "body", [b"", b"[1, 2]", b'"text"', b"<html>gateway</html>", b'{"error": ', b'{"error": {"code": 5}}', b"\xff\xfe"]
)
def test_an_error_body_of_any_kind_gives_the_phrase_and_the_text(body):
    with pytest.raises(e.NotFound) as caught:
        client(Response(404, body=body)).get_run(*IDS, "run-1")
    assert caught.value.error == "Not Found"
    assert caught.value.error_description == body.decode("utf-8", "replace")
    assert caught.value.error_detail is None


@pytest.mark.parametrize("method", ["get_run", "create_run"])
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_an_error_that_names_both_addresses(method, status):
    calling = client(Response(status, {"Location": "//elsewhere.example/x"}))
    with pytest.raises(e.RedirectNotFollowed) as caught:
        getattr(calling, method)(*IDS, "some-1")
    assert "http://elsewhere.example/x" in str(caught.value)
    assert "http://any.example/base" in str(caught.value)
    assert caught.value.location == "http://elsewhere.example/x"
    assert len(calling.transport.requests) == 1


def test_a_service_that_echoes_the_credential_does_not_leak_it_through_errors():
    body = f'{{"error_description": "bad token {TOKEN}", "error_detail": ["{TOKEN}"]}}'.encode()
    answers = [
        Response(401, body=body),
        Response(302, {"location": f"http://x.example/?t={TOKEN}"}),
        Response(200, body=b"no json " + TOKEN.encode()),
    ]
    for response in answers:
        with pytest.raises(e.Error) as caught:
            client(response).get_run(*IDS, "run-1")
        assert TOKEN not in str(caught.value) + repr(vars(caught.value))


def test_check_responses_turns_a_mismatch_into_an_error_that_names_the_field():
    wrong = {**RUN, "status": "DANCING", "retry_count": "x"}
    calling = client(Response(200, body=json.dumps(wrong).encode()), check_responses=True)
    with pytest.raises(e.InvalidResponse, match="status") as caught:
        calling.get_run(*IDS, "run-1")
    assert set(caught.value.errors) == {"status", "retry_count"}
    right = {**RUN, "unknown": 1, "input_data": '{"a": 1}'}
    assert client(Response(200, body=json.dumps(right).encode()), check_responses=True).get_run(*IDS, "r")


def test_interpret_is_pure():
    assert interpret(Runs.get_run, "http://h.example", Response(200, body=b"{}")) == {}


LOST = e.TransportError("lost")
LATE = e.Timeout("late")
UNREACHED = e.ConnectError("refused")
GOOD = Response(200, body=json.dumps(RUN).encode())


def outcome(method, *script, **settings):
    calling = client(*script, **settings)
    try:
        getattr(calling, method)(*IDS, "some-1")
    except e.Error as error:
        return type(error), len(calling.transport.requests)
    return "done", len(calling.transport.requests)


@pytest.mark.parametrize("fault", [LOST, LATE, UNREACHED, *map(Response, (429, 500, 502, 503, 504))])
def test_what_is_idempotent_is_sent_again_after_every_fault(fault):
    assert outcome("get_run", fault, fault, GOOD) == ("done", 3)


@pytest.mark.parametrize("fault", [UNREACHED, e.ConnectTimeout("late"), Response(429)])
def test_a_post_is_sent_again_when_it_cannot_have_been_carried_out(fault):
    assert outcome("create_run", fault, fault, GOOD) == ("done", 3)


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        (LOST, e.OutcomeUnknown),
        (LATE, e.OutcomeUnknown),
        (Response(500), e.InternalServerError),
        (Response(502), e.HttpError),
        (Response(503), e.HttpError),
        (Response(504), e.HttpError),
    ],
)
def test_a_post_whose_outcome_is_open_is_never_sent_again(fault, kind):
    assert outcome("create_run", fault, GOOD) == (kind, 1)


@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 409, 501, 505])
def test_other_statuses_are_not_repeated(status):
    assert outcome("get_run", Response(status), GOOD)[1] == 1


@pytest.mark.parametrize("most", [0, 1, 3])
def test_max_retry_count_bounds_the_attempts(most):
    assert outcome("get_run", LOST, max_retry_count=most) == (e.TransportError, most + 1)
    assert outcome("create_run", UNREACHED, max_retry_count=most) == (e.ConnectError, most + 1)


def test_outcome_unknown_says_what_happened_and_what_to_do():
    with pytest.raises(e.OutcomeUnknown, match="lost; the request may have been carried out: look before") as caught:
        client(LOST).create_run(*IDS, "ver-1")
    assert caught.value.__cause__ is LOST
    assert caught.value.method == "POST"


def test_retry_after_is_waited_for_and_a_deadline_is_never_passed():
    calling = client(Response(503, {"Retry-After": "7"}), GOOD)
    calling.get_run(*IDS, "run-1")
    assert calling.transport.waits == [7.0]
    assert outcome("get_run", Response(503, {"Retry-After": "7"}), GOOD, deadline=6.9) == (e.HttpError, 1)


def test_a_deadline_counts_waits_that_take_no_time():
    calling = client(Response(503, {"Retry-After": "4"}), deadline=10)
    with pytest.raises(e.HttpError):
        calling.get_run(*IDS, "run-1")
    assert calling.transport.waits == [4.0, 4.0]


def test_an_attempt_gets_what_is_left_of_the_deadline():
    calling = client(Response(503, {"Retry-After": "4"}), GOOD, timeout=8, deadline=10)
    calling.get_run(*IDS, "run-1")
    assert calling.transport.timeouts[0] == 8
    assert calling.transport.timeouts[1] == pytest.approx(6, abs=0.5)


def test_each_retry_is_a_log_record_without_secrets(caplog):
    caplog.set_level(logging.INFO, logger="abeja_run")
    calling = client(Response(503), LOST, GOOD)
    calling.get_runs(*IDS, next_page_token="tok")
    first, second = caplog.records
    assert (first.method, first.path, first.reason) == ("GET", f"/base{PREFIX}", "503 Service Unavailable")
    assert second.reason == "TransportError: lost"
    assert [first.wait, second.wait] == calling.transport.waits
    assert TOKEN not in caplog.text
    assert "tok=" not in caplog.text


def test_no_credential_is_an_error_of_the_first_call_that_names_the_ways():
    calling = APIClient(transport=Scripted())
    with pytest.raises(e.CredentialError) as caught:
        calling.get_run(*IDS, "run-1")
    for way in ("auth_token", "PLATFORM_AUTH_TOKEN", "ABEJA_PLATFORM_USER_ID", "datasource_id", "abeja configure"):
        assert way in str(caught.value)
    assert calling.transport.requests == []
