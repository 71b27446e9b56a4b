"""Never twice, never lost: what the platform has after many submissions through many faults."""

import collections
import logging
from concurrent.futures import ThreadPoolExecutor

import pytest
from platforms import Faulty, Hurried, Place

from abeja_run import exceptions as e
from abeja_run.jobs import Client, Settling
from abeja_run.local import Faults
from abeja_run.local.faults import Kind

#: Kinds after which the client knows that nothing has been done, and tries again.
UNSEEN = (Kind.REFUSE, Kind.TOO_MANY_REQUESTS)
RETRIES = 4


@pytest.fixture
def place(tmp_path):
    return Place(tmp_path)


@pytest.fixture
def arrived(caplog):
    """How many requests have come to a platform whose every POST meets a fault."""
    caplog.set_level(logging.INFO, "abeja_run.local")
    return lambda: sum("POST" in record.message and "meets the fault" in record.message for record in caplog.records)


@pytest.mark.parametrize("kind", Kind)
def test_create_run_repeats_no_request_that_may_have_arrived(place, arrived, kind):
    faults = Faults(**{kind.value: 1}, delay=0.3, methods=("POST",))
    settings = {"timeout": 0.1, "max_retry_count": RETRIES, "transport": Hurried()}
    with place.platform(workers=0, faults=faults) as platform:
        faulty = Faulty(platform, **settings)
        outcomes = collections.Counter()
        for _ in range(4):
            try:
                faulty.create()
                outcomes["run"] += 1
            except e.Error as error:
                outcomes[type(error)] += 1
        if kind is Kind.TOO_MANY_REQUESTS:
            assert arrived() == 4 * (1 + RETRIES)
        elif kind is Kind.REFUSE:
            # Refused connections are no requests; those that came were answered.
            assert arrived() == outcomes["run"] >= 1
            assert outcomes["run"] + outcomes[e.ConnectError] == 4
        else:
            assert arrived() == 4
            assert outcomes["run"] == 0
        assert len(faulty.runs()) == (arrived() if kind.executes or kind is Kind.REFUSE else 0)
        faulty.client.close()


@pytest.mark.proof
def test_create_run_starts_one_run_at_most_from_many_threads_through_all_faults(place):
    with place.platform(workers=0, page_size=1000, faults=Faults.of_all_kinds(0.6, seed=5, delay=0.02)) as platform:
        faulty = Faulty(platform, max_retry_count=3, transport=Hurried())

        def create(number):
            try:
                return faulty.create({"number": number})["run_id"]
            except e.Error as error:
                return error

        with ThreadPoolExecutor(16) as pool:
            outcomes = list(pool.map(create, range(500)))
        started = collections.Counter(run["input_data"]["number"] for run in faulty.runs())
        run_ids = {run["input_data"]["number"]: run["run_id"] for run in faulty.runs()}
        faulty.client.close()
    assert set(started.values()) == {1}
    kinds = collections.Counter(map(type, outcomes))
    assert kinds[str] > 100
    assert kinds[e.OutcomeUnknown] > 50
    for number, outcome in enumerate(outcomes):
        if isinstance(outcome, str):
            assert run_ids[number] == outcome
        elif isinstance(outcome, e.ConnectError) or getattr(outcome, "status_code", None) == 429:
            assert number not in started


@pytest.mark.proof
def test_a_thousand_submissions_through_faults_of_all_kinds_start_a_thousand_runs(place, caplog):
    caplog.set_level(logging.INFO, "abeja_run.local")
    with place.platform(workers=0, page_size=1000, faults=Faults.of_all_kinds(0.3, seed=4, delay=0.02)) as platform:
        faulty = Faulty(platform)
        with Client(
            platform.organization_id,
            platform.credential,
            max_retry_count=30,
            base_url=platform.url,
            transport=Hurried(),
        ) as client:
            deployment = client.deployment(platform.deployment_id)
            deployment.settling = Settling(looks=3, rounds=100)

            def submit(number):
                return deployment.submit(platform.version_id, {"number": number})

            with ThreadPoolExecutor(16) as pool:
                answered = list(pool.map(submit, range(1000)))
        exist = faulty.runs()
        faulty.client.close()
    assert len(exist) == 1000
    assert {run["run_id"]: run["input_data"] for run in exist} == {
        run.run_id: {"number": number} for number, run in enumerate(answered)
    }
    met = collections.Counter(
        record.message.rpartition(" ")[2]
        for record in caplog.records
        if "POST" in record.message and "meets" in record.message
    )
    assert set(met) == {kind.value for kind in Kind}
    assert sum(met.values()) > 300
