"""Keeps what passes through another transport, without secrets.

Knows neither endpoints nor files' formats.
"""

from __future__ import annotations

import logging
import os
import threading
import weakref
from pathlib import Path

from abeja_run.cassettes.file import PartialFile
from abeja_run.cassettes.interaction import Interaction, in_memory
from abeja_run.cassettes.redaction import Redaction
from abeja_run.exceptions import CassetteError, InvalidResponse, TransportError
from abeja_run.messages import Request
from abeja_run.transports.base import Transport
from abeja_run.transports.wrapping import Course, WrappingTransport

__all__ = ["RecordingTransport"]

_logger = logging.getLogger("abeja_run")


class RecordingTransport(WrappingTransport):
    """Passes everything through to another transport, and keeps it in a cassette.

    Every attempt is kept, failures too, in the order in which they ended. Each is on the disk, in a file beside the
    cassette, before its answer is handed over; :meth:`close` puts the cassette in its place. A process that is
    killed loses none of them: mode ``new`` of :func:`~abeja_run.transports.cassette` goes on with the recording.

    Args:
        inner: Where requests go. It stays the caller's to close.
        path: The cassette. One that is there is replaced at the end.
        redaction: What never reaches the disk.
        resume: Go on with what is there, instead of replacing it.

    Raises:
        CassetteError: From :meth:`send`, before anything is sent: the cassette cannot be written, another process
            records it, or the recorder was made by a parent process. From :meth:`close`: an interaction could not be
            written; its answer was handed over all the same.

    Example:
        >>> import tempfile
        >>> from abeja_run import APIClient
        >>> from abeja_run.cassettes import load
        >>> from abeja_run.messages import Response
        >>> class Canned(Transport):
        ...     leaves_process = False
        ...     def send(self, request, timeout):
        ...         return Response(200, {"content-type": "application/json"}, b'{"status": "RUNNING"}')
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     with RecordingTransport(Canned(), f"{folder}/run.json") as transport:
        ...         client = APIClient({"auth_token": "hunter22"}, transport=transport)
        ...         _ = client.get_run("1234567890123", "1111111111111", "run-1")
        ...     [str(interaction).rpartition("/")[2] for interaction in load(f"{folder}/run.json")]
        ['run-1: 200']
    """

    def __init__(
        self,
        inner: Transport,
        path: str | os.PathLike[str],
        *,
        redaction: Redaction | None = None,
        resume: bool = False,
    ) -> None:
        self._inner: Transport = inner
        self.leaves_process = inner.leaves_process
        self._redaction = redaction or Redaction()
        self._file = PartialFile(Path(path), resume=resume)
        self._lock = threading.Lock()
        self._process = os.getpid()
        self._opened = False
        self._fault: CassetteError | None = None
        # Whoever forgets to close still has a cassette.
        self._finish = weakref.finalize(self, _finish, self._file, self._process)

    def course(self, request: Request) -> Course:
        """Have the request sent once, and keep what becomes of it."""
        self._ready()
        request = in_memory(request)
        try:
            response = yield request
        except (TransportError, InvalidResponse) as fault:
            self._keep(Interaction(request, fault))
            raise
        self._keep(Interaction(request, response))
        return response

    def sleep(self, seconds: float) -> None:
        """Wait by the inner transport's clock."""
        self._inner.sleep(seconds)

    def close(self) -> None:
        """Put the cassette in its place. Nothing can be recorded afterwards.

        Raises:
            CassetteError: Not everything could be written; what could is kept beside the cassette.
        """
        with self._lock:
            self._finish()
            if self._fault is not None:
                raise self._fault

    def _ready(self) -> None:
        if self._opened and self._fault is None and self._finish.alive and self._process == os.getpid():
            return
        if self._process != os.getpid():
            raise CassetteError(f"{self._file.path} is recorded by the process {self._process}, a parent of this one")
        with self._lock:
            if not self._finish.alive:
                raise CassetteError(f"{self._file.path}: the recording is closed")
            if self._fault is not None:
                raise self._fault
            if not self._opened:
                self._file.open()
                self._opened = True

    def _keep(self, interaction: Interaction) -> None:
        redacted = self._redaction.interaction(interaction)
        with self._lock:
            if not self._finish.alive:
                _logger.warning("%s: closed before an answer came; it is not in the cassette", self._file.path)
                return
            try:
                self._file.append(redacted)
            except CassetteError as fault:
                # The answer is worth more than its recording: it is handed over, and the next request refused.
                self._fault = self._fault or fault
                _logger.warning("%s; the answer is not in the cassette", fault)


def _finish(file: PartialFile, process: int) -> None:
    if process != os.getpid():
        return
    if file.empty:
        file.discard()
    else:
        file.finish()
