"""Batches on a Dask cluster of two processes."""

import os
import signal
import threading

import pytest
from servers import CREDENTIAL
from services import Service, served

from abeja_run import APIClient
from abeja_run.jobs import Client, Settling
from abeja_run.jobs.errand import BegunBefore, Carrier, Errand, carry_out

pytestmark = [pytest.mark.distributed, pytest.mark.filterwarnings("ignore")]


@pytest.fixture
def dask(tmp_path):
    distributed = pytest.importorskip("distributed")
    settings = {"n_workers": 2, "threads_per_worker": 2, "processes": True, "dashboard_address": None}
    with (
        distributed.LocalCluster(**settings, memory_limit=0, local_directory=str(tmp_path)) as cluster,
        distributed.Client(cluster) as client,
    ):
        yield client


def deployment(url):
    # The scheduler now and then loses a task together with its worker; nobody waits for that one longer than this.
    made = Client("1", CREDENTIAL, base_url=url, timeout=3).deployment("2")
    made.settling = Settling(period=0.5, looks=3, lease=3)
    return made


def numbered(count):
    return [{"number": number} for number in range(count)]


def marks(dask):
    return dask.run_on_scheduler(lambda dask_scheduler: len(dask_scheduler.extensions["events"]._events))


def test_the_workers_of_a_cluster_submit_a_batch_and_no_mark_is_left_behind(dask, tmp_path):
    service = Service(page_size=100, looks_until_end=1)
    with served(service) as url:
        arguments = {"journal": tmp_path / "batch.jsonl", "executor": dask.get_executor(), "wait": True}
        results = list(deployment(url).submit_many("ver-1", [*numbered(40), "bad"], interval=0.05, **arguments))
        again = list(deployment(url).submit_many("ver-1", [*numbered(40), "bad"], interval=0.05, **arguments))
    assert sum(result.error is None for result in results) == 40
    assert sum(result.error is None for result in again) == 40
    assert len(service.runs) == len(set(service.submission_ids)) == service.posts == 40
    assert marks(dask) == 0


def test_a_submission_whose_worker_is_killed_is_not_carried_out_again_by_another(dask):
    service = Service(page_size=100)
    workers = dask.run(os.getpid)
    died = threading.Event()

    class Killing(Service):
        """Has carried out the tenth submission when the workers die, and never answers it."""

        def send(self, request, timeout):
            with service.lock:
                answer = service.send(request, timeout)
                tenth = request.method == "POST" and service.posts == 10
            if tenth:
                os.kill(next(iter(workers.values())), signal.SIGKILL)
                os.kill([*workers.values()][1], signal.SIGKILL)
                died.wait(20)
            return answer

    with served(Killing()) as url:
        results = list(deployment(url).submit_many("ver-1", numbered(40), executor=dask.get_executor()))
        died.set()
    assert [result.error for result in results] == [None] * 40
    assert len(service.runs) == len(set(service.submission_ids)) == 40
    assert set(dask.run(os.getpid).values()).isdisjoint(workers.values())


def test_what_has_been_begun_is_begun_by_no_other_worker(dask):
    service = Service()
    with served(service) as url:
        carrier = Carrier(APIClient(CREDENTIAL, base_url=url))
        errand = Errand("a name", "create_run", ("1", "2", "ver-1"), once=True, until=1e12)
        assert dask.submit(carry_out, carrier, errand, pure=False).result()["run_id"]
        # As the scheduler does with a result that was lost together with its worker.
        with pytest.raises(BegunBefore):
            dask.submit(carry_out, carrier, errand, pure=False).result()
    assert service.posts == 1
