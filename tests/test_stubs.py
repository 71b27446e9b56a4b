"""Stubs: what they say of every kind, and when they are stale."""

import importlib
import sys
import textwrap
from pathlib import Path

import catalogue_client
import pytest
from clients import resource
from marshmallow import Schema, fields

from abeja_run import GET, POST, BaseClient, Endpoint
from abeja_run import fields as fields_of
from abeja_run.descriptors import ArrayOf
from abeja_run.fields import about
from abeja_run.stubs import main, stub


def test_the_stub_of_every_kind_is_the_one_that_is_checked_by_type_checkers():
    assert Path(catalogue_client.__file__).with_suffix(".pyi").read_text(encoding="utf-8") == stub(catalogue_client)


def stub_of(monkeypatch, **endpoints):
    """The stub of a module with one client."""
    module = type(sys)("made")
    made = type("Client", (BaseClient,), {"__module__": "made"}, resources=[resource(**endpoints)])
    module.Client = made
    monkeypatch.setitem(sys.modules, "made", module)
    text = stub(module)
    compile(text, "made.pyi", "exec")
    return text


def test_two_schemas_of_one_name_are_two_classes(monkeypatch):
    one, other = (Schema.from_dict({name: fields.String()}, name="Page") for name in "ab")
    text = stub_of(
        monkeypatch,
        get_one=Endpoint(GET, returns=one, summary="One."),
        get_other=Endpoint(GET, "/other", returns=other, summary="Other."),
    )
    assert "class Page(TypedDict)" in text
    assert "class Page2(TypedDict)" in text
    assert ") -> Page2:" in text


class Renamed(Schema):
    version_id = fields.String(required=True, metadata=about("V.", aliases=("version",)))
    name = fields.String(required=True, metadata=about('A """name""" with a \\ in it.'))


class Odd(Schema):
    at = fields.DateTime(format="timestamp")
    took = fields.TimeDelta()
    price = fields.Decimal()
    anything = fields.Raw()
    counts = fields.List(fields.Integer(allow_none=True))
    quoted = fields.String(metadata=about('A """quote""" and a \\.'))


def test_a_parameter_of_several_names_may_be_left_out_under_one_of_them(monkeypatch):
    text = stub_of(monkeypatch, post=Endpoint(POST, body=Renamed, returns=Schema, summary="Post."))
    assert "        name: str,\n        version_id: str | None = None,\n        *,\n        version: str | None" in text


def test_answers_are_typed_as_they_stand_in_json(monkeypatch):
    text = stub_of(monkeypatch, get=Endpoint(GET, returns=ArrayOf(Odd), summary="Get."))
    for line in (
        "at: NotRequired[float]",
        "took: NotRequired[float]",
        "price: NotRequired[float]",
        "anything: NotRequired[Any]",
        "counts: NotRequired[list[int | None]]",
        ") -> list[Odd]:",
    ):
        assert line in text


@pytest.fixture
def module(tmp_path, monkeypatch):
    """A module with a client, in a file of its own."""
    (tmp_path / "own_client.py").write_text(
        textwrap.dedent("""
            from abeja_run import APIClient

            class OwnClient(APIClient):
                pass
            """)
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    sys.modules.pop("own_client", None)
    yield tmp_path / "own_client.pyi"
    sys.modules.pop("own_client", None)
    importlib.invalidate_caches()


def test_the_command_writes_a_stub_and_tells_a_stale_one(module, capsys):
    assert main(["--check", "own_client"]) == 1
    assert "own_client.pyi is stale" in capsys.readouterr().err
    assert main(["own_client"]) == 0
    assert main(["--check", "own_client"]) == 0
    assert "class OwnClient(APIClient):\n    ..." in module.read_text()
    module.write_text("x = 1\n")
    assert main(["--check", "own_client"]) == 1


def test_what_the_stub_hides_is_told(module, capsys):
    source = module.with_suffix(".py")
    source.write_text(source.read_text() + "def shown(): pass\nclass Shown: pass\nclass _Own: pass\n")
    assert main(["own_client"]) == 0
    told = "own_client: what stands beside its clients is unknown to type checkers from now on, shown, Shown: "
    assert capsys.readouterr().err.startswith(told)


@pytest.mark.parametrize(
    ("name", "told"),
    [("no_such_module", "No module named"), ("sys", "it is no file"), ("abeja_run.fields", "it defines no client")],
)
def test_a_module_that_cannot_be_used_is_told_and_has_no_stub(name, told, capsys):
    assert main([name]) == 1
    assert told in capsys.readouterr().err
    assert not Path(fields_of.__file__).with_suffix(".pyi").exists()


def test_the_name_of_a_file_is_wrong_usage_that_says_what_is_wanted(capsys):
    with pytest.raises(SystemExit) as caught:
        main(["mypackage/client.py"])
    assert caught.value.code == 2
    assert "'mypackage/client.py' is a file: name the module, such as mypackage.client" in capsys.readouterr().err
