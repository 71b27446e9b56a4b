"""Endpoints on other hosts, without authorization, and with a key: who is asked, and who gets the credential."""

import uuid

import pytest
from clients import client
from marshmallow import Schema, fields
from servers import RUN, TOKEN, Scripted, answer, close

from abeja_run import GET, POST, Endpoint
from abeja_run.exceptions import CredentialError, OutcomeUnknown, ValidationError
from abeja_run.fields import about
from abeja_run.messages import Response


class Thing(Schema):
    name = fields.String()


ELSEWHERE = {"host": "{organization_id}.{base_host}", "returns": Thing, "summary": "Call."}
AUTHORIZED = Endpoint(POST, "/{thing_id}", authorization=True, **ELSEWHERE)
PLAIN = Endpoint(POST, "/{thing_id}", **ELSEWHERE)
FIXED = Endpoint(GET, host="files.example.com", returns=Thing, summary="Get.")
OPEN = Endpoint(GET, authorization=False, returns=Thing, summary="Get.")


def asked(url, name, *arguments, **endpoints):
    """The request that a call becomes."""
    transport = Scripted(Response(200, body=b"{}"))
    settings = {"transport": transport}
    getattr(client(url, settings=settings, **endpoints), name)(*arguments)
    return transport.requests[0]


@pytest.mark.parametrize(
    ("base", "url"),
    [
        ("https://api.abeja.io", "https://1234.api.abeja.io/things/t"),
        ("https://gateway.example:8443/abeja", "https://1234.gateway.example:8443/abeja/things/t"),
        ("https://10.0.0.5:8443", "https://10.0.0.5:8443/things/t"),
    ],
)
def test_a_host_may_be_one_of_the_organizations_own(base, url):
    assert asked(base, "call", "t", "1234", call=PLAIN).url == url


def test_another_host_gets_the_credential_only_where_the_descriptor_says_so():
    base = "https://api.abeja.io"
    assert "authorization" not in asked(base, "call", "t", "1234", call=PLAIN).headers
    assert asked(base, "call", "t", "1234", call=AUTHORIZED).headers["authorization"] == f"Bearer {TOKEN}"
    request = asked(base, "get", get=FIXED)
    assert (request.url, "authorization" in request.headers) == ("https://files.example.com/things", False)


def test_on_this_machine_every_host_is_this_machine(wire):
    calling = client(wire.url, call=AUTHORIZED, get=FIXED)
    calling.call("t", "1234")
    calling.get()
    assert [seen.headers["host"] for seen in wire.requests] == [f"1234.127.0.0.1:{wire.port}", "files.example.com"]
    assert [seen.target for seen in wire.requests] == ["/things/t", "/things"]
    assert [seen.headers.get("authorization") for seen in wire.requests] == [f"Bearer {TOKEN}", None]


@pytest.mark.parametrize(
    "organization_id",
    ["evil.example/", "evil.example", "a@evil.example", "a:1", "", "-a", "a-", "ü", "a" * 64, 5, None],
)
def test_no_argument_leads_to_a_host_that_the_descriptor_does_not_name(organization_id):
    transport = Scripted()
    calling = client("https://api.abeja.io", call=AUTHORIZED, settings={"transport": transport})
    with pytest.raises(ValidationError, match="^call: organization_id: "):
        calling.call("t", organization_id)
    assert not transport.requests


def test_an_endpoint_without_authorization_needs_no_credential(wire):
    calling = client(wire.url, get=OPEN, also=Endpoint(GET, returns=Thing, summary="Get."), credential=None)
    assert calling.get() == RUN
    assert "authorization" not in wire.requests[0].headers
    with pytest.raises(CredentialError):
        calling.also()
    wire.otherwise = answer({"error": "x"}, 404)
    with pytest.raises(Exception, match="404"):
        calling.get()


def test_a_key_is_made_once_per_call_and_lets_a_post_be_sent_again(wire, monkeypatch):
    monkeypatch.setattr("abeja_run.retry.random.uniform", lambda *_: 0.0)
    keyed = Endpoint(POST, idempotency_key="Idempotency-Key", returns=Thing, summary="Post.")
    calling = client(wire.url, post=keyed)
    wire.script = [close, answer({}, 503)]
    calling.post()
    calling.post()
    keys = [seen.headers["idempotency-key"] for seen in wire.requests]
    assert (len(keys), len(set(keys[:3]))) == (4, 1)
    assert keys[0] != keys[3]
    assert uuid.UUID(keys[0]).version == 4


class Key(Schema):
    key = fields.String(data_key="Idempotency-Key", metadata=about("The key."))


def test_a_caller_may_give_the_key(wire):
    keyed = Endpoint(POST, idempotency_key="Idempotency-Key", headers=Key, returns=Thing, summary="Post.")
    calling = client(wire.url, post=keyed)
    calling.post(key="mine")
    calling.post()
    assert wire.requests[0].headers["idempotency-key"] == "mine"
    assert uuid.UUID(wire.requests[1].headers["idempotency-key"])


def test_what_is_declared_idempotent_is_sent_again_and_what_is_not_is_not(wire, monkeypatch):
    monkeypatch.setattr("abeja_run.retry.random.uniform", lambda *_: 0.0)
    declared = Endpoint(POST, idempotent=True, returns=Thing, summary="Post.")
    careful = Endpoint(GET, idempotent=False, returns=Thing, summary="Get.")
    calling = client(wire.url, post=declared, get=careful)
    wire.script = [close]
    assert calling.post() == RUN
    wire.script = [close]
    with pytest.raises(OutcomeUnknown):
        calling.get()
    assert len(wire.requests) == 3
