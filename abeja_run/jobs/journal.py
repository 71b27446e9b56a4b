"""What a batch has begun and what came of it, in a file that a killed process or a full disk cannot spoil.

Lines of JSON. The first one says which batch it is; then, in the order of the inputs, that one is about to be
submitted, and between these what came of them. An input itself is not kept, only its digest. Memory does not grow with
the file: what must be found again stands in a temporary file.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import logging
import os
import stat
import struct
import sys
import tempfile
import uuid
import weakref
from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import IO, Any

from abeja_run.exceptions import JournalError, JournalMismatch
from abeja_run.jobs.times import parsed_time

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

__all__ = ["Journal", "Open", "Unwritten", "digest"]

logger = logging.getLogger("abeja_run")

_FORMAT = 1
_BEGINNING = b'{"abeja_run_batch": '
_INTENTION = b'{"intend": '
#: No line that this module writes is longer.
_LONGEST = 64 * 1024
_TEXT = 1000


def _plain(other: object) -> object:
    """What stands in a digest for what JSON does not know: a mapping is as good an input as a dict."""
    return dict(other) if isinstance(other, Mapping) else f"a {type(other).__name__}"


_CANONICAL = json.JSONEncoder(sort_keys=True, default=_plain)
#: For keys of several types, which have no order before they are written.
_AS_WRITTEN = json.JSONEncoder(default=_plain)


def digest(value: object) -> str:
    """What tells an input from another one; the same for the same JSON, whatever the order of its keys.

    Example:
        >>> digest({"a": 1, "b": 2}) == digest({"b": 2, "a": 1})
        True
    """
    try:
        try:
            text = _CANONICAL.encode(value)
        except TypeError:
            text = _CANONICAL.encode(json.loads(_AS_WRITTEN.encode(value)))
    except (TypeError, ValueError, RecursionError):
        # No JSON: its submission will be refused, whatever exactly it is.
        text = f"a {type(value).__name__}"
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


@dataclass(frozen=True, slots=True)
class Open:
    """An input that was about to be submitted, and nobody knows what came of it.

    Attributes:
        since: A run of it is not older.
        straggling: Seconds after the end of its batch in which a request may still arrive.
    """

    since: datetime
    straggling: float


class Journal:
    """The file of a batch, locked for as long as it is open. Written by one thread.

    Args:
        path: The file; made where it does not exist, readable by its owner only.
        batch: What makes it this batch and no other: text by name.

    Attributes:
        batch_id: The ID of the batch, made when its journal is.
        known: How many inputs were about to be submitted before.
        open: Those of them of which nobody knows what came.

    Raises:
        JournalMismatch: It is the journal of another batch, or none.
        JournalError: It is damaged, in use, or cannot be read or written.
    """

    def __init__(self, path: str | os.PathLike[str], batch: Mapping[str, str]) -> None:
        self.path = Path(path)
        # Wherever this process goes.
        self._place = self.path.absolute()
        self.known = 0
        self.open: dict[int, Open] = {}
        self._batch = dict(batch)
        with contextlib.ExitStack() as stack, self._faults("opened"):
            self._file = stack.enter_context(_opened(self._place))
            _opened_files.add(self._file)
            self._lock()
            stack.callback(self._unlock)
            self._results = stack.enter_context(_Positions())
            self._reader = stack.enter_context(self._place.open("rb"))
            self._stay(self._reader)
            self._end = self._read()
            # What is noted and not in the file yet.
            self._noted: list[bytes] = []
            self._ahead = 0
            if self._end == 0:
                self._begin()
            self._digests = self._known_digests()
            stack.callback(self._digests.close)
            stack.callback(self.flush)
            self._closing = stack.pop_all()

    def check(self, index: int, value: object) -> None:
        """Make sure that an input is the one that was about to be submitted before. Called for each, in order.

        Raises:
            JournalMismatch: It is another one.
            JournalError: The file cannot be read.
        """
        if next(self._digests) != digest(value):
            raise JournalMismatch(
                f"input {index} (the first one is 0) is not the one that the journal {self.path} was begun with; "
                "give the same inputs in the same order, or name another file for these"
            )

    def intend(self, inputs: Mapping[int, object], since: datetime, straggling: float) -> None:
        """Put on the disk that inputs are about to be submitted. No request of theirs may leave before.

        Args:
            inputs: The inputs by their index.
            since: A run of them will not be older.
            straggling: Seconds after the end of this process in which a request of theirs may still arrive.

        Raises:
            JournalError: It is not on the disk, or not under its name any more.
        """
        state = Open(since, straggling)
        common: dict[str, Any] = {"since": since.isoformat()}
        if straggling:
            common["straggling"] = straggling
        for index, value in inputs.items():
            self._note({"intend": index, "input": digest(value), **common})
        self.flush()
        with self._faults("written"):
            _sync(self._file.fileno())
        self._stay()
        self.open.update(dict.fromkeys(inputs, state))

    def submitted(self, index: int, run: Mapping[str, Any]) -> None:
        """Note the run of an input, and how far it has come. In the file with the next :meth:`flush`."""
        told = {name: run.get(name) for name in ("run_id", "status", "created_at")}
        kept = {name: value[:_TEXT] for name, value in told.items() if isinstance(value, str)}
        if kept.get("run_id") != run.get("run_id"):
            # Half an ID is none. It stays open, so its run is looked for.
            return
        if index < self.known:
            # Only of those of before it is asked again.
            self._results[index] = self._end + self._ahead
        self._note({"run": index, **kept})
        self.open.pop(index, None)

    def refused(self, index: int, error: Exception) -> None:
        """Note that an input has no run, and which error it has. In the file with the next :meth:`flush`."""
        # Not in its own words: they may repeat the input, or what the service was sent.
        self._note({"refused": index, "error": type(error).__name__})
        self.open.pop(index, None)

    def flush(self) -> None:
        """Write what is noted.

        Raises:
            JournalError: It cannot be written. It stays noted.
        """
        if not self._noted:
            return
        try:
            with self._faults("written"):
                # Wherever an interruption has left it.
                self._file.seek(self._end)
                left = memoryview(b"".join(self._noted))
                while left:
                    left = left[self._file.write(left) :]
        except BaseException:
            # Half a line must not stand in front of the next one.
            with contextlib.suppress(OSError):
                self._file.truncate(self._end)
            raise
        self._end += self._ahead
        self._noted.clear()
        self._ahead = 0

    def run(self, index: int) -> dict[str, Any] | None:
        """What is kept of the run of an input; None if it has none that is known.

        Raises:
            JournalError: The file cannot be read, or not be written.
        """
        position = self._results[index]
        if position == 0:
            return None
        self.flush()
        with self._faults("read"):
            self._reader.seek(position)
            record: dict[str, Any] = json.loads(self._reader.readline())
        del record["run"]
        return record

    def close(self) -> None:
        """Write what is noted, close the file, and let another process have it. Closing twice is allowed.

        Raises:
            JournalError: It cannot be written. The file is closed all the same.
        """
        self._closing.close()

    def __enter__(self) -> Journal:  # noqa: PYI034 - typing has no Self before Python 3.11
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _begin(self) -> None:
        self.batch_id = str(uuid.uuid4())
        self._note({"abeja_run_batch": _FORMAT, "batch_id": self.batch_id, **self._batch})
        self.flush()
        _sync(self._file.fileno())
        if sys.platform != "win32":
            # The name of the file is to last as well as what is in it.
            folder = os.open(self._place.resolve().parent, os.O_RDONLY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)

    def _note(self, record: Mapping[str, Any]) -> None:
        line = _line(record)
        self._noted.append(line)
        self._ahead += len(line)

    def _stay(self, file: IO[bytes] | None = None) -> None:
        """Make sure that the locked file is still the one of that name: another of it would know nothing of this one.

        Args:
            file: One that was opened by that name; None looks at what stands there now.

        Raises:
            JournalError: It is not.
        """
        with contextlib.suppress(FileNotFoundError):
            there = self._place.stat() if file is None else os.fstat(file.fileno())
            if os.path.samestat(os.fstat(self._file.fileno()), there):
                return
        raise JournalError(
            f"the journal {self.path} was deleted or replaced while it was in use; what was intended last is not sent"
        )

    def _lock(self) -> None:
        """Lock the file for as long as it is open; the lock ends with the process, however that ends."""
        try:
            if sys.platform == "win32":
                self._file.seek(1 << 40)
                msvcrt.locking(self._file.fileno(), msvcrt.LK_NBLCK, 1)
                self._file.seek(0)
            else:
                fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise JournalError(f"the journal {self.path} is in use by another batch that is running") from error

    def _unlock(self) -> None:
        # Closing alone would leave the lock to a process that is just being started and still has the file.
        if sys.platform == "win32":
            self._file.seek(1 << 40)
            msvcrt.locking(self._file.fileno(), msvcrt.LK_UNLCK, 1)
        else:
            fcntl.flock(self._file, fcntl.LOCK_UN)

    def _read(self) -> int:
        """Take in what the file says, and cut off a line that was not finished; the length that is left."""
        position, number = 0, 0
        while line := self._reader.readline(_LONGEST):
            number += 1
            if number == 1:
                self._check_beginning(line)
            if not line.endswith(b"\n") and len(line) < _LONGEST:
                logger.warning("the journal %s ends within line %d, which is cut off", self.path, number)
                self._file.truncate(position)
                break
            if number > 1:
                try:
                    self._take_in(json.loads(line), position)
                except (ValueError, LookupError, TypeError, RecursionError) as error:
                    raise JournalError(
                        f"the journal {self.path} is damaged: line {number} is none of a batch"
                    ) from error
            position += len(line)
        return position

    def _check_beginning(self, line: bytes) -> None:
        if not line.endswith(b"\n") and (_BEGINNING.startswith(line) or line.startswith(_BEGINNING)):
            # Its making was interrupted, before anything was sent.
            return
        try:
            told = json.loads(line) if line.startswith(_BEGINNING) else None
            self.batch_id = str(uuid.UUID(told["batch_id"])) if told is not None else ""
        except (ValueError, LookupError, TypeError, RecursionError):
            told = None
        if told is None:
            raise JournalMismatch(f"{self.path} is not the journal of a batch; name a file that does not exist")
        if told["abeja_run_batch"] != _FORMAT:
            raise JournalMismatch(f"the journal {self.path} was written by another version of abeja_run")
        for name, value in self._batch.items():
            if told.get(name) != value:
                differs = f"{name} is {told.get(name)!r} there, {value!r} here"
                if name == "other_arguments":
                    # Kept as a digest, which tells a person nothing.
                    differs = "it was begun with another output, number of retries, environment or other argument"
                raise JournalMismatch(
                    f"the journal {self.path} is that of another batch: {differs}; give the same arguments again, "
                    "or name another file for this one"
                )

    def _known_digests(self) -> Generator[str, None, None]:
        """The digests of the inputs that were about to be submitted before, in their order."""
        expected = 0
        with self._faults("read"), self._place.open("rb") as file:
            self._stay(file)
            while line := file.readline():
                if line.startswith(_INTENTION):
                    record = json.loads(line)
                    if record["intend"] == expected:
                        yield record["input"]
                        expected += 1
        raise JournalError(f"the journal {self.path} was cut off while it was in use")

    def _take_in(self, record: Mapping[str, Any], position: int) -> None:
        if "intend" in record:
            index, since = record["intend"], parsed_time(record["since"])
            straggling = record.get("straggling", 0)
            if not 0 <= index <= self.known or since is None or not isinstance(record["input"], str):
                raise ValueError
            self.known = max(self.known, index + 1)
            self.open[index] = Open(since, float(straggling))
            return
        index = record["run"] if "run" in record else record["refused"]
        if not 0 <= index < self.known:
            raise ValueError
        self.open.pop(index, None)
        if "run" in record:
            if not isinstance(record["run_id"], str):
                raise TypeError
            self._results[index] = position

    @contextlib.contextmanager
    def _faults(self, what: str) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            told = error.strerror or str(error)
            raise JournalError(f"the journal {self.path} cannot be {what}: {told}") from error


class Unwritten:
    """The journal of a batch that has none: it knows of nothing and keeps nothing.

    Attributes:
        batch_id: The ID of the batch.
        known: No input.
        open: No input.
    """

    def __init__(self) -> None:
        self.batch_id = str(uuid.uuid4())
        self.known = 0
        self.open: dict[int, Open] = {}

    def check(self, index: int, value: object) -> None:
        """See :meth:`Journal.check`."""

    def intend(self, inputs: Mapping[int, object], since: datetime, straggling: float) -> None:
        """See :meth:`Journal.intend`."""

    def submitted(self, index: int, run: Mapping[str, Any]) -> None:
        """See :meth:`Journal.submitted`."""

    def refused(self, index: int, error: Exception) -> None:
        """See :meth:`Journal.refused`."""

    def flush(self) -> None:
        """See :meth:`Journal.flush`."""

    def run(self, index: int) -> dict[str, Any] | None:
        """See :meth:`Journal.run`."""


class _Positions:
    """For each input where in the journal its run stands, eight bytes each in a temporary file; 0 where it has none."""

    _ENTRY = struct.Struct("<q")

    def __init__(self) -> None:
        self._file = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115 - closed with the journal

    def __getitem__(self, index: int) -> int:
        self._file.seek(index * self._ENTRY.size)
        data = self._file.read(self._ENTRY.size) or b""
        return int(self._ENTRY.unpack(data)[0]) if len(data) == self._ENTRY.size else 0

    def __setitem__(self, index: int, position: int) -> None:
        self._file.seek(index * self._ENTRY.size)
        self._file.write(self._ENTRY.pack(position))

    def __enter__(self) -> _Positions:  # noqa: PYI034 - typing has no Self before Python 3.11
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()


#: The files that are locked here. A forked process that kept one would keep its lock when this process is gone.
_opened_files: weakref.WeakSet[IO[bytes]] = weakref.WeakSet()


def _let_go() -> None:
    for file in list(_opened_files):
        file.close()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_let_go)


def _opened(path: Path) -> Any:
    file = os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0), 0o600), "r+b", buffering=0)
    if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        file.close()
        raise JournalMismatch(f"{path} is not a file that a journal can be")
    return file


def _line(record: Mapping[str, Any]) -> bytes:
    return json.dumps(record).encode() + b"\n"


def _sync(descriptor: int) -> None:
    # What tells how long the file is comes with it; times do not matter.
    getattr(os, "fdatasync", os.fsync)(descriptor)
