"""Replay: what counts as the same request, in which order, and what is told where nothing matches."""

import json
import sys
import time
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from servers import CREDENTIAL, IDS, RUN, Scripted, answer

from abeja_run import APIClient
from abeja_run.cassettes import (
    DEFAULT_MATCH,
    Interaction,
    Redaction,
    body,
    body_without,
    headers,
    host,
    path,
    query,
    save,
)
from abeja_run.exceptions import CassetteDiffers, ConfigurationError, NoMatchingInteraction, Timeout, WaitFailed
from abeja_run.messages import Request, Response, Source
from abeja_run.transports import ReplayTransport, Urllib3Transport, cassette

BASE = f"http://127.0.0.1:8000/organizations/{IDS[0]}/deployments/{IDS[1]}/runs"


def get(url, **headers):
    return Request("GET", url, headers)


def ok(content, status=200):
    return Response(status, {"content-type": "application/json"}, json.dumps(content).encode())


@pytest.fixture
def file(tmp_path):
    return tmp_path / "c.json"


def replay(file, interactions, **settings):
    save(file, [Interaction(request, outcome) for request, outcome in interactions])
    return ReplayTransport(file, **settings)


def client(transport, **settings):
    return APIClient(CREDENTIAL, transport=transport, **settings)


@pytest.mark.parametrize(
    ("recorded", "asked", "same"),
    [
        ("http://a/x?a=1&b=2", "https://b:99/x?b=2&a=1", True),
        ("http://a/x?a=1&a=1", "http://a/x?a=1", False),
        ("http://a/x?a=1&a=2", "http://a/x?a=2&a=1", True),
        ("http://a/x?a=", "http://a/x", False),
        ("http://a/x?a=%41", "http://a/x?a=A", True),
        ("http://a/x?a=1", "http://a/x?a=2", False),
        ("http://a/%61", "http://a/a", True),
        ("http://a/b%2Fc", "http://a/b/c", False),
        ("http://a/b", "http://a/b/", False),
        ("http://a/b#c", "http://a/b", True),
    ],
)
def test_the_address_counts_but_for_host_and_order(file, recorded, asked, same):
    transport = replay(file, [(get(recorded), ok({}))])
    if same:
        assert transport.send(get(asked), 1).status == 200
    else:
        with pytest.raises(NoMatchingInteraction):
            transport.send(get(asked), 1)


@pytest.mark.parametrize(
    ("recorded", "asked", "same"),
    [
        (b'{"a": 1, "b": [1, 2]}', b'{"b":[1,2],"a":1}', True),
        (b'{"a": 1, "b": [1, 2]}', b'{"b":[2,1],"a":1}', False),
        (b'{"a": 1}', b'{"a": true}', False),
        (b'{"a": "\\u00e9"}', '{"a": "é"}'.encode(), True),
        (b"text", b"text", True),
        (b"text", b"text ", False),
        (b"", None, True),
        (None, b"{}", False),
    ],
)
def test_a_json_body_counts_by_its_structure(file, recorded, asked, same):
    transport = replay(file, [(Request("POST", "http://a/", (), recorded), ok({}))])
    if same:
        assert transport.send(Request("POST", "http://a/", (), asked), 1).status == 200
    else:
        with pytest.raises(NoMatchingInteraction):
            transport.send(Request("POST", "http://a/", (), asked), 1)


def test_a_poll_sees_the_statuses_in_recorded_order(file):
    statuses = ["SUBMITTED", "RUNNING", "FAILED"]
    transport = replay(file, [(get(f"{BASE}/run-1"), ok({**RUN, "status": status})) for status in statuses])
    seen = []
    with pytest.raises(WaitFailed):
        client(transport).wait_for_run(*IDS, "run-1", on_change=lambda run: seen.append(run["status"]))
    assert seen == statuses
    assert transport.unplayed == []


def test_when_they_run_out_it_is_an_error_or_the_last_again(file):
    transport = replay(file, [(get(f"{BASE}/run-1"), ok(RUN))])
    client(transport).get_run(*IDS, "run-1")
    with pytest.raises(NoMatchingInteraction, match="recorded 1 times, and all of it has been played; repeat='last'"):
        client(transport).get_run(*IDS, "run-1")
    transport = ReplayTransport(file, repeat="last")
    assert [client(transport).get_run(*IDS, "run-1") for _ in range(3)] == [RUN] * 3
    with pytest.raises(ConfigurationError, match="repeat is 'first'"):
        ReplayTransport(file, repeat="first")


def test_a_fault_is_raised_anew_each_time(file):
    transport = replay(file, [(get("http://a/"), Timeout("late"))], repeat="last")
    faults = []
    for _ in range(2):
        with pytest.raises(Timeout, match="GET https://b/: late") as caught:
            transport.send(get("https://b/"), 1)
        faults.append(caught.value)
    assert faults[0] is not faults[1]


def test_the_host_counts_where_it_is_asked_for(file):
    transport = replay(file, [(get("http://a/x"), ok({}))], match=(*DEFAULT_MATCH, host))
    with pytest.raises(NoMatchingInteraction, match=r"host: recorded 'a', asked 'b'"):
        transport.send(get("http://b/x"), 1)
    assert transport.send(get("http://A/x"), 1).status == 200


def test_headers_count_where_they_are_asked_for(file):
    transport = replay(
        file, [(get("http://a/", accept=kind), ok(kind)) for kind in ("x", "y")], match=(path, headers("accept"))
    )
    assert json.loads(transport.send(get("http://a/", Accept="y"), 1).body) == "y"


def test_a_matcher_of_the_callers_own_is_a_function_of_two_requests(file):
    def same_first_letter(recorded, asked):
        return recorded.headers["x-name"][0] == asked.headers["x-name"][0]

    names = ["anna", "bert", "anton"]
    transport = replay(
        file,
        [(get("http://h/", **{"x-name": name}), ok(name)) for name in names],
        match=(path, query, same_first_letter),
    )
    answers = [json.loads(transport.send(get("http://h/", **{"x-name": name}), 1).body) for name in ("b", "ab", "ac")]
    assert answers == ["bert", "anna", "anton"]
    with pytest.raises(NoMatchingInteraction, match="same_first_letter says no"):
        transport.send(get("http://h/", **{"x-name": "c"}), 1)
    assert transport.unplayed == []


@pytest.mark.parametrize("place", ["id", "a.id", "a.b.id"])
@pytest.mark.parametrize(
    ("recorded", "asked", "same"),
    [
        ({"n": 1}, {"n": 1}, True),
        ({"n": 1}, {"n": 2}, False),
        ([{"id": 1}], [{"id": 2}], False),
        ("text", "text", True),
        (None, {}, False),
    ],
)
def test_members_that_are_left_out_are_not_compared_and_all_else_is(place, recorded, asked, same):
    def request(content, number):
        if isinstance(content, dict):
            inner = number
            for name in reversed(place.split(".")):
                inner = {name: inner}
            content = {**content, **inner}
        return Request("POST", BASE, (), json.dumps(content).encode())

    match = body_without(place)
    assert match(request(recorded, 1), request(asked, 2)) is same
    assert not body(request({}, 1), request({}, 2))


def test_members_that_are_left_out_may_be_absent_and_a_body_may_be_no_json():
    match = body_without("a.id", "id")
    for one, other in (
        (b'{"a": {}}', b'{"a": {"id": 1}, "id": 2}'),
        (b"\0", b"\0"),
        (None, b""),
        (b'{"a": 1}', b'{"a": 1}'),
    ):
        assert match(Request("POST", BASE, (), one), Request("POST", BASE, (), other))
    assert not match(Request("POST", BASE, (), b"\0"), Request("POST", BASE, (), b"\1"))


def test_an_error_does_not_name_what_is_left_out(file):
    recorded = Request("POST", BASE, (), b'{"id": 1, "n": 1}')
    transport = replay(file, [(recorded, ok(RUN))], match=(body_without("id"),))
    with pytest.raises(NoMatchingInteraction) as caught:
        transport.send(Request("POST", BASE, (), b'{"id": 2, "n": 2}'), 1)
    assert "body without id: n recorded 1, asked 2" in str(caught.value)
    assert transport.send(Request("POST", BASE, (), b'{"id": 2, "n": 1}'), 1).status == 200


def test_an_error_names_the_request_the_nearest_and_what_differs(file):
    body_of = json.dumps({"version_id": "ver-1", "input_data": {"a": [1, 2]}, "password": "hunter2"}).encode()
    transport = replay(
        file,
        [
            (get(f"{BASE}/run-1"), ok(RUN)),
            (Request("POST", BASE, (), body_of), ok(RUN)),
            (get(f"{BASE}/run-1/logs?next_token=a"), ok({})),
            (get("http://h/quite/another"), ok({})),
        ],
    )
    with pytest.raises(NoMatchingInteraction) as caught:
        client(transport).create_run(*IDS, "ver-1", {"a": [1, 3]}, environment={"PASSWORD": "hunter2"})
    text = str(caught.value)
    assert f"no answer for POST https://api.abeja.io/organizations/{IDS[0]}" in text
    assert "body: " in text
    assert "input_data.a[1] recorded 2, asked 3" in text
    assert "environment only asked" in text
    assert "password only recorded" in text
    assert "hunter2" not in text
    assert caught.value.nearest[0].method == "POST"
    with pytest.raises(NoMatchingInteraction, match="query: recorded next_token=a, asked next_token=b"):
        client(transport).get_run_logs(*IDS, "run-1", next_token="b")
    with pytest.raises(NoMatchingInteraction, match=r"path: recorded /.*/run-1, asked /.*/run-2"):
        client(transport).get_run(*IDS, "run-2")


def test_unplayed_lists_what_was_never_asked_for(file):
    transport = replay(file, [(get(f"{BASE}/run-{number}"), ok(RUN)) for number in range(3)])
    client(transport).get_run(*IDS, "run-1")
    assert [str(one) for one in transport.unplayed] == [f"GET {BASE}/run-0: 200", f"GET {BASE}/run-2: 200"]


@settings(max_examples=50, deadline=None)
@given(st.text(min_size=6, max_size=20), st.sampled_from(["body", "query", "path"]))
def test_a_redacted_request_still_matches(tmp_path_factory, secret, place):
    spelt = quote(secret.encode("utf-8", "surrogatepass"), safe="")
    request = {
        "body": Request("POST", "http://h/x", (), json.dumps({"password": secret, "note": secret}).encode()),
        "query": get(f"http://h/x?api_key={spelt}&note={spelt}"),
        "path": get(f"http://h/{spelt}/x"),
    }[place]
    file = tmp_path_factory.mktemp("c") / "c.json"
    redaction = Redaction(values=(secret,))
    save(file, [redaction.interaction(Interaction(request, ok({})))])
    assert ReplayTransport(file, redaction=redaction).send(request, 1).status == 200


def test_a_request_with_another_credential_matches_too(file):
    mine, yours = ({"authorization": f"Bearer {token}"} for token in ("my-token-1", "your-token-2"))
    request = Request("POST", "http://h/my-token-1", mine, b'{"a": "my-token-1"}')
    save(file, [Redaction().interaction(Interaction(request, ok({})))])
    asked = Request("POST", "http://h/your-token-2", yours, b'{"a": "your-token-2"}')
    assert ReplayTransport(file).send(asked, 1).status == 200


def test_a_replay_touches_no_network_and_never_waits(file):
    transport = replay(file, [(get(f"{BASE}/run-1"), ok({}, 503))] * 5 + [(get(f"{BASE}/run-1"), ok(RUN))])
    calls, watching = [], [True]  # a hook stays for ever
    sys.addaudithook(lambda event, _: calls.append(event) if watching and event.startswith("socket.") else None)
    before = time.monotonic()
    transport.sleep(3600)
    assert client(transport).get_run(*IDS, "run-1") == RUN
    assert time.monotonic() - before < 30
    watching.clear()
    assert not calls


# What cassette() picks


def record(wire, file, mode, *ids, **settings):
    with cassette(file, mode, Urllib3Transport(), **settings) as transport:
        found = [APIClient(CREDENTIAL, base_url=wire.url, transport=transport).get_run(*IDS, run_id) for run_id in ids]
    return found, transport


def test_once_records_and_then_replays(wire, file):
    record(wire, file, "once", "run-1")
    record(wire, file, "once", "run-1")
    assert len(wire.requests) == 1
    with pytest.raises(NoMatchingInteraction):
        record(wire, file, "once", "run-2")
    assert len(wire.requests) == 1


def test_none_never_sends(wire, file):
    record(wire, file, "once", "run-1")
    with pytest.raises(NoMatchingInteraction):
        record(wire, file, "none", "run-2")
    assert len(wire.requests) == 1
    with cassette(file, "none") as transport:
        assert not transport.leaves_process


def test_new_replays_what_is_there_and_records_the_rest(wire, file):
    record(wire, file, "once", "run-1")
    _, transport = record(wire, file, "new", "run-2", "run-1", "run-1")
    assert transport.unplayed == []
    assert [seen.target.rpartition("/")[2] for seen in wire.requests] == ["run-1", "run-2", "run-1"]
    before = file.read_bytes()
    record(wire, file, "new", "run-1", "run-2", "run-1")
    assert len(wire.requests) == 3
    assert file.read_bytes() == before


def test_all_records_anew(wire, file):
    record(wire, file, "once", "run-1", "run-2")
    record(wire, file, "all", "run-3")
    assert len(wire.requests) == 3
    with pytest.raises(NoMatchingInteraction):
        record(wire, file, "none", "run-1")


def test_verify_lets_ids_times_and_tokens_differ(wire, file):
    first = {
        **RUN,
        "run_id": "run-1111111111",
        "modified_at": "2018-01-01T00:00:00Z",
        "next_page_token": "abc",
        "tags": ["a"],
    }
    wire.otherwise = answer(first)
    record(wire, file, "once", "run-1111111111")
    second = {**first, "run_id": "run-2222222222", "modified_at": "2026-11-25T12:34:56.789Z", "next_page_token": "x"}
    wire.otherwise = answer(second)
    before = file.read_bytes()
    found, transport = record(wire, file, "verify", "run-2222222222", "run-2222222222")
    assert found == [second, second]
    assert transport.unplayed == []
    assert file.read_bytes() == before


@pytest.mark.parametrize(
    ("reply", "told"),
    [
        (answer({**RUN, "status": "FAILED"}), 'status: recorded "RUNNING", now "FAILED"'),
        (answer({**RUN, "more": 1}), "more: not recorded, now 1"),
        (answer({"status": "RUNNING"}), "created_at: recorded .*, now missing"),
        (answer({**RUN, "created_at": None}), "created_at: recorded .*, now null"),
        (answer(RUN, status=201), "status: recorded 200, now 201"),
        (answer(RUN, content_type="text/plain"), "content-type: recorded application/json, now text/plain"),
        (answer(b"<html>"), "body: recorded .*, now '<html>'"),
        (answer(status=503), "status: recorded 200, now 503"),
        (lambda connection, seen: False, "recorded 200, now TransportError"),
    ],
)
def test_verify_fails_with_what_differs(wire, file, reply, told):
    record(wire, file, "once", "run-1")
    wire.otherwise = reply
    with pytest.raises(CassetteDiffers, match=told) as caught:
        record(wire, file, "verify", "run-1")
    assert "is no longer answered as recorded" in str(caught.value)
    assert CREDENTIAL["auth_token"] not in str(caught.value)


def test_verify_sends_nothing_that_was_not_recorded(wire, file):
    record(wire, file, "once", "run-1")
    with pytest.raises(NoMatchingInteraction):
        record(wire, file, "verify", "quite-another")
    assert len(wire.requests) == 1


def test_a_mode_that_is_none_is_named(file):
    with pytest.raises(ConfigurationError, match="mode is 'sometimes', not one of none, once, new, all, verify"):
        cassette(file, "sometimes")


def test_waits_take_time_only_where_something_was_sent(wire, file):
    inner = Scripted(ok({}, 503), ok(RUN))
    with cassette(file, "once", inner) as transport:
        client(transport).get_run(*IDS, "run-1")
    assert len(inner.waits) == 1
    inner = Scripted(ok(RUN))
    with cassette(file, "new", inner) as transport:
        client(transport).get_run(*IDS, "run-1")
    assert inner.waits == []


def test_a_streamed_body_is_recorded_and_matched_by_its_bytes(file):
    class Pieces(Source):
        def open(self):
            yield b'{"a": '
            yield b"1}"

    inner = Scripted(ok(RUN))
    with cassette(file, "once", inner) as transport:
        transport.send(Request("POST", "http://h/", (), Pieces()), 1)
    assert inner.requests[0].body == b'{"a": 1}'
    assert ReplayTransport(file).send(Request("POST", "http://h/", (), Pieces()), 1).body
    assert body(Request("POST", "http://h/", (), Pieces()), Request("POST", "http://h/", (), b'{"a":1}'))


def test_the_parts_of_a_multipart_body_match_whatever_their_boundary(file):
    def request(boundary):
        content = f'--{boundary}\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n--{boundary}--\r\n'.encode()
        return Request("POST", "http://h/", {"content-type": f"multipart/form-data; boundary={boundary}"}, content)

    transport = replay(file, [(request("abc"), ok(RUN))])
    assert transport.send(request("xyz123"), 1).status == 200
