"""What is to be done, step by step: every decision and no I/O, to be carried out with ``await`` or without.

A script is a generator. It is sent what came of each step, and what a step has raised is thrown into it.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeAlias, TypeVar

from abeja_run.client import APIClient

__all__ = ["Call", "Handed", "Item", "Script", "carried_out", "driven", "over"]

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class Call:
    """A method of the client is to be called.

    Attributes:
        method: Its name.
        arguments: Its arguments by position.
        keywords: Its arguments by name.
    """

    method: str
    arguments: tuple[Any, ...]
    keywords: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Handed(Generic[Item]):
    """Something is there for whoever asked for it.

    Attributes:
        item: What.
    """

    item: Item


#: Calls, and seconds to wait by the clock of the transport, until everything has been handed over.
Script: TypeAlias = Generator[Call | float | Handed[Item], Any, None]


def driven(script: Generator[Any, Any, None], perform: Callable[[Any], Any]) -> Generator[Any, None, None]:
    """What a script hands over. Whatever ends this early, the script is told, and its last steps are taken too.

    Args:
        script: The script.
        perform: What carries out any other step, and gives what came of it.

    Raises:
        Error: Whatever the script raises.

    Example:
        >>> def asking():
        ...     number = yield "a number"
        ...     yield Handed(number + 1)
        >>> list(driven(asking(), lambda step: 41))
        [42]
    """
    outcome: Any = None
    error: BaseException | None = None
    while True:
        try:
            step = script.send(outcome) if error is None else script.throw(error)
            outcome = error = None
            if isinstance(step, Handed):
                yield step.item
            else:
                outcome = perform(step)
        except BaseException as raised:
            error = None
            if not over(script):
                error = raised
            elif isinstance(raised, StopIteration):
                return
            else:
                raise


def over(script: Generator[Any, Any, None]) -> bool:
    """Whether a script has come to its end."""
    return inspect.getgeneratorstate(script) == inspect.GEN_CLOSED


def carried_out(api: APIClient, script: Script[Item]) -> Generator[Item, None, None]:
    """What a script hands over that a client carries out.

    Raises:
        Error: Whatever the script raises.
    """

    def perform(step: Call | float) -> Any:
        if isinstance(step, Call):
            return getattr(api, step.method)(*step.arguments, **step.keywords)
        return api.transport.sleep(step)

    return driven(script, perform)
