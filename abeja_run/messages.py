"""What crosses every seam: a request and a response, plain values that know no endpoint and no wire.

A body too large for memory is a :class:`Source` on the way out and goes into a :class:`Sink` on the way back.
Their ``repr`` hides the headers that carry secrets, so one can be logged as it is.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Generator, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

__all__ = ["Headers", "Request", "Response", "Sink", "Source"]

#: Lower-case names of headers whose values are never shown.
SECRET_HEADERS = frozenset({"authorization", "proxy-authorization", "cookie", "set-cookie"})


class Headers(Mapping[str, str]):
    """Header fields in order: case-insensitive to look up, repeats kept in :attr:`pairs`.

    Looking up a repeated field joins its values with a comma (RFC 9110, 5.3).

    Attributes:
        secret: The lower-case names of those whose values are never shown; :meth:`hiding` makes more so.

    Example:
        >>> headers = Headers({"Content-Type": "text/plain"})
        >>> headers["content-type"]
        'text/plain'
        >>> Headers([("A", "1"), ("a", "2")])["a"]
        '1, 2'
    """

    __slots__ = ("_pairs", "_source")

    secret = SECRET_HEADERS

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

    def hiding(self, names: Iterable[str]) -> Headers:
        """The same fields, of which those of these names are secret too."""
        hiding = _HidingHeaders(self.pairs)
        hiding.secret = self.secret.union(name.lower() for name in names)
        return hiding

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
        return _rebuilt, (self.pairs, self.secret)

    def __repr__(self) -> str:
        shown = ", ".join(f"{key}: {'***' if key.lower() in self.secret else value}" for key, value in self.pairs)
        return f"<Headers {shown}>"


class Source(ABC):
    """The bytes of a request's body that are not held in memory.

    Example:
        >>> class Zeros(Source):
        ...     length = 4
        ...     def open(self):
        ...         yield b"00"
        ...         yield b"00"
        >>> b"".join(Zeros().open())
        b'0000'
    """

    #: How many bytes there are; None where that is not known beforehand.
    length: int | None = None

    @abstractmethod
    def open(self) -> Generator[bytes, None, None]:
        """The bytes, from the beginning, in pieces. Close what this returns where it is not read to its end.

        Raises:
            BodyError: They cannot be read.
        """

    @property
    def spent(self) -> bool:
        """Whether something was read that cannot be read again, so that the request cannot be sent again."""
        return False

    def read(self) -> bytes:
        """All of the bytes in memory, as a recording needs them."""
        return b"".join(self.open())

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {'unknown' if self.length is None else self.length} bytes>"


class Sink(ABC):
    """Where the body of a 2xx answer goes that is not held in memory.

    A transport calls :meth:`begin`, :meth:`write` for each piece, and :meth:`end` when the body is whole, for each
    attempt anew. A transport that knows nothing of this hands the body over in its response, and the dispatcher
    does the same with it.
    """

    @abstractmethod
    def begin(self) -> None:
        """Start, or start anew: forget what an earlier attempt has written.

        Raises:
            BodyError: Nothing can be written.
        """

    @abstractmethod
    def write(self, piece: bytes) -> None:
        """The next bytes of the body, content encoding undone.

        Raises:
            BodyError: They cannot be written.
        """

    @abstractmethod
    def end(self) -> None:
        """The body is whole.

        Raises:
            BodyError: What was written cannot be completed.
        """

    @property
    @abstractmethod
    def ended(self) -> bool:
        """Whether a whole body is there."""

    @abstractmethod
    def discard(self) -> None:
        """Remove what was written and not kept. Doing so twice is allowed."""


class _HidingHeaders(Headers):
    __slots__ = ("secret",)


def _rebuilt(pairs: tuple[tuple[str, str], ...], secret: frozenset[str]) -> Headers:
    return Headers(pairs) if secret == SECRET_HEADERS else Headers(pairs).hiding(secret)


_NONE = Headers()


@dataclass(frozen=True, slots=True, repr=False)
class Request:
    """What a transport sends.

    Attributes:
        method: Upper-case HTTP method.
        url: Absolute address, percent-encoded, query included.
        headers: Header fields, the authorization among them; a plain mapping or pairs become :class:`Headers`.
        body: The bytes of the body, or a source that is read for each attempt, or None. The headers hold the length
            of a source where it is known; otherwise the body travels in chunks.
        sink: Where the body of a 2xx answer goes; None leaves it in memory. No part of what is sent, so requests
            are compared without it.

    Example:
        >>> Request("GET", "http://127.0.0.1/runs", Headers({"authorization": "Bearer secret"}))
        <Request GET http://127.0.0.1/runs, <Headers authorization: ***>, no body>
    """

    method: str
    url: str
    headers: Headers = _NONE
    body: bytes | Source | None = None
    sink: Sink | None = field(default=None, compare=False)

    def __post_init__(self) -> None:
        if type(self.headers) is not Headers and not issubclass(type(self.headers), Headers):
            object.__setattr__(self, "headers", Headers(self.headers))

    def __repr__(self) -> str:
        if isinstance(self.body, Source):
            body = repr(self.body)
        else:
            body = "no body" if self.body is None else f"{len(self.body)} bytes"
        return f"<Request {self.method} {self.url}, {self.headers!r}, {body}>"


@dataclass(frozen=True, slots=True, repr=False)
class Response:
    """What a transport hands back: a complete answer, content encoding undone.

    Attributes:
        status: HTTP status, an int.
        headers: Header fields; a plain mapping or pairs become :class:`Headers`.
        body: The whole body; empty where it went into the request's sink.

    Example:
        >>> Response(200, {"Content-Type": "application/json"}, b"{}").headers["content-type"]
        'application/json'
    """

    status: int
    headers: Headers = _NONE
    body: bytes = b""

    def __post_init__(self) -> None:
        if type(self.headers) is not Headers and not issubclass(type(self.headers), Headers):
            object.__setattr__(self, "headers", Headers(self.headers))

    def __repr__(self) -> str:
        return f"<Response {self.status}, {self.headers!r}, {len(self.body)} bytes>"
