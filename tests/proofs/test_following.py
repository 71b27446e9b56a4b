"""A log that is followed through faults: every line, once, in order."""

import logging

import pytest
from platforms import Hurried, Place

from abeja_run.jobs import Client
from abeja_run.local import Faults

LINES = 100_000


@pytest.mark.proof
def test_a_hundred_thousand_lines_come_once_and_in_order_while_every_tenth_answer_fails(tmp_path, caplog):
    caplog.set_level(logging.INFO, "abeja_run.local")
    place = Place(tmp_path)
    place.write(f"def handler(request, context):\n    for n in range({LINES}): print('line', n)\n    return {{}}")
    with place.platform(faults=Faults.of_all_kinds(0.1, seed=4, delay=0.01)) as platform:
        settings = {"base_url": platform.serve().url, "transport": Hurried(), "max_retry_count": 1}
        with Client(platform.organization_id, platform.credential, **settings) as client:
            run = client.deployment(platform.deployment_id).submit(platform.version_id, retry_count=0)
            expected = 0
            for event in run.logs(follow=True):
                assert event.message == f"line {expected}"
                expected += 1
    assert expected == LINES
    met = [record.message for record in caplog.records if "/logs meets the fault" in record.message]
    # A page holds a hundred lines.
    assert len(met) > 60
    assert len({message.rpartition(" ")[2] for message in met}) == 10
