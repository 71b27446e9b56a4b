"""The Run API as a WSGI application. Routes, parameters and checks come from the descriptors.

Knows what each endpoint does with the store, and nothing of processes.
"""

from __future__ import annotations

import hmac
import json
import logging
import math
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta, timezone
from typing import Any
from urllib.parse import quote, unquote

from marshmallow import ValidationError
from werkzeug.exceptions import HTTPException, MethodNotAllowed
from werkzeug.routing import Map, Rule
from werkzeug.wrappers import Request, Response

from abeja_run.credentials import Credential
from abeja_run.descriptors import Endpoint, Resource
from abeja_run.descriptors.bodies import Body
from abeja_run.local.store import Event, Store, StoredRun, StoreError
from abeja_run.local.tokens import Tokens
from abeja_run.resources.runs import Runs

__all__ = ["Application", "Served"]

logger = logging.getLogger("abeja_run.local")

_MAX_BODY = 10 * 1024 * 1024
_DEFAULT_RETRY_COUNT = 5
_BEGINNING, _END = -(2**62), 2**62
_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)

#: What an endpoint does: from the variables of its path and its checked parameters to the answer's object.
Handler = Callable[[Mapping[str, str], Mapping[str, Any]], dict[str, Any]]


class Served:
    """The one deployment that a local platform serves.

    Attributes:
        organization_id: The ID of its organization.
        deployment_id: The ID of the deployment.
        version_id: The ID of the version of its code.
        credential: Who may use it.
    """

    def __init__(self, organization_id: str, deployment_id: str, version_id: str, credential: Credential) -> None:
        self.organization_id = organization_id
        self.deployment_id = deployment_id
        self.version_id = version_id
        self.credential = credential


class _Refused(Exception):
    """A request that is answered with an error."""

    def __init__(
        self, status: int, error: str, description: str, detail: Any = None, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(description)
        self.status = status
        self.body = {"error": error, "error_description": description, **({"error_detail": detail} if detail else {})}
        self.headers = dict(headers or {})


class Application:
    """The WSGI application.

    Args:
        store: Where runs and events are.
        submit: Called with each new run.
        served: What is served.
        tokens: Writes and reads page tokens.
        page_size: How many entries or events a page holds at most.
    """

    def __init__(
        self, store: Store, submit: Callable[[StoredRun], None], served: Served, tokens: Tokens, page_size: int
    ) -> None:
        self._store = store
        self._submit = submit
        self._served = served
        self._tokens = tokens
        self._page_size = page_size
        self._handlers: dict[Endpoint, Handler] = {
            Runs.create_run: self._create_run,
            Runs.get_run: self._get_run,
            Runs.get_runs: self._get_runs,
            Runs.get_run_logs: self._get_run_logs,
            Runs.get_run_recent_logs: self._get_run_recent_logs,
        }
        self._routes = Map(_rules(Runs), merge_slashes=False)

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:  # noqa: D102 - WSGI's
        return self._answer(Request(environ))(environ, start_response)

    def _answer(self, request: Request) -> Response:
        try:
            self._authorize(request)
            endpoint, variables = self._route(request)
            parameters = self._check(endpoint, variables, request)
            return _json(200, self._handlers[endpoint](variables, parameters))
        except _Refused as refused:
            return _json(refused.status, refused.body, refused.headers)
        except Exception as error:
            logger.exception("%s %s", request.method, request.path)
            full = isinstance(error, StoreError) and "disk is full" in str(error)
            told = "the disk of the local platform is full" if full else "the local platform failed; see its log"
            return _json(500, {"error": "internal_server_error", "error_description": told})

    def _authorize(self, request: Request) -> None:
        given = request.headers.get("Authorization", "")
        expected = self._served.credential.authorization
        if not hmac.compare_digest(given.encode("utf-8", "surrogateescape"), expected.encode()):
            told = "the credential is not the platform's" if given else "the request has no Authorization header"
            raise _Refused(401, "unauthorized", told, headers={"WWW-Authenticate": expected.partition(" ")[0]})

    def _route(self, request: Request) -> tuple[Endpoint, dict[str, str]]:
        path = _raw_path(request)
        # A list answers with a slash at its end too.
        path = path.removesuffix("/") or "/"
        try:
            endpoint, raw = self._routes.bind("").match(path, method=request.method)
        except MethodNotAllowed as refused:
            allowed = ", ".join(sorted(refused.valid_methods or ()))
            told = f"{request.method} is not one of {allowed}"
            raise _Refused(405, "method_not_allowed", told, headers={"Allow": allowed}) from None
        except HTTPException:
            raise _Refused(404, "not_found", f"there is no resource at {path}") from None
        # Decoded only now, one segment at a time: an encoded slash in an ID stays part of the ID.
        return endpoint, {name: unquote(value) for name, value in raw.items()}

    def _check(self, endpoint: Endpoint, variables: Mapping[str, str], request: Request) -> dict[str, Any]:
        served = self._served
        if variables["organization_id"] != served.organization_id:
            raise _Refused(403, "forbidden", f"no access to organization {variables['organization_id']!r}")
        if variables["deployment_id"] != served.deployment_id:
            raise _Refused(404, "not_found", f"there is no deployment {variables['deployment_id']!r}")
        if "run_id" in variables:
            self._run(variables["run_id"])
        return {**_query(endpoint, request), **_body(endpoint, request)}

    def _run(self, run_id: str) -> StoredRun:
        run = self._store.run(run_id)
        if run is None:
            raise _Refused(404, "not_found", f"there is no run {run_id!r}")
        return run

    def _create_run(self, variables: Mapping[str, str], given: Mapping[str, Any]) -> dict[str, Any]:
        if given["version_id"] != self._served.version_id:
            raise _Refused(404, "not_found", f"there is no version {given['version_id']!r}")
        run = self._store.add_run(
            {
                "input_data": given.get("input_data"),
                "output_template": given.get("output_template"),
                "environment": given.get("environment", {}),
                "retry_count": given.get("retry_count", _DEFAULT_RETRY_COUNT),
                "distribution": given.get("distribution"),
                "models": {"alias": given["model_id"]} if "model_id" in given else {},
            }
        )
        self._submit(run)
        return {**self._told(run), "distribution": run.submitted["distribution"]}

    def _get_run(self, variables: Mapping[str, str], given: Mapping[str, Any]) -> dict[str, Any]:
        return self._told(self._run(variables["run_id"]))

    def _get_runs(self, variables: Mapping[str, str], given: Mapping[str, Any]) -> dict[str, Any]:
        oldest_first, beyond = given.get("scan_forward", False), None
        if "next_page_token" in given:
            oldest_first, beyond = self._position(given, "next_page_token", "runs")
            if given.get("scan_forward", oldest_first) != oldest_first:
                raise _wrong({"next_page_token": ["is one of the other order; leave scan_forward as it was"]})
        page, more = self._store.runs(oldest_first=oldest_first, beyond=beyond, limit=self._page_size)
        answer: dict[str, Any] = {"entries": [self._told(run) for run in page]}
        if more:
            answer["next_page_token"] = self._tokens.write("runs", [oldest_first, page[-1].number])
        return answer

    def _get_run_logs(self, variables: Mapping[str, str], given: Mapping[str, Any]) -> dict[str, Any]:
        run = self._run(variables["run_id"])
        purpose = f"logs {run.run_id}"
        beyond = self._position(given, "next_token", purpose) if "next_token" in given else None
        span = _span(given)
        page, more = self._store.events(run, oldest_first=True, beyond=beyond, limit=self._page_size, span=span)
        answer: dict[str, Any] = {"events": [_event(event) for event in page]}
        if more:
            answer["next_token"] = self._tokens.write(purpose, page[-1].number)
        return answer

    def _get_run_recent_logs(self, variables: Mapping[str, str], given: Mapping[str, Any]) -> dict[str, Any]:
        run = self._run(variables["run_id"])
        purpose = f"recentlogs {run.run_id}"
        if "next_forward_token" in given and "next_backward_token" in given:
            raise _wrong({"next_forward_token": ["cannot be given together with next_backward_token"]})
        forward = "next_forward_token" in given
        token = "next_forward_token" if forward else "next_backward_token"
        beyond = self._position(given, token, purpose) if token in given else None
        page, _ = self._store.events(run, oldest_first=forward, beyond=beyond, limit=self._page_size, span=_span(given))
        if forward:
            page.reverse()
        # Without events the two ends stay where they were; of a log that is empty, at its beginning.
        newest, oldest = (page[0].number, page[-1].number) if page else (beyond or 0, beyond or 0)
        if not page and beyond is not None and not forward:
            newest = beyond - 1
        if not page and beyond is not None and forward:
            oldest = beyond + 1
        return {
            "events": [_event(event) for event in page],
            "next_backward_token": self._tokens.write(purpose, oldest),
            "next_forward_token": self._tokens.write(purpose, newest),
        }

    def _position(self, given: Mapping[str, Any], name: str, purpose: str) -> Any:
        try:
            return self._tokens.read(given[name], purpose)
        except ValueError as error:
            raise _wrong({name: [f"{given[name]!r} {error}"]}) from None

    def _told(self, run: StoredRun) -> dict[str, Any]:
        submitted = run.submitted
        return {
            "run_id": run.run_id,
            "deployment_id": self._served.deployment_id,
            "model_version_id": self._served.version_id,
            "model_version": VERSION_NUMBER,
            "models": submitted["models"],
            "input_data": submitted["input_data"],
            "output_template": submitted["output_template"],
            "retry_count": submitted["retry_count"],
            "user_env_vars": submitted["environment"],
            "status": run.status,
            "created_at": _time(run.created_at),
            "modified_at": _time(run.modified_at),
        }


#: The number of the one version of the code.
VERSION_NUMBER = "0.0.1"


def _rules(resource: type[Resource]) -> list[Rule]:
    """The routes of a resource, from its templates."""
    return [
        Rule(endpoint.template.replace("{", "<").replace("}", ">"), methods=[endpoint.method], endpoint=endpoint)
        for endpoint in resource.endpoints.values()
    ]


def _raw_path(request: Request) -> str:
    """The path as it was sent, where the server tells it; an encoded slash cannot be told from one otherwise."""
    target: str | None = request.environ.get("REQUEST_URI")
    if target is None:
        return quote(request.path)
    path = target.partition("?")[0]
    if path.startswith("/"):
        return path
    return "/" + path.partition("://")[2].partition("/")[2]


def _query(endpoint: Endpoint, request: Request) -> dict[str, Any]:
    repeated = {name: ["is given more than once"] for name, values in request.args.lists() if len(values) > 1}
    if repeated:
        raise _wrong(repeated)
    given = request.args.to_dict()
    if endpoint.query is None:
        if given:
            raise _wrong({name: ["is no parameter of this endpoint"] for name in given})
        return {}
    return _loaded(endpoint.query, given)


def _body(endpoint: Endpoint, request: Request) -> dict[str, Any]:
    if endpoint.body is None:
        return {}
    if isinstance(endpoint.body, Body):
        raise TypeError(f"the local platform reads no {type(endpoint.body).__name__}")
    if (request.content_length or 0) > _MAX_BODY:
        raise _Refused(413, "payload_too_large", f"the body is longer than {_MAX_BODY} bytes")
    if request.mimetype != "application/json":
        raise _Refused(400, "bad_request", f"the content type is {request.mimetype!r}, not 'application/json'")
    try:
        body = json.loads(request.get_data(), parse_constant=_no_number, parse_float=_finite)
    except (ValueError, RecursionError) as error:
        raise _Refused(400, "bad_request", f"the body is not JSON: {error}") from None
    if not isinstance(body, dict):
        raise _Refused(400, "bad_request", "the body is not a JSON object")
    return _loaded(endpoint.body, body)


def _finite(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        # It would be answered as what is no JSON.
        raise ValueError(f"{text[:40]} is too large a number")
    return number


def _no_number(name: str) -> float:
    raise ValueError(f"{name} is not JSON")


def _loaded(schema: type[Any], given: Mapping[str, Any]) -> dict[str, Any]:
    try:
        loaded: dict[str, Any] = schema().load(given)
    except ValidationError as error:
        messages = error.messages_dict
        shown = {
            name: [f"{given[name]!r}: {text}" for text in _flat(messages[name])] for name in messages if name in given
        }
        raise _wrong({**messages, **shown}) from None
    return loaded


def _flat(messages: Any) -> list[str]:
    if isinstance(messages, Mapping):
        return [f"{key}: {text}" for key, part in messages.items() for text in _flat(part)]
    if isinstance(messages, list):
        return [text for part in messages for text in _flat(part)]
    return [str(messages)]


def _wrong(detail: Mapping[str, Any]) -> _Refused:
    told = "; ".join(f"{name}: {' '.join(_flat(messages))}" for name, messages in detail.items())
    return _Refused(400, "bad_request", told, detail)


def _span(given: Mapping[str, Any]) -> tuple[int, int]:
    """The times that are asked for, in microseconds. The last second counts as a whole."""
    start, end = given.get("start_time"), given.get("end_time")
    return (
        _BEGINNING if start is None else _microseconds(start),
        _END if end is None else _microseconds(end) + 1_000_000,
    )


def _microseconds(time: datetime) -> int:
    return (time - _EPOCH) // timedelta(microseconds=1)


def _time(microseconds: int) -> str:
    return (_EPOCH + timedelta(microseconds=microseconds)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _event(event: Event) -> dict[str, str]:
    return {"message": event.message, "timestamp": _time(event.written_at)}


def _json(status: int, body: Mapping[str, Any], headers: Mapping[str, str] | None = None) -> Response:
    return Response(json.dumps(body), status, headers, content_type="application/json")
