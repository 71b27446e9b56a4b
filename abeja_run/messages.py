"""What crosses every seam: a request and a response, plain values that know no endpoint and no wire.

Their ``repr`` hides the headers that carry secrets, so one can be logged as it is.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

__all__ = ["Headers", "Request", "Response"]

#: Lower-case names of headers whose values are never shown.
SECRET_HEADERS = frozenset({"authorization", "proxy-authorization", "cookie", "set-cookie"})


class Headers(Mapping[str, str]):
    """Header fields in order: case-insensitive to look up, repeats kept in :attr:`pairs`.

    Looking up a repeated field joins its values with a comma (RFC 9110, 5.3).

    Example:
        >>> headers = Headers({"Content-Type": "text/plain"})
        >>> headers["content-type"]
        'text/plain'
        >>> Headers([("A", "1"), ("a", "2")])["a"]
        '1, 2'
    """

    __slots__ = ("_pairs", "_source")

    def __init__(self, source: Mapping[str, str] | Iterable[tuple[str, str]] = ()) -> None:
        # Kept as it came: most answers are read without anybody looking at a header.
        self._source = source
        self._pairs: tuple[tuple[str, str], ...] | None = None

    @property
    def pairs(self) -> tuple[tuple[str, str], ...]:
        """Every field as ``(name, value)``, in the order of the wire."""
        if self._pairs is None:
            source = self._source
            self._pairs = tuple(source.items() if isinstance(source, Mapping) else source)
            self._source = ()
        return self._pairs

    def __getitem__(self, name: str) -> str:
        wanted = name.lower()
        values = [value for key, value in self.pairs if key.lower() == wanted]
        if not values:
            raise KeyError(name)
        return ", ".join(values)

    def __iter__(self) -> Iterator[str]:
        return iter(dict.fromkeys(key.lower() for key, _ in self.pairs))

    def __len__(self) -> int:
        return len({key.lower() for key, _ in self.pairs})

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Headers):
            return NotImplemented
        return self.pairs == other.pairs

    def __hash__(self) -> int:
        return hash(self.pairs)

    def __reduce__(self) -> tuple[Any, ...]:
        return Headers, (self.pairs,)

    def __repr__(self) -> str:
        shown = ", ".join(f"{key}: {'***' if key.lower() in SECRET_HEADERS else value}" for key, value in self.pairs)
        return f"<Headers {shown}>"


_NONE = Headers()


@dataclass(frozen=True, slots=True, repr=False)
class Request:
    """What a transport sends.

    Attributes:
        method: Upper-case HTTP method.
        url: Absolute address, percent-encoded, query included.
        headers: Header fields, the authorization among them; a plain mapping or pairs become :class:`Headers`.
        body: The bytes of the body, or None.

    Example:
        >>> Request("GET", "http://127.0.0.1/runs", Headers({"authorization": "Bearer secret"}))
        <Request GET http://127.0.0.1/runs, <Headers authorization: ***>, no body>
    """

    method: str
    url: str
    headers: Headers = _NONE
    body: bytes | None = None

    def __post_init__(self) -> None:
        if type(self.headers) is not Headers:
            object.__setattr__(self, "headers", Headers(self.headers))

    def __repr__(self) -> str:
        body = "no body" if self.body is None else f"{len(self.body)} bytes"
        return f"<Request {self.method} {self.url}, {self.headers!r}, {body}>"


@dataclass(frozen=True, slots=True, repr=False)
class Response:
    """What a transport hands back: a complete answer, content encoding undone.

    Attributes:
        status: HTTP status, an int.
        headers: Header fields; a plain mapping or pairs become :class:`Headers`.
        body: The whole body.

    Example:
        >>> Response(200, {"Content-Type": "application/json"}, b"{}").headers["content-type"]
        'application/json'
    """

    status: int
    headers: Headers = _NONE
    body: bytes = b""

    def __post_init__(self) -> None:
        if type(self.headers) is not Headers:
            object.__setattr__(self, "headers", Headers(self.headers))

    def __repr__(self) -> str:
        return f"<Response {self.status}, {self.headers!r}, {len(self.body)} bytes>"
