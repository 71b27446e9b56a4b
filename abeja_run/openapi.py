"""The OpenAPI document of resources, made from their descriptors alone; ``abeja-run openapi`` writes it.

Knows no client and sends nothing.
"""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from marshmallow import fields

from abeja_run._version import __version__
from abeja_run.configuration import DEFAULT_BASE_URL
from abeja_run.descriptors import Resource
from abeja_run.descriptors.answers import Answer
from abeja_run.descriptors.bodies import Body, JSONBody, Multipart, RawBody
from abeja_run.descriptors.endpoints import BASE_HOST, EMPTY, Endpoint, variables_of
from abeja_run.descriptors.pages import Cursor, Links
from abeja_run.descriptors.parameters import Parameter
from abeja_run.exceptions import BadRequest, DescriptorError, HttpError
from abeja_run.fields import Content, HeaderFamily
from abeja_run.interpretation import STATUS_ERRORS
from abeja_run.values import in_order
from abeja_run.written_schemas import OPENAPI, WrittenSchemas, described, pattern

__all__ = ["document", "written"]

_JSON = "application/json"
#: Header parameters of these names are ignored in an OpenAPI document, which says the same elsewhere.
_SAID_ELSEWHERE = frozenset({"accept", "content-type"})
_STYLES = {
    "": {"style": "form", "explode": True},
    ",": {"style": "form", "explode": False},
    " ": {"style": "spaceDelimited", "explode": False},
    "|": {"style": "pipeDelimited", "explode": False},
}


def document(
    resources: Iterable[type[Resource]],
    *,
    title: str = "ABEJA Platform Run API",
    version: str = __version__,
    server: str = DEFAULT_BASE_URL,
) -> dict[str, Any]:
    """The OpenAPI 3.1 document of resources.

    Args:
        resources: Whose endpoints it describes.
        title: The name of the API.
        version: The version of the document.
        server: What the paths are appended to.

    Raises:
        DescriptorError: Two endpoints cannot stand in one document; the text names them.
        MissingExtra: apispec is not installed.

    Example:
        >>> from abeja_run.resources.runs import Runs
        >>> told = document([Runs])
        >>> told["openapi"], told["paths"][Runs.get_run.template]["get"]["operationId"]
        ('3.1.0', 'get_run')
    """
    resources = list(resources)
    made = _Document(server, [endpoint for resource in resources for endpoint in resource.endpoints.values()])
    for resource in resources:
        for endpoint in resource.endpoints.values():
            made.add(resource, endpoint)
    return {
        "openapi": OPENAPI,
        "info": {"title": title, "version": version},
        "servers": [{"url": server}],
        "security": [{"bearer": []}, {"basic": []}],
        "tags": [described({"name": resource.__name__}, resource.__doc__) for resource in resources],
        "paths": made.paths,
        "components": made.components(),
    }


def written(told: Mapping[str, Any]) -> str:
    r"""A document as the text of a file.

    Example:
        >>> written({"openapi": "3.1.0"})
        '{\n  "openapi": "3.1.0"\n}\n'
    """
    return json.dumps(told, indent=2, ensure_ascii=False) + "\n"


class _Document:
    """The paths of a document, and the components that they name."""

    def __init__(self, server: str, endpoints: Iterable[Endpoint]) -> None:
        self._server = server
        names = {"Error"}
        # A request must not hold a field that nobody knows, an answer may: a schema that is in both is written twice.
        self._given = WrittenSchemas("Input", names, closed=True)
        self._told = WrittenSchemas("Answer", names, closed=False)
        # First of all, so that it is the answers that have the plain names.
        for endpoint in endpoints:
            if endpoint.answer.place == "body":
                self._told.of(endpoint.answer.field)
        self._errors: dict[str, type[HttpError]] = {}
        self._templates: dict[str, str] = {}
        self.paths: dict[str, dict[str, Any]] = {}
        for error in (*STATUS_ERRORS.values(), HttpError):
            self._error(error)

    def add(self, resource: type[Resource], endpoint: Endpoint) -> None:
        """Describe an endpoint."""
        where = f"{resource.__qualname__}.{endpoint.name}"
        template, method = endpoint.template, endpoint.method.lower()
        alike = self._templates.setdefault(re.sub(r"\{[^{}]*\}", "{}", template), template)
        if alike != template:
            raise DescriptorError(f"{where}: path: OpenAPI cannot tell {template} from {alike}: name variables alike")
        operations = self.paths.setdefault(template, {})
        if method in operations:
            other = operations[method]["operationId"]
            raise DescriptorError(f"{where}: path: {other} has the same method and path, and OpenAPI allows one only")
        if any(endpoint.name == known["operationId"] for path in self.paths.values() for known in path.values()):
            raise DescriptorError(f"{where}: another resource has an endpoint of this name")
        operations[method] = self._operation(resource, endpoint)

    def components(self) -> dict[str, Any]:
        """What the paths name."""
        content = {_JSON: {"schema": {"$ref": "#/components/schemas/Error"}}}
        return {
            "schemas": {**self._told.written(), **self._given.written(), "Error": _ERROR},
            "responses": {
                name: {"description": _paragraph(error.__doc__), "content": content}
                for name, error in self._errors.items()
            },
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer", "description": "A token."},
                "basic": {
                    "type": "http",
                    "scheme": "basic",
                    "description": "user-… and its personal access token, or datasource-… and its secret.",
                },
            },
        }

    def _operation(self, resource: type[Resource], endpoint: Endpoint) -> dict[str, Any]:
        operation: dict[str, Any] = {"operationId": endpoint.name, "summary": endpoint.summary}
        families = [
            {"prefix": p.field.prefix, **described({}, p.description)}
            for p in endpoint.header_parameters
            if isinstance(p.field, HeaderFamily)
        ]
        told = [endpoint.description, *(f"Headers {f['prefix']}…: {f.get('description', '')}" for f in families)]
        described(operation, " ".join(filter(None, told)))
        operation["tags"] = [resource.__name__]
        if families:
            operation["x-header-families"] = families
        if endpoint.idempotent is not None:
            operation["x-idempotent"] = endpoint.idempotent
        if not endpoint.authorized:
            operation["security"] = []
        if endpoint.host:
            operation["servers"] = [self._elsewhere(endpoint)]
        parameters = [*self._path_parameters(endpoint), *self._other_parameters(endpoint)]
        if parameters:
            operation["parameters"] = parameters
        if endpoint.body is not None:
            operation["requestBody"] = self._body(endpoint)
        operation["responses"] = self._responses(endpoint, refusable=bool(parameters or endpoint.body))
        return operation

    def _elsewhere(self, endpoint: Endpoint) -> dict[str, Any]:
        base = urlsplit(self._server)
        relative = BASE_HOST in variables_of(endpoint.host)
        host = endpoint.host.replace(f"{{{BASE_HOST}}}", base.netloc)
        url = f"{base.scheme}://{host}{base.path}" if relative else f"https://{host}"
        # OpenAPI wants a default of each; there is none, so it is named as the variable is.
        variables = {name: {"default": name, "description": endpoint.variables[name]} for name in variables_of(host)}
        return {"url": url, "variables": variables} if variables else {"url": url}

    def _path_parameters(self, endpoint: Endpoint) -> Iterator[dict[str, Any]]:
        for name in variables_of(endpoint.template):
            schema: dict[str, Any] = {"type": "string", "minLength": 1}
            if name in endpoint.patterns:
                declared = endpoint.patterns[name]
                schema |= pattern(rf"{declared.pattern}\Z", declared.flags)
            yield {
                "name": name,
                "in": "path",
                "required": True,
                "description": endpoint.variables[name],
                "schema": schema,
            }

    def _other_parameters(self, endpoint: Endpoint) -> Iterator[dict[str, Any]]:
        for parameter in (*endpoint.query_parameters, *endpoint.header_parameters):
            said = parameter.location == "header" and parameter.wire_name.lower() in _SAID_ELSEWHERE
            if not said and not isinstance(parameter.field, HeaderFamily):
                yield self._parameter(parameter)
        key = endpoint.idempotency_key
        if key and key.lower() not in {parameter.wire_name.lower() for parameter in endpoint.header_parameters}:
            text = "A key made once per call, by which the service tells a repeated request from a new one."
            yield {"name": key, "in": "header", "description": text, "schema": {"type": "string"}}

    def _parameter(self, parameter: Parameter) -> dict[str, Any]:
        schema = self._given.of(parameter.field)
        told: dict[str, Any] = {"name": parameter.wire_name, "in": parameter.location}
        if parameter.required:
            told["required"] = True
        told |= {key: schema.pop(key) for key in ("description", "deprecated") if key in schema}
        if parameter.location == "query" and isinstance(parameter.field, fields.List):
            if parameter.separator not in _STYLES:
                schema = {"type": "string"}
                told["description"] = f"{told.get('description', '')} Items joined by {parameter.separator!r}.".strip()
            else:
                told |= _STYLES[parameter.separator]
        return {**told, "schema": schema}

    def _body(self, endpoint: Endpoint) -> dict[str, Any]:
        body = endpoint.body
        if not isinstance(body, Body):
            return {"required": True, "content": {_JSON: {"schema": self._given.of(fields.Nested(body))}}}  # type: ignore[arg-type]
        told: dict[str, Any] = {"content": {body.content_type: {}}}
        if isinstance(body, Multipart):
            content: dict[str, Any] = {"schema": self._given.of(fields.Nested(body.schema))}
            encoding = {p.wire_name: {"contentType": kind} for p in body.parameters if (kind := _part_type(p.field))}
            if encoding:
                content["encoding"] = encoding
            return {"required": True, "content": {body.content_type: content}}
        if isinstance(body, JSONBody):
            schema = self._given.of(body.parameters[0].field)
            told["content"] = {body.content_type: {"schema": schema}}
        if isinstance(body, RawBody) and any(p.wire_name.lower() == "content-type" for p in endpoint.header_parameters):
            told["content"]["*/*"] = {}
        if len(body.parameters) == 1:
            described(told, body.parameters[0].description)
        return {"required": any(parameter.required for parameter in body.parameters), **told}

    def _responses(self, endpoint: Endpoint, *, refusable: bool) -> dict[str, Any]:
        answer = endpoint.answer
        content: dict[str, Any] | None = None
        if answer.place == "body" and answer.field is not None:
            content = {answer.accept: {"schema": self._told.of(answer.field)}}
        elif answer.place == "body" and answer.annotation is not None:
            content = {answer.accept: {"schema": {"type": "string"}} if answer.annotation is str else {}}
        responses: dict[str, Any] = {}
        for good in endpoint.success or ((204,) if content is None and answer.place != "headers" else (200,)):
            if answer.place == "headers":
                responses[str(good)] = {"description": _answer_text(endpoint), **self._headers(answer)}
                continue
            if content is None or good in EMPTY:
                responses[str(good)] = {"description": "Done; the answer is empty."}
                continue
            responses[str(good)] = {"description": _answer_text(endpoint), "content": content}
            if isinstance(endpoint.pages, Links):
                text = "The address of the next page, as RFC 8288 writes it."
                responses[str(good)]["headers"] = {"Link": {"description": text, "schema": {"type": "string"}}}
            if isinstance(endpoint.pages, Cursor):
                responses[str(good)]["links"] = {"next": _next(endpoint, endpoint.pages)}
        errors: dict[int, str] = {400: self._error(BadRequest)} if refusable else {}
        for error in endpoint.raises:
            status = _status(error)
            if status is not None:
                errors[status] = self._error(error)
        responses |= {str(status): _response(errors[status]) for status in sorted(errors)}
        return {**responses, "default": _response(self._error(HttpError))}

    def _headers(self, answer: Answer) -> dict[str, Any]:
        """The headers that an answer's result is read from; a family of them has no word in OpenAPI."""
        assert isinstance(answer.field, fields.Nested)  # noqa: S101 - that is what such an answer is declared with
        told: dict[str, Any] = {"headers": {}}
        for name, field in in_order(answer.field.schema).items():
            text = str(field.metadata.get("description", ""))
            if isinstance(field, HeaderFamily):
                told.setdefault("x-header-families", []).append(described({"prefix": field.prefix}, text))
                continue
            header = described({"schema": self._told.of(field)}, text)
            header["schema"].pop("description", None)
            told["headers"][field.data_key or name] = {**header, **({"required": True} if field.required else {})}
        return told

    def _error(self, error: type[HttpError]) -> str:
        name = error.__name__
        if self._errors.setdefault(name, error) is not error:
            raise DescriptorError(f"{error.__module__}.{name}: another class of errors has this name")
        return name


_ERROR = {
    "type": "object",
    "description": "What went wrong. Each field may be missing, and something between may answer with no JSON at all.",
    "properties": {
        "error": {"type": "string", "description": "The kind of the error."},
        "error_description": {"type": "string", "description": "What is wrong, for people."},
        "error_detail": {"description": "What is wrong, for programs."},
    },
}


def _part_type(field: fields.Field[Any] | None) -> str:
    """The media type of a part, where it is not the one that OpenAPI takes it to be."""
    inner = field.inner if isinstance(field, fields.List) else field
    if isinstance(inner, Content):
        return inner.content_type
    return _JSON if inner is not field and isinstance(inner, (fields.Nested, fields.Mapping)) else ""


def _answer_text(endpoint: Endpoint) -> str:
    field = endpoint.answer.field
    text = endpoint.answer.description
    if isinstance(field, fields.Nested):
        text = text or _paragraph(type(field.schema).__doc__)
    return text or "What was asked for."


def _next(endpoint: Endpoint, pages: Cursor) -> dict[str, Any]:
    """How the next page is asked for."""
    wire = {p.name: p for p in endpoint.parameters}[pages.parameter or pages.token]
    told = {f"path.{name}": f"$request.path.{name}" for name in variables_of(endpoint.template)}
    told[f"{wire.location}.{wire.wire_name}"] = f"$response.body#/{pages.token}"
    return {
        "operationId": endpoint.name,
        "parameters": told,
        "description": "The next page, where there is one.",
    }


def _status(error: type[HttpError]) -> int | None:
    """The status that a class of errors stands for."""
    return next((status for status, known in STATUS_ERRORS.items() if issubclass(error, known)), None)


def _response(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/responses/{name}"}


def _paragraph(text: str | None) -> str:
    """The first paragraph of a docstring."""
    return " ".join(inspect.cleandoc(text or "").partition("\n\n")[0].split())
