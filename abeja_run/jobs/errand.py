"""One request of a batch, carried out by whoever executes it: a thread, another process, another machine.

The worker decides nothing and never waits: it sends once, and what comes of it goes back to the batch.
"""

from __future__ import annotations

import functools
import importlib
import pickle
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from abeja_run.client import APIClient
from abeja_run.exceptions import Error, HttpError, OutcomeUnknown, TransportError
from abeja_run.retry import TOO_MANY

__all__ = ["BegunBefore", "Carrier", "Errand", "Held", "NotBegun", "carry_out", "forget", "lost"]


class NotBegun(Error):
    """The worker came to it too late: nothing was sent."""


class Held(NotBegun):
    """Everything waits, because the service has said that there are too many requests: nothing was sent."""


class BegunBefore(Error):
    """Another worker has begun it before and is gone: what became of it is open."""


@dataclass(frozen=True, slots=True)
class Errand:
    """One call of the client.

    Attributes:
        name: Unlike that of every other, so that no executor takes two of them for one.
        method: The method of the client.
        arguments: Its arguments by position.
        keywords: Its arguments by name.
        once: Whether it must not be carried out twice.
        until: The time (seconds since 1970) from which on it must not be begun; None where it cannot be late.
        spent: Names of others that must not be carried out twice and are over.
    """

    name: str
    method: str
    arguments: tuple[Any, ...]
    keywords: Mapping[str, Any] = field(default_factory=dict)
    once: bool = False
    until: float | None = None
    spent: tuple[str, ...] = ()


class Carrier:
    """Carries a client to where errands are carried out. A process makes the client once, and keeps it.

    Args:
        api: The client.

    Attributes:
        held: Whether threads of this process must not send anything; set by the first that the service refuses, so
            that those which come to what is ahead of them know before the batch does.
    """

    def __init__(self, api: APIClient) -> None:
        self.api = api
        self.held = False

    @functools.cached_property
    def _packed(self) -> bytes:
        return pickle.dumps(self.api)

    def __reduce__(self) -> tuple[Callable[[bytes], Carrier], tuple[bytes]]:
        return _unpacked, (self._packed,)


@functools.lru_cache(maxsize=8)
def _unpacked(packed: bytes) -> Carrier:
    return Carrier(pickle.loads(packed))  # noqa: S301 - the executor's own way of handing over


def carry_out(carrier: Carrier, errand: Errand) -> dict[str, Any]:
    """Carry out an errand, on this side of whatever executes it.

    Raises:
        NotBegun: It is too late for it, or too early.
        BegunBefore: It was begun before.
        Error: Whatever the method raises.
    """
    if errand.until is not None:
        _claim(errand)
        if time.time() > errand.until:
            raise NotBegun(f"{errand.method}: the worker came to it too late")
    elif carrier.held:
        raise Held(f"{errand.method}: the service has asked for a pause")
    try:
        result: dict[str, Any] = getattr(carrier.api, errand.method)(*errand.arguments, **errand.keywords)
    except HttpError as error:
        if error.status_code == TOO_MANY:
            carrier.held = True
        raise
    return result


def lost(method: str, error: BaseException, *, once: bool) -> Error:
    """The error of a request of which nobody says what came."""
    told = f"the worker of {method} was lost ({type(error).__name__})"
    found: Error = OutcomeUnknown(told) if once else TransportError(told)
    found.__cause__ = error
    return found


def forget(names: tuple[str, ...]) -> None:
    """Take away the marks of errands that are over."""
    event = _dask_event()
    if event is not None:
        for name in names:
            event(name).clear()


def _claim(errand: Errand) -> None:
    """Make sure that an errand is begun once.

    Dask carries out again what a worker has begun, or has even done, that is gone. So each worker marks with the
    scheduler what it begins; whoever finds a mark does not begin.
    """
    forget(errand.spent)
    event = _dask_event()
    if event is not None and errand.once:
        mark = event(errand.name)
        if mark.is_set():
            raise BegunBefore(f"{errand.method}: a worker that is gone has begun it before")
        mark.set()


def _dask_event() -> Callable[[str], Any] | None:
    """What makes an event of Dask's scheduler, in one of its workers; None elsewhere."""
    if "distributed.worker" not in sys.modules:
        return None
    distributed: Any = importlib.import_module("distributed")
    try:
        distributed.get_worker()
    except ValueError:
        # This process may have workers, but this thread is none of theirs.
        return None
    event: Callable[[str], Any] = distributed.Event
    return event
