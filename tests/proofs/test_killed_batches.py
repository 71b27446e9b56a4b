"""The promise of a batch, at length: a process that is killed again and again, a service that fails again and again."""

import collections
import itertools
import logging
import os
import random
import signal
import subprocess
import sys
import textwrap
import time

import pytest
from platforms import Faulty, Place

from abeja_run.local import Faults
from abeja_run.local.faults import Kind

INPUTS, KILLS = 200, 20

#: Forks for each line that it is told, and says the ID of the child, then how that one ended. Waits are cut short. The
#: line says which kind of client submits.
PROCESSES = textwrap.dedent(
    """
    import asyncio, os, sys, time
    from abeja_run import AsyncClient
    from abeja_run.asynchronous import AiohttpTransport
    from abeja_run.jobs import Client, Settling
    from abeja_run.transports import Urllib3Transport
    class Hasty(Urllib3Transport):
        def sleep(self, seconds):
            time.sleep(seconds / 20)
    class AsyncHasty(AiohttpTransport):
        async def sleep(self, seconds):
            await asyncio.sleep(seconds / 20)
    def called(inputs):
        client = Client(organization, {"auth_token": token}, base_url=url, transport=Hasty())
        target = client.deployment(deployment)
        target.settling = settling
        return list(target.submit_many(version, inputs, journal=journal))
    async def collected(inputs):
        client = AsyncClient(organization, {"auth_token": token}, base_url=url, transport=AsyncHasty())
        target = client.deployment(deployment)
        target.settling = settling
        return [result async for result in target.submit_many(version, inputs, journal=journal)]
    def awaited(inputs):
        return asyncio.run(collected(inputs))
    settling = Settling(period=6, looks=3, rounds=50)
    url, token, organization, deployment, version, journal, count = sys.argv[1:]
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            inputs = ({"number": number} for number in range(int(count)))
            results = globals()[line.strip()](inputs)
            os._exit(0 if all(result.run for result in results) else 1)
        print(child, flush=True)
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
    """
)


@pytest.mark.proof
@pytest.mark.parametrize("kinds", [["called"], ["awaited"], ["called", "awaited"]], ids=" and ".join)
def test_a_batch_whose_process_is_killed_twenty_times_starts_one_run_for_each_input(tmp_path, caplog, kinds):
    caplog.set_level(logging.INFO, "abeja_run.local")
    turns = itertools.cycle(kinds)
    chance, journal = random.Random(7), tmp_path / "batch.jsonl"
    faults = Faults.of_all_kinds(0.3, seed=7, delay=0.02)
    with Place(tmp_path).platform(workers=0, page_size=1000, faults=faults) as platform:
        faulty = Faulty(platform)
        command = [sys.executable, "-c", PROCESSES, platform.url, platform.credential["auth_token"]]
        command += [platform.organization_id, platform.deployment_id, platform.version_id, journal, str(INPUTS)]
        with subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
        ) as processes:
            for kill in range(1, KILLS + 1):
                processes.stdin.write(f"{next(turns)}\n")
                child = int(processes.stdout.readline())
                # At a moment that differs from time to time: after some more submissions, and a little later.
                end = time.monotonic() + 20
                while submitted(journal) < kill * INPUTS // (KILLS + 1) and time.monotonic() < end:
                    time.sleep(0.005)
                time.sleep(chance.uniform(0, 0.03))
                os.kill(child, signal.SIGKILL)
                assert int(processes.stdout.readline()) == -signal.SIGKILL
            before = len(faulty.runs())
            processes.stdin.write(f"{next(turns)}\n")
            processes.stdout.readline()
            assert int(processes.stdout.readline()) == 0
        exist = faulty.runs()
        faulty.client.close()
    assert before < INPUTS
    assert sorted(run["input_data"]["number"] for run in exist) == list(range(INPUTS))
    met = collections.Counter(
        record.message.rpartition(" ")[2] for record in caplog.records if "meets" in record.message
    )
    assert set(met) == {kind.value for kind in Kind}


def submitted(journal):
    """Of how many inputs the journal knows the run."""
    return journal.read_bytes().count(b'{"run": ') if journal.exists() else 0
