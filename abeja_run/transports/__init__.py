"""Where a request goes: one file, one transport, one class."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from abeja_run.transports.base import Transport
from abeja_run.transports.urllib3_transport import Urllib3Transport

__all__ = ["Transport", "Urllib3Transport"]

if TYPE_CHECKING:
    from abeja_run.transports.requests_transport import RequestsTransport as RequestsTransport


def __getattr__(name: str) -> Any:
    # Not imported above: requests is an extra, and nobody else pays for it.
    if name == "RequestsTransport":
        from abeja_run.transports.requests_transport import RequestsTransport  # noqa: PLC0415 - an optional extra

        return RequestsTransport
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
