"""Where recorded answers are not, or no longer, what the endpoints declare.

Knows no endpoint by name and no file.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from abeja_run.cassettes.interaction import Interaction
from abeja_run.descriptors.answers import Download
from abeja_run.descriptors.endpoints import HEAD, Endpoint
from abeja_run.exceptions import HttpError, InvalidResponse, RedirectNotFollowed
from abeja_run.interpretation import interpret
from abeja_run.messages import Response

__all__ = ["Drift", "drift"]

_VARIABLE = re.compile(r"\\\{[^{}]*\\\}")
#: A gateway answers with these for a service that does not, and in a form of its own.
_GATEWAY = frozenset({502, 503, 504})


@dataclass(frozen=True, slots=True)
class Drift:
    """One thing in a recorded answer that is not as declared.

    Attributes:
        interaction: The number of the interaction, from 1.
        request: Its method and path.
        endpoint: The name of the endpoint; empty where no endpoint is like the request, which is told but no drift.
        field: The place in the answer, such as ``entries[0].status``; empty where it is about the whole.
        wrong: What is wrong, a sentence.
    """

    interaction: int
    request: str
    endpoint: str
    field: str
    wrong: str


def drift(interactions: Iterable[Interaction], endpoints: Iterable[Endpoint]) -> Iterator[Drift]:
    """Hold every answer against what its endpoint declares: status, media, schema, and the form of an error.

    Fields that a schema does not name are no drift, and neither are faults, nor errors of any status whose form is
    right: a request may have been wrong.

    Args:
        interactions: What was recorded, in order.
        endpoints: All that may have been asked.

    Example:
        >>> from abeja_run.messages import Request
        >>> from abeja_run.resources.runs import Runs
        >>> url = "https://api.abeja.io/organizations/1/deployments/2/runs/run-3"
        >>> answer = Response(200, body=b'{"run_id": "run-3", "deployment_id": "2", "status": "LOST"}')
        >>> for found in drift([Interaction(Request("GET", url), answer)], Runs.endpoints.values()):
        ...     print(found.endpoint, found.field)
        get_run status
    """
    known = _Known(endpoints)
    for number, interaction in enumerate(interactions, 1):
        request, outcome = interaction.request, interaction.outcome
        path = urlsplit(request.url).path
        endpoint = known.endpoint(request.method, path)
        told = f"{request.method} {path}"
        if endpoint is None:
            yield Drift(number, told, "", "", "No endpoint is known for it.")
        elif isinstance(outcome, Response):
            for field, wrong in _faults(endpoint, request.url, outcome):
                yield Drift(number, told, endpoint.name, field, wrong)


class _Known:
    """Endpoints, found by what a request looks like."""

    def __init__(self, endpoints: Iterable[Endpoint]) -> None:
        # Of two that fit, the one that spells out more: /runs/latest goes before /runs/{run_id}.
        ranked = sorted(endpoints, key=lambda endpoint: -len(_VARIABLE.sub("", re.escape(endpoint.template))))
        self._patterns = [(endpoint, _pattern(endpoint.template)) for endpoint in ranked]

    def endpoint(self, method: str, path: str) -> Endpoint | None:
        return next(
            (
                endpoint
                for endpoint, pattern in self._patterns
                if endpoint.method == method and pattern.fullmatch(path.rstrip("/"))
            ),
            None,
        )


def _pattern(template: str) -> re.Pattern[str]:
    """What matches the paths of a template; a base address may have a path of its own before it."""
    return re.compile("(?:/[^/]+)*?" + _VARIABLE.sub("[^/]+", re.escape(template.rstrip("/"))))


def _faults(endpoint: Endpoint, url: str, response: Response) -> Iterator[tuple[str, str]]:
    if 200 <= response.status < 300 and isinstance(endpoint.returns, Download):
        if endpoint.success and response.status not in endpoint.success:
            yield "", f"The status is {response.status}."
        return
    try:
        interpret(endpoint, url, response, check=True)
    except InvalidResponse as error:
        if error.errors:
            yield from _flat(error.errors, "")
        else:
            yield "", f"{error.reason[:1].upper()}{error.reason[1:]}."
    except HttpError as error:
        yield from _faults_of_error(endpoint.method, error, response)


def _faults_of_error(method: str, error: HttpError, response: Response) -> Iterator[tuple[str, str]]:
    if response.status in _GATEWAY or method == HEAD:
        return
    if isinstance(error, RedirectNotFollowed):
        yield "", f"The status {response.status} points elsewhere."
        return
    try:
        body = json.loads(response.body)
    except (ValueError, RecursionError):
        yield "", f"The body of the answer {response.status} is not JSON."
        return
    if not isinstance(body, dict):
        yield "", f"The body of the answer {response.status} is not a JSON object."
        return
    for name in ("error", "error_description"):
        if name in body and not isinstance(body[name], str):
            yield name, "Not a string."


def _flat(errors: object, place: str) -> Iterator[tuple[str, str]]:
    """The messages of marshmallow with their places."""
    if isinstance(errors, Mapping):
        for name, inner in errors.items():
            step = f"[{name}]" if isinstance(name, int) else f".{name}" if place else str(name)
            yield from _flat(inner, "" if name == "_schema" else place + step)
    else:
        for message in errors if isinstance(errors, list) else [errors]:
            yield place, str(message)
