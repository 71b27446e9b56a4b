"""How: from an endpoint and arguments to a request, from an answer to a result, and the loop between.

``prepare`` and ``interpret`` are pure. No endpoint is known here by name.
"""

from __future__ import annotations

import http.client
import json
import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode, urljoin

import marshmallow

from abeja_run import exceptions
from abeja_run.credentials import Credential, required
from abeja_run.descriptors import Endpoint, Parameter
from abeja_run.exceptions import HttpError, InvalidResponse, OutcomeUnknown, TransportError, ValidationError
from abeja_run.messages import Headers, Request, Response
from abeja_run.retry import RetryPolicy
from abeja_run.transports.base import Stopwatch, Transport
from abeja_run.values import problems, shown

__all__ = ["Dispatcher", "interpret", "prepare"]

logger = logging.getLogger("abeja_run")
logger.addHandler(logging.NullHandler())

_PLAIN_SEGMENT = re.compile(r"[A-Za-z0-9_-]+")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_STATUS_ERRORS: dict[int, type[HttpError]] = {
    400: exceptions.BadRequest,
    401: exceptions.Unauthorized,
    403: exceptions.Forbidden,
    404: exceptions.NotFound,
    405: exceptions.MethodNotAllowed,
    409: exceptions.Conflict,
    500: exceptions.InternalServerError,
}
#: The most characters of a foreign body that an error carries.
_EXCERPT = 500
_DESCRIPTION = 10_000


def prepare(endpoint: Endpoint, arguments: Mapping[str, Any], base_url: str, headers: Headers) -> Request:
    """The request that a call asks for.

    Args:
        endpoint: What is called.
        arguments: A value for every parameter; None for one that is not given.
        base_url: What the path is appended to, without a slash at its end.
        headers: The header fields that every request of the client carries.

    Raises:
        ValidationError: Arguments that cannot be sent; it names every one.
    """
    errors: dict[str, str] = {}
    path, query, body = [base_url], [], None
    for literal, name in endpoint.segments:
        path.append(literal)
        if name:
            path.append(_segment(arguments[name], name, errors))
    if endpoint.query is not None:
        query = list(_written(endpoint.query_parameters, arguments, errors).items())
        _check_text(query, errors)
    if endpoint.body is not None:
        body = _encoded(_written(endpoint.body_parameters, arguments, errors), errors)
        headers = Headers((*headers.pairs, ("content-type", "application/json")))
    if errors:
        raise ValidationError(endpoint.name, errors)
    if query:
        path.append("?" + urlencode(query))
    return Request(endpoint.method, "".join(path), headers, body)


def _segment(value: object, name: str, errors: dict[str, str]) -> str:
    """One variable of the path, as one segment of it."""
    if not isinstance(value, str):
        errors[name] = f"{shown(value)} is not of type str"
    elif _PLAIN_SEGMENT.fullmatch(value):
        return value
    elif not value:
        errors[name] = "'' (str) is empty"
    elif value in (".", ".."):
        errors[name] = f"{shown(value)} is not an id but a step in the path"
    elif _CONTROL.search(value):
        errors[name] = f"{shown(value)} holds a control character"
    else:
        try:
            return quote(value, safe="")
        except UnicodeEncodeError:
            errors[name] = f"{shown(value)} cannot be written as UTF-8"
    return ""


def _written(parameters: tuple[Parameter, ...], arguments: Mapping[str, Any], errors: dict[str, str]) -> dict[str, Any]:
    """The arguments that travel, by their names on the wire and as they look there."""
    written: dict[str, Any] = {}
    for parameter in parameters:
        name, field, value = parameter.name, parameter.field, arguments[parameter.name]
        assert field is not None  # noqa: S101 - only a variable of the path has none
        if value is None:
            if parameter.required:
                errors[name] = "None is not allowed: it is required"
            elif field.dump_default is not marshmallow.missing:
                written[parameter.wire_name] = field.serialize(name, {})
            continue
        wrong = dict(problems(field, value, name, secret=parameter.secret))
        if wrong:
            errors.update(wrong)
        elif value or not parameter.omit_empty:
            try:
                written[parameter.wire_name] = field.serialize(name, arguments)
            except (marshmallow.ValidationError, ValueError, TypeError) as error:
                errors[name] = f"{shown(value, secret=parameter.secret)} {error}"
    return written


def _check_text(query: list[tuple[str, Any]], errors: dict[str, str]) -> None:
    for name, value in query:
        try:
            str(value).encode()
        except UnicodeEncodeError:
            errors[name] = f"{shown(value)} cannot be written as UTF-8"


def _encoded(body: dict[str, Any], errors: dict[str, str]) -> bytes:
    try:
        return json.dumps(body, allow_nan=False).encode()
    except (TypeError, ValueError, RecursionError):
        for name, value in body.items():
            try:
                json.dumps(value, allow_nan=False)
            except (TypeError, ValueError, RecursionError) as error:
                errors[name] = f"cannot be written as JSON: {error}"
    return b""


def interpret(endpoint: Endpoint, url: str, response: Response, *, check: bool = False) -> dict[str, Any]:
    """The result of a call: the answer's JSON object, unchanged.

    Args:
        endpoint: What was called.
        url: Where the answer came from.
        response: The answer.
        check: Hold the object against the endpoint's schema.

    Raises:
        HttpError: The status is not 2xx.
        InvalidResponse: The body is not a JSON object, or not what the schema says.
    """
    if not 200 <= response.status < 300:
        raise _http_error(url, response)
    try:
        result = json.loads(response.body)
    except (ValueError, RecursionError):
        # Without the cause: a decoder's error carries the whole document.
        raise _invalid("the answer is not JSON", url, response) from None
    if not isinstance(result, dict):
        raise _invalid("the answer is not a JSON object", url, response)
    if check:
        errors = endpoint.returns_schema.validate(result)
        if errors:
            names = ", ".join(map(str, errors))
            raise _invalid(f"the answer is not a {endpoint.returns.__name__}: {names}", url, response, errors)
    return result


def _invalid(reason: str, url: str, response: Response, errors: Mapping[str, Any] | None = None) -> InvalidResponse:
    return InvalidResponse(
        reason,
        status_code=response.status,
        content_type=response.headers.get("content-type", ""),
        body=response.body[: 4 * _EXCERPT].decode("utf-8", "replace")[:_EXCERPT],
        url=url,
        errors=errors,
    )


def _http_error(url: str, response: Response) -> HttpError:
    status = response.status
    phrase = http.client.responses.get(status, "unknown")
    location = response.headers.get("location")
    if status < 400 and location:
        location = urljoin(url, location)
        text = f"the service points to {location}; redirects are not followed, set base_url to the address you mean"
        return exceptions.RedirectNotFollowed(phrase, text, status_code=status, url=url, location=location)
    try:
        body = json.loads(response.body)
    except (ValueError, RecursionError):
        body = None
    told: dict[str, Any] = body if isinstance(body, dict) else {}
    name, description = told.get("error"), told.get("error_description")
    return _STATUS_ERRORS.get(status, HttpError)(
        name if isinstance(name, str) and name else phrase,
        description if isinstance(description, str) else response.body[:_DESCRIPTION].decode("utf-8", "replace"),
        told.get("error_detail"),
        status,
        url,
    )


@dataclass(frozen=True, slots=True)
class Dispatcher:
    """Carries calls out: prepares, sends, asks the retry policy, waits through the transport, sends again.

    Holds no state of a call, so it is shared by threads.

    Attributes:
        transport: Where requests go.
        credential: Who the caller is; None raises at the first call.
        headers: The header fields of every request, the authorization among them.
        base_url: What paths are appended to.
        policy: When a request is repeated.
        timeout: Seconds one attempt may take.
        deadline: Seconds a whole call may take, waits included; None sets no bound.
        check_responses: Hold every answer against its schema.
    """

    transport: Transport
    credential: Credential | None
    headers: Headers
    base_url: str
    policy: RetryPolicy
    timeout: float
    deadline: float | None
    check_responses: bool

    def prepare(self, endpoint: Endpoint, arguments: Mapping[str, Any]) -> Request:
        """The request that a call would send; see :func:`prepare`."""
        return prepare(endpoint, arguments, self.base_url, self.headers)

    def call(self, endpoint: Endpoint, arguments: Mapping[str, Any], deadline: float | None = None) -> dict[str, Any]:
        """Carry out one call and return its result.

        Args:
            endpoint: What to call.
            arguments: A value for every parameter; None for one that is not given.
            deadline: Seconds this call may take, where that is less than the client's own deadline.

        Raises:
            Error: Any of this package's, as the endpoint's method documents them.
        """
        request = self.prepare(endpoint, arguments)
        required(self.credential)
        if deadline is None or (self.deadline is not None and self.deadline < deadline):
            deadline = self.deadline
        outcome = self._send(endpoint.repeatable, request, deadline)
        if isinstance(outcome, TransportError):
            if endpoint.repeatable or isinstance(outcome, exceptions.ConnectError):
                raise outcome
            raise OutcomeUnknown(
                f"{outcome.reason}; the request may have been carried out: look before sending it again",
                method=request.method,
                url=request.url,
            ) from outcome
        if outcome.status != 200:
            outcome = self._redacted(outcome)
        try:
            return interpret(endpoint, request.url, outcome, check=self.check_responses)
        except InvalidResponse:
            return interpret(endpoint, request.url, self._redacted(outcome), check=self.check_responses)

    def _send(self, repeatable: bool, request: Request, deadline: float | None) -> Response | TransportError:  # noqa: FBT001 - private
        watch = Stopwatch(self.transport)
        retries = 0
        timeout = self.timeout
        while True:
            if deadline is not None:
                timeout = min(timeout, max(deadline - watch.elapsed, 0.001))
            outcome: Response | TransportError
            try:
                outcome = self.transport.send(request, timeout)
            except TransportError as error:
                outcome = error
            else:
                if outcome.status < 300:
                    return outcome
            wait = self.policy.wait(outcome, repeatable=repeatable, retries=retries)
            if wait is None or (deadline is not None and watch.elapsed + wait >= deadline):
                return outcome
            retries += 1
            _log_retry(request, outcome, wait, retries, self.policy.max_retries)
            watch.sleep(wait)

    def _redacted(self, response: Response) -> Response:
        """The answer as an error may show it: a service that echoes the credential must not leak it."""
        hide = required(self.credential).redact
        headers = ((name, hide(value.encode()).decode()) for name, value in response.headers.pairs)
        return Response(response.status, Headers(tuple(headers)), hide(response.body))


def _log_retry(request: Request, outcome: Response | TransportError, wait: float, retries: int, most: int) -> None:
    path = "/" + request.url.split("/", 3)[3].partition("?")[0]
    if isinstance(outcome, Response):
        reason = f"{outcome.status} {http.client.responses.get(outcome.status, 'unknown')}"
    else:
        reason = f"{type(outcome).__name__}: {outcome.reason}"
    logger.warning(
        "%s %s: %s; retry %d of %d in %.2f s",
        request.method,
        path,
        reason,
        retries,
        most,
        wait,
        extra={"method": request.method, "path": path, "reason": reason, "wait": wait},
    )
