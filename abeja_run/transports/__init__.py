"""Where a request goes: one file, one transport, one class."""

from abeja_run.transports.base import Transport
from abeja_run.transports.urllib3_transport import Urllib3Transport

__all__ = ["Transport", "Urllib3Transport"]
