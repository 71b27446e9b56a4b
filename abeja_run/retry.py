"""When a request is sent again: the one place where that is decided, by two facts.

Is the endpoint repeatable, and can the server have seen the request. Sends nothing and never sleeps.
"""

from __future__ import annotations

import email.utils
import random
import re
import time
from dataclasses import dataclass

from abeja_run.exceptions import ConnectError, Error, HttpError, InvalidResponse, OutcomeUnknown, TransportError
from abeja_run.messages import Response

__all__ = ["RETRY_AFTER_CAP", "TOO_MANY", "RetryPolicy", "is_open", "is_passing", "jittered", "retry_after"]

#: The status of an answer that says so; the request was not carried out.
TOO_MANY = 429
#: The most seconds that a ``Retry-After`` of the service is obeyed for.
RETRY_AFTER_CAP = 60.0
_BASE = 0.5
_CAP = 20.0
_OUTCOME_OPEN = frozenset({500, 502, 503, 504})


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """Whether to repeat a request, and after how long.

    ============== ======================= ===== ======================= ==============================
    request        certainly not arrived   429   500, 502, 503, 504      lost or timed out after sending
    ============== ======================= ===== ======================= ==============================
    repeatable     again                   again again                   again
    not repeatable again                   again no: the outcome is open no: the outcome is open
    ============== ======================= ===== ======================= ==============================

    Attributes:
        max_retries: How many attempts may follow the first.
        base: The first wait is between zero and this many seconds; the bound doubles each time.
        cap: The most seconds of such a wait.
        retry_after_cap: The most seconds that a ``Retry-After`` of the service is obeyed for.

    Example:
        >>> policy = RetryPolicy(max_retries=2)
        >>> policy.wait(Response(503, {"Retry-After": "7"}), repeatable=True, retries=0)
        7.0
        >>> policy.wait(Response(503), repeatable=False, retries=0) is None
        True
    """

    max_retries: int
    base: float = _BASE
    cap: float = _CAP
    retry_after_cap: float = RETRY_AFTER_CAP

    def wait(self, outcome: Response | TransportError, *, repeatable: bool, retries: int) -> float | None:
        """Seconds until the next attempt, or None when there must be none.

        Args:
            outcome: What the last attempt ended in.
            repeatable: Whether repeating a request that arrived does no harm.
            retries: How many attempts have followed the first so far.
        """
        if retries >= self.max_retries or not _may_repeat(outcome, repeatable=repeatable):
            return None
        wait = jittered(retries, self.base, self.cap)
        if isinstance(outcome, Response):
            wait = max(wait, min(retry_after(outcome), self.retry_after_cap))
        return wait


def jittered(failures: int, base: float = _BASE, cap: float = _CAP) -> float:
    """Seconds to wait after so many failures in a row: many that failed together do not come back together.

    Args:
        failures: How many failures came before the last one.
        base: After the first failure it is between zero and this many seconds; the bound doubles each time.
        cap: The most seconds.
    """
    # Not a secret: any generator will do. The exponent is bounded because 2 ** 2000 is no float.
    return random.uniform(0.0, min(cap, base * 2.0 ** min(failures, 60)))  # noqa: S311


def _may_repeat(outcome: Response | TransportError, *, repeatable: bool) -> bool:
    if isinstance(outcome, ConnectError):
        return True
    if isinstance(outcome, TransportError):
        return repeatable
    return outcome.status == TOO_MANY or (repeatable and outcome.status in _OUTCOME_OPEN)


def is_open(error: Error) -> bool:
    """Whether a request that must not be repeated may have been carried out although it ended in this error."""
    if isinstance(error, HttpError):
        return error.status_code in _OUTCOME_OPEN
    # What is no answer of the service came from something in between, perhaps after the service's own.
    return isinstance(error, (OutcomeUnknown, InvalidResponse))


def is_passing(error: Error) -> bool:
    """Whether an error of a call may be gone the next time."""
    if isinstance(error, HttpError):
        return error.status_code == TOO_MANY or error.status_code in _OUTCOME_OPEN
    return isinstance(error, (TransportError, InvalidResponse))


def retry_after(response: Response) -> float:
    """The seconds that ``Retry-After`` asks for, given as seconds or as a date (RFC 9110, 10.2.3); else zero.

    A date counts from the answer's own ``Date``, so that a wrong local clock does no harm.
    """
    value = response.headers.get("retry-after", "").strip()
    if re.fullmatch(r"[0-9]+(\.[0-9]*)?", value):
        return float(value[:12])
    until = _timestamp(value)
    if until is None:
        return 0.0
    now = _timestamp(response.headers.get("date", ""))
    return max(0.0, until - (time.time() if now is None else now))


def _timestamp(date: str) -> float | None:
    try:
        return email.utils.parsedate_to_datetime(date).timestamp()
    except (TypeError, ValueError, OverflowError, IndexError):
        return None
