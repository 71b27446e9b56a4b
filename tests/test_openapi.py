"""The OpenAPI document: all that a descriptor says stands in it, and the committed one is what would be written."""

import dataclasses
import json
import subprocess
import sys
from pathlib import Path

import pytest
from everything import Thing, Things
from marshmallow import Schema, fields
from marshmallow.validate import Regexp

from abeja_run import GET, POST, Endpoint, Resource
from abeja_run.descriptors import Answer, Body, Pages
from abeja_run.exceptions import DescriptorError
from abeja_run.fields import about
from abeja_run.interpretation import STATUS_ERRORS
from abeja_run.openapi import document, written
from abeja_run.resources.runs import STATUSES, Runs

COMMITTED = Path(__file__).parents[1] / "docs" / "openapi.json"
THINGS = "/organizations/{organization_id}/things"


@pytest.fixture(scope="module")
def things():
    return document([Things])


def operations(told):
    return {operation["operationId"]: operation for methods in told["paths"].values() for operation in methods.values()}


def parameters(told, name):
    return {parameter["name"]: parameter for parameter in operations(told)[name]["parameters"]}


def resource(name="Mine", path="/mine", variables=None, **endpoints):
    return type(name, (Resource,), {"path": path, "variables": variables or {}, **endpoints})


def test_the_committed_document_is_that_of_the_descriptors():
    assert COMMITTED.read_text(encoding="utf-8") == written(document([Runs]))


def test_every_endpoint_is_an_operation_under_its_method_and_path():
    told = document([Runs, Things])
    found = {
        operation["operationId"]: (method.upper(), path)
        for path, methods in told["paths"].items()
        for method, operation in methods.items()
    }
    endpoints = [*Runs.endpoints.values(), *Things.endpoints.values()]
    assert found == {endpoint.name: (endpoint.method, endpoint.template) for endpoint in endpoints}
    for endpoint in endpoints:
        assert operations(told)[endpoint.name]["summary"] == endpoint.summary
        assert operations(told)[endpoint.name].get("description", "").startswith(endpoint.description)


def test_errors_are_told_with_their_statuses_and_the_body_that_all_have():
    told = document([Runs])
    for endpoint in Runs.endpoints.values():
        responses = operations(told)[endpoint.name]["responses"]
        assert set(responses) == {"200", "400", "401", "403", "404", "500", "default"}
        for status in ("400", "401", "403", "404", "500"):
            assert responses[status] == {"$ref": f"#/components/responses/{STATUS_ERRORS[int(status)].__name__}"}
    error = {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}
    for name in (*(cls.__name__ for cls in STATUS_ERRORS.values()), "HttpError"):
        assert told["components"]["responses"][name]["content"] == error
    assert list(told["components"]["schemas"]["Error"]["properties"]) == ["error", "error_description", "error_detail"]
    assert "required" not in told["components"]["schemas"]["Error"]


def test_an_error_of_ones_own_stands_under_the_status_of_its_base(things):
    assert operations(things)["create_thing"]["responses"]["409"] == {"$ref": "#/components/responses/Spoilt"}
    assert things["components"]["responses"]["Spoilt"]["description"] == "The thing is spoilt."
    assert "Strange" not in things["components"]["responses"]


def test_whoever_calls_has_a_token_or_an_identity_and_its_secret_but_for_what_all_see(things):
    assert things["security"] == [{"bearer": []}, {"basic": []}]
    assert set(things["components"]["securitySchemes"]) == {"bearer", "basic"}
    assert "security" not in operations(things)["get_thing"]
    assert operations(things)["get_public"]["security"] == []
    assert operations(things)["create_thing"]["x-idempotent"] is True


SCHEMAS = {
    "codes": {"type": "array", "items": {"type": "integer"}},
    "lines": {"type": "string"},
    "exact": {"type": "boolean"},
    "forward": {"type": "string", "enum": ["True", "False"]},
    "createdSince": {"type": "string", "format": "date-time"},
    "day": {"type": "string", "format": "date"},
    "colour": {"enum": ["red", "dark blue"]},
    "number": {"type": "integer", "enum": [1, 2]},
    "old": {"type": "string"},
}


def test_parameters_are_told_by_their_names_on_the_wire_with_their_types(things):
    told = parameters(things, "find_things")
    assert {name: told[name]["schema"] for name in SCHEMAS} == SCHEMAS
    assert told["age"]["schema"]["x-unit"] == "minutes"
    assert set(told) - {"organization_id"} == {p.wire_name for p in Things.find_things.query_parameters}
    assert told["createdSince"]["description"] == "Since."
    assert told["organization_id"]["required"] is True
    assert told["old"]["deprecated"] is True
    assert "deprecated" not in told["day"]
    styles = {name: (told[name]["style"], told[name]["explode"]) for name in ("tags", "codes", "words")}
    assert styles == {"tags": ("form", True), "codes": ("form", False), "words": ("spaceDelimited", False)}
    assert told["lines"]["description"] == "Lines. Items joined by ';'."
    assert parameters(things, "get_thing")["thing_id"]["schema"]["pattern"] == "^(?:[a-z0-9]+)$"


def test_headers_are_told_and_a_family_of_them_beside(things):
    told = parameters(things, "mark_thing")
    assert {"If-Match", "x-title", "x-kinds", "x-api-key"} <= set(told)
    families = operations(things)["mark_thing"]["x-header-families"]
    assert families == [{"prefix": "x-abeja-meta-", "description": "What is noted of it."}]
    assert "Idempotency-Key" in parameters(things, "create_thing")
    assert "content-type" not in parameters(things, "put_image")


def test_bodies_of_every_kind_are_told(things):
    def content(name):
        body = operations(things)[name]["requestBody"]
        assert body["required"] is True
        return body["content"]

    assert content("create_thing") == {"application/json": {"schema": {"$ref": "#/components/schemas/NewThing"}}}
    assert content("set_tags")["application/json"]["schema"]["items"] == {"type": "string"}
    assert content("put_image") == {"image/png": {}, "*/*": {}}
    multipart = content("add_image")["multipart/form-data"]
    assert multipart["schema"] == {"$ref": "#/components/schemas/NewImage"}
    assert multipart["encoding"]["picture"] == {"contentType": "image/png"}
    assert multipart["encoding"]["sizes"] == {"contentType": "application/json"}


def test_answers_of_every_kind_are_told(things):
    def answers(name):
        responses = operations(things)[name]["responses"]
        return {status: told.get("content") for status, told in responses.items() if status.startswith("2")}

    item = {"$ref": "#/components/schemas/Thing"}
    assert answers("create_thing") == {"201": {"application/json": {"schema": item}}}
    assert answers("list_things") == {"200": {"application/json": {"schema": {"type": "array", "items": item}}}}
    assert answers("delete_thing") == {"204": None}
    assert answers("put_image") == {"201": None, "204": None}
    assert answers("get_image") == {"200": {"*/*": {}}}
    assert answers("get_note") == {"200": {"text/plain": {"schema": {"type": "string"}}}}
    assert answers("get_public") == {"200": {"text/html": {"schema": {"type": "string"}}}}


def test_the_next_page_is_linked(things):
    told = operations(things)
    assert told["find_things"]["responses"]["200"]["links"]["next"]["parameters"] == {
        "path.organization_id": "$request.path.organization_id",
        "query.token": "$response.body#/token",
    }
    assert "Link" in told["list_things"]["responses"]["200"]["headers"]


def test_an_endpoint_on_another_host_names_it(things):
    assert operations(things)["get_status"]["servers"] == [
        {
            "url": "https://{region}.api.abeja.io",
            "variables": {"region": {"default": "region", "description": "The region."}},
        }
    ]
    told = document([resource(get=Endpoint(GET, host="example.com", returns=Thing, summary="Get."))])
    assert operations(told)["get"]["servers"] == [{"url": "https://example.com"}]


def test_a_request_is_closed_and_an_answer_open_so_a_schema_of_both_is_told_twice(things):
    schemas = things["components"]["schemas"]
    assert schemas["NewThing"]["additionalProperties"] is False
    assert schemas["SizeInput"] == {**schemas["Size"], "additionalProperties": False}
    assert "additionalProperties" not in schemas["Thing"]
    assert schemas["Thing"]["properties"]["size"]["anyOf"] == [
        {"$ref": "#/components/schemas/Size"},
        {"type": "null"},
    ]
    assert schemas["NewThing"]["properties"]["size"]["$ref"] == "#/components/schemas/SizeInput"


def test_what_validators_ask_for_is_told(things):
    told = things["components"]["schemas"]["NewThing"]["properties"]
    assert told["name"] == {"type": "string", "minLength": 1, "maxLength": 20, "pattern": "^(?:[a-z]+)$"}
    assert told["letters"]["items"]["enum"] == ["a", "b"]
    assert told["labels"]["propertyNames"] == {"type": "string", "minLength": 1}
    assert things["components"]["schemas"]["Size"]["properties"]["width"] == {"type": "integer", "exclusiveMinimum": 0}
    runs = document([Runs])["components"]["schemas"]
    assert runs["Run"]["properties"]["status"]["enum"] == list(STATUSES)
    retries = runs["CreateRun"]["properties"]["retry_count"]
    assert (retries["minimum"], retries["maximum"]) == (0, 9)


def test_a_pattern_that_only_python_understands_is_told_apart():
    class Named(Schema):
        name = fields.String(validate=Regexp(r"(?i)[a-z]+"), metadata=about("A name."))
        other = fields.String(validate=Regexp(r"a|b"), metadata=about("Another."))

    told = parameters(document([resource(get=Endpoint(GET, query=Named, returns=Thing, summary="Get."))]), "get")
    assert told["name"]["schema"] == {"type": "string", "x-python-pattern": "(?i)[a-z]+"}
    assert told["other"]["schema"] == {"type": "string", "pattern": "^(?:a|b)"}


def test_schemas_of_one_name_are_told_apart():
    def made(field):
        return type("Same", (Schema,), {field: fields.String()})

    told = document(
        [
            resource(get_one=Endpoint(GET, "/one", returns=made("one"), summary="One.")),
            resource("Other", get_two=Endpoint(GET, "/two", returns=made("two"), summary="Two.")),
        ]
    )
    assert {name for name in told["components"]["schemas"] if name != "Error"} == {"Same", "SameAnswer"}


GET_ONE = Endpoint(GET, "/one", returns=Thing, summary="One.")


@pytest.mark.parametrize(
    ("resources", "told"),
    [
        (
            lambda: [resource(get_one=GET_ONE, get_two=Endpoint(GET, "/one", returns=Thing, summary="Two."))],
            r"Mine\.get_two: path: get_one has the same method and path",
        ),
        (
            lambda: [resource(get_one=GET_ONE), resource("Other", "/other", get_one=GET_ONE)],
            r"Other\.get_one: another resource has an endpoint of this name",
        ),
        (
            lambda: [
                resource(
                    variables={"a": "A.", "b": "B."},
                    get_one=Endpoint(GET, "/{a}", returns=Thing, summary="One."),
                    post_one=Endpoint(POST, "/{b}", returns=Thing, summary="One."),
                )
            ],
            r"Mine\.post_one: path: OpenAPI cannot tell /mine/\{b\} from /mine/\{a\}",
        ),
    ],
)
def test_what_openapi_cannot_say_is_refused_with_the_names(resources, told):
    with pytest.raises(DescriptorError, match=told):
        document(resources())


def test_without_apispec_the_way_to_get_it_is_named():
    code = "import sys; sys.modules['apispec'] = None; import abeja_run.openapi"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert "pip install 'abeja-run[openapi]'" in done.stderr.splitlines()[-1]


def test_the_resource_that_has_everything_has_all_that_an_endpoint_can_declare():
    """Whoever gives descriptors a further word has the surfaces that are made of them say it too."""
    declared = [field for field in dataclasses.fields(Endpoint) if field.init and field.name != "_"]
    unused = {
        field.name
        for field in declared
        if all(getattr(endpoint, field.name) == field.default for endpoint in Things.endpoints.values())
    }
    assert unused == set()
    kinds = {
        type(part).__name__ for endpoint in Things.endpoints.values() for part in (endpoint.body, endpoint.returns)
    }
    kinds |= {type(endpoint.pages).__name__ for endpoint in Things.endpoints.values()}
    for base in (Answer, Body, Pages):
        known = {cls.__name__ for cls in subclasses(base) if cls.__module__.startswith("abeja_run.")}
        assert known - {"JSONAnswer"} <= kinds


def subclasses(cls):
    for found in cls.__subclasses__():
        yield found
        yield from subclasses(found)


def test_the_document_is_json_that_reads_back(things):
    assert json.loads(written(things)) == things


def test_what_stands_in_headers_is_told_as_headers(things):
    path = things["paths"][f"{THINGS}/{{thing_id}}/image"]
    assert path["get"]["operationId"] == "get_image"
    told = path["head"]
    assert told["operationId"] == "check_image"
    good = told["responses"]["200"]
    assert "content" not in good
    assert good["description"] == "What is told of a picture."
    assert good["headers"] == {
        "content-length": {"description": "Its size in bytes.", "schema": {"type": "integer"}, "required": True},
        "etag": {"description": "Its version.", "schema": {"type": "string"}},
    }
    assert good["x-header-families"] == [{"prefix": "x-abeja-meta-", "description": "What is noted of it."}]
    assert "ImageHead" not in things["components"]["schemas"]
