"""The asynchronous client, over transports that play a script."""

import asyncio
import inspect
import json
import pickle

import pytest
from servers import CREDENTIAL, IDS, RUN, Scripted

from abeja_run import APIClient, AsyncAPIClient
from abeja_run import exceptions as e
from abeja_run.asynchronous import AsyncTransport, BaseAsyncClient
from abeja_run.messages import Response
from abeja_run.resources.runs import Runs
from abeja_run.transports import Urllib3Transport


def said(body, status=200):
    return Response(status, {"content-type": "application/json"}, json.dumps(body).encode())


def called(transport, call, **settings):
    return asyncio.run(call(AsyncAPIClient(CREDENTIAL, transport=transport, **settings)))


def test_its_methods_are_those_of_the_client_that_is_not_awaited():
    for endpoint in Runs.endpoints.values():
        for name in endpoint.method_names:
            sync, awaited = getattr(APIClient, name), getattr(AsyncAPIClient, name)
            assert list(inspect.signature(sync).parameters.values()) == list(
                inspect.signature(awaited).parameters.values()
            )
            assert inspect.iscoroutinefunction(awaited) is not name.startswith("iter_")
            assert sync.__doc__ == awaited.__doc__


def test_a_call_sends_what_the_client_sends_that_is_not_awaited():
    ours, theirs = Scripted(), Scripted()
    given = (*IDS, "ver-1", {"a": "é"}, None, 1, 2, {"A": "b"})
    assert called(ours, lambda client: client.create_run(*given)) == RUN
    APIClient(CREDENTIAL, transport=theirs).create_run(*given)
    assert ours.requests == theirs.requests
    assert ours.timeouts == theirs.timeouts


def test_a_request_is_repeated_as_the_policy_says_and_waits_by_the_transports_clock():
    transport = Scripted(Response(503, {"retry-after": "7"}), e.Timeout("slow"), said(RUN))
    assert called(transport, lambda client: client.get_run(*IDS, "run-1")) == RUN
    assert len(transport.requests) == 3
    assert transport.waits[0] == 7.0


def test_a_post_with_a_lost_answer_has_an_unknown_outcome():
    transport = Scripted(e.TransportError("lost"))
    with pytest.raises(e.OutcomeUnknown):
        called(transport, lambda client: client.create_run(*IDS, "ver-1"))
    assert len(transport.requests) == 1


def test_an_iterator_asks_for_a_page_when_it_is_reached_and_refuses_arguments_at_once():
    pages = [said({"entries": [1, 2], "next_page_token": "more"}), said({"entries": [3]})]
    transport = Scripted(*pages)

    async def read(client):
        with pytest.raises(e.ValidationError):
            client.iter_runs(*IDS, scan_forward="sideways")
        found = client.iter_runs(*IDS)
        assert not transport.requests
        assert [await anext(found), await anext(found), len(transport.requests)] == [1, 2, 1]
        return [item async for item in found]

    assert called(transport, read) == [3]


def test_a_wait_bears_faults_and_tells_of_every_change():
    transport = Scripted(said(RUN), Response(503), said({**RUN, "status": "SUCCEEDED"}))
    seen = []
    ended = called(
        transport,
        lambda client: client.wait_for_run(*IDS, "run-1", on_change=lambda run: seen.append(run["status"])),
        max_retry_count=0,
    )
    assert ended["status"] == "SUCCEEDED"
    assert seen == ["RUNNING", "SUCCEEDED"]
    assert transport.waits == [1.0, 1.5]


def test_a_wrong_call_fails_before_anything_is_awaited():
    with pytest.raises(TypeError, match="missing 1 required positional argument: 'run_id'"):
        AsyncAPIClient(CREDENTIAL, transport=Scripted()).get_run(*IDS)


def test_other_tasks_have_their_turn_while_a_replay_answers():
    turns = []

    async def both(client):
        async def call(name):
            for _ in range(3):
                await client.get_run(*IDS, "run-1")
                turns.append(name)

        await asyncio.gather(call("a"), call("b"))

    called(Scripted(), both)
    assert turns == ["a", "b"] * 3


@pytest.mark.parametrize("transport", [Urllib3Transport(), object()])
def test_a_transport_that_would_hold_up_the_event_loop_is_refused(transport):
    with pytest.raises(e.ConfigurationError, match="AsyncTransport"):
        AsyncAPIClient(CREDENTIAL, transport=transport)


def test_plain_http_to_another_machine_is_refused():
    with pytest.raises(e.ConfigurationError, match="plain HTTP"):
        AsyncAPIClient(CREDENTIAL, base_url="http://api.example.com")


def test_a_transport_that_is_given_stays_the_callers_to_close():
    class Closing(AsyncTransport):
        leaves_process = False
        closed = 0

        async def send(self, request, timeout):
            return said(RUN)

        async def close(self):
            self.closed += 1

    transport = Closing()

    async def use():
        async with AsyncAPIClient(CREDENTIAL, transport=transport) as client:
            await client.get_run(*IDS, "run-1")
        assert transport.closed == 0
        async with transport:
            pass
        assert transport.closed == 1

    asyncio.run(use())


def test_one_can_be_pickled_and_had_with_fewer_retries():
    client = AsyncAPIClient(CREDENTIAL, timeout=7)
    assert repr(pickle.loads(pickle.dumps(client))) == repr(client)
    other = client.with_options(max_retry_count=0)
    assert other.transport is client.transport
    assert other.timeout == 7


def test_a_client_of_ones_own_names_its_resources():
    class Mine(BaseAsyncClient, resources=[Runs]):
        pass

    run = asyncio.run(Mine(CREDENTIAL, transport=Scripted()).get_run(*IDS, "run-1"))
    assert run == RUN
