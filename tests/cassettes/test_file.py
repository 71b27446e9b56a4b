"""The file of a cassette: faithful, the same every time, whole, and nothing that an attacker can use."""

import contextlib
import json
import os
import stat

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from abeja_run.cassettes import Interaction, load, save
from abeja_run.cassettes import file as cassette_file
from abeja_run.exceptions import CassetteError, ConnectError, ConnectTimeout, InvalidResponse, Timeout, TransportError
from abeja_run.messages import Request, Response

REQUEST = Request("GET", "http://127.0.0.1/runs?a=1", {"accept": "application/json"})
ONE = Interaction(REQUEST, Response(200, {"content-type": "application/json"}, b'{"status": "RUNNING"}'))

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)
BODIES = st.one_of(
    st.binary(),
    st.text().map(str.encode),
    JSON.map(lambda value: json.dumps(value).encode()),
    JSON.map(lambda value: json.dumps(value, separators=(",", ":")).encode()),
    JSON.map(lambda value: json.dumps(value, indent=2).encode()),
)
NAMES = st.from_regex(r"[A-Za-z-]{1,12}", fullmatch=True)
HEADERS = st.lists(st.tuples(NAMES, st.text(st.characters(max_codepoint=255, exclude_categories=("Cc",)))), max_size=4)


def in_groups(pairs):
    """Header fields as the file keeps them: those of one name stand together."""
    names = list(dict.fromkeys(name for name, _ in pairs))
    return tuple(pair for name in names for pair in pairs if pair[0] == name)


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(BODIES, BODIES, HEADERS, st.integers(100, 599))
def test_every_byte_of_a_body_comes_back(tmp_path, asked, answered, headers, status):
    request = Request("POST", "http://127.0.0.1/", tuple(headers), asked)
    save(tmp_path / "c.json", [Interaction(request, Response(status, tuple(headers), answered))])
    (found,) = load(tmp_path / "c.json")
    assert found.request.body == asked
    assert (found.outcome.status, found.outcome.body) == (status, answered)
    assert found.request.headers.pairs == found.outcome.headers.pairs == in_groups(headers)
    before = (tmp_path / "c.json").read_bytes()
    save(tmp_path / "c.json", [found])
    assert (tmp_path / "c.json").read_bytes() == before


@pytest.mark.parametrize(
    "body",
    [
        b'{"a": 1, "a": 2}',
        b'{"a": 1.10}',
        b'{"a": 1E5}',
        b"NaN",
        b'"\\ud800"',
        b'{"a": "\\/"}',
        b"[" * 5000 + b"]" * 5000,
        b"1" * 5000,
    ],
)
def test_json_that_a_parser_would_change_comes_back_as_it_was(tmp_path, body):
    save(tmp_path / "c.json", [Interaction(REQUEST, Response(200, (), body))])
    assert load(tmp_path / "c.json")[0].outcome.body == body


@pytest.mark.parametrize("kind", [ConnectError, ConnectTimeout, Timeout, TransportError])
def test_faults_come_back_as_they_were(tmp_path, kind):
    save(tmp_path / "c.json", [Interaction(REQUEST, kind("broken", method="GET", url=REQUEST.url))])
    (found,) = load(tmp_path / "c.json")
    assert type(found.outcome) is kind
    assert str(found.outcome) == f"GET {REQUEST.url}: broken"


def test_a_fault_of_a_transports_own_is_kept_as_what_it_is_to_everybody_else(tmp_path):
    class Odd(ConnectTimeout):
        pass

    save(tmp_path / "c.json", [Interaction(REQUEST, Odd("broken"))])
    assert type(load(tmp_path / "c.json")[0].outcome) is ConnectTimeout


def test_a_refused_answer_comes_back(tmp_path):
    refused = InvalidResponse("too long", status_code=200, content_type="text/plain", body="", url=REQUEST.url)
    save(tmp_path / "c.json", [Interaction(REQUEST, refused)])
    found = load(tmp_path / "c.json")[0].outcome
    assert isinstance(found, InvalidResponse)
    assert str(found) == str(refused)


def test_the_file_can_be_read_by_a_person_and_a_diff(tmp_path):
    body = json.dumps({"run_id": "run-1", "status": "RUNNING", "input_data": {"a": "é" * 40, "b": "x" * 80}}).encode()
    save(tmp_path / "c.json", [Interaction(REQUEST, Response(200, {"content-type": "application/json"}, body))] * 2)
    text = (tmp_path / "c.json").read_text(encoding="utf-8")
    assert text.endswith("\n]}\n")
    assert '    "status": "RUNNING",\n' in text
    assert json.loads(text)["version"] == 1
    changed = text.replace("RUNNING", "FAILED", 1)
    assert sum(a != b for a, b in zip(text.splitlines(), changed.splitlines(), strict=True)) == 1


GOOD = {"request": {"method": "GET", "url": "http://h/"}, "response": {"status": 200}}


def document(*interactions, **more):
    return {"format": "abeja_run cassette", "version": 1, "interactions": list(interactions), **more}


def changed(**parts):
    return json.loads(json.dumps({**GOOD, **parts}))


WRONG = [
    (b"", "is not JSON"),
    (b"{", "is not JSON: .* line 1 column 2"),
    (b"\xff\xfe", "is not UTF-8"),
    (b"[" * 100_000, "nested too deeply"),
    ([], "not a cassette of abeja_run"),
    ({"version": 1, "interactions": []}, "not a cassette of abeja_run.*import"),
    (b"interactions:\n- request: !!python/object/apply:os.system [exit]\nversion: 1\n", "is not JSON"),
    (document(version=2), "version is 2, not 1"),
    (document(version=True), "version is True"),
    (document(interactions={}), "interactions is not a list"),
    (document(GOOD, 5), "interaction 2: is not an object"),
    (document({"response": {"status": 200}}), "interaction 1: request is not an object"),
    (document(changed(request={"method": "get", "url": "http://h/"})), "interaction 1: request.method"),
    (document(changed(request={"method": "GET", "url": "file:///etc/passwd"})), "interaction 1: request.url"),
    (document(changed(request={**GOOD["request"], "headers": ["a"]})), "request.headers is not an object"),
    (document(changed(request={**GOOD["request"], "headers": {"a": [1]}})), "request.headers.a is neither"),
    (document({"request": GOOD["request"]}), "not either a response or a fault"),
    (document(changed(fault={"kind": "Timeout", "reason": ""})), "not either a response or a fault"),
    (document(*[GOOD] * 6, changed(response={"status": "200"})), "interaction 7: response.status"),
    (document(changed(response={"status": True})), "response.status"),
    (document(changed(response={"status": 1000})), "response.status"),
    (document(changed(response=[])), "response is not an object"),
    (document(changed(response={"status": 200, "body": "text"})), "response.body is not one of"),
    (document(changed(response={"status": 200, "body": {"json": 1, "text": ""}})), "response.body is not one of"),
    (document(changed(response={"status": 200, "body": {"json": 1, "style": "odd"}})), "response.body.style"),
    (document(changed(response={"status": 200, "body": {"text": 1}})), "response.body.text is not a string"),
    (document(changed(response={"status": 200, "body": {"text": "\ud800"}})), "response.body.text"),
    (document(changed(response={"status": 200, "body": {"base64": "é"}})), "response.body.base64"),
    (document({"request": GOOD["request"], "fault": {"kind": "os.system", "reason": ""}}), "fault.kind is not one of"),
    (document({"request": GOOD["request"], "fault": {"kind": "Timeout"}}), "fault.reason"),
    (document({"request": GOOD["request"], "fault": "Timeout"}), "fault is not an object"),
    (b'{"format": "abeja_run cassette", "version": 1, "interactions": [NaN]}', "NaN is no number"),
]


@pytest.mark.parametrize(("content", "told"), WRONG)
def test_a_damaged_file_is_an_error_that_names_the_place(tmp_path, content, told):
    path = tmp_path / "c.json"
    path.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
    with pytest.raises(CassetteError, match=told) as caught:
        load(path)
    assert str(path) in str(caught.value)
    assert caught.value.__cause__ is None


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_no_damage_ends_in_another_error(tmp_path, data):
    path = tmp_path / "c.json"
    save(path, [ONE, Interaction(REQUEST, Timeout("late")), Interaction(REQUEST, Response(200, (), b"\xff"))])
    content = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(content) - 1))
        content[at : at + data.draw(st.integers(0, 5))] = data.draw(
            st.sampled_from([b"", b'"', b"{", b"0", b"\xff", b"null", b"[]"])
        )
    path.write_bytes(content)
    # Any other error would end the test.
    with contextlib.suppress(CassetteError):
        load(path)


def test_a_file_that_is_too_large_is_not_read(tmp_path, monkeypatch):
    path = tmp_path / "c.json"
    with path.open("wb") as file:
        file.truncate(cassette_file.MAX_FILE + 1)  # a sparse file
    with pytest.raises(CassetteError, match="larger than 1024 MiB"):
        load(path)


def test_a_file_that_is_none_is_named(tmp_path):
    with pytest.raises(CassetteError, match="does not exist"):
        load(tmp_path / "c.json")
    with pytest.raises(CassetteError, match="cannot be read"):
        load(tmp_path)


def test_a_cassette_is_private_to_its_owner(tmp_path):
    save(tmp_path / "c.json", [ONE])
    assert stat.S_IMODE((tmp_path / "c.json").stat().st_mode) == 0o600


def test_saving_replaces_as_a_whole_or_not_at_all(tmp_path):
    path = tmp_path / "c.json"
    save(path, [ONE])
    before = path.read_bytes()

    def breaking():
        yield ONE
        raise RuntimeError

    with pytest.raises(RuntimeError):
        save(path, breaking())
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == ["c.json"]


def test_a_place_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(CassetteError, match="cannot be written"):
        save(tmp_path / "file" / "c.json", [ONE])
