"""Sends live, and holds every answer against the recorded one.

Knows no endpoint; ids, times and tokens are told by how they look and what they are called.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Sequence
from typing import Any

from abeja_run.cassettes.differences import ABSENT, differing
from abeja_run.cassettes.interaction import Interaction, in_memory
from abeja_run.cassettes.matching import DEFAULT_MATCH, Matcher, Part
from abeja_run.cassettes.redaction import Redaction
from abeja_run.exceptions import CassetteDiffers, InvalidResponse, TransportError
from abeja_run.messages import Request, Response
from abeja_run.transports.base import Transport
from abeja_run.transports.replay import ReplayTransport
from abeja_run.transports.wrapping import Course, WrappingTransport

__all__ = ["VerifyingTransport"]

_VARYING = re.compile(
    r"[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}"  # a UUID
    r"|\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:?\d\d)?"  # a time
    r"|\b\d{8}T\d{6}\b"  # a time in the name of a file
    r"|\b[a-z]+-[0-9a-f]{6,}\b"  # run-1234567890
    r"|\b\d{10,}\b"  # an ID that is a number, or seconds since 1970
)
_VARYING_NAMES = re.compile(r"(?:token|_id|_at|date|time(?:stamp)?)$", re.IGNORECASE)


class VerifyingTransport(WrappingTransport):
    """Sends every request, and fails where the answer is no longer like the recorded one.

    Compared are the status, the content type and the body; IDs, times and tokens may differ.

    Args:
        inner: Where requests go. It stays the caller's to close.
        path: The cassette; it is not changed.
        match: As in :class:`~abeja_run.transports.ReplayTransport`; IDs and times may differ here too.
        redaction: The rules that the cassette was recorded with.

    Raises:
        CassetteError: The file is missing or damaged.
        CassetteDiffers: From :meth:`send`: the answer, or the fault, is another.
        NoMatchingInteraction: From :meth:`send`, before anything is sent: nothing like it was recorded.
    """

    def __init__(
        self,
        inner: Transport,
        path: str | os.PathLike[str],
        *,
        match: Sequence[Matcher] = DEFAULT_MATCH,
        redaction: Redaction | None = None,
    ) -> None:
        self._inner: Transport = inner
        self.leaves_process = inner.leaves_process
        self._redaction = redaction or Redaction()
        alike = tuple(_alike(matcher) for matcher in match)
        # A live service may be asked once more for how far a run has come.
        self._replay = ReplayTransport(path, match=alike, repeat="last", redaction=self._redaction)

    @property
    def unplayed(self) -> list[Interaction]:
        """What was recorded and never asked for, in recorded order."""
        return self._replay.unplayed

    def course(self, request: Request) -> Course:
        """Have the request sent once, and compare what becomes of it."""
        request = in_memory(request)
        found = self._replay.find(request)
        recorded: Response | TransportError | InvalidResponse
        live: Response | TransportError | InvalidResponse
        try:
            recorded = found.answer(request)
        except (TransportError, InvalidResponse) as fault:
            recorded = fault
        try:
            live = yield request
        except (TransportError, InvalidResponse) as fault:
            live = fault
        shown = self._redaction.interaction(Interaction(request, live))
        told = _outcomes_differ(recorded, shown.outcome)
        if told:
            raise CassetteDiffers(f"{shown.request.method} {shown.request.url}", told) from None
        if isinstance(live, Response):
            return live
        raise live

    def sleep(self, seconds: float) -> None:
        """Wait by the inner transport's clock."""
        self._inner.sleep(seconds)


def _alike(matcher: Matcher) -> Matcher:
    if not isinstance(matcher, Part):
        return matcher
    value = matcher.value
    return Part(matcher.name, lambda request: _plain(repr(value(request))))


def _outcomes_differ(recorded: object, live: object) -> list[str]:
    if not (isinstance(recorded, Response) and isinstance(live, Response)):
        names = [str(one.status) if isinstance(one, Response) else type(one).__name__ for one in (recorded, live)]
        return [] if names[0] == names[1] else [f"recorded {names[0]}, now {names[1]}"]
    told = []
    if recorded.status != live.status:
        told.append(f"status: recorded {recorded.status}, now {live.status}")
    types = [one.headers.get("content-type", "none") for one in (recorded, live)]
    if types[0] != types[1]:
        told.append(f"content-type: recorded {types[0]}, now {types[1]}")
    try:
        told += _told_of_body(json.loads(recorded.body), json.loads(live.body))
    except (ValueError, RecursionError):
        texts = [_plain(one.body.decode("utf-8", "replace")) for one in (recorded, live)]
        if texts[0] != texts[1]:
            told.append(f"body: recorded {texts[0]!r:.200}, now {texts[1]!r:.200}")
    return told


def _told_of_body(recorded: Any, live: Any) -> Iterator[str]:
    """The places in which two answers differ by more than IDs, times and tokens."""
    for place, old, new in differing(recorded, live, _same):
        if new is ABSENT:
            yield f"{place}: recorded {_shown(old)}, now missing"
        elif old is ABSENT:
            yield f"{place}: not recorded, now {_shown(new)}"
        elif isinstance(old, list) and isinstance(new, list):
            yield f"{place or 'body'}: recorded {len(old)} items, now {len(new)}"
        else:
            yield f"{place or 'body'}: recorded {_shown(old)}, now {_shown(new)}"


def _same(name: str, recorded: Any, live: Any) -> bool:
    if type(recorded) is not type(live):
        return False
    if _VARYING_NAMES.search(name):
        return True
    # What an object or a list holds is looked at one by one.
    return not isinstance(recorded, (dict, list)) and _plain(str(recorded)) == _plain(str(live))


def _plain(text: str) -> str:
    """A text without what may be another one each time."""
    return _VARYING.sub("<varies>", text)


def _shown(value: Any) -> str:
    return f"{json.dumps(value, ensure_ascii=False):.100}"
