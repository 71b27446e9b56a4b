"""Bodies as JSON, where JSON says every byte of them: so a cassette can be read, and a replay is still faithful."""

from __future__ import annotations

import json
from typing import Any

__all__ = ["STYLES", "decoded", "encoded", "style_of"]

#: How a body was written, by the name that a cassette has for it. Nearly every body is in one of these.
STYLES: dict[str, json.JSONEncoder] = {
    "": json.JSONEncoder(allow_nan=False),
    "compact": json.JSONEncoder(allow_nan=False, separators=(",", ":")),
    "unicode": json.JSONEncoder(allow_nan=False, ensure_ascii=False),
    "compact unicode": json.JSONEncoder(allow_nan=False, ensure_ascii=False, separators=(",", ":")),
}
_BEGINNINGS = b'{["-0123456789tfn'
#: Deeper ones are kept as text: walking them would end in Python's own limit.
_DEEPEST = 100


def style_of(body: bytes) -> str:
    """The style that a JSON body is probably in."""
    spaced = b'": ' in body or b", " in body
    plain = body.isascii()
    return {(True, True): "", (False, True): "compact", (True, False): "unicode"}.get(
        (spaced, plain), "compact unicode"
    )


def decoded(body: bytes) -> tuple[Any, str] | None:
    """The value and the style of a body that they give back byte by byte; else None.

    Example:
        >>> decoded(b'{"a":1,"b":2}'), decoded(b'{ "a": 1 }')
        (({'a': 1, 'b': 2}, 'compact'), None)
    """
    if not body or body[0] not in _BEGINNINGS or too_deep(body):
        return None
    try:
        value = json.loads(body)
        style = style_of(body)
        return (value, style) if encoded(value, style) == body else None
    except (ValueError, RecursionError):
        return None


def encoded(value: Any, style: str = "") -> bytes:
    """The bytes of a value in a style."""
    # Half of a surrogate pair is escaped, as JSON does where UTF-8 has no word.
    return STYLES[style].encode(value).encode("utf-8", "backslashreplace")


def too_deep(body: bytes) -> bool:
    """Whether a body is nested deeper than is walked."""
    if body.count(b"[") + body.count(b"{") <= _DEEPEST:
        return False
    depth = deepest = 0
    inside = escaped = False
    for byte in body:
        if inside:
            inside, escaped = (byte != 0x22 or escaped), (byte == 0x5C and not escaped)
        elif byte == 0x22:
            inside = True
        elif byte in b"[{":
            depth += 1
            deepest = max(deepest, depth)
        elif byte in b"]}":
            depth -= 1
    return deepest > _DEEPEST
