"""Answers from a cassette: no network, no waiting.

Knows no endpoint; what counts as the same request stands in :mod:`abeja_run.cassettes.matching`.
"""

from __future__ import annotations

import difflib
import os
import threading
from collections.abc import Hashable, Sequence
from pathlib import Path
from typing import Literal

from abeja_run.cassettes.file import Raw, interaction_of, outcome_of, read, request_of
from abeja_run.cassettes.interaction import Interaction, anew, in_memory
from abeja_run.cassettes.matching import DEFAULT_MATCH, Matcher, Part, differences
from abeja_run.cassettes.redaction import Redaction
from abeja_run.exceptions import ConfigurationError, NoMatchingInteraction
from abeja_run.messages import Request, Response
from abeja_run.transports.base import Transport

__all__ = ["ReplayTransport"]

_NEAREST = 3
#: How many requests are remembered as they are asked, so that the next equal one is found without reading it.
_REMEMBERED = 10_000


class _Recorded:
    """An interaction of the file, made into objects when somebody asks for it."""

    __slots__ = ("_response", "played", "raw")

    def __init__(self, raw: Raw) -> None:
        self.raw = raw
        self.played = False
        self._response: Response | None = None

    def answer(self, request: Request) -> Response:
        if self._response is None:
            outcome = outcome_of(self.raw)
            if not isinstance(outcome, Response):
                raise anew(outcome, request)
            self._response = outcome
        return self._response


class _Sequence:
    """Recorded interactions whose requests are the same, in recorded order, and how far they have been played."""

    __slots__ = ("at", "recorded")

    def __init__(self) -> None:
        self.recorded: list[_Recorded] = []
        self.at = 0


class ReplayTransport(Transport):
    """Answers from a cassette what was recorded there. Sends nothing, and waits for nothing.

    Equal requests are answered in recorded order. Shared by threads.

    Args:
        path: The cassette.
        match: The matchers that a recorded request must pass; by default method, path, query and body, so that the
            host does not count.
        repeat: What a request gets when all its answers have been played: ``"error"``, or ``"last"`` for the last
            answer again.
        redaction: The rules that the cassette was recorded with.

    Raises:
        CassetteError: The file is missing or damaged.
        NoMatchingInteraction: From :meth:`send`: nothing recorded matches.

    Example:
        >>> import tempfile
        >>> from abeja_run import APIClient
        >>> from abeja_run.cassettes import Interaction, save
        >>> url = "http://127.0.0.1/organizations/1234567890123/deployments/1111111111111/runs/run-1"
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     answer = Response(200, body=b'{"status": "RUNNING"}')
        ...     save(f"{folder}/run.json", [Interaction(Request("GET", url), answer)])
        ...     transport = ReplayTransport(f"{folder}/run.json")
        >>> client = APIClient({"auth_token": "any"}, transport=transport)
        >>> client.get_run("1234567890123", "1111111111111", "run-1")
        {'status': 'RUNNING'}
        >>> transport.unplayed
        []
    """

    leaves_process = False

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        match: Sequence[Matcher] = DEFAULT_MATCH,
        repeat: Literal["error", "last"] = "error",
        redaction: Redaction | None = None,
        _raws: Sequence[Raw] | None = None,
    ) -> None:
        if repeat not in ("error", "last"):
            raise ConfigurationError(f"repeat is {repeat!r}, not 'error' or 'last'")
        self._path = Path(path)
        self._match = tuple(match)
        self._parts = tuple(matcher.value for matcher in self._match if isinstance(matcher, Part))
        self._further = tuple(matcher for matcher in self._match if not isinstance(matcher, Part))
        self._repeat = repeat
        self._redaction = redaction or Redaction()
        self._recorded = [_Recorded(raw) for raw in (read(self._path) if _raws is None else _raws)]
        self._lock = threading.Lock()
        self._index: dict[Hashable, _Sequence] | None = None
        self._asked: dict[tuple[str, str, bytes | None], _Sequence] = {}

    @property
    def unplayed(self) -> list[Interaction]:
        """What was recorded and never asked for, in recorded order."""
        return [interaction_of(recorded.raw) for recorded in self._recorded if not recorded.played]

    def send(self, request: Request, timeout: float) -> Response:
        """Answer from the cassette; see :meth:`Transport.send`."""
        return self.find(request).answer(request)

    def sleep(self, seconds: float) -> None:
        """Return at once."""

    def find(self, request: Request) -> _Recorded:
        """What comes next for a request; it counts as played.

        Raises:
            NoMatchingInteraction: Nothing does.
        """
        request = in_memory(request)
        body = request.body
        assert body is None or isinstance(body, bytes)  # noqa: S101 - it is in memory
        known = (request.method, request.url, body)
        with self._lock:
            sequence = self._asked.get(known)
            if sequence is None:
                redacted = self._redaction.request(request)
                sequence = self._sequence(redacted)
                if sequence is None:
                    raise self._no_match(redacted)
                if not self._further:
                    if len(self._asked) >= _REMEMBERED:
                        self._asked.clear()
                    self._asked[known] = sequence
            recorded, at = sequence.recorded, sequence.at
            if at < len(recorded):
                sequence.at = at + 1
                recorded[at].played = True
                return recorded[at]
            if self._repeat == "last":
                return recorded[-1]
            raise NoMatchingInteraction(
                f"{self._path}: {request.method} {self._redaction.request(request).url} was recorded "
                f"{len(recorded)} times, and all of it has been played; repeat='last' gives the last answer again",
                self._redaction.request(request),
                [],
            )

    def _key(self, request: Request) -> Hashable:
        return tuple([part(request) for part in self._parts])

    def _sequence(self, request: Request) -> _Sequence | None:
        if self._index is None:
            self._index = {}
            for recorded in self._recorded:
                key = self._key(request_of(recorded.raw))
                self._index.setdefault(key, _Sequence()).recorded.append(recorded)
        found = self._index.get(self._key(request))
        if found is None or not self._further:
            return found
        # Matchers of the caller's own cannot be looked up: what they let through is a sequence of its own.
        passed = _Sequence()
        passed.recorded = [
            recorded
            for recorded in found.recorded
            if all(matcher(request_of(recorded.raw), request) for matcher in self._further)
        ]
        passed.at = next(
            (at for at, recorded in enumerate(passed.recorded) if not recorded.played), len(passed.recorded)
        )
        return passed if passed.recorded else None

    def _no_match(self, request: Request) -> NoMatchingInteraction:
        asked = f"{request.method} {request.url}"
        # Of many, only those are compared closely whose address is much like it.
        raws = [recorded.raw for recorded in reversed(self._recorded)]
        urls = {f"{raw['request']['method']} {raw['request']['url']}": raw for raw in raws}
        close = difflib.get_close_matches(asked, list(urls)[:2000], _NEAREST, 0.0)
        nearest = [request_of(urls[url]) for url in close]
        lines = [f"{self._path} has no answer for {asked}"]
        if not nearest:
            lines.append("it has no interaction at all")
        for recorded in nearest:
            lines.append(f"recorded is {recorded.method} {recorded.url}")
            lines += [f"    {difference}" for difference in differences(self._match, recorded, request)]
        lines.append("record it with mode 'new' (pytest: --abeja-record=new)")
        return NoMatchingInteraction("\n".join(lines), request, nearest)
