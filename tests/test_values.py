"""Fields seen from Python, and the platform's own fields."""

import datetime as dt
import decimal
import uuid
from collections.abc import Mapping
from typing import Any

import marshmallow
import pytest
from marshmallow import Schema, fields, validate

from abeja_run.fields import Flag, JSONObject, ModelAlias, UtcSeconds, about
from abeja_run.values import problems, python_type, shown


class Inner(Schema):
    size = fields.Integer(required=True)
    name = fields.String()


class Odd(fields.Field):
    pass


@pytest.mark.parametrize(
    ("field", "kind"),
    [
        (fields.String(), str),
        (fields.Integer(), int),
        (fields.Float(), float),
        (fields.Boolean(), bool),
        (Flag(), bool),
        (UtcSeconds(), dt.datetime),
        (fields.Date(), dt.date),
        (ModelAlias(), str),
        (fields.Dict(), Mapping[str, Any]),
        (fields.Dict(values=fields.Integer()), Mapping[str, int]),
        (fields.List(fields.String()), list[str]),
        (fields.Nested(Inner), Mapping[str, Any]),
        (Odd(), Any),
    ],
)
def test_a_field_has_the_type_that_callers_give(field, kind):
    assert python_type(field) == kind


@pytest.mark.parametrize(
    ("field", "value"),
    [
        (fields.String(), ""),
        (fields.Float(), 3),
        (fields.UUID(), uuid.uuid4()),
        (fields.Decimal(), decimal.Decimal("1.5")),
        (fields.List(fields.Integer()), (1, 2)),
        (fields.Nested(Inner), {"size": 1, "name": None}),
        (fields.Date(), dt.date(2018, 1, 1)),
        (Odd(), object()),
    ],
)
def test_values_of_the_right_type_have_no_problem(field, value):
    assert list(problems(field, value, "it")) == []


@pytest.mark.parametrize(
    ("field", "value", "place"),
    [
        (fields.Integer(), True, "it"),
        (fields.Integer(), 3.0, "it"),
        (fields.Float(), "3", "it"),
        (fields.Boolean(), 1, "it"),
        (fields.Date(), dt.datetime(2018, 1, 1), "it"),
        (fields.List(fields.Integer()), "12", "it"),
        (fields.List(fields.Integer()), [1, "2"], "it[1]"),
        (fields.Nested(Inner), {"size": "1"}, "it.size"),
        (fields.Nested(Inner), {}, "it.size"),
        (fields.Nested(Inner), {"size": 1, "weight": 2}, "it.weight"),
        (fields.Dict(values=fields.Integer()), {"a": "b"}, "it['a']"),
        (fields.String(validate=validate.OneOf(["a"])), "b", "it"),
    ],
)
def test_a_problem_names_its_place(field, value, place):
    assert [found for found, _ in problems(field, value, "it")] == [place]


def test_a_validator_that_returns_false_refuses():
    assert [text for _, text in problems(fields.String(validate=lambda value: False), "x", "it")] == [
        "'x' (str) is not allowed"
    ]


def test_a_validator_with_structured_messages_is_told_in_words():
    def refuse(value):
        raise marshmallow.ValidationError({"a": ["one", "two"]})

    assert list(problems(fields.String(validate=refuse), "x", "it")) == [("it", "'x' (str): one two")]


def test_a_long_value_is_shown_short_and_a_secret_one_not_at_all():
    assert len(shown("x" * 1000)) < 100
    assert shown("a\x1b[31m\n") == "'a\\x1b[31m\\n' (str)"
    assert "hunter2" not in shown("hunter2", secret=True)


@pytest.mark.parametrize("value", [5, "x", "2018-01-01", "2018-01-01T00:00:00Z"])
def test_a_time_of_another_form_is_refused_by_the_platforms_side(value):
    with pytest.raises(marshmallow.ValidationError):
        UtcSeconds().deserialize(value)


def test_platform_fields_read_what_they_write():
    moment = dt.datetime(2018, 1, 1, 1, 2, 3, tzinfo=dt.timezone.utc)
    for field, value in ((UtcSeconds(), moment), (Flag(), True), (ModelAlias(), "33")):
        assert field.deserialize(field.serialize("a", {"a": value})) == value
        assert field.serialize("a", {"a": None}) is None


@pytest.mark.parametrize("value", ["x", {}, {"alias": 5}, {"alias": "a", "b": "c"}, ["alias"]])
def test_a_model_is_an_object_with_one_alias(value):
    with pytest.raises(marshmallow.ValidationError):
        ModelAlias().deserialize(value)


@pytest.mark.parametrize("value", ["x", "[1]", "[" * 100_000, 5])
def test_an_object_is_an_object_also_as_text(value):
    assert JSONObject().deserialize('{"a": {"b": 1}}') == {"a": {"b": 1}}
    assert JSONObject().deserialize({"a": 1}) == {"a": 1}
    with pytest.raises(marshmallow.ValidationError):
        JSONObject().deserialize(value)


def test_metadata_says_all_of_a_parameter():
    assert about("Words.") == {
        "description": "Words.",
        "omit_empty": False,
        "aliases": (),
        "secret": False,
        "deprecated": "",
        "deprecated_aliases": (),
        "separator": "",
    }
