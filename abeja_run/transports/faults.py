"""What lies beneath an exception of an HTTP library, and how a person is told of it.

Knows no transport and decides nothing about sending again.
"""

from __future__ import annotations

import http.client
import re
import ssl

__all__ = ["chain", "show_a_secret", "told"]

# A password may hold any of the characters that end a host, so up to the last @.
_USERINFO = re.compile(r"//[^\s'\"]*@")


def chain(error: BaseException, handled: BaseException | None) -> list[BaseException]:
    """The error with everything it wraps, the outermost first.

    Args:
        error: What was raised.
        handled: ``sys.exc_info()[1]`` from before the attempt. A caller who sends while handling an exception has
            that one in every context too, and it says nothing about this attempt.
    """
    found: list[BaseException] = [error]
    for outer in found:
        inner = (*outer.args, getattr(outer, "reason", None), outer.__cause__, outer.__context__)
        found += (
            part for part in inner if isinstance(part, BaseException) and part is not handled and part not in found
        )
    return found


def told(parts: list[BaseException], secret: str) -> str:
    """The fault in a line: what lies at the bottom, without secrets, object addresses and line breaks."""
    for part in parts:
        if isinstance(part, ssl.SSLCertVerificationError):
            return f"the certificate is not trusted: {getattr(part, 'verify_message', part)}"
    system = [part for part in parts if isinstance(part, OSError) and part.strerror]
    # Beneath the wire's own errors lies what libraries try before they do it another way.
    wire = [part for part in parts if isinstance(part, (OSError, http.client.HTTPException))]
    part = system[0] if system else (wire or parts)[-1]
    text = part.strerror if isinstance(part, OSError) and part.strerror else str(part)
    text = re.sub(r" at 0x[0-9a-f]+|[^\x20-\x7e]+", " ", _hidden(text, secret)).strip()
    name = type(part).__name__
    return f"{text} ({name})" if text else name


def show_a_secret(parts: list[BaseException], secret: str) -> bool:
    """Whether a traceback of these would show the secret, or the user name and password of an address."""
    return any(str(part) != _hidden(str(part), secret) for part in parts)


def _hidden(text: str, secret: str) -> str:
    return _USERINFO.sub("//***@", text.replace(secret, "***") if secret else text)
