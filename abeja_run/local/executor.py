"""Executes runs: worker threads, each with one attempt at a time in a child process of its own."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import queue
import select
import signal
import socket
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from abeja_run.local.store import ENDED, Store, StoredRun
from abeja_run.resources.runs import STATUSES

__all__ = ["Deployed", "Executor"]

logger = logging.getLogger("abeja_run.local")

_ATTEMPT = Path(__file__).with_name("attempt.py")
_CHUNK = 64 * 1024
#: A longer line is cut into several events, so that none grows without bound.
_LONGEST_LINE = 256 * 1024
#: Seconds after which a worker looks whether its attempt has ended although its output is still open.
_GLANCE = 0.05
#: Seconds for which the output of an ended attempt is still read.
_REST = 1.0
#: Seconds after which a worker tries again to note the end of a run that it could not execute.
_ROOM = 0.5
#: The variable by which the processes of an attempt are known.
_MARK = "ABEJA_RUN_ATTEMPT"
#: What an attempt has of this process's environment: what a program needs to start, and nothing that is secret.
_INHERITED = ("PATH", "HOME", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "TMPDIR", "LD_LIBRARY_PATH", "SYSTEMROOT")


@dataclass(frozen=True)
class Deployed:
    """A version of a deployment's code, and how it is executed.

    Attributes:
        code: The folder of the code.
        datalake: The folder of the datalake.
        handler: ``module:function``.
        timeout: Seconds one attempt may take.
        environment: The platform's variables that are the same for every run.
    """

    code: Path
    datalake: Path
    handler: str
    timeout: float
    environment: Mapping[str, str]


class Executor:
    """Takes runs in the order of their submission and brings each to its end.

    Args:
        store: Where runs and events are.
        deployed: What to execute.
        workers: How many attempts may run side by side.
        pace: Seconds for which each status on the way to RUNNING stays visible.
    """

    def __init__(self, store: Store, deployed: Deployed, workers: int, pace: float) -> None:
        self._store = store
        self._deployed = deployed
        self._pace = pace
        self._queue: queue.SimpleQueue[StoredRun | None] = queue.SimpleQueue()
        self._closing = threading.Event()
        # Those that a platform before this one left unfinished come first.
        for run in store.unfinished():
            self._queue.put(run)
        self._threads = [
            threading.Thread(target=self._work, name=f"abeja-run-worker-{number}", daemon=True)
            for number in range(workers)
        ]
        for thread in self._threads:
            thread.start()

    def submit(self, run: StoredRun) -> None:
        """Let a run be executed when a worker is free."""
        self._queue.put(run)

    def close(self) -> None:
        """Kill the attempts that are going on. Their runs are taken up when the state is opened again."""
        self._closing.set()
        for _ in self._threads:
            self._queue.put(None)
        for thread in self._threads:
            thread.join()

    def _work(self) -> None:
        while not self._closing.is_set():
            run = self._queue.get()
            if run is None:
                return
            try:
                self._execute(run)
            except Exception:
                # A worker outlives what goes wrong with one run: a full disk now may have room later.
                logger.exception("run %s could not be executed", run.run_id)
                self._give_up(run)

    def _give_up(self, run: StoredRun) -> None:
        """Let a run end in failure, as soon as that can be written; until then nothing else could be either."""
        with contextlib.suppress(Exception):
            self._store.add_events(run, ["the local platform could not execute this run"])
        while True:
            with contextlib.suppress(Exception):
                self._store.advance(run, ENDED[1])
                return
            if self._closing.wait(_ROOM):
                return

    def _execute(self, run: StoredRun) -> None:
        """Bring a run to its end, or leave it where it is when the platform closes."""
        for status in STATUSES[1:-2]:
            if run.status == STATUSES[0] and self._closing.wait(self._pace):
                return
            self._store.advance(run, status)
        failures = run.failures
        if run.status != STATUSES[0]:
            self._store.add_events(run, ["the platform was interrupted; the attempt begins again"])
        while failures <= int(run.submitted["retry_count"]):
            succeeded = self._attempt(run)
            if succeeded is None:
                return
            if succeeded:
                self._store.advance(run, ENDED[0])
                return
            failures = self._store.count_failure(run)
        self._store.advance(run, ENDED[1])

    def _attempt(self, run: StoredRun) -> bool | None:
        """One attempt: whether it succeeded; None when the platform closes before its end."""
        ours, theirs = socket.socketpair()
        mark = uuid.uuid4().hex
        with ours, theirs:
            try:
                process = subprocess.Popen(  # noqa: S603 - this program, and arguments of this file's
                    [sys.executable, str(_ATTEMPT), str(self._deployed.datalake), str(theirs.fileno())],
                    cwd=self._deployed.code,
                    env={**self._environment(run), _MARK: mark},
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.PIPE,
                    # Into one pipe, so that the lines of both stand in the order in which they were written.
                    stderr=subprocess.STDOUT,
                    pass_fds=[theirs.fileno()],
                    start_new_session=True,
                )
            except (OSError, ValueError) as error:
                self._store.add_events(run, [f"the attempt could not be started: {error}"])
                return False
            theirs.close()
            try:
                return self._watch(run, process, ours)
            finally:
                # One that has ended was killed then: its number may be another's by now.
                if process.returncode is None:
                    _kill(process)
                    process.wait()
                _kill_escaped(mark)
                if process.stdout is not None:
                    process.stdout.close()

    def _watch(self, run: StoredRun, process: subprocess.Popen[bytes], ours: socket.socket) -> bool | None:
        assert process.stdout is not None  # noqa: S101 - it was opened as a pipe
        lines = _Lines()
        end = time.monotonic() + self._deployed.timeout
        for chunk in _output(process, end, self._closing):
            if complete := lines.add(chunk):
                self._store.add_events(run, complete)
        if rest := lines.rest():
            self._store.add_events(run, [rest])
        if self._closing.is_set() and process.returncode is None:
            return None
        if process.returncode is None:
            self._store.add_events(run, [f"the attempt was killed: it took more than {self._deployed.timeout:g} s"])
            return False
        ours.setblocking(False)
        with contextlib.suppress(BlockingIOError, ConnectionError):
            if process.returncode == 0 and ours.recv(1) == b"1":
                return True
        self._store.add_events(run, [_told(process.returncode)])
        return False

    def _environment(self, run: StoredRun) -> dict[str, str]:
        """What the attempt's process sees. The platform's own variables cannot be replaced by the run's."""
        submitted = run.submitted
        given = {name: os.environ[name] for name in _INHERITED if name in os.environ}
        platform = {
            **self._deployed.environment,
            "HANDLER": self._deployed.handler,
            "ABEJA_RUN_ID": run.run_id,
            "INPUT": json.dumps(submitted["input_data"]) if submitted["input_data"] is not None else "",
            "OUTPUT": json.dumps(submitted["output_template"]) if submitted["output_template"] is not None else "",
            "PYTHONUNBUFFERED": "1",
            "PYTHONDONTWRITEBYTECODE": "1",
            "PYTHONIOENCODING": "utf-8",
        }
        return {**given, **submitted["environment"], **platform}


class _Lines:
    """Cuts a stream of bytes into lines."""

    def __init__(self) -> None:
        self._partial = b""

    def add(self, chunk: bytes) -> list[str]:
        """The lines that are complete with this chunk."""
        *complete, self._partial = (self._partial + chunk).split(b"\n")
        while len(self._partial) > _LONGEST_LINE:
            end = _character(self._partial, _LONGEST_LINE)
            complete.append(self._partial[:end])
            self._partial = self._partial[end:]
        return [_text(line) for line in complete]

    def rest(self) -> str:
        """What stands after the last line break."""
        return _text(self._partial)


def _character(data: bytes, end: int) -> int:
    """The end of the last character in UTF-8 that is complete before another end; that one where there is none."""
    for position in range(end, end - 4, -1):
        if data[position] & 0xC0 != 0x80:
            return position
    return end


def _text(line: bytes) -> str:
    return line.removesuffix(b"\r").decode("utf-8", "replace")


def _output(process: subprocess.Popen[bytes], end: float, closing: threading.Event) -> Iterator[bytes]:
    """What a process writes, until it has ended, its time is over or the platform closes."""
    assert process.stdout is not None  # noqa: S101 - for the type checker
    pipe = process.stdout.fileno()
    while time.monotonic() < end and not closing.is_set():
        if _readable(pipe):
            chunk = os.read(pipe, _CHUNK)
            if chunk:
                yield chunk
                continue
            # The output is closed; the process may go on all the same.
            _glance(process)
        if _ended(process):
            break
    if not _ended(process):
        return
    # What it has started may hold the pipe open: that ends with it.
    _kill(process)
    process.wait()
    rest = time.monotonic() + _REST
    while time.monotonic() < rest and _readable(pipe):
        chunk = os.read(pipe, _CHUNK)
        if not chunk:
            return
        yield chunk


def _ended(process: subprocess.Popen[bytes]) -> bool:
    """Whether a process has ended. It is not waited for yet: until then its number is nobody else's."""
    if process.returncode is None and hasattr(os, "waitid"):
        # Where a program ignores SIGCHLD, its children are waited for by the system.
        with contextlib.suppress(ChildProcessError):
            return os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None
    return process.poll() is not None


def _glance(process: subprocess.Popen[bytes]) -> None:
    """Wait a little for the end of a process."""
    pause = _GLANCE / 64
    while pause < _GLANCE and not _ended(process):
        time.sleep(pause)
        pause *= 2


def _readable(pipe: int) -> bool:
    """Whether a pipe has something to read, or has ended, soon."""
    # Not select(): it takes no descriptors above 1023, and a server with many connections has them.
    poll = select.poll()
    poll.register(pipe, select.POLLIN)
    return bool(poll.poll(_GLANCE * 1000))


def _kill(process: subprocess.Popen[bytes]) -> None:
    """End the process and its group."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)


def _kill_escaped(mark: str) -> None:
    """End what an attempt has started and taken out of its group, where the system tells the environment of others."""
    wanted = os.fsencode(f"{_MARK}={mark}")
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if wanted in (folder / "environ").read_bytes().split(b"\0"):
                os.kill(int(folder.name), signal.SIGKILL)


def _told(returncode: int) -> str:
    if returncode < 0:
        try:
            return f"the attempt was ended by {signal.Signals(-returncode).name}"
        except ValueError:
            return f"the attempt was ended by signal {-returncode}"
    if returncode == 0:
        return "the attempt failed: its process ended before the handler returned"
    return f"the attempt failed: its process ended with exit status {returncode}"
