"""Injects faults between a client and a transport, as the errors that a wire would have had."""

from __future__ import annotations

import logging
from urllib.parse import urlsplit

from abeja_run.exceptions import ConnectError, Timeout, TransportError
from abeja_run.local.faults import Draws, Fault, Faults, Kind
from abeja_run.messages import Request, Response
from abeja_run.transports import Transport

__all__ = ["FaultyTransport"]

logger = logging.getLogger("abeja_run.local")


class FaultyTransport(Transport):
    """A transport with faults, around another one.

    Args:
        transport: What carries the requests.
        faults: What goes wrong.

    Example:
        >>> from abeja_run.transports import Urllib3Transport
        >>> wire = FaultyTransport(Urllib3Transport(), Faults(refuse=1))
        >>> wire.send(Request("GET", "http://127.0.0.1/runs"), 30)
        Traceback (most recent call last):
        abeja_run.exceptions.ConnectError: GET http://127.0.0.1/runs: the connection was refused (an injected fault)
    """

    def __init__(self, transport: Transport, faults: Faults) -> None:
        self._transport = transport
        self._delay = faults.delay
        self._draws = Draws(faults)
        self.leaves_process = transport.leaves_process

    def send(self, request: Request, timeout: float) -> Response:
        """Send the request, or let it meet a fault; what takes time does so through :meth:`sleep`."""
        path = urlsplit(request.url).path
        fault = self._draws.draw(request.method, path)
        if fault is None:
            return self._transport.send(request, timeout)
        logger.info("%s %s meets the fault %s", request.method, path, fault.kind.value)
        if not fault.kind.executes:
            return _unexecuted(request, fault)
        answer = self._transport.send(request, timeout)
        if fault.kind in (Kind.LATE, Kind.SLOW):
            self.sleep(min(self._delay, timeout))
            if self._delay >= timeout:
                raise _injected(Timeout, f"timed out after {timeout:g} s", request)
            return answer
        if fault.answer is None:
            raise _injected(
                TransportError, "the answer was cut off" if fault.kind is Kind.CUT_OFF else "no answer", request
            )
        return fault.answer

    def sleep(self, seconds: float) -> None:
        """Let time pass as the transport does."""
        self._transport.sleep(seconds)

    def close(self) -> None:
        """Close the transport."""
        self._transport.close()


def _unexecuted(request: Request, fault: Fault) -> Response:
    if fault.kind is Kind.REFUSE:
        raise _injected(ConnectError, "the connection was refused", request)
    if fault.answer is None:
        raise _injected(TransportError, "the connection was reset", request)
    return fault.answer


def _injected(kind: type[TransportError], reason: str, request: Request) -> TransportError:
    return kind(f"{reason} (an injected fault)", method=request.method, url=request.url)
