"""The family of errors."""

import pickle

import pytest

from abeja_run import exceptions as e

EXAMPLES = [
    e.ValidationError("create_run", {"retry_count": "10 is too much"}),
    e.TransportError("lost", method="GET", url="http://h.example/"),
    e.OutcomeUnknown("lost", method="POST", url="http://h.example/"),
    e.SubmissionUnknown("lost", "some-id"),
    e.NotFound("not_found", "no run", {"a": 1}, 404, "http://h.example/"),
    e.RedirectNotFollowed("Found", "elsewhere", status_code=302, url="http://h.example/", location="http://x.example/"),
    e.InvalidResponse(
        "no JSON", status_code=200, content_type="text/html", body="<", url="http://h.example/", errors={"a": ["b"]}
    ),
    e.WaitFailed("run", "FAILED", {"status": "FAILED"}),
    e.WaitTimeout("run", 3, None, None),
    e.ConfigurationError("timeout is wrong"),
]


@pytest.mark.parametrize("error", EXAMPLES, ids=lambda error: type(error).__name__)
def test_an_error_survives_pickling_with_its_text_and_attributes(error):
    copy = pickle.loads(pickle.dumps(error))
    assert type(copy) is type(error)
    assert str(copy) == str(error)
    assert vars(copy) == vars(error)


def test_every_public_error_is_an_error_of_the_package():
    for name in e.__all__:
        assert issubclass(getattr(e, name), e.Error)


def test_kinds_relate_as_callers_expect():
    assert issubclass(e.ValidationError, ValueError)
    for kind in (e.Timeout, e.ConnectError, e.OutcomeUnknown):
        assert issubclass(kind, e.TransportError)
    assert issubclass(e.ConnectTimeout, e.ConnectError)
    assert issubclass(e.ConnectTimeout, e.Timeout)


def test_the_text_of_an_http_error_is_that_of_the_reference():
    error = e.NotFound("not_found", "no run", None, 404, "URL")
    assert str(error) == '<NotFound "not_found": no run (404 from URL)>'
    error = e.NotFound("not_found", "no run", {"id": 1}, 404, "URL")
    assert str(error) == "<NotFound \"not_found\": no run (404 from URL), {'id': 1}>"
    assert str(e.NotFound("not_found", "no run")) == '<NotFound "not_found": no run>'


def test_a_wait_that_timed_out_says_what_was_last_seen():
    assert "last seen RUNNING" in str(e.WaitTimeout("run", 3, "RUNNING", {"status": "RUNNING"}))
