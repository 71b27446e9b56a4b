"""The format of a cassette, version 1, as a marshmallow schema: its documentation.

Reading a cassette does not need it: the checks in :mod:`abeja_run.cassettes.file` are the same, and faster.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from typing import Any

from marshmallow import INCLUDE, Schema, ValidationError, fields, validates_schema
from marshmallow.validate import OneOf, Range, Regexp

from abeja_run.cassettes.bodies import STYLES
from abeja_run.cassettes.file import FORMAT, VERSION
from abeja_run.cassettes.interaction import FAULTS
from abeja_run.exceptions import InvalidResponse
from abeja_run.fields import about

__all__ = ["BodySchema", "CassetteSchema", "FaultSchema", "InteractionSchema", "RequestSchema", "ResponseSchema"]


class _Version(fields.Integer):
    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        if isinstance(value, bool) or value != VERSION:
            raise ValidationError(f"Not {VERSION}.")
        return value


class _Lines(fields.String):
    """A value of a header field, or a list where the field is there more than once."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        for one in value if isinstance(value, list) else [value]:
            if not isinstance(one, str):
                raise ValidationError("Neither a string nor a list of strings.")
        return value


class _Number(fields.Integer):
    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        if isinstance(value, bool) or not isinstance(value, int):
            raise ValidationError("Not an integer.")
        return value


def _is_base64(text: str) -> None:
    try:
        base64.b64decode(text, validate=True)
    except ValueError:
        raise ValidationError("Not base64.") from None


def _is_utf8(text: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ValidationError("Not text that UTF-8 can say.") from None


class _Part(Schema):
    """An object of the file; members of other names are allowed, and are passed over."""

    class Meta:
        unknown = INCLUDE


class BodySchema(_Part):
    """The bytes of a body, in the first of three ways that is faithful; exactly one of them is there."""

    json = fields.Raw(allow_none=True, metadata=about("The body as JSON; written in the style it is the body again."))
    style = fields.Raw(
        allow_none=True,
        metadata=about(
            'How the JSON is written: "compact" without blanks after "," and ":", "unicode" with characters beyond '
            'ASCII as they are, "compact unicode" both; without a style neither.'
        ),
    )
    text = fields.String(validate=_is_utf8, metadata=about("The body as text in UTF-8."))
    base64 = fields.String(validate=_is_base64, metadata=about("The body as base64."))

    @validates_schema(pass_original=True, skip_on_field_errors=True)
    def _one_of_three(self, _data: Any, original: Any, **_: Any) -> None:
        kinds = [kind for kind in ("json", "text", "base64") if kind in original]
        if len(kinds) != 1:
            raise ValidationError("Not one of json, text and base64.")
        if kinds == ["json"]:
            style = original.get("style", "")
            if not isinstance(style, str) or style not in STYLES:
                raise ValidationError("Not a style.", "style")


class _Message(_Part):
    headers = fields.Dict(
        keys=fields.String(),
        values=_Lines(),
        allow_none=True,
        metadata=about("The header fields by name: a string, or a list of strings where one is repeated."),
    )
    body = fields.Nested(BodySchema, allow_none=True, metadata=about("The body, if there is one."))


class RequestSchema(_Message):
    """What was sent, redacted."""

    method = fields.String(
        required=True, validate=Regexp(re.compile(r"[A-Z]{1,20}\Z")), metadata=about("The method, in capitals.")
    )
    url = fields.String(
        required=True, validate=Regexp(re.compile(r"https?://")), metadata=about("The address, with its query.")
    )


class ResponseSchema(_Message):
    """The answer, redacted, with its content encoding undone."""

    status = _Number(required=True, validate=Range(100, 599), metadata=about("The HTTP status."))


class FaultSchema(_Part):
    """What came instead of an answer."""

    kind = fields.String(
        required=True,
        validate=OneOf((*FAULTS, InvalidResponse.__name__)),
        metadata=about("The name of the exception, one of a fixed list."),
    )
    reason = fields.String(required=True, metadata=about("What was wrong, a sentence."))
    status = _Number(metadata=about("Of an InvalidResponse: the status of the answer that was refused; else 200."))
    content_type = fields.String(metadata=about("Of an InvalidResponse: the media type of that answer."))


class InteractionSchema(_Part):
    """One request, and either the answer or the fault that came of it."""

    request = fields.Nested(RequestSchema, required=True, metadata=about("What was sent."))
    response = fields.Nested(ResponseSchema, allow_none=True, metadata=about("The answer."))
    fault = fields.Nested(FaultSchema, allow_none=True, metadata=about("What came instead of one."))

    @validates_schema
    def _either(self, data: Mapping[str, Any], **_: Any) -> None:
        if (data.get("response") is None) is (data.get("fault") is None):
            raise ValidationError("Has not either a response or a fault.")


class CassetteSchema(_Part):
    """A cassette: a JSON document in UTF-8.

    Example:
        >>> CassetteSchema().validate({"format": "abeja_run cassette", "version": 1, "interactions": [{"request": {}}]})
        {'interactions': {0: {'request': {'method': ['Missing data for required field.'], \
'url': ['Missing data for required field.']}}}}
    """

    format = fields.String(required=True, validate=OneOf((FORMAT,)), metadata=about(f'"{FORMAT}".'))
    version = _Version(required=True, metadata=about(f"The version of the format, {VERSION}."))
    interactions = fields.List(
        fields.Nested(InteractionSchema), required=True, metadata=about("The interactions, in recorded order.")
    )
