"""What 1,000 concurrent calls cost: on one event loop, and in 32 threads; and what each HTTP library takes for them.

``python benchmarks/asynchronous.py``; see benchmarks/README.md. Libraries that are not installed are left out.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import importlib
import json
import statistics
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from per_call import DEPLOYMENT, HEADERS, LIST, ORGANIZATION, RUN_ID, TOKEN, canned, versions

from abeja_run import APIClient, AsyncAPIClient

CALLS, THREADS, CONNECTIONS = 1000, 32, 100

Get = Callable[[], Awaitable[Any]]


@contextlib.asynccontextmanager
async def ours(url: str) -> AsyncIterator[Get]:
    async with AsyncAPIClient({"auth_token": TOKEN}, base_url=url) as client:
        yield lambda: client.get_run(ORGANIZATION, DEPLOYMENT, RUN_ID)


@contextlib.asynccontextmanager
async def by_aiohttp(url: str) -> AsyncIterator[Get]:
    aiohttp = importlib.import_module("aiohttp")
    connector = aiohttp.TCPConnector(limit=CONNECTIONS)
    async with aiohttp.ClientSession(connector=connector, headers=HEADERS) as session:

        async def get() -> Any:
            async with session.get(f"{url}{LIST}/{RUN_ID}") as answer:
                return json.loads(await answer.read())

        yield get


@contextlib.asynccontextmanager
async def by_httpx(url: str) -> AsyncIterator[Get]:
    httpx = importlib.import_module("httpx")
    limits = httpx.Limits(max_connections=CONNECTIONS, max_keepalive_connections=CONNECTIONS)
    async with httpx.AsyncClient(headers=HEADERS, limits=limits, timeout=120, trust_env=False) as client:

        async def get() -> Any:
            return json.loads((await client.get(f"{url}{LIST}/{RUN_ID}")).content)

        yield get


@contextlib.asynccontextmanager
async def by_httpcore(url: str) -> AsyncIterator[Get]:
    httpcore = importlib.import_module("httpcore")
    async with httpcore.AsyncConnectionPool(max_connections=CONNECTIONS, max_keepalive_connections=CONNECTIONS) as pool:

        async def get() -> Any:
            return json.loads((await pool.request("GET", f"{url}{LIST}/{RUN_ID}", headers=HEADERS)).content)

        yield get


@contextlib.asynccontextmanager
async def by_niquests(url: str) -> AsyncIterator[Get]:
    niquests = importlib.import_module("niquests")
    async with niquests.AsyncSession(pool_maxsize=CONNECTIONS) as session:
        session.headers.update(HEADERS)

        async def get() -> Any:
            return json.loads((await session.get(f"{url}{LIST}/{RUN_ID}")).content or b"")

        yield get


WAYS = {
    "AsyncAPIClient": ours,
    "aiohttp alone": by_aiohttp,
    "niquests alone": by_niquests,
    "httpx alone": by_httpx,
    "httpcore alone": by_httpcore,
}


async def on_one_loop(get: Get) -> float:
    """Seconds for all calls at once."""
    began = time.perf_counter()
    await asyncio.gather(*(get() for _ in range(CALLS)))
    return time.perf_counter() - began


def in_threads(client: APIClient, pool: ThreadPoolExecutor) -> float:
    """Seconds for all calls, each thread taking the next."""
    began = time.perf_counter()
    for _ in pool.map(lambda _: client.get_run(ORGANIZATION, DEPLOYMENT, RUN_ID), range(CALLS)):
        pass
    return time.perf_counter() - began


async def measure(url: str, rounds: int) -> dict[str, list[float]]:
    """Microseconds per call of each way, in turns."""
    name = f"APIClient in {THREADS} threads"
    times: dict[str, list[float]] = {}
    async with contextlib.AsyncExitStack() as stack:
        gets = {}
        for way, made in WAYS.items():
            with contextlib.suppress(ImportError):
                gets[way] = await stack.enter_async_context(made(url))
        client = stack.enter_context(APIClient({"auth_token": TOKEN}, base_url=url))
        pool = stack.enter_context(ThreadPoolExecutor(THREADS))
        for number in range(rounds + 1):
            taken = {name: in_threads(client, pool)} | {way: await on_one_loop(get) for way, get in gets.items()}
            for way, seconds in taken.items() if number else ():  # the first round warms up
                times.setdefault(way, []).append(seconds / CALLS * 1e6)
    return times


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=10, help="how often each way has its turn")
    options = parser.parse_args()
    with canned() as port:
        times = asyncio.run(measure(f"http://127.0.0.1:{port}", options.rounds))
    medians = {way: statistics.median(values) for way, values in times.items()}
    first = medians["AsyncAPIClient"]
    print(f"{versions()}\n\n{CALLS} concurrent get_run, HTTP\n")
    print("| way | median per call, µs | of AsyncAPIClient |\n| --- | ---: | ---: |")
    for way, median in medians.items():
        print(f"| {way} | {median:.1f} | {median / first:.2f} |")


if __name__ == "__main__":
    main()
