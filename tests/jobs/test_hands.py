"""Threads of a batch: as many as bring the most results, and each request carried out once."""

from __future__ import annotations

import subprocess
import sys
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from abeja_run import Client
from abeja_run.jobs.hands import Climb, Hands
from abeja_run.messages import Response
from abeja_run.transports import Transport


def climbed(most, seconds, turns=200):
    """How many threads there are in the end where so many take so many seconds from one result to the next."""
    climb = Climb(most)
    for _ in range(turns):
        if climb.patience is not None and seconds(climb.number) > climb.patience:
            climb.slow()
        else:
            climb.measured(seconds(climb.number))
    return climb.number


@given(st.integers(1, 300), st.floats(0.00001, 10), st.floats(0.00005, 0.0005))
def test_as_many_threads_as_bring_the_most_results(most, service, own):
    """Python takes its own time one thread at a time, the service takes its time for all at once."""

    def seconds(number):
        return max(own * (1 + 0.005 * number), (own + service) / number)

    number = climbed(most, seconds)
    assert 1 <= number <= most
    tried = [1 << power for power in range(10) if 1 << power < most] + [most]
    # Measured anew now and then, so it may be seen one step off.
    assert seconds(number) <= 2.3 * min(map(seconds, tried))


def test_one_thread_where_more_bring_nothing():
    assert climbed(8, lambda number: 0.0002 + 0.0001 * number, turns=60) == 1


def test_all_threads_where_the_service_is_slow():
    assert climbed(100, lambda number: 3 / number, turns=8) == 100


def test_few_threads_again_after_a_stall():
    climb = Climb(8)
    for _ in range(3):
        climb.slow()
    assert climb.number == 8
    for _ in range(100):
        climb.measured(0.0001 * (1 + climb.number))
    assert climb.number == 1


def test_requests_are_under_way_together_where_the_service_takes_its_time():
    class Meeting(Transport):
        """Answers nobody before eight ask."""

        leaves_process = False
        place = threading.Barrier(8)

        def send(self, request, timeout):
            self.place.wait(30)
            return Response(200, body=b'{"run_id": "run-1", "status": "SUBMITTED"}')

    deployment = Client("1", {"auth_token": "any"}, transport=Meeting()).deployment("2")
    results = list(deployment.submit_many("ver-1", ({"number": number} for number in range(64))))
    assert [result.error for result in results] == [None] * 64


def test_everything_is_carried_out_once_however_the_number_changes():
    done = []
    with Hands(16) as hands:
        futures = []
        for number in range(2_000):
            futures.append(hands.submit(done.append, number))
            if number % 7 == 0:
                hands.more()
            hands.count()
        assert [future.result(30) for future in futures] == [None] * 2_000
    assert sorted(done) == list(range(2_000))


def test_what_a_request_raises_is_its_result():
    with Hands(2) as hands, pytest.raises(ZeroDivisionError):
        hands.submit(divmod, 1, 0).result(30)


def test_what_has_not_begun_is_given_up():
    may_end, begun = threading.Event(), threading.Event()

    def hold():
        begun.set()
        return may_end.wait(30)

    hands = Hands(1)
    first, second = hands.submit(hold), hands.submit(hold)
    assert begun.wait(30)
    hands.shutdown(wait=False, cancel_futures=True)
    may_end.set()
    assert first.result(30)
    assert second.cancelled()
    with pytest.raises(RuntimeError):
        Hands.submit(hands, hold).result(0.1)


NO_MORE_THREADS = """
import resource, sys, threading, time
from abeja_run.jobs.hands import Hands

threading.stack_size(1 << 30)
used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + (3 << 29), used + (3 << 29)))
with Hands(8) as hands:
    futures = [hands.submit(time.sleep, 0.01) for _ in range(20)]
    for _ in range(3):
        hands.more()
    futures += [hands.submit(time.sleep, 0.01) for _ in range(20)]
    for future in futures:
        future.result(30)
    print(sum(thread.name.startswith("abeja-run-batch") for thread in threading.enumerate()))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the limit is one of Linux")
def test_the_threads_that_there_are_go_on_where_the_system_has_no_further_one():
    done = subprocess.run([sys.executable, "-c", NO_MORE_THREADS], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) < 8
