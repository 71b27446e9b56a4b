"""Page tokens: opaque, and of use only for the list that they were given out for."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from typing import Any

__all__ = ["Tokens"]

_SIGNATURE = 12


class Tokens:
    """Writes and reads tokens.

    Args:
        secret: What they are signed with; the same one reads them again.

    Example:
        >>> tokens = Tokens("secret")
        >>> tokens.read(tokens.write("runs", 7), "runs")
        7
    """

    def __init__(self, secret: str) -> None:
        self._secret = secret.encode()

    def write(self, purpose: str, position: Any) -> str:
        """A token for a position in a list."""
        data = json.dumps(position).encode()
        return base64.urlsafe_b64encode(self._signature(purpose, data) + data).decode("ascii").rstrip("=")

    def read(self, token: str, purpose: str) -> Any:
        """The position.

        Raises:
            ValueError: The token is none of this list.
        """
        try:
            raw = base64.b64decode(token.encode("ascii") + b"=" * (-len(token) % 4), altchars=b"-_", validate=True)
        except ValueError:
            raise ValueError("is no token") from None
        signature, data = raw[:_SIGNATURE], raw[_SIGNATURE:]
        if not hmac.compare_digest(signature, self._signature(purpose, data)):
            raise ValueError("is no token of this list")
        return json.loads(data)

    def _signature(self, purpose: str, data: bytes) -> bytes:
        return hmac.new(self._secret, purpose.encode() + b"\0" + data, hashlib.sha256).digest()[:_SIGNATURE]
