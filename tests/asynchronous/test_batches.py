"""Batches in an event loop: what holds up whom, how they are broken off, and who may take them up again.

What they have in common with those of threads is tested in ``tests/jobs/``, for both.
"""

import asyncio
import contextlib
import itertools
import json
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time

import pytest
from servers import CREDENTIAL
from services import Service, served

from abeja_run import AsyncClient, Client
from abeja_run import exceptions as e
from abeja_run.asynchronous import AsyncTransport
from abeja_run.asynchronous.jobs import AsyncRun
from abeja_run.jobs import BatchResult, Settling
from abeja_run.messages import Response

SETTLING = Settling(period=3, looks=3)
LOST = e.TransportError("lost")


@pytest.fixture
def path(tmp_path):
    return tmp_path / "batch.jsonl"


def deployment(transport=None, url=None, settling=SETTLING):
    target = AsyncClient("1", CREDENTIAL, transport=transport, base_url=url).deployment("2")
    target.settling = settling
    return target


@contextlib.asynccontextmanager
async def connected(url, settling=SETTLING):
    """A deployment of a client that closes its connections."""
    async with AsyncClient("1", CREDENTIAL, base_url=url) as client:
        target = client.deployment("2")
        target.settling = settling
        yield target


def numbered(count):
    return [{"number": number} for number in range(count)]


async def counted(count):
    for given in numbered(count):
        yield given


async def collected(results):
    return sorted([result async for result in results], key=lambda result: result.index)


def lines(path):
    return [json.loads(line) for line in path.read_bytes().splitlines()]


def taken_up(service, path, inputs):
    """All results of a batch that a client takes up which is not awaited."""
    target = Client("1", CREDENTIAL, transport=service).deployment("2")
    target.settling = SETTLING
    return sorted(target.submit_many("ver-1", inputs, journal=path), key=lambda result: result.index)


class Gated(AsyncTransport):
    """A service whose answers to some requests are held back until the gate is opened."""

    leaves_process = False

    def __init__(self, service, held=lambda request: request.method == "POST"):
        self.service, self.held = service, held
        self.gate, self.arrived = asyncio.Event(), asyncio.Event()
        self.under_way = self.most = 0

    async def send(self, request, timeout):
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        try:
            answer = self.service.send(request, timeout)
            if self.held(request):
                self.arrived.set()
                await self.gate.wait()
            return answer
        finally:
            self.under_way -= 1

    async def sleep(self, seconds):
        self.service.sleep(seconds)
        await asyncio.sleep(0)


class Slow(Service):
    """A service that takes its time for each request, side by side."""

    def send(self, request, timeout):
        time.sleep(0.02)
        return super().send(request, timeout)


def test_over_http_every_input_gets_a_run_and_as_many_requests_are_under_way_as_may_be():
    service = Slow(page_size=100)

    async def main(url):
        async with connected(url) as target:
            return await collected(target.submit_many("ver-1", numbered(40), max_in_flight=8))

    with served(service) as url:
        began = time.monotonic()
        results = asyncio.run(main(url))
        assert time.monotonic() - began < 40 * 0.02 + 5
        service.settled()
    assert [result.input_data for result in results] == numbered(40)
    assert all(isinstance(result, BatchResult) and isinstance(result.run, AsyncRun) for result in results)
    assert service.posts == len(service.runs) == 40


def test_results_come_in_the_order_of_completion():
    async def main():
        transport = Gated(Service(), lambda request: request.method == "POST" and b'"number": 0' in request.body)
        results = deployment(transport).submit_many("ver-1", numbered(5), max_in_flight=2)
        seen = [(await anext(results)).index for _ in range(4)]
        transport.gate.set()
        return seen, (await anext(results)).index, transport.most

    seen, last, most = asyncio.run(main())
    assert (sorted(seen), last, most) == ([1, 2, 3, 4], 0, 2)


def test_asynchronous_inputs_are_inputs_too(path):
    service = Service(page_size=100)

    async def main(count):
        return await collected(deployment(service).submit_many("ver-1", counted(count), journal=path, max_in_flight=4))

    assert [result.run.input_data for result in asyncio.run(main(30))] == numbered(30)
    assert len(asyncio.run(main(35))) == 35
    assert len(taken_up(service, path, numbered(40))) == 40
    assert sorted(run["input_data"]["number"] for run in service.runs) == list(range(40))


def test_asynchronous_inputs_that_are_there_at_once_are_put_on_the_disk_together(path, monkeypatch):
    name = "fdatasync" if hasattr(os, "fdatasync") else "fsync"
    real, waits = getattr(os, name), []
    monkeypatch.setattr(os, name, lambda descriptor: waits.append(real(descriptor)))
    asyncio.run(collected(deployment(Service()).submit_many("ver-1", counted(40), journal=path)))
    assert len(waits) <= 1 + 40 / 8


def test_asynchronous_inputs_may_wait_for_the_results_of_earlier_ones(path):
    async def main():
        queue = asyncio.Queue()
        queue.put_nowait({"number": 0})

        async def inputs():
            while (given := await queue.get()) is not None:
                yield given

        results = deployment(Service()).submit_many("ver-1", inputs(), journal=path)
        async for result in results:
            number = result.run.input_data["number"]
            queue.put_nowait({"number": number + 1} if number < 20 else None)
            last = number
        return last

    assert asyncio.run(asyncio.wait_for(main(), 20)) == 20


def test_an_input_that_is_long_in_coming_holds_up_neither_a_wait_nor_an_end():
    cancelled = []

    async def main():
        before = asyncio.all_tasks()

        async def inputs():
            yield {"number": 0}
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                cancelled.append(True)
                raise

        service = Service(looks_until_end=3)
        results = deployment(service).submit_many("ver-1", inputs(), wait=True, interval=0.01)
        first = await anext(results)
        await results.aclose()
        assert cancelled == [True]
        assert asyncio.all_tasks() == before
        return first

    assert asyncio.run(asyncio.wait_for(main(), 20)).run.status == "SUCCEEDED"


def test_an_error_of_the_inputs_is_handed_over_when_what_is_under_way_has_ended(path):
    service = Service(page_size=100)

    async def inputs():
        for given in numbered(3):
            yield given
            await asyncio.sleep(0.005)
        raise OSError("the queue is gone")

    async def main():
        with pytest.raises(OSError, match="the queue is gone"):
            await collected(deployment(service).submit_many("ver-1", inputs(), journal=path))

    asyncio.run(main())
    assert len(taken_up(service, path, numbered(5))) == len(service.runs) == 5
    assert service.looks == 0


def test_inputs_that_have_to_be_awaited_are_refused_where_nothing_is():
    with pytest.raises(e.ValidationError, match="^submit_many: inputs: "):
        Client("1", CREDENTIAL, transport=Service()).deployment("2").submit_many("ver-1", counted(1))


def test_other_tasks_go_on_while_the_disk_is_waited_for(path, monkeypatch):
    name = "fdatasync" if hasattr(os, "fdatasync") else "fsync"
    real, waits = getattr(os, name), []

    def slow(descriptor):
        waits.append(threading.current_thread())
        time.sleep(0.2)
        real(descriptor)

    monkeypatch.setattr(os, name, slow)

    async def main():
        longest = 0.0

        async def tick():
            nonlocal longest
            while True:
                before = time.monotonic()
                await asyncio.sleep(0.001)
                longest = max(longest, time.monotonic() - before)

        ticking = asyncio.create_task(tick())
        await collected(deployment(Service()).submit_many("ver-1", numbered(4), journal=path))
        ticking.cancel()
        return longest

    assert asyncio.run(main()) < 0.15
    assert waits
    assert threading.main_thread() not in waits


def test_other_tasks_have_their_turn_while_a_journal_gives_its_results_again(path):
    taken_up(Service(), path, numbered(50))

    async def main():
        turns = 0

        async def tick():
            nonlocal turns
            while True:
                turns += 1
                await asyncio.sleep(0)

        ticking = asyncio.create_task(tick())
        seen = []
        async for _ in deployment(Service()).submit_many("ver-1", numbered(50), journal=path):
            seen.append(turns)
        ticking.cancel()
        return seen

    seen = asyncio.run(main())
    assert all(before < after for before, after in itertools.pairwise(seen))


@pytest.mark.parametrize("awaited_first", [True, False])
def test_a_batch_that_one_kind_of_client_has_begun_the_other_takes_up(path, awaited_first):
    service = Service(*[("after", LOST), None, ("before", LOST)] * 4, page_size=100)

    async def some(count):
        results = deployment(service).submit_many("ver-1", numbered(60), journal=path, max_in_flight=4)
        async with contextlib.aclosing(results):
            return [await anext(results) for _ in range(count)]

    def others(count):
        target = Client("1", CREDENTIAL, transport=service).deployment("2")
        target.settling = SETTLING
        with contextlib.closing(target.submit_many("ver-1", numbered(60), journal=path, max_in_flight=4)) as results:
            return list(itertools.islice(results, count))

    turns = [lambda count: asyncio.run(some(count)), others]
    for turn, count in zip(itertools.cycle(turns if awaited_first else turns[::-1]), range(7, 61, 7), strict=False):
        assert len(turn(count)) == count
    results = taken_up(service, path, numbered(60))
    assert [result.run.input_data["number"] for result in results] == list(range(60))
    assert len(service.runs) == len(set(service.submission_ids)) == 60


def test_a_journal_that_is_in_use_is_refused_by_either_kind(path):
    service = Service()

    async def main():
        results = deployment(service).submit_many("ver-1", numbered(9), journal=path, max_in_flight=1)
        async with contextlib.aclosing(results):
            await anext(results)
            with pytest.raises(e.JournalError, match="in use"):
                taken_up(service, path, numbered(9))
            with pytest.raises(e.JournalError, match="in use"):
                await anext(deployment(service).submit_many("ver-1", numbered(9), journal=path))

    asyncio.run(main())
    assert len(taken_up(service, path, numbered(9))) == len(service.runs) == 9


async def cancelled(task):
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


@pytest.mark.parametrize("way", ["cancelled", "closed", "left"])
def test_breaking_off_notes_what_comes_of_the_requests_under_way_and_leaves_no_task(path, way):
    """Over HTTP, with answers that are on their way when it is broken off."""
    service = Slow(page_size=100)

    async def main(url):
        async with connected(url) as target:
            results = target.submit_many("ver-1", numbered(100), journal=path, max_in_flight=8)
            if way == "cancelled":
                enough = asyncio.Event()

                async def read():
                    async for result in results:
                        if result.index > 20:
                            enough.set()

                task = asyncio.create_task(read())
                await enough.wait()
                await cancelled(task)
            elif way == "closed":
                for _ in range(20):
                    await anext(results)
                await results.aclose()
            else:
                async for result in results:
                    if result.index > 20:
                        break
                del results
                await asyncio.sleep(0.01)
                while others := asyncio.all_tasks() - {asyncio.current_task()}:
                    await asyncio.wait(others)
            assert asyncio.all_tasks() == {asyncio.current_task()}

    with served(service) as url:
        asyncio.run(main(url))
        service.settled()
    assert 20 <= service.posts == len(service.runs) < 100
    told = lines(path)
    assert sum("run" in line for line in told) == service.posts
    assert len(taken_up(service, path, numbered(100))) == len(service.runs) == 100
    # Everything was noted, so nothing had to be looked for.
    assert service.looks == 0


@pytest.mark.parametrize("moment", range(0, 90, 3))
def test_at_whatever_moment_a_task_is_cancelled_every_input_gets_one_run_and_none_is_open(path, moment):
    """So many turns of the event loop after its beginning, with a service and a disk that are quick."""
    service = Service(page_size=100)

    async def main():
        target = deployment(service)
        task = asyncio.create_task(collected(target.submit_many("ver-1", numbered(12), journal=path, max_in_flight=3)))
        for _ in range(moment):
            await asyncio.sleep(0)
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        assert asyncio.all_tasks() == {asyncio.current_task()}

    asyncio.run(main())
    results = taken_up(service, path, numbered(12))
    assert [result.run.input_data["number"] for result in results] == list(range(12))
    assert service.posts == len(service.runs) == 12
    assert service.looks == 0


def test_a_task_that_is_cancelled_while_the_disk_is_waited_for_sends_nothing_and_notes_that(path, monkeypatch):
    name = "fdatasync" if hasattr(os, "fdatasync") else "fsync"
    real, waiting, gate = getattr(os, name), threading.Event(), threading.Event()

    def held(descriptor):
        if b"intend" in path.read_bytes():
            waiting.set()
            assert gate.wait(20)
        real(descriptor)

    monkeypatch.setattr(os, name, held)
    service = Service()

    async def main():
        task = asyncio.create_task(collected(deployment(service).submit_many("ver-1", numbered(4), journal=path)))
        await asyncio.to_thread(waiting.wait, 20)
        task.cancel()
        # Again and again: the thread is in the middle of it.
        for _ in range(3):
            await asyncio.sleep(0.01)
            assert not task.done()
            task.cancel()
        gate.set()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    assert service.posts == 0
    assert [sum(what in line for line in lines(path)) for what in ("intend", "refused")] == [4, 4]
    assert len(taken_up(service, path, numbered(4))) == 4
    assert service.looks == 0


def test_a_task_that_is_cancelled_while_its_journal_is_opened_leaves_it_unlocked(path, monkeypatch):
    name = "fdatasync" if hasattr(os, "fdatasync") else "fsync"
    real, waiting, gate = getattr(os, name), threading.Event(), threading.Event()

    def held(descriptor):
        waiting.set()
        assert gate.wait(20)
        real(descriptor)

    monkeypatch.setattr(os, name, held)

    async def main():
        task = asyncio.create_task(collected(deployment(Service()).submit_many("ver-1", numbered(4), journal=path)))
        await asyncio.to_thread(waiting.wait, 20)
        task.cancel()
        gate.set()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    assert len(taken_up(Service(), path, numbered(4))) == 4


def test_a_task_that_is_cancelled_twice_waits_no_longer_and_the_rest_is_looked_for(path):
    service = Service(page_size=100)

    async def main():
        transport = Gated(service)
        target = deployment(transport)
        task = asyncio.create_task(collected(target.submit_many("ver-1", numbered(9), journal=path, max_in_flight=3)))
        await transport.arrived.wait()
        task.cancel()
        done, _ = await asyncio.wait({task}, timeout=0.05)
        assert not done, "it waits for what is under way"
        await cancelled(task)
        assert transport.under_way == 0
        assert asyncio.all_tasks() == {asyncio.current_task()}

    asyncio.run(main())
    assert service.posts == 3
    assert len(taken_up(service, path, numbered(9))) == len(service.runs) == 9
    assert service.looks > 0


def test_where_all_tasks_of_a_loop_are_cancelled_what_was_under_way_is_looked_for(path):
    service = Service(page_size=100)

    async def main():
        transport = Gated(service)
        results = deployment(transport).submit_many("ver-1", numbered(9), journal=path, max_in_flight=3)
        reading = asyncio.create_task(collected(results))
        await transport.arrived.wait()
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reading

    asyncio.run(main())
    assert len(taken_up(service, path, numbered(9))) == len(service.runs) == 9


def test_a_request_whose_task_alone_is_cancelled_is_looked_for_and_the_batch_goes_on(path):
    service = Service(page_size=100)

    async def main():
        transport = Gated(service, lambda request: request.method == "POST" and service.posts == 1)
        before = asyncio.all_tasks()
        target = deployment(transport)
        reading = asyncio.create_task(collected(target.submit_many("ver-1", numbered(5), max_in_flight=1)))
        await transport.arrived.wait()
        (request,) = asyncio.all_tasks() - before - {reading}
        request.cancel()
        return await reading

    results = asyncio.run(main())
    assert [result.error for result in results] == [None] * 5
    assert service.posts == len(service.runs) == 5


def test_a_time_limit_ends_a_batch_as_a_cancelled_task_does(path):
    service = Slow(page_size=100)

    async def main(url):
        async with connected(url) as target:
            with pytest.raises(asyncio.TimeoutError):
                await asyncio.wait_for(collected(target.submit_many("ver-1", numbered(500), journal=path)), 0.3)

    with served(service) as url:
        asyncio.run(main(url))
        service.settled()
    assert sum("run" in line for line in lines(path)) == service.posts == len(service.runs)


def test_a_service_that_is_too_busy_slows_all_requests_not_one():
    busy = Response(429, {"Retry-After": "7"})
    service = Service(*[None] * 4, *[("before", busy)] * 4)

    async def main():
        return await collected(deployment(service).submit_many("ver-1", numbered(40), max_in_flight=4))

    results = asyncio.run(main())
    assert [result.error for result in results] == [None] * 40
    # No more than what was under way when it said so.
    assert sum(when < 6.9 for when, _ in service.arrivals) <= 8
    assert len(service.runs) == 40


def test_two_batches_run_side_by_side_in_one_loop(tmp_path):
    service = Slow(page_size=100)

    async def main(url):
        async with connected(url) as target:
            batches = (
                target.submit_many("ver-1", numbered(20), journal=tmp_path / f"{number}.jsonl") for number in range(2)
            )
            return await asyncio.gather(*map(collected, batches))

    with served(service) as url:
        assert [len(results) for results in asyncio.run(main(url))] == [20, 20]
        service.settled()
    assert len(service.runs) == 40


INTERRUPTED = textwrap.dedent(
    """
    import asyncio, sys
    from abeja_run import AsyncClient
    from abeja_run.jobs import Settling

    async def main():
        url, journal = sys.argv[1:]
        async with AsyncClient("1", {"auth_token": "any"}, base_url=url) as client:
            target = client.deployment("2")
            target.settling = Settling(period=0.3, looks=3)
            inputs = ({"number": number} for number in range(400))
            async for result in target.submit_many("ver-1", inputs, journal=journal):
                print(result.run.run_id, flush=True)

    asyncio.run(main())
    """
)


@pytest.mark.parametrize("kind", [signal.SIGINT, signal.SIGKILL])
def test_a_process_that_is_interrupted_or_killed_leaves_a_journal_that_the_other_kind_goes_on_with(path, kind):
    service = Slow(page_size=1000)
    with served(service) as url:
        command = [sys.executable, "-c", INTERRUPTED, url, path]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
            for _ in range(30):
                process.stdout.readline()
            process.send_signal(kind)
            _, told = process.communicate(timeout=30)
        service.settled()
    assert process.returncode == -kind
    if kind is signal.SIGINT:
        assert told.rstrip().endswith("KeyboardInterrupt")
        if sys.version_info >= (3, 11):
            # Before, all tasks were cancelled at once, also those of the requests.
            assert "never retrieved" not in told
            assert sum("run" in line for line in lines(path)) == service.posts
    assert 30 <= len(service.runs) < 400
    results = taken_up(service, path, numbered(400))
    assert all(result.run for result in results)
    assert sorted(run["input_data"]["number"] for run in service.runs) == list(range(400))


@pytest.mark.proof
def test_memory_does_not_grow_with_the_number_of_inputs(tmp_path):
    code = textwrap.dedent(
        """
        import asyncio, sys, tracemalloc
        from abeja_run import AsyncClient
        from abeja_run.messages import Response
        from abeja_run.transports import Transport

        class Instant(Transport):
            leaves_process = False

            def send(self, request, timeout):
                return Response(200, body=b'{"run_id": "run-1", "status": "SUBMITTED"}')

        async def inputs(count):
            for number in range(count):
                yield {"number": number, "text": "x" * 1000}

        async def main(count, given):
            target = AsyncClient("1", {"auth_token": "any"}, transport=Instant()).deployment("2")
            journal = f"{sys.argv[1]}/{count}.jsonl"
            async for result in target.submit_many("ver-1", given, journal=journal):
                assert result.run

        def most(count, given):
            asyncio.run(main(count, given))
            return tracemalloc.get_traced_memory()[1]

        asyncio.run(main(10, inputs(10)))
        tracemalloc.start()
        few = most(300, inputs(300))
        print(most(10_000, inputs(10_000)) - few)
        """
    )
    done = subprocess.run([sys.executable, "-c", code, tmp_path], capture_output=True, text=True, check=True)
    assert int(done.stdout) < 300_000
