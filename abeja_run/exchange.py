"""One call between its request and its result: every decision of it, and no I/O.

Whoever has a transport drives an :class:`Exchange`, be it with ``await`` or without.
"""

from __future__ import annotations

import http.client
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from abeja_run.credentials import Credential, required
from abeja_run.descriptors.endpoints import Endpoint
from abeja_run.exceptions import ConnectError, InvalidResponse, OutcomeUnknown, TransportError
from abeja_run.interpretation import interpret
from abeja_run.messages import Headers, Request, Response, Sink, Source
from abeja_run.preparation import prepare
from abeja_run.retry import RetryPolicy
from abeja_run.transports.base import Clock

__all__ = ["Exchange", "Terms"]

logger = logging.getLogger("abeja_run")
logger.addHandler(logging.NullHandler())


@dataclass(frozen=True, slots=True)
class Terms:
    """What holds for every call of a client. Holds no state of a call, so it is shared by threads.

    Attributes:
        credential: Who the caller is; None raises at the first call.
        headers: The header fields of every request, the authorization among them.
        base_url: What paths are appended to.
        policy: When a request is repeated.
        timeout: Seconds one attempt may take.
        deadline: Seconds a whole call may take, waits included; None sets no bound.
        check_responses: Hold every answer against its schema.
    """

    credential: Credential | None
    headers: Headers
    base_url: str
    policy: RetryPolicy
    timeout: float
    deadline: float | None
    check_responses: bool

    def prepare(self, endpoint: Endpoint, arguments: Mapping[str, Any]) -> Request:
        """The request that a call would send; see :func:`~abeja_run.preparation.prepare`."""
        return prepare(endpoint, arguments, self.base_url, self.headers)


class Exchange:
    """One call between its request and its result.

    Send :attr:`request` with :attr:`timeout`, give what came of it to :meth:`after`, wait as long as it says and
    send again; where it says None, :meth:`result` is what the call has come to.

    Args:
        terms: What holds for every call.
        endpoint: What is called.
        request: What to send.
        deadline: Seconds this call may take, where that is less than the client's own deadline.

    Raises:
        CredentialError: The client has none.

    Example:
        >>> from abeja_run.resources.runs import Runs
        >>> from abeja_run.credentials import find_credential
        >>> who = find_credential({"auth_token": "any"}, dict)
        >>> terms = Terms(who, Headers(), "", RetryPolicy(5), 30.0, None, check_responses=False)
        >>> exchange = Exchange(terms, Runs.get_run, Request("GET", "http://127.0.0.1/run"))
        >>> exchange.after(Response(429, {"retry-after": "7"}))
        7.0
        >>> exchange.after(Response(200, body=b'{"status": "RUNNING"}'))
        >>> exchange.result()
        {'status': 'RUNNING'}
    """

    __slots__ = ("_clock", "_deadline", "_endpoint", "_outcome", "_retries", "_terms", "_timeout", "request")

    def __init__(self, terms: Terms, endpoint: Endpoint, request: Request, deadline: float | None = None) -> None:
        if terms.credential is None and endpoint.authorized:
            required(None)
        self._terms = terms
        self._endpoint = endpoint
        self.request = request
        self._timeout = terms.timeout if endpoint.timeout is None else endpoint.timeout
        if deadline is None or (terms.deadline is not None and terms.deadline < deadline):
            deadline = terms.deadline
        self._deadline = deadline
        # Nobody looks at the clock where there is no bound.
        self._clock = None if deadline is None else Clock()
        self._retries = 0
        self._outcome: Response | TransportError | None = None

    @property
    def timeout(self) -> float:
        """Seconds that the next attempt may take."""
        if self._deadline is None or self._clock is None:
            return self._timeout
        return min(self._timeout, max(self._deadline - self._clock.elapsed, 0.001))

    def after(self, outcome: Response | TransportError) -> float | None:
        """What an attempt has ended in.

        Returns:
            Seconds to wait before the next attempt, which count as gone from now on; None when there is none.
        """
        self._outcome = outcome
        if isinstance(outcome, Response) and outcome.status < 300:
            return None
        if isinstance(self.request.body, Source) and self.request.body.spent:
            return None
        policy = self._terms.policy
        wait = policy.wait(outcome, repeatable=self._endpoint.repeatable, retries=self._retries)
        if wait is None:
            return None
        if self._deadline is not None and self._clock is not None:
            if self._clock.elapsed + wait >= self._deadline:
                return None
            self._clock.waited(wait)
        self._retries += 1
        _log_retry(self.request, outcome, wait, self._retries, policy.max_retries)
        return wait

    def result(self) -> Any:
        """What the call has come to.

        Raises:
            Error: Any of this package's, as the endpoint's method documents them.
        """
        outcome, request, sink = self._outcome, self.request, self.request.sink
        assert outcome is not None  # noqa: S101 - after() comes first
        if isinstance(outcome, TransportError):
            raise self._lost(outcome)
        if outcome.status >= 300:
            outcome = self._redacted(outcome)
        elif sink is not None:
            fill(sink, outcome)
        check = self._terms.check_responses
        try:
            return interpret(self._endpoint, request.url, outcome, check=check, sink=sink)
        except InvalidResponse:
            return interpret(self._endpoint, request.url, self._redacted(outcome), check=check, sink=sink)
        finally:
            # What has become a result is kept; anything else, such as the nothing of a 204, is not.
            if sink is not None:
                sink.discard()

    @property
    def headers(self) -> Headers:
        """The header fields of the answer that :meth:`result` was read from."""
        return self._outcome.headers if isinstance(self._outcome, Response) else Headers()

    def abandon(self) -> None:
        """Leave nothing of an answer behind that has not become a result. Allowed after one too."""
        if self.request.sink is not None:
            self.request.sink.discard()

    def _lost(self, error: TransportError) -> TransportError:
        """The error of a call that has no answer."""
        if self._endpoint.repeatable or isinstance(error, ConnectError):
            return error
        unknown = OutcomeUnknown(
            f"{error.reason}; the request may have been carried out: look before sending it again",
            method=self.request.method,
            url=self.request.url,
        )
        unknown.__cause__ = error
        return unknown

    def _redacted(self, response: Response) -> Response:
        """The answer as an error may show it: a service that echoes the credential must not leak it."""
        if self._terms.credential is None:
            return response
        hide = self._terms.credential.redact
        headers = ((name, hide(value.encode()).decode()) for name, value in response.headers.pairs)
        return Response(response.status, Headers(tuple(headers)), hide(response.body))


def fill(sink: Sink, response: Response) -> None:
    """Write into a sink what a transport that knows nothing of it has brought in memory."""
    if not sink.ended:
        sink.begin()
        sink.write(response.body)
        sink.end()


def _log_retry(request: Request, outcome: Response | TransportError, wait: float, retries: int, most: int) -> None:
    path = "/" + request.url.split("/", 3)[3].partition("?")[0]
    if isinstance(outcome, Response):
        reason = f"{outcome.status} {http.client.responses.get(outcome.status, 'unknown')}"
    else:
        reason = f"{type(outcome).__name__}: {outcome.reason}"
    logger.warning(
        "%s %s: %s; retry %d of %d in %.2f s",
        request.method,
        path,
        reason,
        retries,
        most,
        wait,
        extra={"method": request.method, "path": path, "reason": reason, "wait": wait},
    )
