"""Being told to end: signals are noted and looked at where it suits, so that nothing is torn apart half-made."""

from __future__ import annotations

import queue
import signal
from types import FrameType, TracebackType
from typing import Any

__all__ = ["Interruption"]

_SIGNALS = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))


class Interruption:
    """While it is entered, a signal that asks for the end only counts when :meth:`wait` is called.

    Further ones change nothing: what runs then is the clearing away, and it is short.
    """

    def __init__(self) -> None:
        # A SimpleQueue may be filled by a signal handler at any point, also while it is being read.
        self._signals: queue.SimpleQueue[int] = queue.SimpleQueue()
        self._handlers: dict[int, Any] = {}

    def wait(self, seconds: float | None = None) -> int | None:
        """Let time pass until a signal has come.

        Args:
            seconds: How long at most; None waits for ever.

        Returns:
            The signal's number, or None when the time is up.
        """
        try:
            return self._signals.get(timeout=seconds)
        except queue.Empty:
            return None

    def __enter__(self) -> Interruption:  # noqa: PYI034 - typing has no Self before Python 3.11
        for number in _SIGNALS:
            # What the caller has this process ignore, as nohup does, stays ignored.
            if signal.getsignal(number) is not signal.SIG_IGN:
                self._handlers[number] = signal.signal(number, self._note)
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        for number, handler in self._handlers.items():
            signal.signal(number, handler)

    def _note(self, number: int, _frame: FrameType | None) -> None:
        self._signals.put(number)
