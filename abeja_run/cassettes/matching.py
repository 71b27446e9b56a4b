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

__all__ = ["DEFAULT_MATCH", "Matcher", "Part", "body", "differences", "headers", "host", "method", "path", "query"]

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


def _body(request: Request) -> Hashable:
    content = in_memory(request).body
    if not isinstance(content, bytes) or not content:
        return None
    boundary = _BOUNDARY.search(request.headers.get("content-type", ""))
    if boundary is not None:
        # It is another one in every request.
        return content.replace(boundary[1].encode(), b"boundary")
    try:
        return json.dumps(json.loads(content), sort_keys=True)
    except (ValueError, RecursionError):
        return content


#: The HTTP method.
method = Part("method", lambda request: request.method)
#: The path, segment by segment.
path = Part("path", _path)
#: The query: its parameters in any order, each as often as it is there.
query = Part("query", _query)
#: The body: JSON by its structure, anything else by its bytes.
body = Part("body", _body)
#: The host and the port. Not among those of :data:`DEFAULT_MATCH`.
host = Part("host", _host)


def headers(*names: str) -> Part:
    """A matcher of header fields.

    Example:
        >>> headers("accept")(Request("GET", "http://a/", {"Accept": "text/plain"}), Request("GET", "http://a/"))
        False
    """
    return Part(f"headers {', '.join(names)}", lambda request: tuple(request.headers.get(name) for name in names))


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
    if part is body and isinstance(recorded.body, bytes) and isinstance(asked.body, bytes):
        try:
            return "; ".join(_told_of_body(json.loads(recorded.body), json.loads(asked.body)))
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
