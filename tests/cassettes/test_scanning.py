"""JSON that is cut off or nested too deep keeps no secret either, and says everything else as before."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from abeja_run.cassettes import Redaction
from abeja_run.cassettes.interaction import Interaction
from abeja_run.messages import Request, Response

SECRET = "hunter22"
scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
harmless = st.recursive(
    scalars,
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(["a", 'n"', "é", "\\", "status"]), inner),
    max_leaves=8,
)
hidden = st.recursive(
    st.just(SECRET),
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(["a", "value"]), inner),
    max_leaves=5,
)
told_before = hidden.flatmap(
    lambda value: st.sampled_from(
        [
            {"token": value},
            {"password": value, "a": 1},
            {"key": value},
            {"name": "SECRET", "value": value},
            {"a": json.dumps({"token": value})},
        ]
    )
)
told_after = hidden.flatmap(
    lambda value: st.sampled_from([{"value": value, "name": "SECRET"}, {"value": value, "a": [], "key": "API_KEY"}])
)


def documents(leaves):
    return st.recursive(
        leaves | harmless, lambda inner: st.lists(inner) | st.dictionaries(st.just("a"), inner), max_leaves=4
    )


def body(text: str) -> str:
    """What a cassette has of an answer with this body."""
    answer = Response(200, {"content-type": "application/json"}, text.encode("utf-8", "surrogatepass"))
    outcome = Redaction().interaction(Interaction(Request("GET", "http://127.0.0.1/"), answer)).outcome
    assert isinstance(outcome, Response)
    return outcome.body.decode("utf-8", "surrogatepass")


def deep(text: str) -> str:
    return '{"deep": ' + "[" * 150 + text + "]" * 150 + "}"


@given(documents(told_before | told_after), st.booleans())
def test_what_is_nested_too_deep_keeps_no_secret(document, escaped):
    redacted = body(deep(json.dumps(document, ensure_ascii=escaped)))
    assert SECRET not in redacted
    assert body(redacted) == redacted
    json.loads(redacted)


@given(documents(told_before), st.data())
def test_what_is_cut_off_keeps_no_secret_whose_name_came_before(document, data):
    text = json.dumps({"first": 1, "rest": document})
    cut = text[: data.draw(st.integers(0, len(text)))]
    redacted = body(cut)
    assert body(redacted) == redacted
    assert SECRET not in redacted


@given(harmless)
def test_everything_else_stays_as_it_is(document):
    text = deep(json.dumps(document, ensure_ascii=False))
    assert body(text) == text


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ('{"tokens": ["a", "b', '{"tokens": ["***", "***'),
        ('{"password": {"a": "x", "b": [1, 1.5, null, ""', '{"password": {"a": "***", "b": [0, 0.0, null, ""'),
        ('{"token": "half an escape\\u00', '{"token": "***'),
        ('{"token": "a backslash\\', '{"token": "***'),
        ('{"a": "{\\"token\\": \\"x', '{"a": "{\\"token\\": \\"***'),
        ('{"token": "x",  ', '{"token": "***",  '),
        ('{"a": 1}\n{"token": "x"}', '{"a": 1}\n{"token": "***"}'),
        ('[12:00] "tokens": ["x", {"a": "y"}], "a": ["z"]', '[12:00] "tokens": ["***", {"a": "***"}], "a": ["z"]'),
        (
            'done {"keys": {"a": ["x"]}, "b": "y"} {"secret": ["z',
            'done {"keys": {"a": ["***"]}, "b": "y"} {"secret": ["***',
        ),
        (
            '[{"name": "PATH", "value": "/bin"}, {"name": "PIN_SECRET", "value": "x',
            '[{"name": "PATH", "value": "/bin"}, {"name": "PIN_SECRET", "value": "***',
        ),
    ],
)
def test_what_stands_there_instead(before, after):
    assert body(before) == after


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-be"])
@pytest.mark.parametrize("text", ['{"token": "hunter22", "é": "a"}', '{"é": 1, "tokens": ["hunter22", "hunt'])
def test_json_in_another_encoding_keeps_no_secret_either(encoding, text):
    answer = Response(200, {"content-type": "application/json"}, text.encode(encoding))
    outcome = Redaction().interaction(Interaction(Request("GET", "http://127.0.0.1/"), answer)).outcome
    assert isinstance(outcome, Response)
    told = outcome.body.decode(encoding)
    assert "***" in told
    assert "hunt" not in told
    assert "é" in told


def test_bytes_that_are_no_text_stay_as_they_are():
    for data in (bytes(range(256)), b"\0" * 9, b"\xff\xfe\0", b"a\0b\0c"):
        answer = Response(200, {}, data)
        assert Redaction().interaction(Interaction(Request("GET", "http://127.0.0.1/"), answer)).outcome == answer


def test_a_hostile_answer_costs_no_more_than_its_length():
    # Each would take minutes if every level were walked for every other one.
    for text in (
        '{"value":{"a":1,"b":' * 5_000,
        '{"value":[' * 5_000 + '1],"name":"token"}' * 5_000,
        '"token":[' * 5_000,
    ):
        assert len(body(text)) >= 0.5 * len(text)
