"""What of an interaction never reaches a disk.

A value is blotted out where its name says that it is a secret; the caller's credential wherever it stands, in every
spelling. Redacting twice changes nothing more, so a redacted request can be compared with a live one.
"""

from __future__ import annotations

import contextlib
import functools
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote_plus

from abeja_run.cassettes.bodies import encoded, style_of, too_deep
from abeja_run.cassettes.interaction import Interaction, anew, in_memory
from abeja_run.cassettes.scanning import scanned
from abeja_run.credentials import Secret, secret_of
from abeja_run.messages import Headers, Request, Response

__all__ = ["HIDDEN", "Redaction"]

#: What stands where a secret stood.
HIDDEN = "***"
_NAMES = ("passw", "passphrase", "secret", "token", "key", "credential", "authoriz", "cookie")
#: In addresses these too: a signed address is open to everybody who has it.
_SIGNS = ("signature", "policy", "^sig$")
#: A replay follows the pages by these, and they open nothing.
_PAGES = frozenset({"next_page_token", "next_token", "next_forward_token", "next_backward_token"})
#: How many sets of header fields are remembered.
_REMEMBERED = 256
_QUERY = re.compile(r"([?&#;])([^\s=&?#;\"'<>]+)=([^\s&#;\"'<>]+)")
_FORM = re.compile(r"(^|&)([^\s=&]+)=([^&]+)")
_USERINFO = re.compile(r"://[^\s/?#\"'<>]+@")
_MEMBER = re.compile(r'("((?:[^"\\]|\\.)*)"\s*:\s*)("(?:[^"\\]|\\.)*"|[^\s,}\]"\[{]+)')
_OPENING = re.compile(r'"((?:[^"\\]|\\.)*)"\s*:\s*(?=[\[{])')
_PART = re.compile(r'(name="?([^"\r\n;]*)"?[^\r\n]*\r?\n(?:[^\r\n]+\r?\n)*\r?\n)(.*?)(?=\r?\n--|\Z)', re.DOTALL)


@dataclass(frozen=True)
class Redaction:
    """The rules by which secrets are kept out of a cassette.

    Blotted out by default: the value of every header, JSON field, environment variable, form field and query
    parameter whose name holds ``passw``, ``passphrase``, ``secret``, ``token``, ``key``, ``credential``,
    ``authoriz`` or ``cookie`` (page tokens excepted: a replay follows them); headers that an endpoint declares as
    secret; what signs an address, and user names and passwords in one; and the credentials of the requests, plain,
    percent-encoded and base64, wherever they stand.

    Args:
        names: Further parts of names, in any case.
        values: Further secrets, blotted out wherever they stand, in any spelling; at least six characters each.
        keep: Whole names, in lower case, that are no secrets although a rule says so. A credential never is kept.
        rules: Functions from interaction to interaction, applied last and in order to what is redacted already.

    Example:
        >>> redaction = Redaction(names=("pin",), keep=frozenset({"public_key"}))
        >>> redaction.value({"PIN": "1234", "public_key": "AAAA", "token": "t"})
        {'PIN': '***', 'public_key': 'AAAA', 'token': '***'}
    """

    names: tuple[str, ...] = ()
    values: tuple[str, ...] = field(default=(), repr=False)
    keep: frozenset[str] = frozenset()
    rules: tuple[Callable[[Interaction], Interaction], ...] = ()

    @functools.cached_property
    def _secrets(self) -> dict[str, Secret]:
        """Every secret seen so far: a later answer may tell of an earlier caller."""
        return {"": Secret(*self.values)} if self.values else {}

    @functools.cached_property
    def _redacted_headers(self) -> dict[tuple[tuple[tuple[str, str], ...], frozenset[str]], Headers]:
        """Those seen lately: most requests, and most answers of a second, have the same."""
        return {}

    @functools.cached_property
    def _says(self) -> re.Pattern[str]:
        return re.compile("|".join((*_NAMES, *map(re.escape, self.names))), re.IGNORECASE)

    @functools.cached_property
    def _signs(self) -> re.Pattern[str]:
        return re.compile("|".join((self._says.pattern, *_SIGNS)), re.IGNORECASE)

    @functools.cached_property
    def _parts_of_names(self) -> tuple[bytes, ...]:
        return tuple(part.lower().encode("utf-8", "surrogatepass") for part in (*_NAMES, *self.names))

    def __reduce__(self) -> tuple[Any, ...]:
        return Redaction, (self.names, self.values, self.keep, self.rules)

    def interaction(self, interaction: Interaction) -> Interaction:
        """The interaction without secrets."""
        request, outcome = self.request(interaction.request), interaction.outcome
        if isinstance(outcome, Response):
            outcome = Response(outcome.status, self._headers(outcome.headers), self._body(outcome.body))
        else:
            outcome = anew(outcome, request, self._text)
        redacted = Interaction(request, outcome)
        for rule in self.rules:
            redacted = rule(redacted)
        return redacted

    def request(self, request: Request) -> Request:
        """The request without secrets."""
        if _key(request.headers) not in self._redacted_headers:
            self._learn(request.headers)
        body = in_memory(request).body
        body = self._body(body) if isinstance(body, bytes) else None
        return Request(request.method, self._text(request.url), self._headers(request.headers), body)

    def _learn(self, headers: Headers) -> None:
        """Take note of the credentials of a request."""
        for name in ("authorization", "proxy-authorization"):
            value = headers.get(name)
            if value and value not in self._secrets:
                self._secrets[value] = secret_of(value)
                self._redacted_headers.clear()

    def value(self, value: Any) -> Any:
        """A value of JSON without secrets; the same object where there are none."""
        if isinstance(value, str):
            return self._nested(value)
        if isinstance(value, list):
            items = [self.value(item) for item in value]
            return items if any(new is not old for new, old in zip(items, value, strict=True)) else value
        if isinstance(value, dict):
            members = dict(self._members(value))
            same = len(members) == len(value) and all(
                name in value and members[name] is value[name] for name in members
            )
            return value if same else members
        if isinstance(value, (int, float)) and self._found(str(value).encode()):
            return 0
        return value

    def _members(self, value: dict[str, Any]) -> Iterator[tuple[str, Any]]:
        # A list of environment variables, each with its name beside its value.
        named = value.get("name", value.get("key"))
        tells = isinstance(named, str) and self._is_secret(named)
        for name, member in value.items():
            # The name of a variable is none, although "key" says so.
            if name == "key" and "value" in value:
                yield name, self.value(member)
            elif self._is_secret(name) or (tells and name == "value"):
                yield self._text(name), _hidden(member)
            else:
                yield self._text(name), self.value(member)

    def _nested(self, text: str) -> str:
        """A string, which may be JSON of its own."""
        if text[:1] not in ("{", "[") or len(text) == 1:
            return self._text(text)
        data = text.encode("utf-8", "surrogatepass")
        if not too_deep(data):
            with contextlib.suppress(ValueError, RecursionError):
                inner = json.loads(text)
                redacted = self.value(inner)
                return text if redacted is inner else encoded(redacted, style_of(data)).decode()
        return self._text(self._unwalked(text))

    def _unwalked(self, text: str) -> str:
        """JSON that is cut off, or nested too deep."""
        return scanned(text, self._is_secret, self._nested, HIDDEN)[0]

    def _is_secret(self, name: str) -> bool:
        lower = name.lower()
        return lower not in _PAGES and lower not in self.keep and bool(self._says.search(lower))

    def _found(self, data: bytes) -> bool:
        return any([secret.found(data) for secret in tuple(self._secrets.values())])  # noqa: C419 - it is faster

    def _text(self, text: str) -> str:
        if "=" in text:
            text = _QUERY.sub(self._pair, text)
        if "@" in text and "://" in text:
            text = _USERINFO.sub(f"://{HIDDEN}@", text)
        if self._found(text.encode("utf-8", "surrogatepass")):
            for secret in tuple(self._secrets.values()):
                text = secret.redact(text)
        return text

    def _pair(self, match: re.Match[str]) -> str:
        name = unquote_plus(match[2])
        lower = name.removeprefix("amp;").lower()
        hide = lower not in _PAGES and lower not in self.keep and self._signs.search(lower)
        return f"{match[1]}{match[2]}={HIDDEN}" if hide else match[0]

    def _headers(self, headers: Headers) -> Headers:
        key = _key(headers)
        redacted = self._redacted_headers.get(key)
        if redacted is None:
            # What an endpoint declares as secret, whatever it is called.
            declared = headers.secret - self.keep
            redacted = Headers(
                tuple(
                    (name, HIDDEN if name.lower() in declared or self._is_secret(name) else self._text(value))
                    for name, value in headers.pairs
                )
            )
            if len(self._redacted_headers) >= _REMEMBERED:
                self._redacted_headers.clear()
            self._redacted_headers[key] = redacted
        return redacted

    def _body(self, body: bytes) -> bytes:
        if not body:
            return body
        if b"\0" in body and (wide := json.detect_encoding(body)) != "utf-8":
            # JSON may be in UTF-16 and UTF-32 too.
            before = body.decode(wide, "ignore").encode()
            after = self._body(before)
            return body if after == before else after.decode().encode(wide)
        if b"\\" not in body and b"=" not in body and b"://" not in body and not self._says_secret(body):
            return body
        may_be_json = body.lstrip()[:1] in (b"{", b"[", b'"')
        if may_be_json and not too_deep(body):
            try:
                value = json.loads(body)
                redacted = self.value(value)
                return body if redacted is value else encoded(redacted, style_of(body))
            except (ValueError, RecursionError):
                pass
        try:
            text, encoding = body.decode(), "utf-8"
        except UnicodeDecodeError:
            text, encoding = body.decode("latin-1"), "latin-1"
        if may_be_json:
            text = self._unwalked(text)
        return self._foreign(text).encode(encoding)

    def _says_secret(self, body: bytes) -> bool:
        """Whether a closer look is worth its time: it holds what may be part of a name, or a secret itself."""
        lower = body.lower()
        for part in self._parts_of_names:
            if part in lower:
                return True
        return self._found(body)

    def _foreign(self, text: str) -> str:
        """A body that is no JSON: a form, one of several parts, JSON that was cut off."""
        if "=" in text and not re.search(r"\s", text):
            text = _FORM.sub(self._pair, text)
        text = self._containers(_MEMBER.sub(self._after_name, text))
        if "\n" in text and "name=" in text:
            text = _PART.sub(self._after_name, text)
        return self._text(text)

    def _containers(self, text: str) -> str:
        """Blot out objects and arrays whose name says that they are secret."""
        parts: list[str] = []
        end = 0
        for match in _OPENING.finditer(text):
            if match.end() > end and self._is_secret(_named(match[1])):
                blotted, after = scanned(text, self._is_secret, str, HIDDEN, start=match.end(), secret=True)
                parts += text[end : match.end()], blotted
                end = after
        return "".join(parts) + text[end:]

    def _after_name(self, match: re.Match[str]) -> str:
        if not self._is_secret(_named(match[2])):
            return match[0]
        return match[1] + (f'"{HIDDEN}"' if match[3].startswith('"') else HIDDEN)


def _named(text: str) -> str:
    """A name as JSON reads it: any of its characters may be escaped."""
    with contextlib.suppress(ValueError):
        return str(json.loads(f'"{text}"'))
    return text


def _key(headers: Headers) -> tuple[tuple[tuple[str, str], ...], frozenset[str]]:
    return headers.pairs, headers.secret


def _hidden(value: Any) -> Any:
    """What stands in the place of a secret: of the same type, so that a schema still holds."""
    if isinstance(value, str):
        return HIDDEN if value else value
    if isinstance(value, dict):
        return {name: _hidden(member) for name, member in value.items()}
    if isinstance(value, list):
        return [_hidden(item) for item in value]
    return value if value is None or isinstance(value, bool) else type(value)(0)
