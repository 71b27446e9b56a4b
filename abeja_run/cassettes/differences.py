"""Where two values of JSON differ, for whoever tells of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final

__all__ = ["ABSENT", "differing"]

#: Stands for a member that one of two objects does not have.
ABSENT: Final[Any] = object()


def differing(
    first: Any, second: Any, alike: Callable[[str, Any, Any], bool], place: str = ""
) -> Iterator[tuple[str, Any, Any]]:
    """The places in which two values differ, with what stands there.

    Args:
        first: A value.
        second: Another one.
        alike: Called with the name of a member, empty for anything else, and both values: whether they count as the
            same. Objects, and lists of the same length, that do not are looked into.
        place: Where the values stand; empty for the whole.

    Example:
        >>> same = lambda name, first, second: first == second
        >>> list(differing({"a": [1, 2], "b": 3}, {"a": [1, 4], "b": 3}, same))
        [('a[1]', 2, 4)]
    """
    if isinstance(first, dict) and isinstance(second, dict):
        for name in dict.fromkeys((*first, *second)):
            old, new = first.get(name, ABSENT), second.get(name, ABSENT)
            inner = f"{place}.{name}" if place else name
            if old is ABSENT or new is ABSENT:
                yield inner, old, new
            elif not alike(name, old, new):
                yield from differing(old, new, alike, inner)
    elif isinstance(first, list) and isinstance(second, list) and len(first) == len(second):
        for at, (old, new) in enumerate(zip(first, second, strict=True)):
            if not alike("", old, new):
                yield from differing(old, new, alike, f"{place}[{at}]")
    elif not alike("", first, second):
        yield place, first, second
