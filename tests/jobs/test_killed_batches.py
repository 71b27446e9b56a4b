"""The promise of a batch, at length: a process that is killed again and again, a service that fails again and again."""

import collections
import os
import random
import signal
import subprocess
import sys
import textwrap
import time

import pytest
from servers import CREDENTIAL
from services import Service, served

from abeja_run import exceptions as e
from abeja_run.messages import Response

pytestmark = pytest.mark.proof

INPUTS, KILLS = 200, 20
OPEN = [e.TransportError("lost"), *map(Response, (500, 502, 503, 504)), Response(200, body=b"<html>")]
UNSEEN = [Response(429, {"Retry-After": "0"})]

#: Forks for each line that it is told, and says the ID of the child, then how that one ended. Waits are cut short.
PROCESSES = textwrap.dedent(
    """
    import os, sys, time
    from abeja_run.jobs import Client, Settling
    from abeja_run.transports import Urllib3Transport
    class Hasty(Urllib3Transport):
        def sleep(self, seconds):
            time.sleep(seconds / 20)
    url, journal, token, count = sys.argv[1:]
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            with Client("1", {"auth_token": token}, base_url=url, transport=Hasty()) as client:
                deployment = client.deployment("2")
                deployment.settling = Settling(period=2, looks=3, rounds=50)
                inputs = ({"number": number} for number in range(int(count)))
                results = list(deployment.submit_many("ver-1", inputs, journal=journal))
            os._exit(0 if all(result.run for result in results) else 1)
        print(child, flush=True)
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
    """
)


class Failing(Service):
    """Does to three of ten requests one of all that can happen to them; counts those that it is busy with."""

    def __init__(self, seed):
        super().__init__(page_size=100)
        self.random = random.Random(seed)
        self.kinds = collections.Counter()

    def send(self, request, timeout):
        with self.lock:
            if self.random.random() < 0.7:
                return super().send(request, timeout)
            unseen = self.random.random() < 0.2
            answer = self.random.choice(UNSEEN if unseen else OPEN)
            carried_out = not unseen and self.random.random() < 0.5
            self.kinds[type(answer).__name__, getattr(answer, "status", None), carried_out] += 1
            if carried_out:
                super().send(request, timeout)
        if isinstance(answer, Exception):
            raise answer
        return answer


def test_a_batch_whose_process_is_killed_twenty_times_starts_one_run_for_each_input(tmp_path):
    chance = random.Random(7)
    service = Failing(7)
    journal = tmp_path / "batch.jsonl"
    with served(service) as url:
        command = [sys.executable, "-c", PROCESSES, url, journal, CREDENTIAL["auth_token"], str(INPUTS)]
        with subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
        ) as processes:
            kills = 0
            while kills < KILLS:
                processes.stdin.write("\n")
                child = int(processes.stdout.readline())
                # At a moment that differs from time to time: after some more submissions, and a little later.
                until = (kills + 1) * INPUTS // (KILLS + 1)
                end = time.monotonic() + 20
                while len(service.runs) < until and time.monotonic() < end:
                    time.sleep(0.001)
                time.sleep(chance.uniform(0, 0.03))
                os.kill(child, signal.SIGKILL)
                assert int(processes.stdout.readline()) == -signal.SIGKILL
                kills += 1
                # What the promise rests on: a request of a process that is gone is not carried out much later.
                service.settled()
            before = len(service.runs)
            processes.stdin.write("\n")
            processes.stdout.readline()
            assert int(processes.stdout.readline()) == 0
    assert before < INPUTS
    assert sorted(run["input_data"]["number"] for run in service.runs) == list(range(INPUTS))
    assert len(set(service.submission_ids)) == INPUTS
    assert len(service.kinds) == 1 + 2 * len(OPEN)
