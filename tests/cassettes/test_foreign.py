"""Files of vcrpy and cassetter as they stand on a disk: faithful, ordered, and nothing that an attacker can use."""

import base64
import gzip
import json
import os
import stat
import sys
import zlib

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from abeja_run.cassettes import Interaction, foreign
from abeja_run.cassettes.foreign import export_vcrpy, import_foreign
from abeja_run.exceptions import CassetteError, MissingExtra, Timeout
from abeja_run.messages import Request, Response

URL = "http://127.0.0.1/runs?a=1"


def vcrpy(answer="{}", status=200, headers=None, asked=None):
    return {
        "request": {"method": "GET", "uri": URL, "body": asked, "headers": {"Accept": ["*/*"]}},
        "response": {
            "status": {"code": status, "message": "OK"},
            "headers": headers or {},
            "body": {"string": answer},
        },
    }


CASSETTER = """\
version: 1
interactions:
- request: {method: GET, uri: 'http://h/runs', headers: {accept: ["*/*"]}, body: {type: none}}
  response:
    status: 200
    headers: {x: [2026-01-01, 12:30, 1e5, 'null', 007]}
    body:
      type: json
      content: {t: 2026-11-25T06:51:32Z, s: 12:30, "n": null, q: 'null', i: -5, f: 1.0e-7,
        b: true, y: "yes", e: '', l: []}
  recorded_at: 2026-11-25T06:51:33+00:00
- request: {method: POST, uri: 'http://h/runs', headers: {}, body: {type: binary, content: ff00}}
  response: {status: 404, headers: {}, body: {type: text, content: 'no é'}}
  recorded_at: 2026-11-25T06:51:32+00:00
"""


def imported(tmp_path, content, name="c.yaml"):
    text = content if isinstance(content, (str, bytes)) else yaml.safe_dump({"version": 1, "interactions": content})
    (tmp_path / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    return import_foreign(tmp_path / name)


def test_what_cassetter_writes_is_read_in_the_order_in_which_it_went(tmp_path):
    first, second = imported(tmp_path, CASSETTER)
    assert (first.request.method, first.request.body, first.outcome.status) == ("POST", b"\xff\x00", 404)
    assert first.outcome.body == "no é".encode()
    assert second.request.body is None
    assert [value for _, value in second.outcome.headers.pairs] == ["2026-01-01", "12:30", "1e5", "null", "007"]
    assert json.loads(second.outcome.body) == {
        "t": "2026-11-25T06:51:32Z",
        "s": "12:30",
        "n": None,
        "q": "null",
        "i": -5,
        "f": 1e-7,
        "b": True,
        "y": "yes",
        "e": "",
        "l": [],
    }


NAMES = st.from_regex(r"[A-Za-z-]{1,12}", fullmatch=True)
BODIES = st.binary() | st.text().map(str.encode) | st.sampled_from([b"null", b"~", b"1e5", b"2026-01-01", b"yes", b"1"])
FIELDS = st.dictionaries(NAMES, st.text(st.characters(max_codepoint=255, exclude_categories=("Cc",))), max_size=3)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(BODIES, BODIES, FIELDS, st.integers(100, 599), st.sampled_from(["c.yaml", "c.json"]))
def test_what_is_exported_comes_back_byte_by_byte(tmp_path, asked, answered, fields, status, name):
    if name == "c.json" and not all(map(is_text, (asked, answered))):
        name = "c.yaml"
    interaction = Interaction(Request("POST", URL, fields, asked), Response(status, fields, answered))
    assert export_vcrpy(tmp_path / name, [interaction]) == 0
    (found,) = import_foreign(tmp_path / name)
    assert found.request.body == asked
    assert (found.outcome.status, found.outcome.body) == (status, answered)
    assert found.request.headers.pairs == found.outcome.headers.pairs == tuple(fields.items())
    assert yaml.safe_load((tmp_path / name).read_bytes())["version"] == 1


def is_text(body):
    try:
        return bool(body.decode() or True)
    except UnicodeDecodeError:
        return False


@pytest.mark.parametrize(
    ("encoding", "pack"),
    [
        ("gzip", gzip.compress),
        ("GZIP", gzip.compress),
        ("deflate", zlib.compress),
        ("deflate", lambda body: zlib.compress(body)[2:-4]),
        ("deflate, gzip", lambda body: gzip.compress(zlib.compress(body))),
        ("gzip", bytes),
        ("br", bytes),
    ],
)
def test_packed_bodies_are_unpacked_and_those_that_the_tool_has_unpacked_are_left(tmp_path, encoding, pack):
    headers = {"Content-Encoding": [encoding], "content-length": ["9"], "X": ["1"]}
    (found,) = imported(tmp_path, [vcrpy(pack(b'{"a": 1}'), headers=headers)])
    assert found.outcome.body == b'{"a": 1}'
    assert found.outcome.headers.pairs == (("X", "1"),)


def test_a_body_of_the_oldest_json_files_is_read(tmp_path):
    old = vcrpy()
    old["response"]["body"] = {"base64_string": base64.b64encode(b"\xff").decode()}
    (found,) = imported(tmp_path, json.dumps({"interactions": [old]}))
    assert found.outcome.body == b"\xff"


def with_(place, name, value):
    changed = vcrpy()
    changed[place][name] = value
    return changed


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("", "no list of interactions"),
        ("interactions: 5", "no list of interactions"),
        ("interactions: []\nversion: 2", "version is '2'"),
        ("a: [1", "is not YAML: .*line"),
        ("a: 1\n---\nb: 2", "second document"),
        ("{[1]: 2}", "a key is not text"),
        (b"\xff\xfe", "is not UTF-8"),
        ("a: &a [*a]", "nothing before the alias a is whole"),
        ("[" * 500, "nested too deeply"),
        ('{"a": ' * 100_000, "nested too deeply"),
        ('{"format": "abeja_run cassette"}', "is a cassette of abeja_run already"),
        ("interactions: []\ngrpc_interactions: [1]", "grpc_interactions: only HTTP"),
        ([5], "interaction 1: request is not an object"),
        ([vcrpy(), {"request": {}}], "interaction 2: response is not an object"),
        ([with_("request", "method", "G E T")], "interaction 1: request.method"),
        ([with_("request", "uri", "file:///etc/passwd")], "interaction 1: request.uri"),
        ([with_("request", "headers", [1])], "request.headers is not an object"),
        ([with_("response", "headers", {"a": [{}]})], "response.headers.a is neither"),
        ([with_("response", "status", {"code": 99})], "response.status is not a number"),
        ([with_("response", "body", {"string": ["a"]})], "response.body is not text"),
        ([with_("response", "body", {"type": "odd"})], "response.body.type is not one of"),
        ([with_("response", "body", {"type": "binary", "content": "xy"})], "response.body.content is not hexadecimal"),
        ([with_("response", "body", {"type": "json", "content": b"\xff"})], "response.body.content has a part that"),
        ([with_("response", "body", {"base64_string": "a"})], "response.body.base64_string is not base64"),
        ([vcrpy(b"\xff\xfe", headers={"content-encoding": ["gzip"]})], "response.body cannot be unpacked"),
        ([vcrpy(b"\xff\xfe", headers={"content-encoding": ["br"]})], "response.body cannot be unpacked"),
        ("a: !!binary '*'", "line 1: binary is not base64"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(tmp_path, content, told):
    with pytest.raises(CassetteError, match=told) as raised:
        imported(tmp_path, content)
    assert "c.yaml" in str(raised.value)


@pytest.mark.parametrize(
    "tag",
    [
        "!!python/object/apply:os.system",
        "!!python/object/new:os.system",
        "!!python/name:os.system",
        "!!python/str",
        "!<tag:yaml.org,2002:python/object/apply:os.system>",
        "!other",
        "!!timestamp",
        "!!merge",
    ],
)
@pytest.mark.parametrize(
    "shape", ["a: {tag} ['touch executed']", "a: {tag} text", "{tag} {{args: ['touch executed']}}"]
)
def test_nothing_that_a_tag_asks_for_is_done(tmp_path, monkeypatch, tag, shape):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(CassetteError, match="tag .* is refused"):
        imported(tmp_path, shape.format(tag=tag))
    assert not (tmp_path / "executed").exists()


def test_aliases_cannot_make_much_of_little(tmp_path):
    laughs = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n"
    laughs += "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 30))
    with pytest.raises(CassetteError, match="aliases make it too large"):
        imported(tmp_path, laughs)
    long = f"a: &a {'x' * 100_000}\nb: [{', '.join(['*a'] * 1000)}]"
    with pytest.raises(CassetteError, match="aliases make it too large"):
        imported(tmp_path, long)


def test_aliases_that_pyyaml_writes_for_equal_parts_are_read(tmp_path):
    same = vcrpy(headers={"a": ["b"]})
    text = yaml.safe_dump({"interactions": [same, {**same}]})
    assert "*id001" in text
    first, second = imported(tmp_path, text)
    assert first == second


def test_files_and_bodies_that_are_too_large_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(foreign, "MAX_FOREIGN", 10_000)
    with pytest.raises(CassetteError, match=r"c\.yaml is larger than"):
        imported(tmp_path, "a" * 10_001)
    bomb = vcrpy(gzip.compress(bytes(10_001)), headers={"content-encoding": ["gzip"]})
    with pytest.raises(CassetteError, match=r"interaction 1: response\.body unpacks to more"):
        imported(tmp_path, [bomb])


def test_without_pyyaml_json_works_and_yaml_tells_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "yaml", None)
    interaction = Interaction(Request("GET", URL), Response(200, {}, b"{}"))
    export_vcrpy(tmp_path / "c.json", [interaction])
    assert import_foreign(tmp_path / "c.json") == [interaction]
    with pytest.raises(MissingExtra, match=r"pip install 'abeja-run\[cassettes\]'"):
        export_vcrpy(tmp_path / "c.yaml", [interaction])
    (tmp_path / "c.yaml").write_text("interactions: []")
    with pytest.raises(MissingExtra, match=r"pip install 'abeja-run\[cassettes\]'"):
        import_foreign(tmp_path / "c.yaml")


def test_an_export_replaces_the_file_as_a_whole_or_not_at_all(tmp_path):
    interactions = [Interaction(Request("GET", URL), outcome) for outcome in (Response(200), Timeout("late"))]
    path = tmp_path / "below" / "c.yaml"
    assert export_vcrpy(path, interactions) == 1
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    before = path.read_bytes()
    binary = Interaction(Request("GET", URL), Response(200, {}, b"\xff"))
    with pytest.raises(CassetteError, match="interaction 1 has a body that is not text"):
        export_vcrpy(tmp_path / "c.json", [binary])
    os.mkdir(tmp_path / "folder")
    with pytest.raises(CassetteError, match="folder cannot be written"):
        export_vcrpy(tmp_path / "folder", interactions)
    assert path.read_bytes() == before
    assert sorted(os.listdir(tmp_path)) == ["below", "folder"]
