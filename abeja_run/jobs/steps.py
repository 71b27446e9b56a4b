"""What a batch asks of whoever carries it out: its steps, and what takes its requests."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from abeja_run.exceptions import Error

__all__ = ["END", "LATER", "Await", "Done", "Intend", "Requests", "TakeIn"]


class TakeIn:
    """The next input is wanted. What comes of it: the input, :data:`END`, or :data:`LATER`."""

    __slots__ = ()


#: There is no further input.
END = object()
#: The next input is not there yet; the end of an :class:`Await` says that it may be.
LATER = object()


@dataclass(frozen=True, slots=True)
class Intend:
    """It is to be put on the disk that inputs are about to be submitted; see :meth:`Journal.intend`.

    Attributes:
        inputs: The inputs by their index.
        since: A run of them will not be older.
        straggling: Seconds after the end of this process in which a request of theirs may still arrive.
    """

    inputs: Mapping[int, object]
    since: datetime
    straggling: float


@dataclass(frozen=True, slots=True)
class Await:
    """A request is to be waited for, or an input that was not there yet. What comes of it: a :class:`Done`, or None.

    Attributes:
        seconds: How long at most; None for as long as it takes.
    """

    seconds: float | None


@dataclass(frozen=True, slots=True)
class Done:
    """What came of a request.

    Attributes:
        purpose: What it was sent for.
        outcome: The answer, or the error.
        sent: When it was handed over, by the clock of whoever did.
    """

    purpose: Any
    outcome: dict[str, Any] | Error
    sent: float


class Requests(Protocol):
    """What carries out the requests of a batch, and is asked for nothing that takes time."""

    #: Seconds after the end of this process in which a request may still arrive.
    straggling: float
    #: How many more requests may be handed over than are carried out at a time.
    ahead: int
    #: Seconds after which what is under way when the batch ends is not waited for any longer.
    grace: float

    @property
    def busy(self) -> bool:
        """Whether a request is under way."""

    def send(self, purpose: Any, now: float, method: str, *arguments: Any, once: bool = False, **keywords: Any) -> None:
        """Hand a request over; ``purpose`` and ``now`` come back with what came of it."""

    def release(self) -> None:
        """The pause that the service has asked for is over."""

    def give_up(self) -> None:
        """Do not begin what has not begun."""
