"""Calls that a type checker accepts."""

from __future__ import annotations

import io
from collections.abc import AsyncIterator
from contextlib import aclosing
from datetime import datetime, timezone
from pathlib import Path
from typing import Literal

from catalogue import Colour
from catalogue_client import CatalogueClient, LimitsInput, Thing

from abeja_run import AsyncClient, Client
from abeja_run.asynchronous.jobs import AsyncRun
from abeja_run.descriptors import Downloaded, Upload
from abeja_run.jobs import BatchResult, LogEvent, Run

client = CatalogueClient({"auth_token": "any"}, timeout=5.0)
bounds: LimitsInput = {"most": 1, "kind": "hard"}
thing: Thing = client.create_thing("n", bounds, ["x", "y"], Colour.RED, "trace", {"a": "b"})
state: Literal["NEW", "DONE"] = thing["state"]
colour: Literal["red", "blue"] = thing["colour"]
most: int = thing["limits"]["max"]
weight: float = thing["weights"]["a"]
note: str | None = thing["a-note"]
perhaps = client.get_thing(thing_id="a")
name: str = "" if perhaps is None else perhaps["name"]
things: list[Thing] = client.get_things("up", datetime.now(timezone.utc), exact=True, offset=5)
first: Thing = next(client.iter_things(order="down"))
names: list[str] = client.get_names()
one: str = next(client.iter_names())
number: int = client.count()
client.put_limits([{"most": 1}, bounds])
for content in (b"a", Path("a"), io.BytesIO(b"a"), [b"a"], iter([b"a"]), Upload(b"a", "a.txt", "text/plain")):
    client.upload("a", content)
client.add_picture("a", Path("a.png"), labels={"a": 1})
text: str = client.get_text("a")
length: int = client.look("a")["content-length"]
maker: str = client.look("a")["meta"]["maker"]
file: Downloaded = client.download("a", "there")
size: int = client.download("a", Path("there")).size
done = client.wait_for_thing("a", timeout=5, interval=1, on_change=print)
run = client.get_run("o", "d", "r")
status: Literal["SUBMITTED", "PENDING", "RUNNABLE", "STARTING", "RUNNING", "SUCCEEDED", "FAILED"] = run["status"]
deployment = Client("1", {"auth_token": "any"}, timeout=5).deployment("2")
submitted: Run = deployment.submit("v", {"a": 1}, environment={"A": "b"}, submission_id="s").wait(60, on_change=print)
events: list[LogEvent] = list(submitted.logs(datetime.now(timezone.utc), follow=True))
results: list[BatchResult] = list(deployment.submit_many("v", [{"a": 1}], journal=Path("j"), max_in_flight=4))
runs: list[Run | None] = [result.run for result in results]


async def inputs() -> AsyncIterator[dict[str, int]]:
    yield {"a": 1}


async def awaited() -> None:
    async with AsyncClient("1", {"auth_token": "any"}, timeout=5) as client:
        deployment = client.deployment("2")
        run = await deployment.submit("v", {"a": 1}, None, 2, 3, {"A": "b"}, "m", submission_id="s")
        created: str = (await deployment.create("v", {"a": 1})).run_id
        ended: bool = (await run.copy().wait(60, raise_on_failure=False, on_change=lambda run: run.raw)).done
        newest: list[str] = [run.run_id async for run in deployment.runs(newest_first=True)]
        events: list[LogEvent] = [event async for event in run.logs(follow=True)]
        last: LogEvent = await anext(run.recent_logs())
        print(created, ended, newest, events, last)
        async with aclosing(deployment.submit_many("v", inputs(), journal="j", wait=True, environment={})) as results:
            async for result in results:
                batch: BatchResult[AsyncRun] = result
                if result.run is not None:
                    await result.run.refresh()
                print(batch.error)
        print([result.index async for result in deployment.submit_many("v", [{"a": 1}], progress=True)])
