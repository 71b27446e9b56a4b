"""What the local platform remembers: runs and their events, in one SQLite file. The only place with SQL.

A killed process loses nothing that was written; a power failure may lose the last moments.
"""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from abeja_run.exceptions import ConfigurationError
from abeja_run.resources.runs import STATUSES

__all__ = ["ENDED", "Event", "Store", "StoreError", "StoredRun"]

#: What is raised when the file cannot be read or written.
StoreError = sqlite3.Error

#: The statuses that a run does not leave.
ENDED = STATUSES[-2:]

#: By this the file is known; the letters ABEJ.
_APPLICATION_ID = 0x4142454A
#: A page that has come to so many characters takes no further run or event: a client bounds what it reads.
_PAGE_CHARACTERS = 4 * 1024 * 1024

_SCHEMA = f"""
PRAGMA application_id = {_APPLICATION_ID};
CREATE TABLE IF NOT EXISTS settings (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS runs (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    run_id TEXT NOT NULL UNIQUE,
    status TEXT NOT NULL,
    submitted TEXT NOT NULL,
    failures INTEGER NOT NULL DEFAULT 0,
    created_at INTEGER NOT NULL,
    modified_at INTEGER NOT NULL
);
CREATE INDEX IF NOT EXISTS unfinished ON runs (status) WHERE status NOT IN ('SUCCEEDED', 'FAILED');
CREATE TABLE IF NOT EXISTS events (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    run INTEGER NOT NULL REFERENCES runs (number),
    written_at INTEGER NOT NULL,
    message TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS events_of_run ON events (run, number);
"""


@dataclass(frozen=True, slots=True)
class StoredRun:
    """A run. Times are microseconds since 1970 in UTC; ``submitted`` is what create_run was called with."""

    number: int
    run_id: str
    status: str
    submitted: Mapping[str, Any]
    failures: int
    created_at: int
    modified_at: int


@dataclass(frozen=True, slots=True)
class Event:
    """A line of a run's log. The number grows with every event of every run."""

    number: int
    written_at: int
    message: str


class Store:
    """The file. Shared by threads; opened by one process at a time.

    Args:
        path: The SQLite file; made where it does not exist, readable by its owner only.

    Raises:
        ConfigurationError: It is in use by another platform, or cannot be used.
    """

    def __init__(self, path: Path) -> None:
        self._lock = threading.RLock()
        with contextlib.ExitStack() as stack:
            try:
                stack.enter_context(contextlib.closing(_claimed(path)))
                path.touch(mode=0o600)
                self._connection = stack.enter_context(contextlib.closing(_opened(path)))
                newest = self._connection.execute(
                    "SELECT max(coalesce((SELECT max(modified_at) FROM runs), 0),"
                    " coalesce((SELECT written_at FROM events ORDER BY number DESC LIMIT 1), 0))"
                ).fetchone()
            except (sqlite3.Error, OSError) as error:
                raise ConfigurationError(f"the state file {path} cannot be used: {error}") from error
            self._closing = stack.pop_all()
        self._latest: int = newest[0]

    def close(self) -> None:
        """Close the file and let another platform have it."""
        with self._lock:
            self._closing.close()

    def setting(self, name: str, make: Callable[[], str]) -> str:
        """A value that stays the same for this file, made at the first time."""
        with self._lock:
            self._connection.execute(
                "INSERT INTO settings SELECT ?, ? WHERE NOT EXISTS (SELECT 1 FROM settings WHERE name = ?)",
                (name, make(), name),
            )
            row = self._connection.execute("SELECT value FROM settings WHERE name = ?", (name,)).fetchone()
            return str(row[0])

    def add_run(self, submitted: Mapping[str, Any]) -> StoredRun:
        """A new run, in the first status."""
        with self._lock, self._connection:
            now = self._now()
            number = self._connection.execute("SELECT coalesce(max(number), 0) + 1 FROM runs").fetchone()[0]
            self._connection.execute(
                "INSERT INTO runs (run_id, status, submitted, created_at, modified_at) VALUES (?, ?, ?, ?, ?)",
                (f"run-{number:016d}", STATUSES[0], json.dumps(submitted), now, now),
            )
            return StoredRun(number, f"run-{number:016d}", STATUSES[0], submitted, 0, now, now)

    def run(self, run_id: str) -> StoredRun | None:
        """The run of this ID, or None."""
        found = self._runs("WHERE run_id = ?", (run_id,))
        return found[0] if found else None

    def runs(self, *, oldest_first: bool, beyond: int | None, limit: int) -> tuple[list[StoredRun], bool]:
        """Runs in the order of their submission, or against it, beyond the run of a number; whether there are more."""
        order, bound = ("ASC", "number > ?") if oldest_first else ("DESC", "number < ?")
        where = f"WHERE {bound}" if beyond is not None else ""
        values = (limit + 1,) if beyond is None else (beyond, limit + 1)
        with self._lock:
            rows = self._connection.execute(f"{_SELECT_RUNS} {where} ORDER BY number {order} LIMIT ?", values)
            page, more = _page(rows, limit, _RUNS_TEXT)
        return [_run(row) for row in page], more

    def unfinished(self) -> list[StoredRun]:
        """Every run that has not ended, in the order of submission."""
        return self._runs("WHERE status NOT IN ('SUCCEEDED', 'FAILED') ORDER BY number", ())

    def advance(self, run: StoredRun, status: str) -> None:
        """Let a run pass on to a status. One that it has passed already, before an interruption, is left out."""
        with self._lock, self._connection:
            earlier = STATUSES[: STATUSES.index(status)] if status not in ENDED else STATUSES[:-2]
            marks = ", ".join("?" * len(earlier))
            self._connection.execute(
                f"UPDATE runs SET status = ?, modified_at = ? WHERE number = ? AND status IN ({marks})",  # noqa: S608
                (status, self._now(), run.number, *earlier),
            )

    def count_failure(self, run: StoredRun) -> int:
        """Note that an attempt has failed; how many have."""
        with self._lock, self._connection:
            self._connection.execute("UPDATE runs SET failures = failures + 1 WHERE number = ?", (run.number,))
            return int(
                self._connection.execute("SELECT failures FROM runs WHERE number = ?", (run.number,)).fetchone()[0]
            )

    def add_events(self, run: StoredRun, messages: Iterable[str]) -> None:
        """Lines that a run has written, in one transaction."""
        with self._lock, self._connection:
            self._connection.execute("BEGIN")
            self._connection.executemany(
                "INSERT INTO events (run, written_at, message) VALUES (?, ?, ?)",
                [(run.number, self._now(), message) for message in messages],
            )

    def events(
        self, run: StoredRun, *, oldest_first: bool, beyond: int | None, limit: int, span: tuple[int, int]
    ) -> tuple[list[Event], bool]:
        """Events of a run in the order of writing, or against it, beyond the event of a number; whether there are more.

        Args:
            run: The run.
            oldest_first: The order.
            beyond: The number of the last event already known, or None.
            limit: How many at most.
            span: The first time, and the first one after the last, in microseconds.
        """
        order, bound = ("ASC", ">") if oldest_first else ("DESC", "<")
        beyond = beyond if beyond is not None else (-1 if oldest_first else 2**62)
        with self._lock:
            rows = self._connection.execute(
                "SELECT number, written_at, message FROM events WHERE run = ? "  # noqa: S608 - two constants
                f"AND number {bound} ? AND written_at >= ? AND written_at < ? ORDER BY number {order} LIMIT ?",
                (run.number, beyond, *span, limit + 1),
            )
            page, more = _page(rows, limit, _EVENTS_TEXT)
        return [Event(*row) for row in page], more

    def _runs(self, clause: str, values: tuple[Any, ...]) -> list[StoredRun]:
        with self._lock:
            return [_run(row) for row in self._connection.execute(f"{_SELECT_RUNS} {clause}", values)]

    def _now(self) -> int:
        """Microseconds since 1970. Never earlier than the last: a clock set back does not disorder a log."""
        now = round(datetime.now(timezone.utc).timestamp() * 1_000_000)
        self._latest = max(now, self._latest)
        return self._latest


_SELECT_RUNS = "SELECT number, run_id, status, submitted, failures, created_at, modified_at FROM runs"
#: Where in a row its text is.
_RUNS_TEXT, _EVENTS_TEXT = 3, 2


def _run(row: tuple[Any, ...]) -> StoredRun:
    number, run_id, status, submitted, failures, created, modified = row
    return StoredRun(number, run_id, status, json.loads(submitted), failures, created, modified)


def _page(rows: Iterable[tuple[Any, ...]], limit: int, text: int) -> tuple[list[tuple[Any, ...]], bool]:
    """The rows of a page, at least one, and whether there are more."""
    page: list[tuple[Any, ...]] = []
    characters = 0
    for row in rows:
        characters += len(row[text])
        if len(page) == limit or (page and characters > _PAGE_CHARACTERS):
            return page, True
        page.append(row)
    return page, False


def _opened(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, check_same_thread=False, isolation_level=None, timeout=30)
    try:
        _check_owner(connection, path)
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.executescript(_SCHEMA)
    except (sqlite3.Error, ConfigurationError):
        connection.close()
        raise
    return connection


def _check_owner(connection: sqlite3.Connection, path: Path) -> None:
    """Leave the databases of other programs as they are."""
    application_id = connection.execute("PRAGMA application_id").fetchone()[0]
    if application_id != _APPLICATION_ID and connection.execute("SELECT 1 FROM sqlite_master").fetchone():
        raise ConfigurationError(f"the state file {path} is the database of another program")


def _claimed(path: Path) -> sqlite3.Connection:
    """A lock beside the file, which ends with the process however that ends."""
    # One file has one lock, by whatever link it is reached.
    claim = sqlite3.connect(f"{os.path.realpath(path)}.lock", check_same_thread=False, isolation_level=None, timeout=0)
    try:
        claim.execute("BEGIN EXCLUSIVE")
    except sqlite3.OperationalError as error:
        claim.close()
        raise ConfigurationError(f"the state file {path} is in use by another local platform ({error})") from error
    return claim
