"""One endpoint, frozen data: what to send and what comes back.

Knows nothing of how a request is sent. What may stand in it is checked in :mod:`abeja_run.descriptors.declaration`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass, field
from functools import cached_property
from typing import Any

from marshmallow import Schema, fields

from abeja_run.descriptors.answers import Answer, JSONAnswer
from abeja_run.descriptors.bodies import Body
from abeja_run.descriptors.pages import Pages
from abeja_run.descriptors.parameters import Parameter, Variable, of_schema
from abeja_run.exceptions import HttpError

__all__ = ["DELETE", "GET", "HEAD", "PATCH", "POST", "PUT", "Endpoint", "Waiter"]

GET = "GET"
HEAD = "HEAD"
POST = "POST"
PUT = "PUT"
PATCH = "PATCH"
DELETE = "DELETE"

_IDEMPOTENT = frozenset({GET, HEAD, PUT, DELETE})
_VARIABLE = re.compile(r"\{([^{}]*)\}")
#: In the host of an endpoint: the host of the client's ``base_url``.
BASE_HOST = "base_host"
#: After these statuses an answer has no body, whatever the endpoint answers with otherwise.
EMPTY = frozenset({204, 205})


@dataclass(frozen=True, slots=True)
class Waiter:
    """When the thing that an endpoint tells of has come to its end; gives the client a method that waits for it.

    Attributes:
        name: The method's name.
        field: The field of the answer that tells the state; one within another is written ``status.phase``.
        success: The states of a good end.
        failure: The states of a bad end.

    Example:
        >>> Waiter("wait_for_run", field="status", success=("SUCCEEDED",), failure=("FAILED",)).failure
        ('FAILED',)
        >>> Waiter("wait_for_job", field="status.phase", success=("DONE",)).state({"status": {"phase": "NEW"}})
        'NEW'
    """

    name: str
    field: str
    success: tuple[str, ...]
    failure: tuple[str, ...] = ()

    def state(self, answer: Mapping[str, Any]) -> Any:
        """The state that an answer tells, or None where it tells none."""
        found: Any = answer
        for name in self.field.split("."):
            found = found.get(name) if isinstance(found, Mapping) else None
        return found


@dataclass(frozen=True, eq=False)
class Endpoint:
    """One method and path of an API: what to send, what comes back.

    Args:
        method: ``GET``, ``HEAD``, ``POST``, ``PUT``, ``PATCH`` or ``DELETE``.
        path: What follows the resource's path, such as ``/{run_id}``.
        summary: One line for the documentation.
        returns: The schema of the answer, a JSON object; or another
            :class:`~abeja_run.descriptors.answers.Answer`, such as ``ArrayOf(Run)``, ``NoContent()``, ``Text()``,
            ``Download("path")``, or ``InHeaders(Facts)``, which reads header fields, as it must be for ``HEAD``.
        body: The schema of the JSON body: its fields are parameters of the call; or another
            :class:`~abeja_run.descriptors.bodies.Body`, such as ``JSONBody(…)``, ``RawBody(…)``, ``Multipart(…)``.
        query: The schema of the query: its fields are parameters of the call. A list is a parameter for each item.
        headers: The schema of further header fields: its fields are parameters of the call, each named on the wire
            by its ``data_key``; a :class:`~abeja_run.fields.HeaderFamily` is all those under one prefix.
        raises: The error classes the service is documented to answer with.
        description: Whatever a caller must know beyond the summary.
        idempotent: Whether repeating the request does no harm. The default goes by the method: true for
            ``GET``, ``HEAD``, ``PUT`` and ``DELETE``, and for whatever has an ``idempotency_key``.
        idempotency_key: The header that carries a key, made once per call, by which the service tells a repeated
            request from a new one.
        pages: How the answers follow each other, where each is a page.
        waiter: When what the answer tells of has come to its end.
        success: The statuses of a good answer; by default every 2xx. After 204 or 205 there is no body, and a
            result that would stand in it is None.
        host: The host, where it is not that of the client's ``base_url``: a template of variables, and of
            ``{base_host}`` for that host itself, such as ``{organization_id}.{base_host}``. A client whose
            ``base_url`` is on this machine asks there all the same, with the other name in the header ``Host``.
        authorization: Whether the credential is sent. By default it is, but not to another host.
        timeout: Seconds one attempt may take, in place of the client's.

    Raises:
        DescriptorError: When the resource class is made, naming the class, the endpoint and the field.

    Example:
        A query of lists, booleans, choices and names that differ on the wire; a parameter that has been renamed, and
        one that should not be used any more:

        >>> from marshmallow.validate import OneOf
        >>> from abeja_run import BaseClient, Resource
        >>> from abeja_run.fields import about
        >>> class Search(Schema):
        ...     tags = fields.List(fields.String(), metadata=about("Tags.", separator=","))
        ...     exact = fields.Boolean(metadata=about("Exactly these."))
        ...     order = fields.String(data_key="$order", validate=OneOf(["up", "down"]), metadata=about("The order."))
        ...     text = fields.String(metadata=about("Words.", deprecated_aliases=("words",)))
        ...     depth = fields.Integer(metadata=about("How deep.", deprecated="it is ignored; leave it out"))

        On another host, with a header that carries a key; on the usual one, for everybody, with a long time:

        >>> class Things(Resource):
        ...     path = "/things"
        ...     variables = {"organization_id": "The organization."}
        ...     search = Endpoint(
        ...         POST,
        ...         query=Search,
        ...         returns=Schema,
        ...         host="{organization_id}.{base_host}",
        ...         authorization=True,
        ...         idempotency_key="Idempotency-Key",
        ...         success=(200, 202),
        ...         summary="Search.",
        ...     )
        ...     export = Endpoint(GET, "/export", returns=Schema, authorization=False, timeout=600.0, summary="Export.")
        >>> class Client(BaseClient, resources=[Things]):
        ...     pass
        >>> from abeja_run.messages import Headers
        >>> from abeja_run.preparation import prepare
        >>> given = dict.fromkeys(p.name for p in Things.search.parameters) | {"organization_id": "1234"}
        >>> given |= {"tags": ["a", "b"], "exact": True, "order": "up"}
        >>> request = prepare(Things.search, given, "https://api.abeja.io", Headers())
        >>> request.url
        'https://1234.api.abeja.io/things?tags=a%2Cb&exact=true&%24order=up'
        >>> len(request.headers["idempotency-key"]), Things.search.repeatable
        (36, True)
    """

    method: str
    path: str = ""
    _: KW_ONLY
    summary: str
    returns: type[Schema] | Answer
    body: type[Schema] | Body | None = None
    query: type[Schema] | None = None
    headers: type[Schema] | None = None
    raises: tuple[type[HttpError], ...] = ()
    description: str = ""
    idempotent: bool | None = None
    idempotency_key: str = ""
    pages: Pages | None = None
    waiter: Waiter | None = None
    success: tuple[int, ...] = ()
    host: str = ""
    authorization: bool | None = None
    timeout: float | None = None
    # Filled in when the resource class is made.
    name: str = field(default="", init=False)
    template: str = field(default="", init=False)
    variables: Mapping[str, str] = field(default_factory=dict, init=False)
    patterns: Mapping[str, re.Pattern[str]] = field(default_factory=dict, init=False)

    @property
    def repeatable(self) -> bool:
        """Whether a request that may have arrived may be sent again."""
        if self.idempotent is None:
            return self.method in _IDEMPOTENT or bool(self.idempotency_key)
        return self.idempotent

    @property
    def authorized(self) -> bool:
        """Whether the credential is sent."""
        return not self.host if self.authorization is None else self.authorization

    @property
    def method_names(self) -> tuple[str, ...]:
        """The names of the methods that this endpoint gives a client: its own, its pages', its waiter's."""
        return (self.name, *(part.name for part in (self.pages, self.waiter) if part is not None))

    @cached_property
    def parameters(self) -> tuple[Parameter, ...]:
        """The parameters of the call, in positional order: those of the path, the body, the query, the headers.

        Required ones stand before optional ones, as in any Python signature.
        """
        path = (
            Parameter(name, name, "path", None, True, text, pattern=_pattern(self.patterns.get(name)))
            for name, text in self.variables.items()
        )
        others = (*self.body_parameters, *self.query_parameters, *self.header_parameters, *self.answer.parameters)
        # One that has several names can be asked for by none of them in a signature: it stands last of the required.
        return tuple(sorted((*path, *others), key=lambda p: (not p.required, bool(p.required and p.aliases))))

    @cached_property
    def body_parameters(self) -> tuple[Parameter, ...]:
        """The parameters that travel in the body, in the order of its schema."""
        return self.body.parameters if isinstance(self.body, Body) else of_schema(self.body, "body")

    @cached_property
    def query_parameters(self) -> tuple[Parameter, ...]:
        """The parameters that travel in the query, in the order of its schema."""
        return of_schema(self.query, "query")

    @cached_property
    def header_parameters(self) -> tuple[Parameter, ...]:
        """The parameters that travel as header fields, in the order of their schema."""
        return of_schema(self.headers, "header")

    @cached_property
    def secret_headers(self) -> tuple[str, ...]:
        """How the names of those header fields begin whose values must never be shown, in lower case."""
        secret = (parameter for parameter in self.header_parameters if parameter.secret)
        return tuple(getattr(p.field, "prefix", p.wire_name).lower() for p in secret)

    @cached_property
    def query_separators(self) -> Mapping[str, str]:
        """Those parameters of the query whose values are not simply text, with what joins the items of a list."""
        return {p.wire_name: p.separator for p in self.query_parameters if not _is_text(p.field)}

    @cached_property
    def segments(self) -> tuple[tuple[str, str], ...]:
        """The template in pieces: a literal text, and the variable that follows it or an empty string."""
        return _pieces(self.template)

    @cached_property
    def host_pieces(self) -> tuple[tuple[str, str], ...]:
        """The host in pieces, as :attr:`segments`."""
        return _pieces(self.host)

    @cached_property
    def is_plain(self) -> bool:
        """Whether a request has no more to it than a path, a query and a JSON body."""
        unusual = self.headers or self.patterns or self.host or self.idempotency_key or not self.authorized
        return not unusual and self.answer.accept == Answer.accept and not self.answer.parameters

    @cached_property
    def answers_plainly(self) -> bool:
        """Whether every 2xx answer is a JSON object that a schema describes."""
        return not self.success and not isinstance(self.returns, Answer)

    @cached_property
    def answer(self) -> Answer:
        """What a good answer brings; a schema alone says a JSON object, whose unknown fields are kept."""
        if isinstance(self.returns, Answer):
            return self.returns
        return JSONAnswer(fields.Nested(self.returns, unknown="include"))

    @cached_property
    def returns_schema(self) -> Schema:
        """The schema of the answer, made once, where it is a JSON object; fields it does not name are kept."""
        if isinstance(self.returns, Answer):
            raise TypeError(f"the answer of {self.name} is described by no schema")
        return self.returns(unknown="include")


def _is_text(field: fields.Field[Any] | None) -> bool:
    """Whether what a field writes needs nothing but ``str`` to stand in a query."""
    # A field of one's own may write a boolean in its own way.
    kind: Any = type(field)
    plain_boolean = kind is not type(None) and kind._serialize is fields.Boolean._serialize  # noqa: SLF001 - no public name
    return not isinstance(field, fields.List) and not (isinstance(field, fields.Boolean) and plain_boolean)


def _pattern(pattern: re.Pattern[str] | None) -> str:
    return "" if pattern is None else pattern.pattern


def _pieces(template: str) -> tuple[tuple[str, str], ...]:
    pieces = _VARIABLE.split(template)
    return tuple(zip(pieces[::2], (*pieces[1::2], ""), strict=True))


def variables_of(template: str) -> list[str]:
    """The names of a template's variables, in order."""
    return _VARIABLE.findall(template)


def description_of(variable: str | Variable) -> str:
    """What is said of a variable."""
    return variable.description if isinstance(variable, Variable) else variable
