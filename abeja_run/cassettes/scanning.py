"""Secrets in JSON that cannot be walked, being cut off or nested too deep: it is read word by word, without a tree."""

from __future__ import annotations

import contextlib
import itertools
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

__all__ = ["scanned"]

#: A string, which may be cut off; a sign; a number or a literal.
_WORD = re.compile(r'"(?:[^"\\]|\\.)*(?:"|\\?\Z)|[{}\[\]:,]|[^\s{}\[\]:,"]+', re.DOTALL)
_WHOLE = re.compile(r'"(?:[^"\\]|\\.)*"', re.DOTALL)
#: An escape that is cut off.
_CUT_OFF = re.compile(r"(?<!\\)((?:\\\\)*)\\(?:u[0-9A-Fa-f]{0,3})?\Z")
_SIGNS = frozenset("{}[]:,")
_LITERALS = frozenset({"true", "false", "null"})


@dataclass(slots=True)
class _Container:
    """An object or an array that has begun.

    A variable in a list has its name beside its ``value``, before it or after it: ``names_secret`` tells that it is
    that of a secret. Without a value beside it what is called ``key`` is a secret itself. ``spans`` tells where they
    begin and end.
    """

    above: _Container | None
    is_object: bool
    is_secret: bool
    name: str | None = None
    names_secret: bool = False
    spans: dict[str, list[tuple[int, int]]] = field(default_factory=lambda: {"key": [], "value": []})


def scanned(
    text: str,
    is_secret: Callable[[str], bool],
    redacted: Callable[[str], str],
    hidden: str,
    *,
    start: int = 0,
    secret: bool = False,
) -> tuple[str, int]:
    """What stands in the text from a place on, without secrets; and where that ends.

    Args:
        text: JSON, as much as there is of it.
        is_secret: Whether a name says that its value is a secret.
        redacted: What becomes of a string that is none.
        hidden: What stands where a secret stood.
        start: The place.
        secret: Whether one value stands there, and is secret; else it is all that follows.

    Example:
        >>> scanned('{"pins": [1, "two", ["thr', "pins".__eq__, str, "***")
        ('{"pins": [0, "***", ["***', 25)
    """
    scan = _Scan(is_secret, redacted, hidden, secret=secret)
    end = start
    for match in _WORD.finditer(text, start):
        scan.take(text[end : match.start()], match[0])
        end = match.end()
        if secret and scan.container is None:
            return scan.text(), end
    return scan.text() + text[end:], len(text)


class _Scan:
    """The words of a text so far, and in which container the next one stands."""

    def __init__(
        self, is_secret: Callable[[str], bool], redacted: Callable[[str], str], hidden: str, *, secret: bool
    ) -> None:
        self.container: _Container | None = None
        self._is_secret = is_secret
        self._redacted = redacted
        self._hidden = hidden
        self._secret = secret
        self._gaps: list[str] = []
        self._words: list[str] = []
        self._names: set[int] = set()
        self._spans: list[tuple[int, int]] = []

    def take(self, gap: str, word: str) -> None:
        """Take in a word, and what stands before it."""
        container = self.container
        if word in ("{", "["):
            self.container = _Container(container, word == "{", self._is_hidden())
        elif container is None:
            word = self._scalar(word)
        elif word == ":":
            if container.name in container.spans:
                container.spans[container.name].append((len(self._words), len(self._words)))
        elif word in _SIGNS:
            self._end_member(container)
            if word != ",":
                self._end(container)
        elif container.is_object and container.name is None:
            container.name = _read(word)
            self._names.add(len(self._words))
            word = self._rewritten(word)
        else:
            if container.name in ("name", "key"):
                container.names_secret |= self._is_secret(_read(word))
            word = self._scalar(word)
        self._gaps.append(gap)
        self._words.append(word)

    def text(self) -> str:
        """All of it."""
        while self.container is not None:
            self._end_member(self.container)
            self._end(self.container)
        words = self._words
        for place in _within(self._spans, len(words)):
            if place not in self._names and words[place] not in _SIGNS:
                words[place] = self._blotted(words[place])
        return "".join(itertools.chain.from_iterable(zip(self._gaps, words, strict=True)))

    def _is_hidden(self) -> bool:
        """Whether the next value is a secret by what stands before it."""
        container = self.container
        if container is None:
            return self._secret
        name = container.name
        if container.is_secret or (name == "value" and container.names_secret):
            return True
        return name is not None and name != "key" and self._is_secret(name)

    def _end_member(self, container: _Container) -> None:
        spans = container.spans.get(container.name or "")
        if spans:
            spans.append((spans.pop()[0], len(self._words)))
        container.name = None

    def _end(self, container: _Container) -> None:
        """Now it is known what its members were."""
        if container.spans["value"]:
            self._spans += container.spans["value"] if container.names_secret else []
        elif self._is_secret("key"):
            self._spans += container.spans["key"]
        self.container = container.above

    def _scalar(self, word: str) -> str:
        return self._blotted(word) if self._is_hidden() else self._rewritten(word)

    def _blotted(self, word: str) -> str:
        if not word.startswith('"'):
            return word if word in _LITERALS else "0.0" if "." in word or "e" in word.lower() else "0"
        if word == '""':
            return word
        return f'"{self._hidden}"' if _WHOLE.fullmatch(word) else f'"{self._hidden}'

    def _rewritten(self, word: str) -> str:
        before = _read(word)
        after = self._redacted(before)
        if after == before:
            return word
        if not word.startswith('"'):
            return "0"
        written = json.dumps(after, ensure_ascii=word.isascii())
        return written if _WHOLE.fullmatch(word) else written[:-1]


def _within(spans: list[tuple[int, int]], count: int) -> Iterator[int]:
    """The places in at least one of the spans."""
    changes = [0] * (count + 1)
    for begin, end in spans:
        changes[begin] += 1
        changes[end] -= 1
    return (place for place, depth in enumerate(itertools.accumulate(changes[:-1])) if depth)


def _read(word: str) -> str:
    """What a string says, as far as it goes."""
    if not word.startswith('"'):
        return word
    whole = word if _WHOLE.fullmatch(word) else _CUT_OFF.sub(r"\1", word) + '"'
    with contextlib.suppress(ValueError):
        return str(json.loads(whole, strict=False))
    return word[1:]
