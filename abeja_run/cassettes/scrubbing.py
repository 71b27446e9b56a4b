"""The rules of redaction of today, applied to interactions that were kept by those of another day.

Knows no file. What it tells are places, never values: what is found there is a secret.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

from abeja_run.cassettes.interaction import Interaction, by_name
from abeja_run.cassettes.redaction import Redaction
from abeja_run.messages import Response

__all__ = ["changed_places", "scrubbed"]


def scrubbed(interactions: Sequence[Interaction], redaction: Redaction) -> list[Interaction]:
    """The interactions without secrets.

    A credential that any of the requests carries is blotted out in all of them, in those before it too.
    """
    for interaction in interactions:
        redaction.request(interaction.request)
    return [redaction.interaction(interaction) for interaction in interactions]


def changed_places(before: Interaction, after: Interaction) -> list[str]:
    """The places in which two states of an interaction differ.

    Example:
        >>> from abeja_run.messages import Request
        >>> before = Interaction(Request("GET", "http://h/?token=a", {"X-Key": "b"}), Response(200))
        >>> changed_places(before, Redaction().interaction(before))
        ['request.url', 'request.headers.X-Key']
    """
    return list(_differ(_shown(before), _shown(after), ""))


def _shown(interaction: Interaction) -> dict[str, Any]:
    request, outcome = interaction.request, interaction.outcome
    asked = {"url": request.url, "headers": by_name(request.headers.pairs), "body": _value(request.body)}
    if isinstance(outcome, Response):
        return {"request": asked, "response": {"headers": by_name(outcome.headers.pairs), "body": _value(outcome.body)}}
    return {"request": asked, "fault": outcome.reason}


def _value(body: object) -> Any:
    if isinstance(body, bytes) and body[:1] in (b"{", b"["):
        try:
            return json.loads(body)
        except (ValueError, RecursionError):
            pass
    return body


def _differ(before: Any, after: Any, place: str) -> Iterator[str]:
    if isinstance(before, dict) and isinstance(after, dict) and before.keys() == after.keys():
        for name in before:
            yield from _differ(before[name], after[name], f"{place}.{name}" if place else name)
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after) > 1:
        for at, (old, new) in enumerate(zip(before, after, strict=True)):
            yield from _differ(old, new, f"{place}[{at}]")
    elif before != after:
        yield place
