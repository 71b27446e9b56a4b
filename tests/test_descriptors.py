"""Declarations: what they derive, and that wrong ones fail at once with the place."""

import dataclasses

import pytest
from marshmallow import Schema, fields

from abeja_run import DELETE, GET, HEAD, POST, PUT, Endpoint, Resource
from abeja_run.descriptors import (
    ArrayOf,
    Cursor,
    Download,
    InHeaders,
    JSONAnswer,
    JSONBody,
    Links,
    Multipart,
    NoContent,
    Offset,
    RawBody,
    Text,
    Variable,
    Waiter,
)
from abeja_run.exceptions import DescriptorError, NotFound
from abeja_run.fields import HeaderFamily, about
from abeja_run.resources.runs import Runs


class Thing(Schema):
    name = fields.String()
    state = fields.String()
    token = fields.String()


class Query(Schema):
    limit = fields.Integer()
    which = fields.String(required=True)
    token = fields.String()


def declare(endpoint, path="/things/{thing_id}", variables=None, name="get_thing"):
    return type(
        "Things", (Resource,), {"path": path, "variables": variables or {"thing_id": "The thing."}, name: endpoint}
    )


def test_an_endpoint_knows_its_name_template_and_parameters():
    endpoint = declare(Endpoint(GET, "/x", query=Query, returns=Thing, summary="Get.")).get_thing
    assert (endpoint.name, endpoint.template) == ("get_thing", "/things/{thing_id}/x")
    assert [(p.name, p.location, p.required) for p in endpoint.parameters] == [
        ("thing_id", "path", True),
        ("which", "query", True),
        ("limit", "query", False),
        ("token", "query", False),
    ]
    assert endpoint.segments == (("/things/", "thing_id"), ("/x", ""))


def test_a_resource_inherits_and_lists_its_endpoints():
    base = declare(Endpoint(GET, returns=Thing, summary="Get."))
    more = type("More", (base,), {"put_thing": Endpoint(PUT, returns=Thing, summary="Put.")})
    assert list(more.endpoints) == ["get_thing", "put_thing"]
    assert list(base.endpoints) == ["get_thing"]


def test_descriptors_cannot_be_changed():
    with pytest.raises(dataclasses.FrozenInstanceError):
        Runs.get_run.method = POST
    with pytest.raises(TypeError):
        Runs.endpoints["x"] = Runs.get_run


@pytest.mark.parametrize(
    ("method", "repeatable"), [(GET, True), (HEAD, True), (PUT, True), (DELETE, True), (POST, False), ("PATCH", False)]
)
def test_what_may_be_repeated_goes_by_the_method_or_as_declared(method, repeatable):
    assert declare(Endpoint(method, returns=NoContent(), summary="Do.")).get_thing.repeatable is repeatable
    declared = Endpoint(method, returns=NoContent(), summary="Do.", idempotent=not repeatable)
    assert declare(declared).get_thing.repeatable is not repeatable


class Twice(Schema):
    thing_id = fields.String()


class Aliased(Schema):
    a = fields.String(metadata=about("A.", aliases=("thing_id",)))


class Keyword(Schema):
    locals().update({"class": fields.String()})


class Options(Schema):
    timeout = fields.Integer()


class Deep(Schema):
    where = fields.Nested(Thing)


class Lists(Schema):
    a = fields.List(fields.List(fields.String()))


class Wired(Schema):
    state = fields.String(data_key="State")
    things = fields.List(fields.String(), data_key="Things")


class Careless(Schema):
    a = fields.String(metadata=about("A.", aliases="other"))


class Family(Schema):
    content = HeaderFamily("Content-", metadata=about("Whatever."))


def named(*names):
    return Schema.from_dict({f"h{number}": fields.String(data_key=name) for number, name in enumerate(names)})


@pytest.mark.parametrize(
    ("endpoint", "field"),
    [
        (Endpoint("FETCH", returns=Thing, summary="x"), "method"),
        (Endpoint(GET, "x", returns=Thing, summary="x"), "path"),
        (Endpoint(GET, "/a b", returns=Thing, summary="x"), "path"),
        (Endpoint(GET, "/{other_id}", returns=Thing, summary="x"), "path"),
        (Endpoint(GET, "/{}", returns=Thing, summary="x"), "path"),
        (Endpoint(GET, "/{thing_id}", returns=Thing, summary="x"), "thing_id"),
        (Endpoint(GET, body=Thing, returns=Thing, summary="x"), "body"),
        (Endpoint(GET, returns=Thing, summary=""), "summary"),
        (Endpoint(GET, returns=None, summary="x"), "returns"),
        (Endpoint(GET, returns=dict, summary="x"), "returns"),
        (Endpoint(GET, returns=Thing, query=Thing(), summary="x"), "query"),
        (Endpoint(GET, returns=Thing, raises=(ValueError,), summary="x"), "raises"),
        (Endpoint(GET, returns=Thing, query=Twice, summary="x"), "thing_id"),
        (Endpoint(GET, returns=Thing, query=Aliased, summary="x"), "thing_id"),
        (Endpoint(POST, returns=Thing, query=Thing, body=Thing, summary="x"), "name"),
        (Endpoint(GET, returns=Thing, query=Keyword, summary="x"), "class"),
        (Endpoint(GET, returns=Thing, summary="x", pages=Cursor("all", items="name", token="token")), "pages"),
        (
            Endpoint(GET, returns=Thing, query=Query, summary="x", pages=Cursor("all", items="nix", token="token")),
            "pages",
        ),
        (Endpoint(GET, returns=Thing, summary="x", waiter=Waiter("wait", field="nix", success=("a",))), "waiter"),
        (Endpoint(GET, returns=Thing, summary="x", waiter=Waiter("wait", field="state", success=())), "waiter"),
        (Endpoint(GET, returns=Thing, summary="x", waiter=Waiter("w", field="state.x", success=("a",))), "waiter"),
        (Endpoint(GET, returns=Deep, summary="x", waiter=Waiter("w", field="where.x", success=("a",))), "waiter"),
        (Endpoint(GET, returns=Wired, summary="x", waiter=Waiter("w", field="state", success=("a",))), "waiter"),
        (Endpoint(GET, returns=Wired, summary="x", pages=Links("all", items="things")), "pages"),
        (Endpoint(HEAD, returns=Thing, summary="x"), "returns"),
        (Endpoint(HEAD, returns=Text(), summary="x"), "returns"),
        (Endpoint(HEAD, body=Thing, returns=NoContent(), summary="x"), "body"),
        (Endpoint(GET, returns=InHeaders(Thing()), summary="x"), "returns"),
        (Endpoint(GET, returns=InHeaders(Deep), summary="x"), "returns"),
        (Endpoint(GET, returns=InHeaders(Lists), summary="x"), "returns"),
        (Endpoint(HEAD, returns=InHeaders(Thing), summary="x", waiter=Waiter("w", "state", ("a",))), "waiter"),
        (Endpoint(GET, "/../x", returns=Thing, summary="x"), "path"),
        (Endpoint(GET, "/{thing_id}x", returns=Thing, summary="x"), "path"),
        (Endpoint(GET, returns=ArrayOf(dict), summary="x"), "returns"),
        (Endpoint(GET, returns=JSONAnswer(Thing), summary="x"), "returns"),
        (Endpoint(GET, returns=Download("thing_id"), summary="x"), "thing_id"),
        (Endpoint(POST, body=Multipart(dict), returns=Thing, summary="x"), "body"),
        (Endpoint(POST, body=RawBody("class", "Bytes."), returns=Thing, summary="x"), "class"),
        (Endpoint(POST, body=JSONBody("name", fields.Dict()), query=Thing, returns=Thing, summary="x"), "name"),
        (Endpoint(GET, body=RawBody("content", "Bytes."), returns=Thing, summary="x"), "body"),
        (Endpoint(GET, query=Deep, returns=Thing, summary="x"), "query"),
        (Endpoint(GET, query=Careless, returns=Thing, summary="x"), "query"),
        (Endpoint(GET, headers=Thing(), returns=Thing, summary="x"), "headers"),
        (Endpoint(GET, headers=Deep, returns=Thing, summary="x"), "headers"),
        (Endpoint(GET, headers=named("Authorization"), returns=Thing, summary="x"), "headers"),
        (Endpoint(GET, headers=named("content-type"), returns=Thing, summary="x"), "headers"),
        (Endpoint(GET, headers=named("a b"), returns=Thing, summary="x"), "headers"),
        (Endpoint(GET, headers=named("X-A", "x-a"), returns=Thing, summary="x"), "headers"),
        (Endpoint(GET, headers=Family, returns=Thing, summary="x"), "headers"),
        (Endpoint(GET, returns=ArrayOf(Thing), summary="x", pages=Links("a b")), "pages"),
        (Endpoint(GET, returns=Thing, summary="x", waiter=Waiter("if", field="state", success=("a",))), "waiter"),
        (Endpoint(GET, success=(404,), returns=Thing, summary="x"), "success"),
        (Endpoint(GET, success=(True,), returns=Thing, summary="x"), "success"),
        (Endpoint(GET, timeout=0, returns=Thing, summary="x"), "timeout"),
        (Endpoint(GET, timeout="1", returns=Thing, summary="x"), "timeout"),
        (Endpoint(GET, host="https://x", returns=Thing, summary="x"), "host"),
        (Endpoint(GET, host="x/y", returns=Thing, summary="x"), "host"),
        (Endpoint(GET, host="{other_id}.example.com", returns=Thing, summary="x"), "host"),
        (Endpoint(POST, idempotency_key="a b", returns=Thing, summary="x"), "idempotency_key"),
        (Endpoint(POST, idempotency_key="Host", returns=Thing, summary="x"), "idempotency_key"),
        (Endpoint(POST, idempotency_key="Key", idempotent=False, returns=Thing, summary="x"), "idempotency_key"),
        (Endpoint(GET, returns=Thing, summary="x", pages="pages"), "pages"),
        (Endpoint(GET, returns=Thing, summary="x", pages=Offset("all", items="name")), "pages"),
        (Endpoint(GET, returns=Thing, summary="x", pages=Links("all")), "pages"),
        (Endpoint(GET, returns=ArrayOf(Thing), summary="x", pages=Links("all", items="name")), "pages"),
        (Endpoint(GET, returns=Thing, summary="x", pages=Links("all", items="name")), "pages"),
        (
            Endpoint(
                GET, returns=ArrayOf(Thing), summary="x", query=Query, pages=Cursor("all", items="", token="token")
            ),
            "pages",
        ),
        (
            Endpoint(GET, returns=ArrayOf(Thing), summary="x", waiter=Waiter("w", field="state", success=("a",))),
            "waiter",
        ),
        (
            Endpoint(GET, returns=Thing, query=Options, summary="x", waiter=Waiter("w", field="state", success=("a",))),
            "waiter",
        ),
    ],
)
def test_a_wrong_declaration_names_class_endpoint_and_field(endpoint, field):
    with pytest.raises(DescriptorError, match=rf"^Things\.get_thing: {field}: "):
        declare(endpoint)


@pytest.mark.parametrize("variable", [Variable(""), Variable("The thing.", pattern="(")])
def test_a_variable_without_a_description_or_with_a_wrong_pattern_is_refused(variable):
    with pytest.raises(DescriptorError, match=r"^Things\.get_thing: (path|variables): "):
        declare(Endpoint(GET, returns=Thing, summary="x"), variables={"thing_id": variable})


def test_a_private_name_is_refused():
    with pytest.raises(DescriptorError, match="underscore"):
        declare(Endpoint(GET, returns=Thing, summary="x"), name="_get")


def test_the_run_api_is_declared_as_the_reference_page_lists_it():
    runs = "/organizations/{organization_id}/deployments/{deployment_id}/runs"
    assert {name: (e.method, e.template) for name, e in Runs.endpoints.items()} == {
        "create_run": ("POST", runs),
        "get_run": ("GET", f"{runs}/{{run_id}}"),
        "get_runs": ("GET", runs),
        "get_run_logs": ("GET", f"{runs}/{{run_id}}/logs"),
        "get_run_recent_logs": ("GET", f"{runs}/{{run_id}}/recentlogs"),
    }
    assert NotFound in Runs.get_run.raises
