"""What a transport that wraps another one does with a request, written once for whoever carries it out."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Generator
from typing import Any, TypeAlias

from abeja_run.exceptions import InvalidResponse, TransportError
from abeja_run.messages import Request, Response
from abeja_run.transports.base import Transport

__all__ = ["Course", "WrappingTransport", "step"]

#: Gives a request that is to be sent, is told what came of it, and returns or raises what the sender is told.
Course: TypeAlias = Generator[Request, Response, Response]


class WrappingTransport(Transport):
    """A transport that changes how requests travel through another one."""

    _inner: Transport | None

    @abstractmethod
    def course(self, request: Request) -> Course:
        """What is done with a request: every decision of it, and nothing is sent.

        An answer is sent into it, a fault of the inner transport thrown; it is closed where neither comes.
        """

    def send(self, request: Request, timeout: float) -> Response:
        """Send the request once; see :meth:`Transport.send`."""
        course = self.course(request)
        outcome: Any = None
        while True:
            asked = step(course, outcome)
            if isinstance(asked, Response):
                return asked
            assert self._inner is not None  # noqa: S101 - one that sends nothing asks for nothing
            try:
                outcome = self._inner.send(asked, timeout)
            except (TransportError, InvalidResponse) as fault:
                outcome = fault


def step(course: Course, outcome: Response | TransportError | InvalidResponse | None) -> Request | Response:
    """The request that is to be sent next, or what the sender is told.

    Args:
        course: What is done with the request.
        outcome: What came of the last request that it gave; None at the beginning.
    """
    try:
        if outcome is None:
            return next(course)
        return course.send(outcome) if isinstance(outcome, Response) else course.throw(outcome)
    except StopIteration as stop:
        answer: Response = stop.value
        return answer
