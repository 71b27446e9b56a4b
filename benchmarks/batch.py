"""How fast and in how much memory many runs are submitted, beside abeja-sdk in a pool of threads.

``python benchmarks/batch.py``; see benchmarks/README.md. A rival that is not installed is left out.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import importlib
import json
import re
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from per_call import DEPLOYMENT, ORGANIZATION, TOKEN, Instant, canned, versions

import abeja_run
from abeja_run import Client

VERSION = "ver-1111111111111111"
IN_FLIGHT = 8
OURS = "abeja_run, submit_many"
JOURNAL = "abeja_run, submit_many with a journal"
AWAITED = "abeja_run, submit_many awaited"
SDK = f"abeja-sdk, create_run in {IN_FLIGHT} threads"

#: Submits so many inputs.
Way = Callable[[int], Any]


def inputs(count: int) -> Iterator[dict[str, str]]:
    """As many inputs, none of which is kept."""
    return ({"$datalake:1": f"2222222222222/{number}"} for number in range(count))


def submit(client: Client, count: int, journal: Path | None = None) -> None:
    """Submit a batch, and make sure that every input has a run."""
    deployment = client.deployment(DEPLOYMENT)
    results = deployment.submit_many(VERSION, inputs(count), journal=journal, max_in_flight=IN_FLIGHT)
    assert sum(result.run is not None for result in results) == count


def contestants(url: str, folder: Path) -> dict[str, Way]:
    """Each way to submit many runs."""
    client = Client(ORGANIZATION, {"auth_token": TOKEN}, base_url=url)

    def with_journal(count: int) -> None:
        journal = folder / "batch.jsonl"
        journal.unlink(missing_ok=True)
        submit(client, count, journal)

    async def awaited(count: int) -> None:
        async with abeja_run.AsyncClient(ORGANIZATION, {"auth_token": TOKEN}, base_url=url) as made:
            results = made.deployment(DEPLOYMENT).submit_many(VERSION, inputs(count), max_in_flight=IN_FLIGHT)
            assert len([result async for result in results if result.run is not None]) == count

    found: dict[str, Way] = {OURS: lambda count: submit(client, count), JOURNAL: with_journal}
    found[AWAITED] = lambda count: asyncio.run(awaited(count))
    with contextlib.suppress(ImportError):
        importlib.import_module("abeja.common.connection").Connection.BASE_URL = url
        sdk = importlib.import_module("abeja.runs").APIClient(credential={"auth_token": TOKEN})

        def through_sdk(count: int) -> None:
            def create(given: dict[str, str]) -> Any:
                return sdk.create_run(ORGANIZATION, DEPLOYMENT, VERSION, given)

            with ThreadPoolExecutor(IN_FLIGHT) as threads:
                assert all(run["run_id"] for run in threads.map(create, inputs(count)))

        found[SDK] = through_sdk
    return found


def rates(rounds: int, count: int) -> dict[str, float]:
    """Submissions per second of each way, the median of several turns."""
    measured: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory() as folder, canned() as port:
        ways = contestants(f"http://127.0.0.1:{port}", Path(folder))
        for number in range(rounds + 1):
            for name, way in ways.items():
                began = time.perf_counter()
                way(count)
                if number:  # the first round warms up
                    measured.setdefault(name, []).append(count / (time.perf_counter() - began))
    return {name: statistics.median(values) for name, values in measured.items()}


def memory(count: int, *, with_journal: bool) -> float:
    """The most memory, in MiB, that a process of its own has had that submitted so many inputs."""
    command = [sys.executable, __file__, "--submit", str(count), *(["--with-journal"] if with_journal else [])]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return float(done.stdout)


def submit_from_memory(count: int, *, with_journal: bool) -> None:
    """What :func:`memory` starts: a batch over a transport that answers from memory; twice where there is a journal."""
    run = {"run_id": "run-3333333333333333", "status": "SUBMITTED", "created_at": "2018-01-01T00:00:00.000000Z"}
    client = Client(ORGANIZATION, {"auth_token": TOKEN}, transport=Instant(json.dumps(run).encode()))
    with tempfile.TemporaryDirectory() as folder:
        journal = Path(folder) / "batch.jsonl" if with_journal else None
        submit(client, count, journal)
        if with_journal:
            submit(client, count, journal)
    print(most_memory())


def most_memory() -> float:
    """The most memory, in MiB, that this process has had."""
    status = Path("/proc/self/status")
    if status.exists():
        # Not getrusage, which on Linux goes on with what the process had before it became this one.
        (kibibytes,) = re.findall(r"^VmHWM:\s+(\d+) kB$", status.read_text(), re.MULTILINE)
        return int(kibibytes) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1024 * 1024 if sys.platform == "darwin" else 1024)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7, help="how often each way has its turn")
    parser.add_argument("--inputs", type=int, default=1_000_000, help="for how many inputs memory is measured")
    parser.add_argument("--quick", action="store_true", help="few inputs: only whether everything works")
    parser.add_argument("--submit", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--with-journal", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.submit is not None:
        submit_from_memory(options.submit, with_journal=options.with_journal)
        return
    rounds, count, most = (1, 50, 500) if options.quick else (options.rounds, 1_000, options.inputs)
    print(versions())
    print(f"\nSubmissions per second\n\n| way | median, 1/s | times {SDK} |\n| --- | ---: | ---: |")
    found = rates(rounds, count)
    for name, rate in found.items():
        print(f"| {name} | {rate:.0f} | {f'{rate / found[SDK]:.2f}' if SDK in found else ''} |")
    print("\nThe most memory of a process, MiB\n\n| inputs | without a journal | with one, and taken up again |")
    print("| ---: | ---: | ---: |")
    for few in (most // 1_000, most // 10, most):
        without, with_one = (memory(few, with_journal=which) for which in (False, True))
        print(f"| {few} | {without:.1f} | {with_one:.1f} |")


if __name__ == "__main__":
    main()
