"""Where a request goes: one file, one transport, one class."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from abeja_run.transports.base import Transport

if TYPE_CHECKING:
    from abeja_run.transports.cassette_transport import cassette as cassette
    from abeja_run.transports.recording import RecordingTransport as RecordingTransport
    from abeja_run.transports.replay import ReplayTransport as ReplayTransport
    from abeja_run.transports.requests_transport import RequestsTransport as RequestsTransport
    from abeja_run.transports.urllib3_transport import Urllib3Transport as Urllib3Transport

__all__ = ["Transport", "Urllib3Transport"]

#: Imported when somebody asks: requests is an extra, and who has another transport does not pay for the wire.
_ON_DEMAND = {
    "RecordingTransport": "recording",
    "ReplayTransport": "replay",
    "RequestsTransport": "requests_transport",
    "Urllib3Transport": "urllib3_transport",
    "cassette": "cassette_transport",
}


def __getattr__(name: str) -> Any:
    if name in _ON_DEMAND:
        value = globals()[name] = getattr(importlib.import_module(f"abeja_run.transports.{_ON_DEMAND[name]}"), name)
        return value
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
