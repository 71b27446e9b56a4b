"""One request and what became of it, as plain data."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from abeja_run.exceptions import (
    ConnectError,
    ConnectTimeout,
    InvalidResponse,
    Timeout,
    TransportError,
)
from abeja_run.messages import Request, Response, Source

__all__ = ["FAULTS", "Interaction", "anew", "by_name", "in_memory"]

#: The faults that a file can name, the most special first; nothing else is looked up by a name from a file.
FAULTS: dict[str, type[TransportError]] = {
    kind.__name__: kind for kind in (ConnectTimeout, ConnectError, Timeout, TransportError)
}


@dataclass(frozen=True, slots=True)
class Interaction:
    """A request and its outcome.

    Attributes:
        request: What was sent.
        outcome: The answer; or the fault that came instead of one, a
            :class:`~abeja_run.exceptions.TransportError` or :class:`~abeja_run.exceptions.InvalidResponse`.

    Example:
        >>> str(Interaction(Request("GET", "http://127.0.0.1/runs"), Response(200)))
        'GET http://127.0.0.1/runs: 200'
    """

    request: Request
    outcome: Response | TransportError | InvalidResponse

    def __str__(self) -> str:
        outcome = self.outcome
        told = str(outcome.status) if isinstance(outcome, Response) else type(outcome).__name__
        return f"{self.request.method} {self.request.url}: {told}"


def anew(
    fault: TransportError | InvalidResponse, request: Request, rewrite: Callable[[str], str] = str
) -> TransportError | InvalidResponse:
    """The fault as it is raised for this request: an exception is not raised twice.

    Args:
        fault: What was recorded.
        request: What was asked.
        rewrite: What becomes of its texts.
    """
    if isinstance(fault, InvalidResponse):
        return InvalidResponse(
            rewrite(fault.reason),
            status_code=fault.status_code,
            content_type=rewrite(fault.content_type),
            body=rewrite(fault.body),
            url=request.url,
        )
    kind = next(kind for kind in FAULTS.values() if isinstance(fault, kind))
    return kind(rewrite(fault.reason), method=request.method, url=request.url)


def by_name(pairs: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    """Header fields by their names, each with all its values.

    Example:
        >>> by_name([("Set-Cookie", "a"), ("Date", "today"), ("Set-Cookie", "b")])
        {'Set-Cookie': ['a', 'b'], 'Date': ['today']}
    """
    found: dict[str, list[str]] = {}
    for name, value in pairs:
        found.setdefault(name, []).append(value)
    return found


def in_memory(request: Request) -> Request:
    """The request with its body as bytes, and its answer's body to come as bytes."""
    if isinstance(request.body, Source):
        request = replace(request, body=request.body.read())
    return request if request.sink is None else replace(request, sink=None)
