"""Which recorded request is meant by the one that is asked.

A matcher is a function of two requests. Those here compare one part each, and can name the part's value: so a cassette
of any size is searched by an index, and a person is told what differs.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Hashable, Iterator, Sequence
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from abeja_run.cassettes.differences import ABSENT, differing
from abeja_run.cassettes.interaction import in_memory
from abeja_run.messages import Request

__all__ = [
    "DEFAULT_MATCH",
    "Matcher",
    "Part",
    "body",
    "body_without",
    "differences",
    "headers",
    "host",
    "method",
    "path",
    "query",
]

_BOUNDARY = re.compile(r"^multipart/[^;]+;.*boundary=\"?([^\";]+)", re.IGNORECASE)

#: Called with the recorded request and the one that is asked: whether they are the same to it.
Matcher = Callable[[Request, Request], bool]


class Part:
    """A matcher that compares one part of the requests.

    Args:
        name: What the part is called.
        value: The part of a request; equal values match.

    Example:
        >>> Part("scheme", lambda request: request.url.partition(":")[0])
        <Part scheme>
        >>> path(Request("GET", "http://a/runs/%61"), Request("GET", "https://b/runs/a"))
        True
    """

    def __init__(self, name: str, value: Callable[[Request], Hashable]) -> None:
        self.name = name
        self.value = value

    def __call__(self, recorded: Request, asked: Request) -> bool:
        """Whether the part is the same in both."""
        return self.value(recorded) == self.value(asked)

    def __repr__(self) -> str:
        return f"<Part {self.name}>"


def _host(request: Request) -> str:
    return request.url.partition("://")[2].partition("/")[0].lower()


def _path(request: Request) -> tuple[str, ...]:
    target = request.url.partition("://")[2].partition("#")[0].partition("?")[0]
    # Encoded or not is the same, but a slash inside of an id is not one between two.
    return tuple(map(unquote, target.split("/")[1:])) if "%" in target else tuple(target.split("/")[1:])


def _query(request: Request) -> tuple[tuple[str, str], ...]:
    text = request.url.partition("#")[0].partition("?")[2]
    return tuple(sorted(parse_qsl(text, keep_blank_values=True))) if text else ()


def _body(request: Request, left_out: Sequence[str] = ()) -> Hashable:
    content = in_memory(request).body
    if not isinstance(content, bytes) or not content:
        return None
    boundary = _BOUNDARY.search(request.headers.get("content-type", ""))
    if boundary is not None:
        # It is another one in every request.
        return content.replace(boundary[1].encode(), b"boundary")
    try:
        return json.dumps(_left(json.loads(content), left_out), sort_keys=True)
    except (ValueError, RecursionError):
        return content


def _left(content: Any, left_out: Sequence[str]) -> Any:
    """The JSON of a body without the members at these places."""
    for place in left_out:
        *above, name = place.split(".")
        inner = content
        for member in above:
            inner = inner.get(member) if isinstance(inner, dict) else None
        if isinstance(inner, dict):
            inner.pop(name, None)
    return content


class _Body(Part):
    """A part that is the body, or what is left of it without some of its members."""

    def __init__(self, name: str, left_out: Sequence[str] = ()) -> None:
        super().__init__(name, lambda request: _body(request, left_out))
        self.left_out = left_out


#: The HTTP method.
method = Part("method", lambda request: request.method)
#: The path, segment by segment.
path = Part("path", _path)
#: The query: its parameters in any order, each as often as it is there.
query = Part("query", _query)
#: The body: JSON by its structure, anything else by its bytes.
body = _Body("body")
#: The host and the port. Not among those of :data:`DEFAULT_MATCH`.
host = Part("host", _host)


def headers(*names: str) -> Part:
    """A matcher of header fields.

    Example:
        >>> headers("accept")(Request("GET", "http://a/", {"Accept": "text/plain"}), Request("GET", "http://a/"))
        False
    """
    return Part(f"headers {', '.join(names)}", lambda request: tuple(request.headers.get(name) for name in names))


def body_without(*places: str) -> Part:
    """A matcher of bodies that leaves out members of JSON which are new in every request, such as an ID.

    Args:
        places: Where they stand: names, with dots between those of objects within objects.

    Example:
        >>> match = body_without("environment.ABEJA_RUN_SUBMISSION_ID")
        >>> first, second = (b'{"a": 1, "environment": {"ABEJA_RUN_SUBMISSION_ID": "%d"}}' % id for id in (1, 2))
        >>> match(Request("POST", "http://a/", body=first), Request("POST", "http://a/", body=second))
        True
    """
    return _Body(f"body without {', '.join(places)}", places)


#: What counts unless something else is asked for.
DEFAULT_MATCH: tuple[Matcher, ...] = (method, path, query, body)


def differences(match: Sequence[Matcher], recorded: Request, asked: Request) -> list[str]:
    """For each matcher that tells the requests apart, what it sees."""
    found = []
    for matcher in match:
        if matcher(recorded, asked):
            continue
        if isinstance(matcher, Part):
            found.append(f"{matcher.name}: {_told(matcher, recorded, asked)}")
        else:
            found.append(f"{getattr(matcher, '__name__', matcher)} says no")
    return found


def _told(part: Part, recorded: Request, asked: Request) -> str:
    if isinstance(part, _Body) and isinstance(recorded.body, bytes) and isinstance(asked.body, bytes):
        try:
            old, new = (_left(json.loads(content), part.left_out) for content in (recorded.body, asked.body))
            return "; ".join(_told_of_body(old, new))
        except (ValueError, RecursionError):
            pass
    if part is path:
        return f"recorded {urlsplit(recorded.url).path}, asked {urlsplit(asked.url).path}"
    if part is query:
        return f"recorded {urlsplit(recorded.url).query or 'none'}, asked {urlsplit(asked.url).query or 'none'}"
    return f"recorded {part.value(recorded)!r:.200}, asked {part.value(asked)!r:.200}"


def _told_of_body(recorded: Any, asked: Any) -> Iterator[str]:
    for place, old, new in differing(recorded, asked, _same):
        if new is ABSENT:
            yield f"{place} only recorded"
        elif old is ABSENT:
            yield f"{place} only asked"
        else:
            yield f"{place or 'the whole'} recorded {json.dumps(old):.80}, asked {json.dumps(new):.80}"


def _same(_name: str, recorded: Any, asked: Any) -> bool:
    # True is no 1 to JSON, although it is to Python.
    return json.dumps(recorded, sort_keys=True) == json.dumps(asked, sort_keys=True)
