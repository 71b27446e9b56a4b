"""Batches on executors that are not of this process, or that do not do what they should."""

import collections
import itertools
import os
import pickle
import signal
import threading
import time
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context

import pytest
from servers import CREDENTIAL
from services import Service, served

from abeja_run import APIClient
from abeja_run import exceptions as e
from abeja_run.jobs import Client, Settling
from abeja_run.jobs.errand import Carrier, Errand, NotBegun, carry_out


def deployment(url=None, transport=None, **settling):
    made = Client("1", CREDENTIAL, base_url=url, transport=transport).deployment("2")
    made.settling = Settling(**{"period": 0.2, "looks": 3, "lease": 5, **settling})
    return made


def numbered(count):
    return [{"number": number} for number in range(count)]


@pytest.fixture
def pool():
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as made:
        yield made


def test_threads_of_the_callers_own_are_used_and_left_running():
    service = Service()
    with ThreadPoolExecutor(2, thread_name_prefix="mine") as threads:
        assert len(list(deployment(transport=service).submit_many("ver-1", numbered(10), executor=threads))) == 10
        assert threads.submit(int).result() == 0
    assert len(service.runs) == 10


def test_processes_carry_out_the_requests_and_this_one_writes_the_journal(pool, tmp_path):
    service = Service(page_size=100, looks_until_end=1)
    with served(service) as url:
        target = deployment(url)
        arguments = {"journal": tmp_path / "batch.jsonl", "executor": pool, "wait": True, "interval": 0.01}
        results = list(target.submit_many("ver-1", [*numbered(20), "bad"], **arguments))
        assert len(service.runs) == 20
        assert sum(result.error is None for result in results) == 20
        assert [type(result.error) for result in results if result.error] == [e.ValidationError]


def test_a_worker_that_dies_leaves_outcomes_open_and_a_journal_goes_on_with_them(pool, tmp_path):
    service = Service(page_size=100)
    held = threading.Event()

    class Holding(Service):
        """Has carried out the fifth submission when its worker dies, and never answers it."""

        def send(self, request, timeout):
            answer = service.send(request, timeout)
            if request.method == "POST" and service.posts == 5:
                for process in list(pool._processes):
                    os.kill(process, signal.SIGKILL)
                held.wait(20)
            return answer

    journal = tmp_path / "batch.jsonl"
    with served(Holding()) as url:
        seen = []
        results = deployment(url).submit_many("ver-1", numbered(20), journal=journal, executor=pool)
        with pytest.raises(e.BatchStopped, match="takes no more requests"):
            collections.deque(map(seen.append, results))
        held.set()
        unknown = [result for result in seen if result.error]
        assert unknown
        assert {type(result.error) for result in unknown} == {e.SubmissionUnknown}
        # Seconds in which requests of workers elsewhere may still arrive are waited for; here there are none.
        lines = journal.read_text().replace('"straggling": 35.0', '"straggling": 0.1')
        assert lines != journal.read_text()
        journal.write_text(lines)
        results = list(deployment(url).submit_many("ver-1", numbered(20), journal=journal))
    assert [result.error for result in results] == [None] * 20
    assert len(service.runs) == len(set(service.submission_ids)) == 20


class Late(Executor):
    """Comes late to what it is given, so many times."""

    def __init__(self, times):
        self.times = itertools.count(times, -1)

    def submit(self, function, /, *arguments):
        future = Future()

        def execute():
            if next(self.times) > 0:
                time.sleep(0.1)
            try:
                future.set_result(function(*arguments))
            except e.Error as error:
                future.set_exception(error)

        threading.Thread(target=execute).start()
        return future


def test_what_a_worker_comes_to_too_late_is_not_sent_by_it_but_handed_over_again():
    service = Service()
    with served(service) as url:
        (result,) = deployment(url, lease=0.05).submit_many("ver-1", numbered(1), executor=Late(2))
    assert result.run
    assert (service.posts, service.looks) == (1, 0)


def test_an_errand_whose_time_is_over_is_not_carried_out():
    service = Service()
    carrier = Carrier(APIClient(CREDENTIAL, transport=service))
    with pytest.raises(NotBegun):
        carry_out(carrier, Errand("name", "get_runs", ("1", "2"), until=time.time() - 1))
    assert service.looks == 0
    assert carry_out(carrier, Errand("name", "get_runs", ("1", "2"), until=time.time() + 60)) == {"entries": []}


class Broken(Executor):
    """Fails whatever it is given, with an error of its own."""

    def submit(self, function, /, *arguments):
        future = Future()
        future.set_exception(OSError("the network of the cluster is down"))
        return future


class Losing(Executor):
    """Never says anything of what it is given first."""

    def __init__(self):
        self.given = 0

    def submit(self, function, /, *arguments):
        self.given += 1
        future = Future()
        if self.given > 1:
            future.set_result(function(*arguments))
        return future


def test_what_an_executor_has_lost_is_looked_for_and_not_waited_for_for_ever():
    service = Service()
    with served(service) as url:
        target = Client("1", CREDENTIAL, base_url=url, timeout=0.3).deployment("2")
        target.settling = Settling(period=0.2, looks=2, lease=0.3)
        results = list(target.submit_many("ver-1", numbered(3), executor=Losing()))
    assert [result.error for result in results] == [None] * 3
    assert len(service.runs) == 3


def test_an_executor_that_fails_again_and_again_ends_the_batch():
    with pytest.raises(e.BatchStopped, match="again and again: OSError: the network of the cluster is down"):
        list(deployment("http://127.0.0.1:9").submit_many("ver-1", numbered(100), executor=Broken()))


def test_an_executor_that_was_shut_down_ends_the_batch():
    threads = ThreadPoolExecutor(1)
    threads.shutdown()
    with pytest.raises(e.BatchStopped, match="takes no more requests"):
        list(deployment(transport=Service()).submit_many("ver-1", numbered(3), executor=threads))


def test_a_client_that_cannot_be_handed_over_is_refused_before_anything_is_sent(pool):
    service = Service()
    with pytest.raises(e.ConfigurationError, match="cannot be handed to other processes"):
        list(deployment(transport=service).submit_many("ver-1", numbered(3), executor=pool))
    assert service.posts == 0


def test_a_process_makes_a_client_once_however_often_it_is_handed_over():
    carrier = Carrier(APIClient(CREDENTIAL, base_url="http://127.0.0.1:9"))
    one, other = (pickle.loads(pickle.dumps(carrier)) for _ in range(2))
    assert one is other is not carrier
    assert one.api.transport is other.api.transport
