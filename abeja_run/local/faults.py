"""Faults that a local platform injects on purpose, and the order in which they come. Knows no wire."""

from __future__ import annotations

import json
import math
import random
import threading
from collections.abc import Iterable
from dataclasses import dataclass, fields
from enum import Enum
from fnmatch import fnmatchcase
from http.client import responses
from typing import Any

from abeja_run.exceptions import ConfigurationError
from abeja_run.messages import Headers, Response

__all__ = ["Draws", "Fault", "Faults", "Kind"]


class Kind(str, Enum):
    """What may go wrong with a request; each is the name of its rate in :class:`Faults`."""

    REFUSE = "refuse"
    CLOSE_BEFORE_READING = "close_before_reading"
    CLOSE_AFTER_EXECUTE = "close_after_execute"
    TOO_MANY_REQUESTS = "too_many_requests"
    ERROR_BEFORE_EXECUTE = "error_before_execute"
    ERROR_AFTER_EXECUTE = "error_after_execute"
    LATE = "late"
    SLOW = "slow"
    CUT_OFF = "cut_off"
    NOT_JSON = "not_json"

    @property
    def executes(self) -> bool:
        """Whether the request is carried out all the same."""
        return self not in _UNEXECUTED


_UNEXECUTED = (Kind.REFUSE, Kind.CLOSE_BEFORE_READING, Kind.TOO_MANY_REQUESTS, Kind.ERROR_BEFORE_EXECUTE)


@dataclass(frozen=True, slots=True)
class Fault:
    """What goes wrong with one request.

    Attributes:
        kind: The kind.
        answer: What is answered in place of the application's answer, or None.
    """

    kind: Kind
    answer: Response | None


@dataclass(frozen=True)
class Faults:
    """What goes wrong between a client and a local platform, and how often. Frozen, and the same for the same seed.

    A rate is the share of the matching requests, 0 to 1, that meets a fault of this kind; a request meets one at most.
    There is no 429 after executing: a server that answers 429 says that it has done nothing.

    Args:
        seed: What chance goes by: the same requests, one after another, meet the same faults.
        refuse: The connection is refused. Over HTTP the server cannot refuse a request that has come over a kept
            connection: it answers this one, closes, and refuses every connection of the next ``delay`` seconds.
        close_before_reading: The connection is reset with the request unread and not executed.
        close_after_execute: The request is executed, and the connection closed without an answer.
        too_many_requests: 429 with ``Retry-After`` is answered, and nothing is executed.
        error_before_execute: One of ``statuses`` is answered, and nothing is executed.
        error_after_execute: The request is executed, and one of ``statuses`` answered.
        late: The request is executed at once, and the answer begins after ``delay`` seconds.
        slow: The request is executed at once, and the answer trickles for ``delay`` seconds.
        cut_off: The request is executed, and the connection closed in the middle of the answer.
        not_json: The request is executed, and a page of HTML answered with the status 200.
        delay: Seconds.
        statuses: The errors that are answered.
        methods: The methods that meet faults; empty for all.
        paths: A pattern as of a shell for the paths that meet faults.

    Raises:
        ConfigurationError: A rate is none, they are more than 1 together, or another setting is unusable.

    Example:
        >>> faults = Faults.parse("close_after_execute=0.1, late=0.05, methods=POST, seed=7")
        >>> faults == Faults(7, close_after_execute=0.1, late=0.05, methods=("POST",))
        True
        >>> Faults.of_all_kinds(0.3).slow
        0.03
    """

    seed: int = 0
    refuse: float = 0.0
    close_before_reading: float = 0.0
    close_after_execute: float = 0.0
    too_many_requests: float = 0.0
    error_before_execute: float = 0.0
    error_after_execute: float = 0.0
    late: float = 0.0
    slow: float = 0.0
    cut_off: float = 0.0
    not_json: float = 0.0
    delay: float = 0.05
    statuses: tuple[int, ...] = (500, 502, 503, 504)
    methods: tuple[str, ...] = ()
    paths: str = "*"

    def __post_init__(self) -> None:
        if isinstance(self.seed, bool) or not isinstance(self.seed, int):
            raise ConfigurationError(f"the seed of faults must be a whole number, not {self.seed!r}")
        for kind in Kind:
            if not _is_number(self.rate(kind)) or not 0 <= self.rate(kind) <= 1:
                raise ConfigurationError(f"the rate of {kind.value} must be from 0 to 1, not {self.rate(kind)!r}")
        # Ten times a tenth is a little more than 1.
        if sum(map(self.rate, Kind)) > 1 + 1e-9:
            raise ConfigurationError("the rates of all faults are more than 1 together")
        if not _is_number(self.delay) or not 0 <= self.delay < 1e6:
            raise ConfigurationError(f"the delay of faults must be a number of seconds from 0, not {self.delay!r}")
        for name, known in (("statuses", _is_error), ("methods", _is_method)):
            value = getattr(self, name)
            if not isinstance(value, tuple) or not all(map(known, value)):
                raise ConfigurationError(f"the {name} of faults cannot be {value!r}")
        if not self.statuses:
            raise ConfigurationError("the faults need at least one of statuses")
        if not isinstance(self.paths, str) or not self.paths:
            raise ConfigurationError(f"the paths of faults must be a pattern such as '*/runs', not {self.paths!r}")

    def rate(self, kind: Kind) -> float:
        """The rate of a kind."""
        rate: float = getattr(self, kind.value)
        return rate

    @classmethod
    def of_all_kinds(cls, rate: float, **settings: Any) -> Faults:
        """Faults of every kind, each as often as the others.

        Args:
            rate: The share of requests that meets any.
            settings: Those that are no rates.
        """
        if not _is_number(rate):
            raise ConfigurationError(f"the rate of all faults must be from 0 to 1, not {rate!r}")
        return cls(**{**_evenly(rate), **settings})

    @classmethod
    def parse(cls, text: str | Iterable[str]) -> Faults:
        """Faults as a person writes them: ``name=value``, with commas between.

        A name is that of an argument, or ``all`` for the share of requests that meets a fault of any kind. Of
        ``statuses`` and ``methods`` there may be several, with ``+`` between.

        Args:
            text: The text, or several.

        Raises:
            ConfigurationError: It says nothing that makes sense.

        Example:
            >>> Faults.parse(["all=0.3", "statuses=502+503,slow=0"]).statuses
            (502, 503)
        """
        given: dict[str, Any] = {}
        for item in ",".join([text] if isinstance(text, str) else text).split(","):
            name, equals, value = (part.strip() for part in item.partition("="))
            if not equals or not value or name not in _READERS:
                raise ConfigurationError(
                    f"{item.strip()!r} is no fault; write NAME=VALUE, such as late=0.1; "
                    f"the names are {', '.join(_READERS)}"
                )
            if name in given:
                raise ConfigurationError(f"{name} is given twice")
            try:
                given[name] = _READERS[name](value)
            except ValueError:
                raise ConfigurationError(f"{value!r} is no value for {name}") from None
        rate = given.pop("all", None)
        if rate is None:
            return cls(**given)
        return cls(**{**_evenly(rate), **given})


_READERS: dict[str, Any] = {
    "all": float,
    **{kind.value: float for kind in Kind},
    "delay": float,
    "seed": int,
    "statuses": lambda text: tuple(int(part) for part in text.split("+")),
    "methods": lambda text: tuple(part.strip().upper() for part in text.split("+")),
    "paths": str,
}
assert set(_READERS) == {"all", *(field.name for field in fields(Faults))}  # noqa: S101 - each can be written


class Draws:
    """Draws for one request after another whether it meets a fault. Shared by threads.

    Args:
        faults: What may be drawn.

    Example:
        >>> draws = Draws(Faults(too_many_requests=1, methods=("POST",)))
        >>> draws.draw("POST", "/runs").kind.value, draws.draw("GET", "/runs")
        ('too_many_requests', None)
    """

    def __init__(self, faults: Faults) -> None:
        self._faults = faults
        self._chance = random.Random(faults.seed)  # noqa: S311 - to be repeated, not to be secret
        self._lock = threading.Lock()

    def draw(self, method: str, path: str) -> Fault | None:
        """The fault of a request that does or does not match.

        Args:
            method: Its method.
            path: Its path, without the query.
        """
        faults = self._faults
        if (faults.methods and method not in faults.methods) or not fnmatchcase(path, faults.paths):
            return None
        with self._lock:
            # Always both, so that one request's kind does not shift what the next ones meet.
            drawn, status = self._chance.random(), self._chance.choice(faults.statuses)
        for kind in Kind:
            drawn -= faults.rate(kind)
            if drawn < 0:
                return Fault(kind, _answer(kind, status, faults.delay))
        return None


def _answer(kind: Kind, status: int, delay: float) -> Response | None:
    if kind is Kind.TOO_MANY_REQUESTS:
        return _error(429, {"retry-after": str(math.ceil(delay))})
    if kind in (Kind.ERROR_BEFORE_EXECUTE, Kind.ERROR_AFTER_EXECUTE):
        return _error(status, {})
    if kind is Kind.NOT_JSON:
        return Response(
            200, Headers({"content-type": "text/html"}), b"<html><body>A gateway is in between.</body></html>"
        )
    return None


def _error(status: int, headers: dict[str, str]) -> Response:
    name = responses.get(status, "error").lower().replace(" ", "_")
    body = {"error": name, "error_description": "a fault that the local platform was told to inject"}
    return Response(status, Headers({"content-type": "application/json", **headers}), json.dumps(body).encode())


def _evenly(rate: float) -> dict[str, Any]:
    return {kind.value: rate / len(Kind) for kind in Kind}


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _is_error(status: object) -> bool:
    return isinstance(status, int) and status in range(400, 600)


def _is_method(method: object) -> bool:
    return isinstance(method, str) and method.isalpha() and method.isupper()
