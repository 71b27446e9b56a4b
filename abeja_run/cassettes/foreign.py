"""The cassettes of vcrpy and cassetter: read, and for vcrpy written.

Nothing that a file names is executed: YAML is read as a stream of events, from which only objects, lists and scalars
are built. What comes out is not redacted; whoever writes it does that.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import http.client
import json
import os
import re
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from abeja_run.cassettes.file import write_whole
from abeja_run.cassettes.interaction import Interaction, by_name
from abeja_run.exceptions import CassetteError, MissingExtra
from abeja_run.messages import Headers, Request, Response

__all__ = ["MAX_FOREIGN", "export_vcrpy", "import_foreign"]

#: The most bytes of a foreign file, and of a body that is unpacked: reading YAML takes many times its size.
MAX_FOREIGN = 100 * 1024 * 1024
_DEEPEST = 100
_TAG = "tag:yaml.org,2002:"
_PLAIN_TAGS = frozenset(
    {None, "!", *(f"{_TAG}{name}" for name in ("str", "int", "float", "bool", "null", "map", "seq"))}
)
_INTEGER = re.compile(r"[-+]?\d{1,4000}")
_FLOAT = re.compile(r"[-+]?(?:\.\d+|\d+(?:\.\d*)?)(?:[eE][-+]?\d+)?")
#: What is no longer true of a body that has been unpacked.
_OF_THE_WIRE = frozenset({"content-encoding", "content-length", "transfer-encoding"})


class _Plain(str):
    """A scalar without quotes, which may be a number where a number is wanted."""

    __slots__ = ()


def import_foreign(path: str | os.PathLike[str]) -> list[Interaction]:
    """The interactions of a file that vcrpy (YAML or JSON) or cassetter (YAML) has written, in its order.

    Bodies that were packed by gzip or deflate are unpacked. Nothing is redacted.

    Raises:
        CassetteError: It cannot be read, is too large or no such file; the text names the place.
        MissingExtra: It is YAML, and PyYAML is not installed.

    Example:
        >>> import tempfile
        >>> interaction = Interaction(Request("GET", "http://127.0.0.1/runs"), Response(200, body=b"[]"))
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     export_vcrpy(f"{folder}/runs.json", [interaction])
        ...     [str(one) for one in import_foreign(f"{folder}/runs.json")]
        0
        ['GET http://127.0.0.1/runs: 200']
    """
    path = Path(path)
    content = _content(path)
    if isinstance(content, dict) and str(content.get("format", "")).startswith("abeja_run"):
        raise CassetteError(f"{path} is a cassette of abeja_run already")
    for other in ("grpc_interactions", "ws_interactions"):
        if isinstance(content, dict) and content.get(other):
            raise CassetteError(f"{path}: {other}: only HTTP can be imported")
    interactions = content.get("interactions") if isinstance(content, dict) else None
    if not isinstance(interactions, list):
        raise CassetteError(f"{path} is neither of vcrpy nor of cassetter: it has no list of interactions")
    if str(content.get("version", 1)) != "1":
        raise CassetteError(f"{path}: version is {str(content.get('version'))[:40]!r}, not 1")
    found = [_Place(path, number).interaction(raw) for number, raw in enumerate(interactions, 1)]
    if all("recorded_at" in raw for raw in interactions):
        # cassetter sorts what it writes; a poll must play in the order in which it went.
        times = [str(raw["recorded_at"]) for raw in interactions]
        found = [found[at] for at in sorted(range(len(found)), key=times.__getitem__)]
    return found


def export_vcrpy(path: str | os.PathLike[str], interactions: Iterable[Interaction]) -> int:
    """Write a file that vcrpy reads, replacing one of that name as a whole: JSON where it ends so, else YAML.

    Args:
        path: The file to be.
        interactions: What was recorded, redacted.

    Returns:
        How many were left out: vcrpy has no word for a fault.

    Raises:
        CassetteError: It cannot be written; or it is to be JSON, and a body is not text.
        MissingExtra: It is to be YAML, and PyYAML is not installed.
    """
    path = Path(path)
    kept, left_out = [], 0
    for number, interaction in enumerate(interactions, 1):
        request, outcome = interaction.request, interaction.outcome
        if not isinstance(outcome, Response):
            left_out += 1
            continue
        asked = _text(request.body) if isinstance(request.body, bytes) else None
        answered = _text(outcome.body)
        if path.suffix == ".json" and (isinstance(asked, bytes) or isinstance(answered, bytes)):
            raise CassetteError(f"interaction {number} has a body that is not text; vcrpy keeps those in YAML only")
        # vcrpy hands bodies over unpacked, and urllib3 would count and unpack them.
        headers = [pair for pair in outcome.headers.pairs if pair[0].lower() not in _OF_THE_WIRE]
        kept.append(
            {
                "request": {
                    "method": request.method,
                    "uri": request.url,
                    "body": asked,
                    "headers": by_name(request.headers.pairs),
                },
                "response": {
                    "status": {
                        "code": outcome.status,
                        "message": http.client.responses.get(outcome.status, ""),
                    },
                    "headers": by_name(headers),
                    "body": {"string": answered},
                },
            }
        )
    content = {"version": 1, "interactions": kept}
    if path.suffix == ".json":
        text = json.dumps(content, indent=4) + "\n"
    else:
        yaml = _yaml()
        text = yaml.dump(content, Dumper=getattr(yaml, "CSafeDumper", yaml.SafeDumper), sort_keys=False)
    write_whole(path, [text.encode()])
    return left_out


def _text(body: bytes) -> str | bytes:
    try:
        return body.decode()
    except UnicodeDecodeError:
        return body


def _yaml() -> Any:
    try:
        import yaml  # noqa: PLC0415 - an optional extra
    except ImportError as error:
        raise MissingExtra("cassettes in YAML need PyYAML: pip install 'abeja-run[cassettes]'") from error
    return yaml


def _content(path: Path) -> Any:
    """What a file says, as objects, lists, strings, bytes and, from JSON, numbers."""
    try:
        with path.open("rb") as file:
            data = file.read(MAX_FOREIGN + 1)
    except OSError as error:
        raise CassetteError(f"{path} cannot be read: {error.strerror}") from error
    if len(data) > MAX_FOREIGN:
        raise CassetteError(f"{path} is larger than {MAX_FOREIGN // 1024 // 1024} MiB")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise CassetteError(f"{path} is not UTF-8") from None
    if text.lstrip()[:1] == "{":
        try:
            return json.loads(text)
        except RecursionError:
            raise CassetteError(f"{path} is nested too deeply") from None
        except ValueError:
            pass  # YAML may begin so too
    yaml = _yaml()
    try:
        events = yaml.parse(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
        return _Document(yaml, len(text), path).of(events)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f", line {mark.line + 1} column {mark.column + 1}" if mark else ""
        raise CassetteError(f"{path} is not YAML: {getattr(error, 'problem', None) or 'no text'}{where}") from None


class _Document:
    """The document of a stream of YAML's events.

    Every alias is weighed by all that it stands for, so that a small file cannot say much.
    """

    def __init__(self, yaml: Any, size: int, path: Path) -> None:
        self._yaml = yaml
        self._path = path
        self._heaviest = 10 * size + 1_000_000
        self._top: list[Any] = []
        self._open = [_Open(self._top, None)]
        self._anchors: dict[str, tuple[Any, int]] = {}

    def of(self, events: Iterable[Any]) -> Any:
        """The document; None where there is none."""
        yaml = self._yaml
        for event in events:
            if isinstance(event, yaml.CollectionStartEvent):
                self._begin(event)
            elif isinstance(event, yaml.ScalarEvent):
                value = self._scalar(event)
                self._take(event, value, 1 + len(value), event.anchor)
            elif isinstance(event, yaml.CollectionEndEvent):
                done = self._open.pop()
                self._take(event, done.value, done.weight, done.anchor)
            elif isinstance(event, yaml.AliasEvent):
                if event.anchor not in self._anchors:
                    raise self._wrong(event, f"nothing before the alias {event.anchor[:40]} is whole and called so")
                self._take(event, *self._anchors[event.anchor], None)
            elif isinstance(event, yaml.DocumentStartEvent) and self._top:
                raise self._wrong(event, "there is a second document")
        return self._top[0] if self._top else None

    def _wrong(self, event: Any, what: str) -> CassetteError:
        return CassetteError(f"{self._path}: line {event.start_mark.line + 1}: {what}")

    def _begin(self, event: Any) -> None:
        if event.tag not in _PLAIN_TAGS:
            raise self._refused(event)
        if len(self._open) > _DEEPEST:
            raise self._wrong(event, "it is nested too deeply")
        self._open.append(_Open({} if isinstance(event, self._yaml.MappingStartEvent) else [], event.anchor))

    def _refused(self, event: Any) -> CassetteError:
        return self._wrong(event, f"the tag {event.tag[:100]} is refused: it asks for more than data")

    def _scalar(self, event: Any) -> str | bytes:
        if event.tag == f"{_TAG}binary":
            try:
                return base64.b64decode(re.sub(r"\s", "", event.value), validate=True)
            except ValueError:
                raise self._wrong(event, "binary is not base64") from None
        if event.tag not in _PLAIN_TAGS:
            raise self._refused(event)
        quoted = event.tag in ("!", f"{_TAG}str") or (event.tag is None and not event.implicit[0])
        return str(event.value) if quoted else _Plain(event.value)

    def _take(self, event: Any, value: Any, weight: int, anchor: str | None) -> None:
        if anchor:
            self._anchors[anchor] = value, weight
        around = self._open[-1]
        if not around.take(value, weight):
            raise self._wrong(event, "a key is not text")
        if around.weight > self._heaviest:
            raise self._wrong(event, "aliases make it too large")


class _Open:
    """An object or a list whose end has not come yet."""

    def __init__(self, value: Any, anchor: str | None) -> None:
        self.value = value
        self.anchor = anchor
        self.weight = 1
        self._key: str | None = None

    def take(self, value: Any, weight: int) -> bool:
        """Add what comes next; whether it can stand there."""
        self.weight += weight
        if isinstance(self.value, list):
            self.value.append(value)
        elif self._key is not None:
            self.value[self._key] = value
            self._key = None
        elif isinstance(value, str):
            self._key = str(value)
        else:
            return False
        return True


def _is_null(value: Any) -> bool:
    return value is None or (isinstance(value, _Plain) and value in ("", "~", "null", "Null", "NULL"))


def _resolved(value: Any) -> Any:
    """A value of JSON from YAML, where only quotes tell text from numbers."""
    if isinstance(value, dict):
        return {name: _resolved(member) for name, member in value.items()}
    if isinstance(value, list):
        return [_resolved(item) for item in value]
    if not isinstance(value, _Plain):
        return value
    if _is_null(value):
        return None
    if value.lower() in ("true", "false"):
        return value.lower() == "true"
    if _INTEGER.fullmatch(value):
        return int(value)
    if _FLOAT.fullmatch(value):
        return float(value)
    return str(value)


class _Place:
    """Reads one interaction, and can say where something is wrong."""

    def __init__(self, path: Path, number: int) -> None:
        self._told = f"{path}: interaction {number}"

    def wrong(self, what: str) -> CassetteError:
        return CassetteError(f"{self._told}: {what}")

    def interaction(self, raw: Any) -> Interaction:
        request, response = (raw.get("request"), raw.get("response")) if isinstance(raw, dict) else (None, None)
        if not isinstance(request, dict):
            raise self.wrong("request is not an object")
        if not isinstance(response, dict):
            raise self.wrong("response is not an object")
        method, url = request.get("method"), request.get("uri")
        if not (isinstance(method, str) and re.fullmatch(r"[A-Za-z]{1,20}", method)):
            raise self.wrong("request.method is not an HTTP method")
        if not (isinstance(url, str) and url.startswith(("http://", "https://"))):
            raise self.wrong("request.uri is not an address")
        body = self._body(request.get("body"), "request.body")
        headers = self._headers(request.get("headers"), "request.headers")
        return Interaction(Request(method.upper(), str(url), headers, body), self._response(response))

    def _response(self, response: dict[str, Any]) -> Response:
        status = response.get("status")
        code = status.get("code") if isinstance(status, dict) else status
        if isinstance(code, bool) or not re.fullmatch(r"[1-5]\d\d", str(code)):
            raise self.wrong("response.status is not a number from 100 to 599")
        headers = self._headers(response.get("headers"), "response.headers")
        body = self._body(response.get("body"), "response.body") or b""
        if "content-encoding" in headers:
            body = self._unpacked(body, headers["content-encoding"])
            headers = Headers(tuple(pair for pair in headers.pairs if pair[0].lower() not in _OF_THE_WIRE))
        return Response(int(str(code)), headers, body)

    def _headers(self, headers: Any, place: str) -> Headers:
        if _is_null(headers):
            return Headers()
        if not isinstance(headers, dict):
            raise self.wrong(f"{place} is not an object")
        pairs = []
        for name, value in headers.items():
            for one in value if isinstance(value, list) else [value]:
                if isinstance(one, bytes):
                    one = one.decode("latin-1")  # noqa: PLW2901 - the same value as text
                if not isinstance(one, (str, int, float)):
                    raise self.wrong(f"{place}.{name[:100]} is neither a string nor a list of strings")
                pairs.append((name, str(one)))
        return Headers(tuple(pairs))

    def _body(self, body: Any, place: str) -> bytes | None:
        if isinstance(body, dict):
            if "type" in body:
                return self._typed_body(body, place)
            if "base64_string" in body:
                return self._decoded(base64.b64decode, body["base64_string"], f"{place}.base64_string", "base64")
            body = body.get("string")
        if _is_null(body):
            return None
        if isinstance(body, bytes):
            return body
        if isinstance(body, str):
            return self._encoded(body, place)
        raise self.wrong(f"{place} is not text")

    def _typed_body(self, body: dict[str, Any], place: str) -> bytes | None:
        """A body as cassetter keeps it."""
        kind, content = body["type"], body.get("content")
        if kind == "none":
            return None
        if kind == "json":
            try:
                text = json.dumps(_resolved(content), separators=(",", ":"), ensure_ascii=False)
            except TypeError:
                raise self.wrong(f"{place}.content has a part that JSON has no word for") from None
            # Half of a surrogate pair is escaped, as JSON does.
            return text.encode("utf-8", "backslashreplace")
        if kind == "text" and isinstance(content, str):
            return self._encoded(content, f"{place}.content")
        if kind == "binary":
            return self._decoded(bytes.fromhex, content, f"{place}.content", "hexadecimal")
        raise self.wrong(f"{place}.type is not one of json, text, binary and none")

    def _encoded(self, text: str, place: str) -> bytes:
        try:
            return text.encode()
        except UnicodeEncodeError:
            raise self.wrong(f"{place} is not text that UTF-8 can say") from None

    def _decoded(self, decode: Any, text: Any, place: str, what: str) -> bytes:
        try:
            return bytes(decode(text if isinstance(text, bytes) else str(text)))
        except (ValueError, binascii.Error):
            raise self.wrong(f"{place} is not {what}") from None

    def _unpacked(self, body: bytes, encodings: str) -> bytes:
        for encoding in reversed([name.strip().lower() for name in encodings.split(",")]):
            body = self._unpacked_once(body, encoding)
        return body

    def _unpacked_once(self, body: bytes, encoding: str) -> bytes:
        """The body without one encoding; both tools keep some bodies that they have unpacked themselves."""
        for window in {"gzip": (31,), "x-gzip": (31,), "deflate": (15, -15)}.get(encoding, ()):
            unpack = zlib.decompressobj(window)
            with contextlib.suppress(zlib.error):
                plain = unpack.decompress(body, MAX_FOREIGN + 1)
                if len(plain) > MAX_FOREIGN:
                    raise self.wrong(f"response.body unpacks to more than {MAX_FOREIGN // 1024 // 1024} MiB")
                if unpack.eof:
                    return plain
        if encoding != "identity" and isinstance(_text(body), bytes):
            raise self.wrong(f"response.body cannot be unpacked: it is not {encoding[:40]}, or that is not known here")
        return body
