"""Waits between attempts."""

import time
from email.utils import formatdate

import pytest

from abeja_run.messages import Response
from abeja_run.retry import RetryPolicy, retry_after


def test_waits_grow_exponentially_with_full_jitter_up_to_a_cap():
    policy = RetryPolicy(max_retries=2000)
    for retries, bound in ((0, 0.5), (1, 1.0), (4, 8.0), (6, 20.0), (1999, 20.0)):
        waits = [policy.wait(Response(503), repeatable=True, retries=retries) for _ in range(300)]
        assert 0 <= min(waits) < bound * 0.2
        assert bound * 0.8 < max(waits) <= bound


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("7", 7),
        (" 7 ", 7),
        ("1.5", 1.5),
        ("0", 0),
        ("-3", 0),
        ("soon", 0),
        ("", 0),
        ("1e9", 0),
        ("٣", 0),
        ("9" * 400, 999999999999),
        ("Mon, 99 Foo 2018 00:00:00 GMT", 0),
    ],
)
def test_retry_after_is_read_as_seconds_and_nonsense_is_no_wait(value, seconds):
    assert retry_after(Response(503, {"Retry-After": value})) == seconds


def test_retry_after_as_a_date_counts_from_the_answers_own_date():
    headers = {"Retry-After": "Mon, 01 Jan 2018 00:00:09 GMT", "Date": "Mon, 01 Jan 2018 00:00:00 GMT"}
    assert retry_after(Response(503, headers)) == 9
    assert retry_after(Response(503, {"Retry-After": formatdate(time.time() + 30, usegmt=True)})) == pytest.approx(
        30, abs=2
    )
    assert retry_after(Response(503, {"Retry-After": "Mon, 01 Jan 2018 00:00:00 GMT"})) == 0


def test_retry_after_is_capped():
    assert RetryPolicy(1).wait(Response(429, {"Retry-After": "86400"}), repeatable=False, retries=0) == 60
