"""Picks what a cassette needs: replay, recording, both, or a comparison."""

from __future__ import annotations

import os
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Literal, get_args

from abeja_run.cassettes.file import PartialFile, partial_path
from abeja_run.cassettes.interaction import Interaction, in_memory
from abeja_run.cassettes.matching import DEFAULT_MATCH, Matcher
from abeja_run.cassettes.redaction import Redaction
from abeja_run.exceptions import ConfigurationError, NoMatchingInteraction
from abeja_run.messages import Request
from abeja_run.transports.base import Transport
from abeja_run.transports.recording import RecordingTransport
from abeja_run.transports.replay import ReplayTransport
from abeja_run.transports.urllib3_transport import Urllib3Transport
from abeja_run.transports.verifying import VerifyingTransport
from abeja_run.transports.wrapping import Course, WrappingTransport

__all__ = ["Mode", "cassette"]

Mode = Literal["none", "once", "new", "all", "verify"]


def cassette(
    path: str | os.PathLike[str],
    mode: Mode = "once",
    inner: Transport | None = None,
    *,
    match: Sequence[Matcher] = DEFAULT_MATCH,
    repeat: Literal["error", "last"] = "error",
    redaction: Redaction | None = None,
) -> CassetteTransport:
    """A transport that plays or records a cassette, as the mode says.

    ========== =====================================================================================================
    mode
    ========== =====================================================================================================
    ``none``   Replay only.
    ``once``   Record when the file is missing, else replay. A recording that was cut off is gone on with.
    ``new``    Replay what is there, record the rest.
    ``all``    Record anew.
    ``verify`` Send everything, and fail where an answer no longer is as recorded; IDs, times and tokens may differ.
    ========== =====================================================================================================

    Args:
        path: The cassette, a JSON file.
        mode: See above.
        inner: Where requests go that are sent; it stays the caller's to close. By default the wire.
        match: What counts as the same request; see :class:`~abeja_run.transports.ReplayTransport`.
        repeat: ``"last"`` gives the last answer again where all have been played.
        redaction: What never reaches the disk.

    Raises:
        CassetteError: The file is missing in a mode that replays, or damaged.
        ConfigurationError: There is no such mode.

    Example:
        >>> import tempfile
        >>> from abeja_run import APIClient
        >>> from abeja_run.messages import Response
        >>> class Canned(Transport):
        ...     leaves_process = False
        ...     def send(self, request, timeout):
        ...         return Response(200, {"content-type": "application/json"}, b'{"status": "RUNNING"}')
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     for mode in "once", "none":
        ...         with cassette(f"{folder}/run.json", mode, Canned()) as transport:
        ...             client = APIClient({"auth_token": "any"}, transport=transport)
        ...             print(client.get_run("1234567890123", "1111111111111", "run-1"))
        {'status': 'RUNNING'}
        {'status': 'RUNNING'}
    """
    if mode not in get_args(Mode):
        raise ConfigurationError(f"mode is {mode!r}, not one of {', '.join(get_args(Mode))}")
    return CassetteTransport(Path(path), mode, inner, match, repeat, redaction or Redaction())


class CassetteTransport(WrappingTransport):
    """What :func:`cassette` gives: a replay, a recording, or one behind the other."""

    def __init__(
        self,
        path: Path,
        mode: Mode,
        inner: Transport | None,
        match: Sequence[Matcher],
        repeat: Literal["error", "last"],
        redaction: Redaction,
    ) -> None:
        if mode == "once":
            # One that was cut off is as good as the part of it that is there.
            mode = "none" if path.exists() and not partial_path(path).exists() else "new"
        self._own = Urllib3Transport() if inner is None and mode != "none" else None
        live = self._inner = inner or self._own
        self._replay: ReplayTransport | VerifyingTransport | None = None
        self._recording: RecordingTransport | None = None
        if mode == "verify":
            assert live is not None  # noqa: S101 - made above
            self._replay = VerifyingTransport(live, path, match=match, redaction=redaction)
        elif mode == "none":
            self._replay = ReplayTransport(path, match=match, repeat=repeat, redaction=redaction)
        else:
            assert live is not None  # noqa: S101 - made above
            self._recording = RecordingTransport(live, path, redaction=redaction, resume=mode == "new")
            kept = PartialFile(path, resume=True).kept() if mode == "new" else []
            if kept:
                self._replay = ReplayTransport(path, match=match, repeat=repeat, redaction=redaction, _raws=kept)
        self.leaves_process = mode != "none" and (live is None or live.leaves_process)
        self._last = threading.local()
        self._live = not isinstance(self._replay, ReplayTransport)

    @property
    def unplayed(self) -> list[Interaction]:
        """What was recorded before and has not been asked for, in recorded order."""
        return [] if self._replay is None else self._replay.unplayed

    @property
    def sends(self) -> bool:
        """Whether the last answer was a live one; before there is any, whether there is nothing to play."""
        return self._live

    def course(self, request: Request) -> Course:
        """Answer from the cassette, or have the request sent, and record."""
        request = in_memory(request)
        self._answered(live=True)
        if self._replay is None:
            assert self._recording is not None  # noqa: S101 - one of them is there
            return (yield from self._recording.course(request))
        if isinstance(self._replay, VerifyingTransport):
            return (yield from self._replay.course(request))
        try:
            found = self._replay.find(request)
        except NoMatchingInteraction:
            if self._recording is None:
                raise
            return (yield from self._recording.course(request))
        self._answered(live=False)
        return found.answer(request)

    def sleep(self, seconds: float) -> None:
        """Wait where the last answer was a live one; after one of the cassette return at once.

        It is the thread's last answer that counts, and where it has had none, that of any thread.
        """
        live = self._recording or self._replay
        if live is not None and getattr(self._last, "live", self._live):
            live.sleep(seconds)

    def _answered(self, *, live: bool) -> None:
        self._last.live = self._live = live

    def close(self) -> None:
        """Put the cassette in its place, where something was recorded."""
        try:
            if self._recording is not None:
                self._recording.close()
        finally:
            if self._own is not None:
                self._own.close()
