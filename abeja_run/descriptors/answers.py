"""The answers of a service, as an endpoint declares them; a schema alone declares a JSON object.

A further kind of answer is a further subclass: nothing else has to know it.
"""

from __future__ import annotations

import contextlib
import functools
import json
import math
import uuid
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from email.message import Message
from pathlib import Path
from typing import IO, Any

import marshmallow
from marshmallow import Schema, fields

from abeja_run.descriptors.parameters import Parameter, of_field
from abeja_run.exceptions import BodyError
from abeja_run.fields import HeaderFamily, LocalPath, PercentEncoded, about
from abeja_run.messages import Response, Sink
from abeja_run.values import in_order

__all__ = ["Answer", "ArrayOf", "Download", "Downloaded", "InHeaders", "JSONAnswer", "NoContent", "Text"]


class Answer(ABC):
    """What a good answer brings.

    Attributes:
        accept: The media types that are asked for.
        annotation: The type of a call's result.
        description: What the result is, a sentence for the documentation.
        place: Where the result stands: ``body`` or ``headers``; empty where there is none.
        field: Where the result is what JSON may say, the marshmallow field that describes it; else None.
        parameters: The arguments of the call that say what becomes of the answer.
    """

    accept: str = "application/json"
    annotation: Any = Any
    description: str = ""
    place: str = "body"
    field: fields.Field[Any] | None = None
    parameters: tuple[Parameter, ...] = ()

    @abstractmethod
    def read(self, response: Response, sink: Sink | None) -> Any:
        """The result of the call.

        Args:
            response: A good answer.
            sink: Where its body is, if :meth:`sink` has given one.

        Raises:
            ValueError: It is not what was declared; the text is a sentence about "the answer".
        """

    def sink(self, arguments: Mapping[str, Any], errors: dict[str, str]) -> Sink | None:
        """Where the answer's body is to go; None leaves it in memory."""
        return None

    def mismatches(self, result: Any) -> Mapping[str, Any]:
        """Where a result is not what the schema says."""
        return {}

    def faults(self) -> Iterator[str]:
        """What is wrong with the declaration."""
        yield from ()


class JSONAnswer(Answer):
    """JSON of any kind.

    Args:
        field: What describes it.

    Example:
        >>> JSONAnswer(fields.List(fields.Integer())).read(Response(200, body=b"[1, 2]"), None)
        [1, 2]
    """

    def __init__(self, field: fields.Field[Any]) -> None:
        self.field = field
        kinds: dict[type[Any], tuple[type[Any], ...]] = {
            fields.List: (list,),
            fields.Mapping: (dict,),
            fields.Nested: (dict,),
            fields.String: (str,),
            fields.Boolean: (bool,),
            fields.Number: (int, float),
        }
        self._kinds = next((kinds[cls] for cls in type(field).__mro__ if cls in kinds), (object,))
        kind: Any = self._kinds[-1]
        annotations: dict[Any, Any] = {list: list[Any], dict: dict[str, Any], object: Any}
        self.annotation = annotations.get(kind, kind)
        self.description = str(getattr(field, "metadata", {}).get("description", ""))

    def read(self, response: Response, sink: Sink | None) -> Any:
        """The JSON, unchanged."""
        try:
            result = json.loads(response.body)
        except (ValueError, RecursionError):
            # Without the cause: a decoder's error carries the whole document.
            raise ValueError("the answer is not JSON") from None
        if not isinstance(result, self._kinds):
            told = {list: "array", dict: "object", str: "string", bool: "boolean"}.get(self._kinds[0], "number")
            raise ValueError(f"the answer is not a JSON {told}")  # noqa: TRY004 - it is about a value, not a call
        return result

    def mismatches(self, result: Any) -> Mapping[str, Any]:
        """Where it is not what the field says."""
        assert self.field is not None  # noqa: S101 - for the type checker
        try:
            self.field.deserialize(result)
        except marshmallow.ValidationError as error:
            messages = error.messages
            return messages if isinstance(messages, dict) else {"answer": messages}
        return {}

    def faults(self) -> Iterator[str]:
        """What is wrong with the declaration."""
        if not isinstance(self.field, fields.Field):
            yield f"{self.field!r} is not a marshmallow field"


class ArrayOf(JSONAnswer):
    """A JSON array.

    Args:
        item: The schema of an item, or a field where items are no objects.

    Example:
        >>> ArrayOf(fields.String()).read(Response(200, body=b'["a"]'), None)
        ['a']
    """

    def __init__(self, item: type[Schema] | fields.Field[Any]) -> None:
        self._item = item
        if isinstance(item, fields.Field):
            super().__init__(fields.List(item))
        elif isinstance(item, type) and issubclass(item, Schema):
            super().__init__(fields.List(fields.Nested(item, unknown="include")))

    def faults(self) -> Iterator[str]:
        """What is wrong with the declaration."""
        if self.field is None:
            yield f"{self._item!r} is neither a marshmallow schema class nor a field"


class NoContent(Answer):
    """Nothing, as 204 says; a body that comes all the same is ignored.

    Example:
        >>> NoContent().read(Response(204), None) is None
        True
    """

    annotation = None
    description = "The answer is empty."
    place = ""

    def read(self, response: Response, sink: Sink | None) -> None:
        """Nothing."""


class InHeaders(Answer):
    """What the header fields of an answer say; a body is ignored. All that a ``HEAD`` is answered with.

    Args:
        schema: A field for each header, named on the wire by its ``data_key``; a
            :class:`~abeja_run.fields.HeaderFamily` for all those under one prefix. Numbers, booleans and lists are
            read from their text; anything else is the text, as it came. Headers that are not declared are left out.

    Example:
        >>> class Told(Schema):
        ...     size = fields.Integer(data_key="content-length")
        ...     etag = fields.String()
        >>> InHeaders(Told).read(Response(200, {"Content-Length": "5", "ETag": '"a"', "Server": "s"}), None)
        {'content-length': 5, 'etag': '"a"'}
    """

    accept = "*/*"
    annotation = dict[str, Any]
    place = "headers"

    def __init__(self, schema: type[Schema]) -> None:
        self._schema = schema
        if isinstance(schema, type) and issubclass(schema, Schema):
            self.field = fields.Nested(schema, unknown="exclude")

    def read(self, response: Response, sink: Sink | None) -> dict[str, Any]:
        """What each header says, by its name as it is declared."""
        found = {}
        for name, field in self._declared.items():
            said = _said(field, name, response)
            if said is None:
                continue
            try:
                found[name] = _read(field, said)
            except (ValueError, marshmallow.ValidationError):
                raise ValueError(f"the header {name} of the answer is not what was declared") from None
        return found

    @functools.cached_property
    def _declared(self) -> dict[str, fields.Field[Any]]:
        """The fields by the names of their headers."""
        return {field.data_key or name: field for name, field in in_order(self._schema()).items()}

    def mismatches(self, result: Any) -> Mapping[str, Any]:
        """Where a header is not what its field says, or is missing."""
        wrong: Mapping[str, Any] = self._schema().validate(result)
        return wrong

    def faults(self) -> Iterator[str]:
        """What is wrong with the declaration."""
        if self.field is None:
            yield f"{self._schema!r} is not a marshmallow schema class"
            return
        for name, field in self._declared.items():
            inner = field.inner if isinstance(field, fields.List) else field
            carried = isinstance(field, HeaderFamily) or not isinstance(inner, (fields.Nested, fields.Mapping))
            if not carried or isinstance(inner, fields.List):
                yield f"{name!r} is an object or a list of lists, which a header cannot carry"


def _said(field: fields.Field[Any], name: str, response: Response) -> str | dict[str, str] | None:
    """The text of a header, or those of a family by the rest of their names."""
    if not isinstance(field, HeaderFamily):
        return response.headers.get(name)
    prefix = field.prefix.lower()
    return {key[len(prefix) :]: response.headers[key] for key in response.headers if key.startswith(prefix)} or None


def _read(field: fields.Field[Any], said: Any) -> Any:
    if isinstance(field, fields.List):
        return [_read(field.inner, item.strip()) for item in said.split(",")]
    if isinstance(field, fields.Number):
        number = (int if isinstance(field, fields.Integer) else float)(said)
        if not math.isfinite(number):
            raise ValueError
        return number
    if isinstance(field, (fields.Boolean, HeaderFamily, PercentEncoded)):
        return field.deserialize(said)
    return said


class Text(Answer):
    r"""Text in the encoding that the answer names, or UTF-8.

    Args:
        accept: The media type that is asked for.

    Example:
        >>> Text().read(Response(200, {"content-type": "text/plain; charset=shift_jis"}, b"\x90}"), None)
        '図'
    """

    annotation = str
    description = "The text of the answer."

    def __init__(self, accept: str = "text/plain") -> None:
        self.accept = accept

    def read(self, response: Response, sink: Sink | None) -> str:
        """The text."""
        told = Message()
        told["content-type"] = response.headers.get("content-type", "")
        charset = str(told.get_param("charset") or "utf-8")
        try:
            return response.body.decode(charset)
        except (UnicodeDecodeError, LookupError):
            raise ValueError(f"the answer is not text in {charset[:40]}") from None


@dataclass(frozen=True)
class Downloaded:
    """A file that an answer has become.

    Attributes:
        path: The file.
        size: Its size in bytes.
        content_type: Its media type as the service tells it, or an empty string.
    """

    path: Path
    size: int
    content_type: str


class Download(Answer):
    """Bytes that are written to a file while they come, however many they are.

    The file appears under its name when it is whole, in place of one that was there; until then the bytes are in a
    hidden file beside it.

    Args:
        name: The parameter that says where the file is to be.
        accept: The media type that is asked for.

    Example:
        >>> Download("path").parameters[0].location
        'file'
    """

    annotation = Downloaded
    description = "The file: its path, its size in bytes and its content_type."

    def __init__(self, name: str = "path", accept: str = "*/*") -> None:
        self.accept = accept
        text = "Where the file is to be; it appears there when it is whole."
        self.parameters = (of_field(name, LocalPath(required=True, metadata=about(text)), "file"),)

    def sink(self, arguments: Mapping[str, Any], errors: dict[str, str]) -> Sink | None:
        """The file."""
        name = self.parameters[0].name
        try:
            return FileSink(Path(arguments[name]))
        except TypeError:
            errors[name] = f"{type(arguments[name]).__name__} is not the type of a path"
            return None

    def read(self, response: Response, sink: Sink | None) -> Downloaded:
        """Let the file appear."""
        assert isinstance(sink, FileSink)  # noqa: S101 - made above
        return Downloaded(sink.path, sink.keep(), response.headers.get("content-type", ""))


class FileSink(Sink):
    """A file that appears when it is whole.

    Args:
        path: Where.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._part: Path | None = None
        self._file: IO[bytes] | None = None
        self._ended = False

    def begin(self) -> None:
        """Open an empty hidden file beside the path."""
        self.discard()
        try:
            part = self.path.with_name(f".{self.path.name[:80]}.{uuid.uuid4().hex[:8]}.part")
            if self.path.is_dir():
                raise IsADirectoryError("it is a folder")
            self._file = part.open("xb")
        except (OSError, ValueError) as error:
            raise self._failed(error) from error
        self._part = part

    def write(self, piece: bytes) -> None:
        """Write to it."""
        assert self._file is not None  # noqa: S101 - begin() comes first
        try:
            self._file.write(piece)
        except OSError as error:
            raise self._failed(error) from error

    def end(self) -> None:
        """Close it."""
        assert self._file is not None  # noqa: S101 - as above
        try:
            self._file.close()
        except OSError as error:
            raise self._failed(error) from error
        self._ended = True

    @property
    def ended(self) -> bool:
        """Whether it is whole."""
        return self._ended

    def keep(self) -> int:
        """Give it its name; its size in bytes."""
        assert self._part is not None  # noqa: S101 - as above
        try:
            size = self._part.stat().st_size
            self._part.replace(self.path)
        except OSError as error:
            raise self._failed(error) from error
        self._part = None
        return size

    def discard(self) -> None:
        """Remove it, unless it was kept."""
        self._ended = False
        if self._file is not None:
            with contextlib.suppress(OSError):  # what could not be written is removed
                self._file.close()
            self._file = None
        if self._part is not None:
            self._part.unlink(missing_ok=True)
            self._part = None

    def _failed(self, error: Exception) -> BodyError:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else error
        return BodyError(f"{self.path} cannot be written: {reason}")
