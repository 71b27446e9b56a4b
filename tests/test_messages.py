"""Requests, responses and their headers."""

import pickle

import pytest

from abeja_run.messages import Headers, Request, Response


def test_headers_are_looked_up_whatever_their_case_and_repeats_are_joined():
    headers = Headers([("Set-Cookie", "a"), ("SET-COOKIE", "b"), ("X", "1")])
    assert headers["set-cookie"] == "a, b"
    assert list(headers) == ["set-cookie", "x"]
    assert len(headers) == 2
    assert headers.pairs == (("Set-Cookie", "a"), ("SET-COOKIE", "b"), ("X", "1"))
    with pytest.raises(KeyError):
        headers["y"]


def test_headers_compare_hash_and_pickle_by_their_fields():
    headers = Headers({"A": "1"})
    assert headers == Headers([("A", "1")])
    assert headers != {"A": "1"} or dict(headers) == {"a": "1"}
    assert hash(headers) == hash(Headers([("A", "1")]))
    assert pickle.loads(pickle.dumps(headers)) == headers


def test_plain_mappings_become_headers():
    assert Request("GET", "http://h.example", {"A": "1"}).headers["a"] == "1"
    assert Response(200, {"A": "1"}).headers["a"] == "1"


def test_no_representation_shows_a_secret():
    secret = {
        "Authorization": "Bearer hunter2",
        "Cookie": "hunter2",
        "Proxy-Authorization": "hunter2",
        "Set-Cookie": "hunter2",
    }
    for shown in (
        Headers(secret),
        Request("GET", "http://h.example", secret, b"hunter2"),
        Response(200, secret, b"hunter2"),
    ):
        assert "hunter2" not in repr(shown)


def test_messages_cannot_be_changed():
    with pytest.raises(AttributeError):
        Request("GET", "http://h.example").url = "x"
    with pytest.raises(AttributeError):
        Response(200).status = 1
