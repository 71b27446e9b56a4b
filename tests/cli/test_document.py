"""``openapi``: the document of this package's client or of one's own, and whether a file is stale."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from commands import COMMAND

from abeja_run.resources.runs import Runs

COMMITTED = Path(__file__).parents[2] / "docs" / "openapi.json"


def test_openapi_writes_the_document_that_is_committed(command):
    done = command("openapi")
    assert (done.code, done.err) == (0, "")
    assert done.out == COMMITTED.read_text(encoding="utf-8")


def test_the_document_is_utf_8_whatever_the_terminal_is():
    done = subprocess.run(
        [*COMMAND, "openapi"], capture_output=True, env={**os.environ, "PYTHONIOENCODING": "ascii"}, check=True
    )
    assert done.stdout == COMMITTED.read_bytes()


def test_a_file_is_checked_and_one_that_is_stale_is_1_with_the_way_to_mend_it(command, tmp_path):
    done = command("openapi", "--check", COMMITTED)
    assert (done.code, done.out, done.err) == (0, "", "")
    stale = tmp_path / "stale.json"
    for content in (None, b"{}", b"\xff"):
        if content is not None:
            stale.write_bytes(content)
        done = command("openapi", "--check", stale)
        assert (done.code, done.out) == (1, "")
        assert done.err == f"Error: {stale} is stale. Write it anew with 'abeja-run openapi > {stale}'.\n"


OWN = """
from marshmallow import Schema
from abeja_run import APIClient, GET, Endpoint, Resource
class Mine(Resource):
    path = "/mine"
    get_mine = Endpoint(GET, returns=Schema, summary="Get mine.")
class MyClient(APIClient, resources=[Mine]):
    pass
nothing = 5
"""


def test_a_client_of_ones_own_is_described_with_what_it_inherits(command, tmp_path, monkeypatch):
    (tmp_path / "own_client_here.py").write_text(OWN)
    monkeypatch.chdir(tmp_path)
    done = command("openapi", "--client", "own_client_here:MyClient")
    assert (done.code, done.err) == (0, "")
    assert {"/mine", Runs.get_runs.template} <= set(json.loads(done.out)["paths"])
    assert "" not in sys.path


@pytest.mark.parametrize(
    "name", ["", "own", "missing_module:Client", "json:Client", "json:loads", "own_client:nothing"]
)
def test_what_is_no_client_is_told(command, tmp_path, monkeypatch, name):
    (tmp_path / "own_client.py").write_text(OWN)
    monkeypatch.chdir(tmp_path)
    done = command("openapi", "--client", name)
    assert (done.code, done.out, done.err.count("\n")) == (2, "", 1)
    assert "--client" in done.err
    assert (":" in name) or "is not of the form MODULE:CLASS" in done.err


def test_without_apispec_openapi_names_the_way_to_get_it():
    code = "import sys; sys.modules['apispec'] = None; from abeja_run.cli import main; sys.exit(main())"
    done = subprocess.run([sys.executable, "-c", code, "openapi"], capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert "pip install 'abeja-run[openapi]'" in done.stderr
