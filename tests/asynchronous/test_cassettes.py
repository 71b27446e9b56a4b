"""Cassettes serve the asynchronous client with the same files."""

import asyncio

import pytest
from servers import CREDENTIAL, IDS, RUN, TOKEN, answer, close, silent

from abeja_run import APIClient, AsyncAPIClient
from abeja_run import exceptions as e
from abeja_run.asynchronous import async_cassette
from abeja_run.cassettes import load
from abeja_run.transports import ReplayTransport, cassette


def used(wire, path, mode, use, **settings):
    async def run():
        async with async_cassette(path, mode) as transport:
            settings.setdefault("max_retry_count", 0)
            return await use(AsyncAPIClient(CREDENTIAL, base_url=wire.url, transport=transport, **settings))

    return asyncio.run(run())


async def both(client):
    created = await client.create_run(*IDS, "ver-1")
    with pytest.raises(e.TransportError):
        await client.get_run(*IDS, "run-1")
    return created, await client.get_run(*IDS, "run-1")


def test_what_is_recorded_awaited_is_the_file_that_is_recorded_otherwise(wire, tmp_path):
    wire.script = [answer(RUN), close, answer(RUN), answer(RUN), close]
    used(wire, tmp_path / "awaited.json", "all", both)
    with cassette(tmp_path / "called.json", "all") as transport:
        client = APIClient(CREDENTIAL, base_url=wire.url, transport=transport, max_retry_count=0)
        client.create_run(*IDS, "ver-1")
        with pytest.raises(e.TransportError):
            client.get_run(*IDS, "run-1")
    wire.script = []
    awaited, called = (load(tmp_path / name) for name in ("awaited.json", "called.json"))
    assert [str(one) for one in awaited][:2] == [str(one) for one in called]
    assert [one.request for one in awaited][:2] == [one.request for one in called]
    assert awaited[0].outcome == called[0].outcome
    assert TOKEN not in (tmp_path / "awaited.json").read_text()


def test_either_client_replays_what_the_other_has_recorded(wire, tmp_path):
    wire.script = [answer(RUN), close]
    first = used(wire, tmp_path / "run.json", "once", both)
    asked = len(wire.requests)
    assert used(wire, tmp_path / "run.json", "once", both) == first
    assert used(wire, tmp_path / "run.json", "new", both) == first

    async def replayed():
        return await both(
            AsyncAPIClient(CREDENTIAL, transport=ReplayTransport(tmp_path / "run.json"), max_retry_count=0)
        )

    assert asyncio.run(replayed()) == first
    assert len(wire.requests) == asked
    client = APIClient(CREDENTIAL, transport=ReplayTransport(tmp_path / "run.json"), max_retry_count=1)
    assert client.create_run(*IDS, "ver-1") == RUN
    assert client.get_run(*IDS, "run-1") == RUN


def test_a_replay_waits_for_nothing_and_verifying_compares(wire, tmp_path):
    wire.script = [answer({}, 503, retry_after="60")]
    path = tmp_path / "run.json"
    used(wire, path, "all", lambda client: asyncio.gather(client.get_run(*IDS, "run-1"), return_exceptions=True))
    used(wire, path, "new", lambda client: client.get_run(*IDS, "run-2"))

    async def within_a_minute(client):
        with pytest.raises(e.NoMatchingInteraction):
            await asyncio.wait_for(client.get_run(*IDS, "run-1"), 50)

    used(wire, path, "none", within_a_minute, max_retry_count=3)
    wire.otherwise = answer({**RUN, "status": "FAILED"})
    with pytest.raises(e.CassetteDiffers):
        used(wire, path, "verify", lambda client: client.get_run(*IDS, "run-2"))


def test_a_task_that_is_cancelled_leaves_no_half_of_an_interaction(wire, tmp_path):
    wire.script = [answer(RUN), silent, answer(RUN)]
    path = tmp_path / "run.json"

    async def cancelled(client):
        await client.get_run(*IDS, "run-1")
        task = asyncio.ensure_future(client.get_run(*IDS, "run-2"))
        while len(wire.requests) < 2:  # noqa: ASYNC110 - the server is a thread
            await asyncio.sleep(0.005)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await client.get_run(*IDS, "run-3")

    used(wire, path, "all", cancelled)
    assert [one.request.url.rpartition("/")[2] for one in load(path)] == ["run-1", "run-3"]
    assert [file.name for file in tmp_path.iterdir()] == ["run.json"]


def test_a_cassette_that_is_cancelled_as_a_whole_is_put_in_its_place(wire, tmp_path):
    wire.script = [answer(RUN)]
    wire.otherwise = silent

    async def main():
        async with async_cassette(tmp_path / "run.json") as transport:
            client = AsyncAPIClient(CREDENTIAL, base_url=wire.url, transport=transport, max_retry_count=0)
            while True:
                await client.get_run(*IDS, "run-1")

    with pytest.raises(asyncio.TimeoutError):
        asyncio.run(asyncio.wait_for(main(), 0.5))
    assert len(load(tmp_path / "run.json")) == 1


def test_many_tasks_record_every_interaction_whole(wire, tmp_path):
    async def many(client):
        return await asyncio.gather(*(client.get_run(*IDS, f"run-{number}") for number in range(100)))

    used(wire, tmp_path / "run.json", "once", many)
    assert len(load(tmp_path / "run.json")) == 100
    assert used(wire, tmp_path / "run.json", "none", many) == [RUN] * 100
