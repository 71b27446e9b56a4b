"""The datalake as a folder: ``DIR/<channel_id>/<file_id>``. Standard library only: an attempt loads it by its path.

What is known of a file beside its bytes stands in ``DIR/<channel_id>/.metadata/<file_id>.json``.
"""

from __future__ import annotations

import hashlib
import json
import mimetypes
import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

__all__ = ["Datalake", "StoredFile"]


@dataclass(frozen=True)
class StoredFile:
    """A file of the datalake."""

    path: Path
    content_type: str
    metadata: Mapping[str, Any]


class Datalake:
    """The folder.

    Args:
        folder: Where the channels are.

    Example:
        >>> Datalake("/tmp").path("2222222222222", "a.csv").name
        'a.csv'
    """

    def __init__(self, folder: str | Path) -> None:
        self._folder = Path(folder).resolve()

    def path(self, channel_id: str, file_id: str) -> Path:
        """Where a file is, or would be.

        Raises:
            ValueError: An ID that would lead elsewhere.
        """
        for name in (channel_id, file_id):
            if not name or name.startswith(".") or len(os.fsencode(name)) > 255 or not name.isprintable():
                raise ValueError(f"{name!r} is not an ID of the datalake")
            if "/" in name or "\\" in name:
                raise ValueError(f"{name!r} is not an ID of the datalake: it holds a slash")
        path = self._folder / channel_id / file_id
        if path.resolve().parent != path.parent:
            raise ValueError(f"{channel_id}/{file_id} leads out of the datalake")
        return path

    def open(self, reference: str) -> StoredFile:
        """The file that an input names as ``channel_id/file_id``.

        Raises:
            ValueError: It is not of that form.
            FileNotFoundError: There is no such file.
        """
        channel_id, slash, file_id = str(reference).partition("/")
        if not slash:
            raise ValueError(f"{reference!r} is not of the form channel_id/file_id")
        path = self.path(channel_id, file_id)
        if not path.is_file():
            raise FileNotFoundError(f"there is no file {reference!r} in the datalake")
        known = self._known(path)
        guessed = mimetypes.guess_type(path.name)[0]
        content_type = known.get("content_type") or guessed or "application/octet-stream"
        return StoredFile(path, content_type, known.get("metadata") or {})

    @contextmanager
    def replacing(
        self, channel_id: str, file_id: str, content_type: str, metadata: Mapping[str, Any]
    ) -> Iterator[BinaryIO]:
        """A new file to write, which takes the place of the one of that name when all of it is written."""
        path = self.path(channel_id, file_id)
        path.parent.mkdir(parents=True, exist_ok=True)
        side = path.parent / ".metadata"
        side.mkdir(exist_ok=True)
        # A file name may be as long as the system allows, so this one cannot hold it.
        prefix = f".writing-{hashlib.sha256(os.fsencode(file_id)).hexdigest()[:16]}-"
        for left in side.glob(f"{prefix}*"):
            # By an attempt that was killed while it wrote: the one that follows it is here.
            left.unlink(missing_ok=True)
        handle, name = tempfile.mkstemp(dir=side, prefix=prefix)
        try:
            with os.fdopen(handle, "wb") as file:
                yield file
            known = json.dumps({"content_type": content_type, "metadata": dict(metadata)})
            (side / f"{file_id}.json").write_text(known, encoding="utf-8")
            Path(name).chmod(0o644)
            Path(name).replace(path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise

    def _known(self, path: Path) -> dict[str, Any]:
        try:
            known = json.loads((path.parent / ".metadata" / f"{path.name}.json").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return known if isinstance(known, dict) else {}
