"""The file of a cassette, version 1: how it is read, checked, and written while a recording is going on.

Nothing that a file names is imported or executed. While recording, the file to be stands beside the cassette with
``.partial`` at its end, complete but for its last line: each interaction is one append, so what is there when the
process is killed is there afterwards. Closing adds the last line and renames it.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import functools
import json
import os
import re
import secrets
from collections.abc import Callable, Iterable, Iterator
from json.encoder import encode_basestring
from pathlib import Path
from typing import IO, Any, NoReturn

from abeja_run.cassettes.bodies import STYLES, decoded, encoded
from abeja_run.cassettes.interaction import FAULTS, Interaction, by_name
from abeja_run.exceptions import CassetteError, InvalidResponse, TransportError
from abeja_run.messages import Headers, Request, Response

try:
    import fcntl
except ImportError:  # a system without it: two recordings of one cassette are then not told apart
    fcntl = None  # type: ignore[assignment]

__all__ = ["FORMAT", "MAX_FILE", "VERSION", "PartialFile", "Raw", "load", "partial_path", "read", "save", "write_whole"]

FORMAT = "abeja_run cassette"
VERSION = 1
#: The most bytes of a cassette that is read; a larger one is a mistake, or an attack on the memory.
MAX_FILE = 1024 * 1024 * 1024
_HEAD = f'{{"format": "{FORMAT}", "version": {VERSION}, "interactions": [\n'
_TAIL = "\n]}\n"
_SEPARATOR = ",\n"
#: A container that is written shorter than this stays on its line.
_LINE = 100
#: Text as JSON says it.
_string: Callable[[str], str] = encode_basestring
_METHOD = re.compile(r"[A-Z]{1,20}")

#: An interaction as it stands in the file, checked.
Raw = dict[str, Any]


def load(path: str | os.PathLike[str]) -> list[Interaction]:
    """The interactions of a cassette, in recorded order.

    Raises:
        CassetteError: There is no such file, or it is damaged, foreign or too large; the text names the place.
    """
    return [interaction_of(raw) for raw in read(Path(path))]


def save(path: str | os.PathLike[str], interactions: Iterable[Interaction]) -> None:
    """Write a cassette, replacing one of that name as a whole. What it is given must be redacted already.

    Raises:
        CassetteError: It cannot be written; what was there is still there.
    """

    def pieces() -> Iterator[bytes]:
        yield _HEAD.encode()
        for number, interaction in enumerate(interactions):
            yield (_SEPARATOR if number else "").encode() + _bytes_to_write(interaction)
        yield _TAIL.encode()

    write_whole(Path(path), pieces())


def write_whole(path: Path, pieces: Iterable[bytes]) -> None:
    """Write a file that appears when it is whole, in place of one that was there.

    Until then it has a name that nobody takes for a recording: one that is killed here leaves nothing to go on with.

    Raises:
        CassetteError: It cannot be written; what was there is still there.
    """
    part = path.with_name(f".{path.name[:80]}.{secrets.token_hex(4)}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.writelines(pieces)
                file.flush()
                os.fsync(file.fileno())
            part.replace(path)
        except BaseException:
            part.unlink(missing_ok=True)
            raise
    except OSError as error:
        raise CassetteError(f"{path} cannot be written: {error.strerror}") from error


def partial_path(path: Path) -> Path:
    """Where a recording stands while it is going on."""
    return path.with_name(f"{path.name}.partial")


def read(path: Path) -> list[Raw]:
    """The interactions of a file as they stand there, checked; see :func:`load`."""
    try:
        with path.open("rb") as file:
            if os.fstat(file.fileno()).st_size > MAX_FILE:
                raise CassetteError(f"{path} is larger than {MAX_FILE // 1024 // 1024} MiB; no cassette is")
            data = file.read()
    except FileNotFoundError:
        beside = partial_path(path)
        more = f"; {beside.name} is a recording that was cut off: mode 'new' goes on with it" if beside.exists() else ""
        raise CassetteError(f"{path} does not exist{more}") from None
    except OSError as error:
        raise CassetteError(f"{path} cannot be read: {error.strerror}") from error
    try:
        content = json.loads(data.decode(), parse_constant=_no_number)
    except UnicodeDecodeError:
        raise CassetteError(f"{path} is not UTF-8") from None
    except RecursionError:
        raise CassetteError(f"{path} is nested too deeply") from None
    except json.JSONDecodeError as error:
        # Without the cause, which carries the whole document.
        raise CassetteError(f"{path} is not JSON: {error.msg}, line {error.lineno} column {error.colno}") from None
    except ValueError as error:
        raise CassetteError(f"{path} is not JSON: {error}") from None
    return checked(content, path)


def checked(content: object, path: Path) -> list[Raw]:
    """The interactions of a document.

    Raises:
        CassetteError: It is no cassette; the text names the place.
    """
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise CassetteError(f"{path} is not a cassette of abeja_run; 'abeja-run cassette import' reads those of others")
    if content.get("version") != VERSION or isinstance(content["version"], bool):
        raise CassetteError(
            f"{path}: version is {content.get('version')!r:.40}, not {VERSION}; a newer abeja_run may read it"
        )
    interactions = content.get("interactions")
    if not isinstance(interactions, list):
        raise CassetteError(f"{path}: interactions is not a list")
    for number, raw in enumerate(interactions, 1):
        wrong = _wrong(raw)
        if wrong:
            raise CassetteError(f"{path}: interaction {number}: {wrong}")
    return interactions


def _wrong(raw: Any) -> str:
    """What is wrong with an interaction, or an empty string."""
    if not isinstance(raw, dict):
        return "is not an object"
    request = raw.get("request")
    if not isinstance(request, dict):
        return "request is not an object"
    method, url = request.get("method"), request.get("url")
    if not (isinstance(method, str) and _METHOD.fullmatch(method)):
        return "request.method is not an HTTP method in capitals"
    if not (isinstance(url, str) and url.startswith(("http://", "https://"))):
        return "request.url is not an address"
    wrong = _wrong_message(request, "request")
    if wrong:
        return wrong
    response, fault = raw.get("response"), raw.get("fault")
    if (response is None) is (fault is None):
        return "has not either a response or a fault"
    if fault is not None:
        return _wrong_fault(fault)
    if not isinstance(response, dict):
        return "response is not an object"
    status = response.get("status")
    if not isinstance(status, int) or isinstance(status, bool) or not 100 <= status <= 599:
        return "response.status is not a number from 100 to 599"
    return _wrong_message(response, "response")


def _wrong_message(message: dict[str, Any], place: str) -> str:
    headers = message.get("headers")
    if headers is not None:
        if not isinstance(headers, dict):
            return f"{place}.headers is not an object"
        for name, value in headers.items():
            values = value if isinstance(value, list) else (value,)
            if not all(isinstance(one, str) for one in values):
                return f"{place}.headers.{name} is neither a string nor a list of strings"
    body = message.get("body")
    return "" if body is None else _wrong_body(body, f"{place}.body")


def _wrong_body(body: Any, place: str) -> str:
    kinds = [kind for kind in ("json", "text", "base64") if kind in body] if isinstance(body, dict) else []
    if len(kinds) != 1:
        return f"{place} is not one of json, text and base64"
    if kinds == ["json"]:
        style = body.get("style", "")
        return (
            ""
            if isinstance(style, str) and style in STYLES
            else f"{place}.style is not one of {', '.join(filter(None, STYLES))}"
        )
    content = body[kinds[0]]
    if not isinstance(content, str):
        return f"{place}.{kinds[0]} is not a string"
    try:
        base64.b64decode(content, validate=True) if kinds == ["base64"] else content.encode()
    except (binascii.Error, ValueError):
        return f"{place}.{kinds[0]} is not {'base64' if kinds == ['base64'] else 'text that UTF-8 can say'}"
    return ""


def _wrong_fault(fault: Any) -> str:
    if not isinstance(fault, dict):
        return "fault is not an object"
    kind = fault.get("kind")
    if not isinstance(kind, str) or kind not in {*FAULTS, InvalidResponse.__name__}:
        return f"fault.kind is not one of {', '.join((*FAULTS, InvalidResponse.__name__))}"
    if not isinstance(fault.get("reason"), str):
        return "fault.reason is not a string"
    status = fault.get("status", 200)
    return (
        "" if type(status) is int and isinstance(fault.get("content_type", ""), str) else "fault.status is not a number"
    )


def _no_number(text: str) -> NoReturn:
    raise ValueError(f"{text} is no number of JSON")


def request_of(raw: Raw) -> Request:
    """The request of an interaction."""
    part = raw["request"]
    return Request(part["method"], part["url"], _headers_of(part), _bytes_of(part.get("body")))


def outcome_of(raw: Raw) -> Response | TransportError | InvalidResponse:
    """What became of the request of an interaction."""
    part = raw.get("response")
    if part is not None:
        return Response(part["status"], _headers_of(part), _bytes_of(part.get("body")) or b"")
    part = raw["fault"]
    if part["kind"] == InvalidResponse.__name__:
        status, content_type = part.get("status", 200), part.get("content_type", "")
        return InvalidResponse(
            part["reason"], status_code=status, content_type=content_type, body="", url=raw["request"]["url"]
        )
    return FAULTS[part["kind"]](part["reason"], method=raw["request"]["method"], url=raw["request"]["url"])


def interaction_of(raw: Raw) -> Interaction:
    """An interaction from what stands in the file."""
    return Interaction(request_of(raw), outcome_of(raw))


def _headers_of(part: dict[str, Any]) -> Headers:
    return Headers(
        tuple(
            (name, one)
            for name, value in (part.get("headers") or {}).items()
            for one in (value if isinstance(value, list) else (value,))
        )
    )


def _bytes_of(body: dict[str, Any] | None) -> bytes | None:
    if body is None:
        return None
    if "json" in body:
        return encoded(body["json"], body.get("style", ""))
    if "text" in body:
        text: str = body["text"]
        return text.encode()
    return base64.b64decode(body["base64"])


def _bytes_to_write(interaction: Interaction) -> bytes:
    """An interaction as it is written, the same way every time."""
    request, outcome = interaction.request, interaction.outcome
    parts = [
        f'"method": {_string(request.method)}, "url": {_string(request.url)}',
        _headers_text(request.headers.pairs),
    ]
    if isinstance(request.body, bytes):
        parts.append(f'"body": {_body_text(request.body)}')
    text = f'{{"request": {{\n  {_lines(parts)}}},\n '
    if isinstance(outcome, Response):
        parts = [f'"status": {outcome.status}', _headers_text(outcome.headers.pairs)]
        if outcome.body:
            parts.append(f'"body": {_body_text(outcome.body)}')
        text += f'"response": {{{_lines(parts)}}}}}'
    else:
        text += f'"fault": {_pretty(_fault_of(outcome), "  ")}}}'
    # Half of a surrogate pair, which UTF-8 cannot say, becomes the escape that JSON has for it.
    return text.encode("utf-8", "backslashreplace")


def _fault_of(outcome: TransportError | InvalidResponse) -> dict[str, Any]:
    if isinstance(outcome, InvalidResponse):
        told = {"status": outcome.status_code, "content_type": outcome.content_type}
        return {"kind": InvalidResponse.__name__, "reason": outcome.reason, **told}
    # One of a caller's own transport is kept as what it is to everybody else.
    kind = next(name for name, kind in FAULTS.items() if isinstance(outcome, kind))
    return {"kind": kind, "reason": outcome.reason}


def _lines(parts: list[str]) -> str:
    return ",\n  ".join(part for part in parts if part)


@functools.lru_cache(256)
def _headers_text(pairs: tuple[tuple[str, str], ...]) -> str:
    if not pairs:
        return ""
    members = {name: values[0] if len(values) == 1 else values for name, values in by_name(pairs).items()}
    return f'"headers": {_pretty(members, "   ")}'


def _body_text(body: bytes) -> str:
    value = decoded(body)
    if value is not None:
        style = f', "style": {_string(value[1])}' if value[1] else ""
        return f'{{"json": {_pretty(value[0], "   ")}{style}}}'
    try:
        return f'{{"text": {_string(body.decode())}}}'
    except UnicodeDecodeError:
        return f'{{"base64": {_string(base64.b64encode(body).decode("ascii"))}}}'


def _pretty(value: Any, indent: str) -> str:
    """JSON of which a container stays on its line while it is short, and else has a line for each member."""
    if type(value) is str:
        return _string(value)
    if not value or not isinstance(value, (dict, list)):
        return STYLES["unicode"].encode(value)
    inner = indent + " "
    if isinstance(value, dict):
        parts = [f"{_string(name)}: {_pretty(member, inner)}" for name, member in value.items()]
        opening, closing = "{", "}"
    else:
        parts = [_pretty(item, inner) for item in value]
        opening, closing = "[", "]"
    if sum(map(len, parts)) + 2 * len(parts) <= _LINE:
        return f"{opening}{', '.join(parts)}{closing}"
    return f"{opening}\n{inner}" + f",\n{inner}".join(parts) + closing


class PartialFile:
    """A cassette that is being written; not shared by threads.

    Args:
        path: The cassette to be.
        resume: Whether to go on with a recording that was cut off, or else with the cassette that is there.
    """

    def __init__(self, path: Path, *, resume: bool) -> None:
        self.path = path
        self._place = partial_path(path)
        self._resume = resume
        self._file: IO[bytes] | None = None
        self._count = 0
        self._size = 0

    def kept(self) -> list[Raw]:
        """What a recording that resumes has already: that of one that was cut off, else that of the cassette."""
        if self._resume and self._place.exists():
            return self._cut_off()[0]
        return read(self.path) if self._resume and self.path.exists() else []

    def open(self) -> None:
        """Take the place for this process.

        Raises:
            CassetteError: It cannot be written, or another process is recording there.
        """
        with self._told():
            self.path.parent.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(self._place, os.O_RDWR | os.O_CREAT, 0o600)
            self._file = os.fdopen(descriptor, "r+b", buffering=0)
            if fcntl is not None:
                try:
                    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except OSError:
                    self._file.close()
                    self._file = None
                    raise CassetteError(f"{self.path} is being recorded by another process") from None
            if self._resume and os.fstat(descriptor).st_size:
                found, self._size = self._cut_off()
                self._count = len(found)
                self._file.truncate(self._size)
                self._file.seek(self._size)
            if not self._size:
                self._file.truncate(0)
                self._write(_HEAD.encode())
                if self._resume and self.path.exists():
                    for raw in read(self.path):
                        self.append(interaction_of(raw))

    def _cut_off(self) -> tuple[list[Raw], int]:
        """The whole interactions of a recording that was cut off, and where they end, in bytes."""
        data = self._place.read_bytes()
        if not data.startswith(_HEAD.encode()):
            return [], 0
        text = data.decode("utf-8", "surrogateescape")
        found: list[Raw] = []
        decode, end, at = json.JSONDecoder().raw_decode, len(_HEAD), len(_HEAD)
        with contextlib.suppress(ValueError, RecursionError):
            while True:
                raw, end_of_this = decode(text, at)
                if _wrong(raw):
                    break
                found.append(raw)
                end = end_of_this
                at = end + len(_SEPARATOR)
                if text[end:at] != _SEPARATOR:
                    break
        return found, len(text[:end].encode("utf-8", "surrogateescape"))

    def append(self, interaction: Interaction) -> None:
        """Write one interaction, whole.

        Raises:
            CassetteError: It cannot be written; what was written before is still there.
        """
        data = _bytes_to_write(interaction)
        self._write(_SEPARATOR.encode() + data if self._count else data)
        self._count += 1

    def _write(self, data: bytes) -> None:
        file = self._file
        assert file is not None  # noqa: S101 - opened before
        with self._told():
            left = memoryview(data)
            try:
                while left:
                    left = left[file.write(left) :]
            except OSError:
                # A part of it must not stand in front of the next one.
                file.truncate(self._size)
                file.seek(self._size)
                raise
        self._size += len(data)

    def finish(self) -> None:
        """Put the cassette in its place, as a whole.

        Raises:
            CassetteError: It cannot be written; the recording is kept beside it.
        """
        if self._file is None:
            return
        self._write(_TAIL.encode())
        with self._told(), self._file as file:
            os.fsync(file.fileno())
            self._place.replace(self.path)
        self._file = None

    def discard(self) -> None:
        """Leave everything as it was before."""
        if self._file is not None:
            self._place.unlink(missing_ok=True)
            self._file.close()
            self._file = None

    @property
    def empty(self) -> bool:
        """Whether nothing has been recorded."""
        return not self._count

    @contextlib.contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise CassetteError(f"{self._place} cannot be written: {error.strerror}") from error
