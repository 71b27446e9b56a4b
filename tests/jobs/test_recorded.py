"""Batches over cassettes: what is recorded takes its time, what is played takes none."""

import time

import pytest
from servers import CREDENTIAL
from services import Service

from abeja_run.cassettes import matching
from abeja_run.messages import Response

NUMBERED = [{"number": number} for number in range(4)]


@pytest.fixture
def submitted(kind, tmp_path):
    """The runs of a batch that is recorded, or played without its submissions' IDs, which are new each time."""

    def run(mode, service, **options):
        transport = kind.cassette(tmp_path / "batch.json", mode, service, match=(matching.method, matching.path))
        client = kind.client("1", CREDENTIAL, transport=transport)
        results = list(client.deployment("2").submit_many("ver-1", NUMBERED, **options))
        kind.finish(transport.close)
        return sorted((result.run.run_id, result.run.status) for result in results)

    return run


def test_a_batch_waits_for_its_runs_while_it_is_recorded_and_not_when_it_is_played(submitted):
    service = Service(looks_until_end=3)
    first = submitted("all", service, wait=True, interval=2)
    assert service.waited >= 5
    seen, began = (service.posts, service.waited), time.monotonic()
    assert submitted("none", service, wait=True, interval=2) == first
    assert time.monotonic() - began < 5
    assert (service.posts, service.waited) == seen


def test_a_batch_leaves_a_busy_service_alone_while_it_is_recorded_and_waits_for_nobody_when_it_is_played(submitted):
    service = Service(None, *[("before", Response(429, {"retry-after": "9"}))] * 2)
    first = submitted("new", service, max_in_flight=1)
    assert service.waited >= 8
    waited, began = service.waited, time.monotonic()
    assert submitted("none", service, max_in_flight=1) == first
    assert time.monotonic() - began < 5
    assert service.waited == waited


def test_who_has_had_no_answer_waits_where_there_is_nothing_to_play(kind, tmp_path):
    service = Service()
    transport = kind.cassette(tmp_path / "run.json", "new", service)
    kind.finish(lambda: transport.sleep(5))
    assert service.waited == 5
    kind.finish(transport.close)
