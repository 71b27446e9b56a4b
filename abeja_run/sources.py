"""What a caller gives as the content of a body: bytes, a file, an iterator; and how it is read in pieces.

Knows no endpoint and no wire.
"""

from __future__ import annotations

import io
import os
from collections.abc import Generator, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, TypeAlias

from abeja_run.exceptions import BodyError
from abeja_run.messages import Source

__all__ = ["Joined", "Upload", "UploadContent", "source_of"]

_PIECE = 64 * 1024


@dataclass(frozen=True)
class Upload:
    """A content together with what is told of it in a part of a ``multipart/form-data`` body.

    Attributes:
        content: Bytes, the path of a file, an open binary file, or an iterable of bytes.
        filename: The name that the service is told; by default that of the file.
        content_type: Its media type; by default what the endpoint declares.

    Example:
        >>> Upload(b"a,b", filename="table.csv", content_type="text/csv").filename
        'table.csv'
    """

    content: bytes | os.PathLike[str] | IO[bytes] | Iterable[bytes]
    filename: str = ""
    content_type: str = ""


#: What a caller may give: bytes; the path of a file, as a :class:`pathlib.Path`; an open binary file; an iterable of
#: bytes; or one of these with what is told of it. A file is read in pieces and never held in memory.
UploadContent: TypeAlias = bytes | os.PathLike[str] | IO[bytes] | Iterable[bytes] | Upload


class _File(Source):
    """A file named by its path, opened for each attempt."""

    def __init__(self, path: Path) -> None:
        if not path.is_file():
            raise ValueError("is not a file" if path.exists() else "does not exist")
        self._path = path
        self.length = path.stat().st_size

    def open(self) -> Generator[bytes, None, None]:
        try:
            with self._path.open("rb") as file:
                yield from _exactly(file, self.length or 0, str(self._path))
        except OSError as error:
            raise BodyError(f"{self._path} cannot be read: {error.strerror or error}") from error


class _OpenFile(Source):
    """An open file, read from where it stands; again from there where it can be told to go back."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._begun = False
        self._start: int | None = None
        self.length = None
        if file.seekable():
            self._start = file.tell()
            self.length = max(file.seek(0, os.SEEK_END) - self._start, 0)
            file.seek(self._start)

    def open(self) -> Generator[bytes, None, None]:
        self._begun = True
        name = str(getattr(self._file, "name", "the open file"))
        try:
            if self._start is None or self.length is None:
                while piece := self._file.read(_PIECE):
                    yield _checked(piece)
            else:
                self._file.seek(self._start)
                yield from _exactly(self._file, self.length, name)
        except (OSError, ValueError) as error:
            # A ValueError is that of a file that has been closed.
            raise BodyError(f"{name} cannot be read: {error}") from error

    @property
    def spent(self) -> bool:
        return self._begun and self._start is None


class _Pieces(Source):
    """An iterable of bytes; one that is its own iterator can be read only once."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self._pieces = pieces
        self._once = isinstance(pieces, Iterator)
        self._begun = False

    def open(self) -> Generator[bytes, None, None]:
        self._begun = True
        try:
            for piece in self._pieces:
                yield _checked(piece)
        except BodyError:
            raise
        except Exception as error:
            # Not as it is: a transport would take an OSError or a ValueError for a fault of the wire.
            raise BodyError(f"the iterator of the body failed: {type(error).__name__}: {error}") from error

    @property
    def spent(self) -> bool:
        return self._begun and self._once


class Joined(Source):
    """Several contents one after the other.

    Args:
        parts: Bytes and sources, in order.

    Example:
        >>> joined = Joined([b"a", b"bc"])
        >>> joined.length, joined.read()
        (3, b'abc')
    """

    def __init__(self, parts: list[bytes | Source]) -> None:
        self._parts = parts
        lengths = [len(part) if isinstance(part, bytes) else part.length for part in parts]
        self.length = None if None in lengths else sum(length or 0 for length in lengths)

    def open(self) -> Generator[bytes, None, None]:
        """The bytes of all parts."""
        for part in self._parts:
            if isinstance(part, bytes):
                yield part
            else:
                yield from part.open()

    @property
    def spent(self) -> bool:
        """Whether a part is spent."""
        return any(isinstance(part, Source) and part.spent for part in self._parts)


def source_of(content: Any) -> bytes | Source:
    """A caller's content as a request carries it.

    Raises:
        ValueError: It cannot be one; the text says why.

    Example:
        >>> source_of(bytearray(b"abc"))
        b'abc'
        >>> source_of([b"a", b"b"]).read()
        b'ab'
    """
    if isinstance(content, Upload):
        content = content.content
    if isinstance(content, (bytes, bytearray, memoryview)):
        return bytes(content)
    if isinstance(content, str):
        raise ValueError("is a text: give bytes, or a pathlib.Path where a file is meant")  # noqa: TRY004 - told like the others
    if isinstance(content, os.PathLike):
        return _File(Path(content))
    if isinstance(content, io.TextIOBase):
        raise ValueError("is open as text: open it in mode 'rb'")  # noqa: TRY004 - as above
    if hasattr(content, "read"):
        return _OpenFile(content)
    if isinstance(content, Iterable):
        return _Pieces(content)
    raise ValueError("is neither bytes nor a path, an open binary file or an iterable of bytes")


def _exactly(file: IO[bytes], length: int, name: str) -> Iterator[bytes]:
    """As many bytes as were announced; a file that grows meanwhile is cut, one that shrinks an error."""
    left = length
    while left:
        piece = file.read(min(_PIECE, left))
        if not piece:
            raise BodyError(f"{name} has become shorter while it was read: {left} of {length} bytes are missing")
        left -= len(piece)
        yield piece


def _checked(piece: Any) -> bytes:
    if not isinstance(piece, (bytes, bytearray, memoryview)):
        raise BodyError(f"the body gave a piece of type {type(piece).__name__}, not bytes")
    return bytes(piece)
