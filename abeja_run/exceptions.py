"""The whole family of errors, in one place.

Everything this package raises on purpose is an :class:`Error`; the one exception is ``TypeError`` for a
call with the wrong arguments, which Python raises itself. No error text holds a credential.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = [
    "BadRequest",
    "BatchStopped",
    "BodyError",
    "CassetteDiffers",
    "CassetteError",
    "ConfigurationError",
    "Conflict",
    "ConnectError",
    "ConnectTimeout",
    "CredentialError",
    "DescriptorError",
    "Error",
    "Forbidden",
    "HttpError",
    "InternalServerError",
    "InvalidResponse",
    "JournalError",
    "JournalMismatch",
    "MethodNotAllowed",
    "MissingExtra",
    "NoMatchingInteraction",
    "NotFound",
    "OutcomeUnknown",
    "RedirectNotFollowed",
    "RunFailed",
    "SubmissionUnknown",
    "Timeout",
    "TransportError",
    "Unauthorized",
    "ValidationError",
    "WaitFailed",
    "WaitTimeout",
]


class Error(Exception):
    """The base of every error that ``abeja_run`` raises. Can be pickled, so it crosses processes.

    Example:
        >>> from abeja_run.exceptions import Error, NotFound
        >>> issubclass(NotFound, Error)
        True
    """

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild, (type(self), self.args, self.__dict__)


def _rebuild(cls: type[Error], args: tuple[Any, ...], state: dict[str, Any]) -> Error:
    # Not cls(*args): subclasses take keyword arguments that BaseException does not remember.
    error = cls.__new__(cls, *args)
    error.args = args
    error.__dict__.update(state)
    return error


class DescriptorError(Error, TypeError):
    """A resource, endpoint or client class is declared wrongly. Raised when the class is made."""


class ConfigurationError(Error, ValueError):
    """A setting (argument, environment variable, ``~/.abeja/config``) is unusable; names it and its source."""


class CredentialError(ConfigurationError):
    """A credential is missing, half-given or malformed. Never holds the credential."""


class MissingExtra(Error, ImportError):
    """A feature needs an optional dependency; the text says which ``pip install`` brings it."""


class ValidationError(Error, ValueError):
    """Arguments were refused before anything was sent.

    Attributes:
        errors: For each wrong parameter what is wrong with it: the value and what is allowed.

    Example:
        >>> from abeja_run.exceptions import ValidationError
        >>> str(ValidationError("create_run", {"retry_count": "10 is not between 0 and 9"}))
        'create_run: retry_count: 10 is not between 0 and 9'
    """

    def __init__(self, call: str, errors: Mapping[str, str]) -> None:
        self.call = call
        self.errors: dict[str, str] = dict(errors)
        super().__init__(f"{call}: " + "; ".join(f"{name}: {text}" for name, text in self.errors.items()))


class TransportError(Error):
    """The wire failed: there is no complete answer.

    A transport raises this class itself when the request may have reached the server.

    Attributes:
        reason: What happened, one line.
        method: The request's method, or None.
        url: The request's URL, or None.

    Example:
        >>> from abeja_run.exceptions import TransportError
        >>> str(TransportError("connection reset", method="GET", url="http://127.0.0.1/runs"))
        'GET http://127.0.0.1/runs: connection reset'
    """

    def __init__(self, reason: str, *, method: str | None = None, url: str | None = None) -> None:
        self.reason = reason
        self.method = method
        self.url = url
        super().__init__(f"{method} {url}: {reason}" if method and url else reason)


class ConnectError(TransportError):
    """No connection was made, so the request cannot have reached the server."""


class Timeout(TransportError):
    """No complete answer within the time allowed (seconds). The server may have seen the request."""


class ConnectTimeout(ConnectError, Timeout):
    """No connection within the time allowed: a timeout, yet the request cannot have reached the server."""


class BodyError(Error):
    """What a request carries cannot be read, or what an answer carries cannot be written, on this machine.

    A file is missing, changes while it is read or has no room, or an iterator of the caller's has failed. The wire
    is well. The error that the file or the iterator raised is the ``__cause__``.
    """


class OutcomeUnknown(TransportError):
    """A request that must not be repeated was sent, and its answer is lost.

    The server may or may not have carried it out. Look before sending it again. The transport's own error
    is the ``__cause__``.
    """


class WaitFailed(Error):
    """What was waited for has come to a bad end.

    Attributes:
        state: The state it ended in.
        result: What the service last told of it, a dict.
    """

    def __init__(self, what: str, state: str, result: Mapping[str, Any]) -> None:
        self.state = state
        self.result = dict(result)
        super().__init__(f"{what} ended {state}")


class RunFailed(WaitFailed):
    """A run has failed.

    Attributes:
        run: The run, brought up to date.
        last_lines: The last lines of its log, oldest first; empty if they could not be had.
    """

    def __init__(self, run: Any, last_lines: list[str]) -> None:
        super().__init__(f"run {run.run_id}", str(run.status), run.raw)
        self.run = run
        self.last_lines = last_lines

    def __str__(self) -> str:
        lines = "".join(f"\n    {line}" for line in self.last_lines)
        return f"{self.args[0]}; its last lines:{lines}" if lines else str(self.args[0])


class WaitTimeout(Error):
    """What was waited for has not ended within the time allowed. It goes on; wait again, or look later.

    Attributes:
        state: The state it was last seen in, or None when it was never seen.
        result: What the service last told of it, a dict, or None.
    """

    def __init__(self, what: str, seconds: float, state: str | None, result: Mapping[str, Any] | None) -> None:
        self.state = state
        self.result = None if result is None else dict(result)
        super().__init__(f"{what} has not ended within {seconds:g} s; it was last seen {state or 'never'}")


class SubmissionUnknown(OutcomeUnknown):
    """A submission whose outcome stayed open: it may or may not have started a run.

    Nothing is lost: submit again with the same ID, and the run that exists is returned.

    Attributes:
        submission_id: The ID to submit again with.
    """

    def __init__(self, reason: str, submission_id: str) -> None:
        self.submission_id = submission_id
        super().__init__(f"{reason}; submit again with submission_id={submission_id!r} to find or start it")


class JournalError(Error):
    """A batch's journal is damaged, in use by another batch, or cannot be read or written."""


class JournalMismatch(JournalError, ValueError):
    """A journal is that of another batch, or the inputs are not those that it was begun with."""


class BatchStopped(Error):
    """A batch cannot go on, because what carries out its requests is gone.

    With a journal nothing is lost: the same call takes up where it stopped.
    """


class InvalidResponse(Error):
    """A 2xx answer that is not what the endpoint promises, usually from something between you and the service.

    Attributes:
        status_code: The HTTP status, an int.
        content_type: The answer's ``Content-Type``, or an empty string.
        body: The beginning of the body, at most 500 characters.
        url: Where the answer came from.
        errors: With ``check_responses=True``, for each wrong field what is wrong with it; else empty.
    """

    def __init__(
        self,
        reason: str,
        *,
        status_code: int,
        content_type: str,
        body: str,
        url: str,
        errors: Mapping[str, Any] | None = None,
    ) -> None:
        self.reason = reason
        self.status_code = status_code
        self.content_type = content_type
        self.body = body
        self.url = url
        self.errors: dict[str, Any] = dict(errors or {})
        super().__init__(f"{reason} ({status_code} {content_type or 'without a content type'} from {url}): {body!r}")


def unusable(reason: str, value: object, url: str) -> InvalidResponse:
    """The error for a part of an answer that is JSON but cannot be worked with."""
    return InvalidResponse(reason, status_code=200, content_type="application/json", body=ascii(value)[:500], url=url)


def too_long(most: int, status: int, content_type: str, url: str) -> InvalidResponse:
    """The error for an answer of more than so many bytes, which was not read to its end."""
    reason = f"the answer is longer than {most // 1024 // 1024} MiB"
    return InvalidResponse(reason, status_code=status, content_type=content_type, body="", url=url)


class HttpError(Error):
    """The service answered with an error status.

    Attributes:
        error: A short name such as ``not_found``; the status' standard phrase where the body names none.
        error_description: A sentence; the body's text where the body names none.
        error_detail: More about the error, as the service sent it, or None.
        status_code: The HTTP status, an int.
        url: Where the answer came from.
        retry_after: The seconds that the answer asks to wait for before the next attempt; 0 where it asks for none.

    Example:
        >>> from abeja_run.exceptions import NotFound
        >>> NotFound("not_found", "no run", status_code=404, url="http://127.0.0.1/runs/x")
        <NotFound "not_found": no run (404 from http://127.0.0.1/runs/x)>
    """

    retry_after: float = 0.0

    def __init__(
        self,
        error: str,
        error_description: str,
        error_detail: Any = None,
        status_code: int | None = None,
        url: str | None = None,
    ) -> None:
        self.error = error
        self.error_description = error_description
        self.error_detail = error_detail
        self.status_code = status_code
        self.url = url
        super().__init__(error, error_description)

    def __str__(self) -> str:
        origin = f" ({self.status_code} from {self.url})" if self.status_code and self.url else ""
        detail = f", {self.error_detail}" if self.error_detail else ""
        return f'<{type(self).__name__} "{self.error}": {self.error_description}{origin}{detail}>'

    __repr__ = __str__


class BadRequest(HttpError):
    """400: the service refused the body or the query."""


class Unauthorized(HttpError):
    """401: the credential is missing or wrong."""


class Forbidden(HttpError):
    """403: the credential is valid but may not do this."""


class NotFound(HttpError):
    """404: no such organization, deployment, version or run."""


class MethodNotAllowed(HttpError):
    """405: the address exists, the method does not."""


class Conflict(HttpError):
    """409: the request contradicts the present state."""


class InternalServerError(HttpError):
    """500: the service failed. After a POST the outcome is open."""


class RedirectNotFollowed(HttpError):
    """3xx: the service pointed elsewhere, and a credential is not carried to addresses nobody named.

    Attributes:
        location: The address the service pointed to.
    """

    def __init__(self, error: str, error_description: str, *, status_code: int, url: str, location: str) -> None:
        super().__init__(error, error_description, status_code=status_code, url=url)
        self.location = location


class CassetteError(Error, ValueError):
    """A cassette cannot be read or written; names the file, and the place in it where there is one."""


class NoMatchingInteraction(Error):
    """A cassette has no answer for a request.

    Attributes:
        request: What was asked, without secrets.
        nearest: The recorded requests that are most like it, the nearest first.
    """

    def __init__(self, reason: str, request: Any, nearest: list[Any]) -> None:
        self.request = request
        self.nearest = nearest
        super().__init__(reason)


class CassetteDiffers(Error):
    """The service no longer answers as it was recorded.

    Attributes:
        differences: What differs, a line for each place.
    """

    def __init__(self, what: str, differences: list[str]) -> None:
        self.differences = list(differences)
        super().__init__("\n    ".join((f"{what} is no longer answered as recorded:", *differences)))
