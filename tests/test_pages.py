"""Pages by token, by offset and by link, and waiting, against a server that holds things."""

import asyncio
import json
from urllib.parse import parse_qs

import pytest
from clients import client, resource
from marshmallow import Schema, fields
from marshmallow.validate import OneOf
from servers import CREDENTIAL, TOKEN, Wire, answer

from abeja_run import GET, Endpoint
from abeja_run.asynchronous import BaseAsyncClient
from abeja_run.descriptors import ArrayOf, Cursor, Links, Offset, Waiter
from abeja_run.exceptions import InvalidResponse, ValidationError, WaitFailed
from abeja_run.fields import about


class Thing(Schema):
    number = fields.Integer()


class Page(Schema):
    things = fields.List(fields.Nested(Thing, unknown="include"))
    next_token = fields.String()
    total = fields.Integer()


class ByToken(Schema):
    page_token = fields.String(metadata=about("Token."))


class ByOffset(Schema):
    offset = fields.Integer(metadata=about("Offset."))
    limit = fields.Integer(metadata=about("Limit."))


THINGS = [{"number": number} for number in range(7)]


def numbers(items):
    return [item["number"] for item in items]


def serve(wire, pages):
    """Answer each request by what a function of its query's first values gives: a body, and header fields."""

    def reply(connection, seen):
        query = {name: values[0] for name, values in parse_qs(seen.target.partition("?")[2]).items()}
        body, headers = pages(query)
        connection.sendall(answer(body, **headers))

    wire.otherwise = reply


def test_a_token_in_the_body_leads_to_the_next_page(wire):
    def pages(query):
        start = int(query.get("page_token", 0))
        page = {"things": THINGS[start : start + 3]}
        return (page if start + 3 >= 7 else {**page, "next_token": str(start + 3)}), {}

    serve(wire, pages)
    ways = Cursor("iter_things", items="things", token="next_token", parameter="page_token")
    calling = client(wire.url, get=Endpoint(GET, query=ByToken, returns=Page, pages=ways, summary="List."))
    assert numbers(calling.iter_things()) == [0, 1, 2, 3, 4, 5, 6]
    assert numbers(calling.iter_things(page_token="3")) == [3, 4, 5, 6]


@pytest.mark.parametrize(
    ("ways", "given", "requests"),
    [
        (Offset("iter_things", items="things", limit="limit"), {}, 4),
        (Offset("iter_things", items="things", limit="limit"), {"limit": 3}, 3),
        (Offset("iter_things", items="things", limit="limit", total="total"), {}, 3),
        # The service holds at most three: a total decides, not the length of a page.
        (Offset("iter_things", items="things", limit="limit", total="total"), {"limit": 100}, 3),
        (Offset("iter_things", items="things"), {}, 4),
    ],
)
def test_an_offset_leads_to_the_next_page(wire, ways, given, requests):
    def pages(query):
        start, limit = int(query.get("offset", 0)), min(int(query.get("limit", 3)), 3)
        return {"things": THINGS[start : start + limit], "total": 7}, {}

    serve(wire, pages)
    calling = client(wire.url, get=Endpoint(GET, query=ByOffset, returns=Page, pages=ways, summary="List."))
    assert numbers(calling.iter_things(**given)) == [0, 1, 2, 3, 4, 5, 6]
    assert len(wire.requests) == requests
    assert numbers(calling.iter_things(offset=5, **given)) == [5, 6]


LINKED = Endpoint(GET, query=ByOffset, returns=ArrayOf(Thing), pages=Links("iter_things"), summary="List.")


@pytest.mark.parametrize(
    "form",
    [
        '<{url}?offset={next}&x=%20>; rel="next"',
        "</things?offset={next}>;rel=next",
        '<?offset={next}>; title="a, b; <c>"; rel="last next", </other>; rel="prev"',
        '</other>; rel="prev", <{url}?offset={next}#part>; REL="Next"',
    ],
)
def test_a_link_leads_to_the_next_page(wire, form):
    def pages(query):
        start = int(query.get("offset", 0))
        link = form.format(url=f"{wire.url}/things", next=start + 3) if start + 3 < 7 else '</things>; rel="first"'
        return THINGS[start : start + 3], {"link": link}

    serve(wire, pages)
    assert numbers(client(wire.url, get=LINKED).iter_things()) == [0, 1, 2, 3, 4, 5, 6]
    assert {seen.headers["authorization"] for seen in wire.requests} == {f"Bearer {TOKEN}"}


def test_a_link_to_another_host_is_refused_and_sees_no_credential(wire):
    with Wire() as other:
        for address in (
            f"{other.url}/things",
            f"//127.0.0.1:{other.port}/things",
            f"http://a@127.0.0.1:{wire.port}/",
            f"https://127.0.0.1:{wire.port}/",
            f"http://127.0.0.1:{wire.port}\\@127.0.0.1:{other.port}/",
            "http://127.0.0.1:nonsense/",
            "file:///etc/passwd",
        ):
            wire.script = [answer([{"number": 1}], link=f'<{address}>; rel="next"')]
            iterator = client(wire.url, get=LINKED).iter_things()
            with pytest.raises(InvalidResponse, match="not on the host"):
                list(iterator)
        assert not other.requests
    assert len(wire.requests) == 7


def test_a_link_to_the_same_page_ends_it(wire):
    wire.otherwise = answer([{"number": 1}], link='</things>; rel="next"')
    assert numbers(client(wire.url, get=LINKED).iter_things()) == [1]


@pytest.mark.parametrize("body", [{}, {"things": 5}, 5])
def test_an_answer_that_is_no_page_is_an_invalid_response(wire, body):
    wire.otherwise = answer(body)
    for returns, ways in ((Page, Offset("iter_things", items="things")), (ArrayOf(Thing), Offset("iter_things"))):
        endpoint = Endpoint(GET, query=ByOffset, returns=returns, pages=ways, summary="List.")
        with pytest.raises(InvalidResponse):
            list(client(wire.url, get=endpoint).iter_things())


def test_wrong_arguments_of_an_iterator_are_refused_at_once(wire):
    with pytest.raises(ValidationError):
        client(wire.url, get=LINKED).iter_things(offset="a")
    assert not wire.requests


class Job(Schema):
    state = fields.String(validate=OneOf(["WAITING", "DONE", "SKIPPED", "BROKEN"]))


JOB = Endpoint(
    GET,
    "/{thing_id}",
    returns=Job,
    waiter=Waiter("wait_for_job", field="state", success=("DONE", "SKIPPED"), failure=("BROKEN",)),
    summary="Get a job.",
)


@pytest.mark.parametrize("state", ["DONE", "SKIPPED"])
def test_a_waiter_returns_at_a_state_of_success(wire, state):
    wire.script, wire.otherwise = [answer({"state": "WAITING"})] * 2, answer({"state": state})
    seen = []
    result = client(wire.url, get=JOB).wait_for_job("j", interval=0.01, on_change=seen.append)
    assert (result, len(wire.requests)) == ({"state": state}, 3)
    assert [job["state"] for job in seen] == ["WAITING", state]


def test_a_waiter_raises_at_a_state_of_failure(wire):
    wire.otherwise = answer(json.dumps({"state": "BROKEN"}).encode())
    with pytest.raises(WaitFailed, match=r"^wait_for_job\(j\) ended BROKEN$"):
        client(wire.url, get=JOB).wait_for_job("j")


class Status(Schema):
    phase = fields.String(validate=OneOf(["NEW", "DONE", "LOST"]))


class Task(Schema):
    status = fields.Nested(Status, data_key="Status")
    parts = fields.List(fields.String(), data_key="Parts")


TASK = Endpoint(
    GET,
    "/{thing_id}",
    returns=Task,
    waiter=Waiter("wait_for_task", field="Status.phase", success=("DONE",), failure=("LOST",)),
    summary="Get a task.",
)
NOT_YET = [{}, {"Status": None}, {"Status": "DONE"}, {"Status": {"phase": "NEW"}}]


def test_a_state_may_stand_within_another_field(wire):
    wire.script, wire.otherwise = [*map(answer, NOT_YET)], answer({"Status": {"phase": "DONE"}})
    seen = []
    result = client(wire.url, get=TASK).wait_for_task("t", interval=0.01, max_interval=0.01, on_change=seen.append)
    assert (result, len(wire.requests)) == ({"Status": {"phase": "DONE"}}, 5)
    assert seen == [NOT_YET[-1], result]
    assert "Wait until Status.phase is DONE or LOST." in client(wire.url, get=TASK).wait_for_task.__doc__
    wire.otherwise = answer({"Status": {"phase": "LOST"}})
    with pytest.raises(WaitFailed, match=r"^wait_for_task\(t\) ended LOST$"):
        client(wire.url, get=TASK).wait_for_task("t")


def test_an_awaited_waiter_looks_into_fields_too(wire):
    async def main():
        made = type("Client", (BaseAsyncClient,), {}, resources=[resource(get=TASK)])
        async with made(CREDENTIAL, base_url=wire.url) as awaited:
            return await awaited.wait_for_task("t", interval=0.01, max_interval=0.01)

    wire.script, wire.otherwise = [*map(answer, NOT_YET)], answer({"Status": {"phase": "DONE"}})
    assert asyncio.run(main()) == {"Status": {"phase": "DONE"}}


def test_an_empty_answer_tells_no_state_yet(wire):
    endpoint = Endpoint(
        GET,
        returns=Job,
        success=(200, 204),
        waiter=Waiter("wait_for_job", field="state", success=("DONE",)),
        summary="Get a job.",
    )
    wire.script, wire.otherwise = [answer(b"", 204, content_length=None)], answer({"state": "DONE"})
    assert client(wire.url, get=endpoint).wait_for_job(interval=0.01) == {"state": "DONE"}


def test_items_go_by_their_name_on_the_wire(wire):
    endpoint = Endpoint(GET, query=ByOffset, returns=Task, pages=Offset("iter_parts", items="Parts"), summary="List.")
    wire.script, wire.otherwise = [answer({"Parts": ["a", "b"]})], answer({"Parts": []})
    assert list(client(wire.url, get=endpoint).iter_parts()) == ["a", "b"]
