"""From an answer to a result or an error. Pure; no endpoint is known here by name."""

from __future__ import annotations

import http.client
import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import urljoin

from abeja_run import exceptions
from abeja_run.descriptors.answers import Answer
from abeja_run.descriptors.endpoints import EMPTY, Endpoint
from abeja_run.exceptions import HttpError, InvalidResponse
from abeja_run.messages import Response, Sink
from abeja_run.retry import retry_after

__all__ = ["interpret"]

#: The class of errors that stands for each status that has one.
STATUS_ERRORS: dict[int, type[HttpError]] = {
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


def interpret(
    endpoint: Endpoint, url: str, response: Response, *, check: bool = False, sink: Sink | None = None
) -> Any:
    """The result of a call: where the answer is JSON, what it says, unchanged.

    Args:
        endpoint: What was called.
        url: Where the answer came from.
        response: The answer.
        check: Hold the object against the endpoint's schema.
        sink: Where the answer's body is, if it is not in the answer.

    Raises:
        HttpError: The status is not 2xx.
        InvalidResponse: The answer is not what the endpoint declares, such as a JSON object, or, with a check, not
            what the schema says.
    """
    if not 200 <= response.status < 300:
        raise _http_error(url, response)
    if not endpoint.answers_plainly:
        if endpoint.success and response.status not in endpoint.success:
            told = " or ".join(map(str, endpoint.success))
            raise _invalid(f"the answer has the status {response.status}, not {told}", url, response)
        if endpoint.success and response.status in EMPTY and endpoint.answer.place == "body":
            return None
        if isinstance(endpoint.returns, Answer):
            return _declared(endpoint.returns, url, response, sink, check=check)
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
            told = f"the answer is not a {type(endpoint.returns_schema).__name__}: {names}"
            raise _invalid(told, url, response, errors)
    return result


def _declared(answer: Answer, url: str, response: Response, sink: Sink | None, *, check: bool) -> Any:
    try:
        result = answer.read(response, sink)
    except ValueError as error:
        raise _invalid(str(error), url, response) from None
    errors = answer.mismatches(result) if check else {}
    if errors:
        names = ", ".join(map(str, errors))
        raise _invalid(f"the answer is not what the endpoint declares: {names}", url, response, errors)
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
    error = STATUS_ERRORS.get(status, HttpError)(
        name if isinstance(name, str) and name else phrase,
        description if isinstance(description, str) else response.body[:_DESCRIPTION].decode("utf-8", "replace"),
        told.get("error_detail"),
        status,
        url,
    )
    error.retry_after = retry_after(response)
    return error
