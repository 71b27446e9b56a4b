"""Calls each of which a type checker refuses, at its line: every line that ends in ``# wrong``, and no other."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from catalogue import Colour
from catalogue_client import CatalogueClient, LimitsInput, Thing

from abeja_run import AsyncClient, Client

client = CatalogueClient({"auth_token": "any"})
CatalogueClient({"auth_token": 5})  # wrong
CatalogueClient({"auth_token": "any"}, timeout="5")  # wrong
CatalogueClient({"auth_token": "any"}, time_out=5)  # wrong
client.create_things("n")  # wrong
client.create_thing()  # wrong
client.create_thing(5)  # wrong
client.create_thing("n", {"max": 1})  # wrong
client.create_thing("n", {"most": "1"})  # wrong
client.create_thing("n", {"most": 1, "kind": "weak"})  # wrong
client.create_thing("n", tags=["z"])  # wrong
client.create_thing("n", tags="x")  # wrong
client.create_thing("n", colour="red")  # wrong
client.create_thing("n", colour=Colour.GREEN)  # wrong
client.create_thing("n", meta={"a": 5})  # wrong
client.create_thing("n", None, None, None, None, None, None)  # wrong
bounds: LimitsInput = {"kind": "hard"}  # wrong
thing: Thing = client.create_thing("n")
thing["nam"]  # wrong
thing["limits"]["most"]  # wrong
length: int = thing["name"]  # wrong
note: str = thing["a-note"]  # wrong
state: Literal["NEW"] = thing["state"]  # wrong
client.get_thing("a")["name"]  # wrong
client.get_thing(5)  # wrong
client.get_thing("a", "b")  # wrong
client.get_things("sideways")  # wrong
client.get_things(since="2018-01-01")  # wrong
client.get_things(offset="5")  # wrong
client.get_things()["name"]  # wrong
next(client.iter_things())["nam"]  # wrong
length = next(client.iter_names())  # wrong
text: str = client.count()  # wrong
client.put_limits({"most": 1})  # wrong
client.put_limits()  # wrong
client.put_limits([]).get("a")  # wrong
client.upload("a", 5)  # wrong
client.upload("a", "a text")  # wrong
client.upload("a", ["a text"])  # wrong
client.add_picture("a")  # wrong
length = client.get_text("a")  # wrong
client.look()  # wrong
client.look("a")["size"]  # wrong
text = client.look("a")["content-length"]  # wrong
client.download("a")  # wrong
client.download("a", b"there")  # wrong
path: str = client.download("a", Path("there")).path  # wrong
client.delete_thing("a").get("a")  # wrong
client.wait_for_thing("a", timeout="5")  # wrong
client.wait_for_thing("a", patience=5)  # wrong
client.get_run("o", "d")  # wrong
client.get_run("o", "d", run="r")  # wrong
client.create_run("o", "d", "v", retry_count="5")  # wrong
client.create_run("o", "d", "v", environment={"A": 5})  # wrong
ended: Literal["SUCCEEDED", "FAILED"] = client.get_run("o", "d", "r")["status"]  # wrong
Client("1", {"auth_token": "any"}, time_out=5)  # wrong
deployment = Client("1", {"auth_token": "any"}).deployment("2")
deployment.submit()  # wrong
deployment.submit("v", retries=5)  # wrong
deployment.submit("v", {"a": 1}, submission_id=5)  # wrong
deployment.submit("v").wait(on_change=5)  # wrong
deployment.submit_many("v", 5)  # wrong
next(deployment.submit_many("v", [])).run.run_id  # wrong
AsyncClient("1", {"auth_token": "any"}, time_out=5)  # wrong
AsyncClient("1", {"auth_token": "any"}, transport=object())  # wrong


async def awaited() -> None:
    deployment = AsyncClient("1", {"auth_token": "any"}).deployment("2")
    await deployment.submit()  # wrong
    await deployment.submit(5)  # wrong
    await deployment.submit("v", "not an object")  # wrong
    await deployment.submit("v", None, None, "2")  # wrong
    await deployment.submit("v", retry_count="5")  # wrong
    await deployment.submit("v", retries=5)  # wrong
    await deployment.submit("v", environment={"A": 5})  # wrong
    await deployment.submit("v", submission_id=5)  # wrong
    await deployment.submit("v", None, None, None, None, None, None, "s")  # wrong
    await deployment.create("v", submission_id="s")  # wrong
    deployment.submit("v").run_id  # wrong
    list(deployment.runs())  # wrong
    run = await deployment.run("r")
    length: int = run.run_id  # wrong
    await run.wait("60")  # wrong
    await run.wait(patience=5)  # wrong
    await run.wait(on_change=lambda run: run.nothing)  # wrong
    await run.logs()  # wrong
    run.logs(start="2018-01-01")  # wrong
    deployment.submit_many("v")  # wrong
    deployment.submit_many("v", 5)  # wrong
    deployment.submit_many("v", [], 8)  # wrong
    deployment.submit_many("v", [], max_in_flight="8")  # wrong
    deployment.submit_many("v", [], executor=None)  # wrong
    deployment.submit_many("v", [], journal=5)  # wrong
    list(deployment.submit_many("v", []))  # wrong
    await deployment.submit_many("v", [])  # wrong
    result = await anext(deployment.submit_many("v", []))
    result.run.run_id  # wrong
    result.runs  # wrong
    if result.run is not None:
        result.run.refresh().raw  # wrong
        length = result.run.run_id  # wrong
