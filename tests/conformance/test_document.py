"""The OpenAPI documents held against the specification of OpenAPI."""

import json
from pathlib import Path

import pytest
from everything import Things

from abeja_run.openapi import document
from abeja_run.resources.runs import Runs

validator = pytest.importorskip("openapi_spec_validator")

COMMITTED = Path(__file__).parents[2] / "docs" / "openapi.json"


def test_the_committed_document_is_valid():
    validator.validate(json.loads(COMMITTED.read_text(encoding="utf-8")))


def test_a_document_of_all_that_a_descriptor_can_say_is_valid():
    validator.validate(document([Runs, Things]))
