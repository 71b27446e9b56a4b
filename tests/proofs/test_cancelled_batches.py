"""The promise of a batch in an event loop, at length: cancelled again and again, and a service that fails as often."""

import asyncio
import collections
import contextlib
import logging
import random

import pytest
from platforms import Faulty, Place

from abeja_run import AsyncClient
from abeja_run.asynchronous import AiohttpTransport
from abeja_run.jobs import Settling
from abeja_run.local import Faults
from abeja_run.local.faults import Kind

INPUTS, CANCELLATIONS = 800, 40


class Hasty(AiohttpTransport):
    """The wire as it is, with waits that are cut short."""

    async def sleep(self, seconds):
        await asyncio.sleep(seconds / 20)


@pytest.mark.proof
def test_a_batch_whose_task_is_cancelled_forty_times_starts_one_run_for_each_input(tmp_path, caplog):
    caplog.set_level(logging.INFO, "abeja_run.local")
    chance, journal = random.Random(11), tmp_path / "batch.jsonl"
    faults = Faults.of_all_kinds(0.3, seed=11, delay=0.02)

    async def submitted(platform):
        """One client for all turns, so that what a turn leaves behind meets the next one."""
        async with (
            Hasty() as transport,
            AsyncClient(
                platform.organization_id, platform.credential, base_url=platform.url, transport=transport
            ) as client,
        ):
            target = client.deployment(platform.deployment_id)
            target.settling = Settling(period=6, looks=3, rounds=50)

            async def read():
                inputs = ({"number": number} for number in range(INPUTS))
                batch = target.submit_many(platform.version_id, inputs, journal=journal, max_in_flight=16)
                return [result async for result in batch]

            for _ in range(CANCELLATIONS):
                task = asyncio.create_task(read())
                await asyncio.wait({task}, timeout=chance.uniform(0, 0.15))
                # Now and then twice: it waits for nothing then.
                for _ in range(chance.choice([1, 1, 2])):
                    task.cancel()
                    await asyncio.sleep(0.001)
                with contextlib.suppress(asyncio.CancelledError):
                    await task
                assert asyncio.all_tasks() == {asyncio.current_task()}
            assert len(faulty.runs()) < INPUTS, "the last turns had something to do"
            return await read()

    with Place(tmp_path).platform(workers=0, page_size=1000, faults=faults) as platform:
        faulty = Faulty(platform)
        results = asyncio.run(submitted(platform))
        exist = faulty.runs()
        faulty.client.close()
    assert all(result.run for result in results)
    assert sorted(run["input_data"]["number"] for run in exist) == list(range(INPUTS))
    assert {run["run_id"] for run in exist} == {result.run.run_id for result in results}
    met = collections.Counter(
        record.message.rpartition(" ")[2] for record in caplog.records if "meets" in record.message
    )
    assert set(met) == {kind.value for kind in Kind}
