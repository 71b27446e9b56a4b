"""``abeja-run cassette``: what people and programs see of a cassette, and what is done to files."""

import json
import logging
import os
import signal
import subprocess
import sys
from types import SimpleNamespace

import pytest
import yaml
from commands import COMMAND, on_terminal
from servers import IDS, RUN

from abeja_run.cassettes import Interaction, load, save
from abeja_run.cassettes.file import PartialFile
from abeja_run.cli.command import run
from abeja_run.exceptions import Timeout
from abeja_run.messages import Request, Response

RUNS = f"http://127.0.0.1/organizations/{IDS[0]}/deployments/{IDS[1]}/runs"
GET = Request("GET", f"{RUNS}/run-1", {"accept": "application/json"})
GOOD = Interaction(GET, Response(200, {}, json.dumps(RUN).encode()))
POST = Interaction(Request("POST", f"{RUNS}?a=1", {}, b'{"a":"hunter22"}'), Timeout("late"))


@pytest.fixture
def command(capsys):
    """Runs the command in this process: its exit code, lines of JSON, and standard error."""
    logger = logging.getLogger("abeja_run")
    before = logger.handlers, logger.level, logger.propagate

    def call(*arguments):
        code = run(["cassette", *map(str, arguments)])
        output = capsys.readouterr()
        return SimpleNamespace(code=code, rows=[json.loads(line) for line in output.out.splitlines()], err=output.err)

    yield call
    logger.handlers, logger.level, logger.propagate = before


@pytest.fixture
def path(tmp_path):
    save(tmp_path / "c.json", [GOOD, POST])
    return tmp_path / "c.json"


def test_show_lists_the_interactions_in_recorded_order(command, path):
    done = command("show", path)
    first, second = done.rows
    assert (done.code, done.err) == (0, "")
    assert first == {
        "interaction": 1,
        "method": "GET",
        "path": GET.url.removeprefix("http://127.0.0.1"),
        "outcome": 200,
        "request_bytes": 0,
        "response_bytes": len(GOOD.outcome.body),
    }
    assert (second["outcome"], second["request_bytes"], second["path"][-9:]) == ("Timeout", 16, "/runs?a=1")


def test_show_is_a_table_on_a_terminal_that_nothing_recorded_acts_on(tmp_path):
    odd = Interaction(Request("GET", "http://h/\x1b[2J"), Response(200))
    save(tmp_path / "c.json", [GOOD, odd])
    code, seen = on_terminal("cassette", "show", tmp_path / "c.json", columns=200)
    assert code == 0
    assert "request bytes" in seen.splitlines()[0]
    assert "\\x1b[2J" in seen
    assert "\x1b[2J" not in seen


def test_show_shows_a_recording_that_was_cut_off(command, path, tmp_path):
    recording = PartialFile(tmp_path / "new.json", resume=False)
    recording.open()
    recording.append(GOOD)
    for name in ("new.json", "new.json.partial"):
        done = command("show", tmp_path / name)
        assert (done.code, len(done.rows)) == (0, 1)
        assert "cut off" in done.err
    os.rename(tmp_path / "new.json.partial", f"{path}.partial")
    assert len(command("show", path).rows) == 2
    assert len(command("show", f"{path}.partial").rows) == 1
    recording.discard()


def test_a_file_that_cannot_be_read_is_a_line(command, tmp_path):
    (tmp_path / "bad.json").write_text('{"format": "abeja_run cassette", "version": 1, "interactions": [5]}')
    for name, told in (
        ("none.json", "does not exist"),
        ("none.json.partial", "does not exist"),
        ("bad.json", "1: is not"),
    ):
        for what in ("show", "check", "scrub"):
            done = command(what, tmp_path / name)
            assert (done.code, done.rows, done.err.count("\n")) == (1, [], 1), (what, name)
            assert told in done.err


def test_check_lists_drift_and_fails(command, path, tmp_path):
    assert (command("check", path).code, command("check", path).rows) == (0, [])
    wrong = Interaction(GET, Response(200, {}, json.dumps({**RUN, "status": "LOST"}).encode()))
    unknown = Interaction(Request("GET", "http://h/elsewhere"), Response(200))
    save(tmp_path / "d.json", [GOOD, wrong, unknown])
    done = command("check", path, tmp_path / "d.json")
    (row,) = done.rows
    assert done.code == 1
    assert (row["file"], row["interaction"], row["field"]) == (str(tmp_path / "d.json"), 2, "status")
    assert "interaction 3: no endpoint is known for GET /elsewhere" in done.err
    assert done.err.endswith("\nError: 1 place is not as declared.\n")
    save(tmp_path / "e.json", [unknown])
    assert command("check", tmp_path / "e.json").code == 0


OFFERED = """
from everything import Thing
from abeja_run import GET, Endpoint, Resource
class Elsewhere(Resource):
    path = "/elsewhere"
    get_elsewhere = Endpoint(GET, returns=Thing, summary="Get.")
"""


def test_check_knows_what_is_installed_and_a_resource_that_is_broken_takes_nothing_away(
    command, path, tmp_path, monkeypatch
):
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "offering_elsewhere.py").write_text(OFFERED)
    folder = tmp_path / "offering-1.0.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text("Metadata-Version: 2.1\nName: offering\nVersion: 1.0\n")
    (folder / "entry_points.txt").write_text(
        "[abeja_run.resources]\nbroken = nonsense_that_is_not_there:Things\nsound = offering_elsewhere:Elsewhere\n"
    )
    save(tmp_path / "e.json", [Interaction(Request("GET", "http://h/elsewhere"), Response(200, {}, b"[]"))])
    done = command("check", path, tmp_path / "e.json")
    assert (done.code, [row["request"] for row in done.rows]) == (1, ["GET /elsewhere"])
    alone = command("check", path, tmp_path / "e.json", "--client", "abeja_run:APIClient")
    assert (alone.code, "Left out" in alone.err, "no endpoint is known" in alone.err) == (0, False, True)
    told, *_ = done.err.splitlines()
    assert told.startswith("Left out: offering 1.0: the resource 'broken', nonsense_that_is_not_there:Things, cannot")


def test_scrub_blots_out_what_the_rules_of_today_say_and_tells_where(command, path):
    old = Request("GET", f"{RUNS}?token=abc", {"X-Api-Key": "k", "accept": "*/*"})
    save(path, [GOOD, Interaction(old, Response(200, {}, b'{"a": [{"password": "p"}, "hunter22"]}'))])
    done = command("scrub", path)
    assert (done.code, done.rows) == (0, [{"file": str(path), "changed": 3}])
    for place in ("request.url", "request.headers.X-Api-Key", "response.body.a[0].password"):
        assert f"interaction 2: {place}\n" in done.err
    text = path.read_text()
    assert '"password": "***"' in text
    assert "token=***" in text
    assert "hunter22" in text
    before = os.stat(path)
    assert command("scrub", path).rows == [{"file": str(path), "changed": 0}]
    assert os.stat(path).st_ino == before.st_ino


def test_scrub_finds_a_credential_in_interactions_before_the_one_that_carries_it(command, path):
    later = Request("GET", RUNS, {"Authorization": "Bearer hunter22"})
    save(path, [POST, Interaction(later, Response(200))])
    assert command("scrub", path).rows[0]["changed"] == 2
    assert "hunter22" not in path.read_text()


def test_scrub_takes_values_from_the_environment_and_from_standard_input(path, command, monkeypatch):
    save(path, [POST, Interaction(Request("GET", f"{RUNS}?pin=1234"), Response(200, {}, b"also-secret"))])
    monkeypatch.setenv("MINE", "hunter22")
    assert command("scrub", path, "--value-of", "MINE", "--name", "pin").rows[0]["changed"] == 2
    done = subprocess.run(
        [*COMMAND, "cassette", "scrub", path, "--values", "-"], input="also-secret\n\n", capture_output=True, text=True
    )
    assert (done.returncode, json.loads(done.stdout)["changed"]) == (0, 1)
    text = path.read_text()
    assert not [secret for secret in ("hunter22", "also-secret", '1234"') if secret in text]


def test_scrub_refuses_what_it_cannot_do_and_changes_nothing(command, path, monkeypatch):
    before = path.read_bytes()
    monkeypatch.setenv("SHORT", "abc")
    assert command("scrub", path, "--value-of", "ABSENT").code == 2
    done = command("scrub", path, "--value-of", "SHORT")
    assert done.code == 2
    assert "abc" not in done.err
    binary = path.with_name("binary")
    binary.write_bytes(b"\xff\xfe\xfa")
    assert "not UTF-8" in command("scrub", path, "--values", binary).err
    partial = path.with_name("c.json.partial")
    partial.write_bytes(before)
    assert command("scrub", path).code == 2
    assert (path.read_bytes(), partial.read_bytes()) == (before, before)


def test_an_import_is_redacted_and_an_export_comes_back(command, path, tmp_path):
    source = {
        "request": {"method": "GET", "uri": GET.url, "body": None, "headers": {"Authorization": ["Bearer hunter22"]}},
        "response": {"status": {"code": 200}, "headers": {}, "body": {"string": '{"a": "hunter22"}'}},
    }
    (tmp_path / "v.yaml").write_text(yaml.safe_dump({"interactions": [source]}))
    done = command("import", tmp_path / "v.yaml", tmp_path / "new.json")
    assert (done.code, done.err) == (0, f"1 interactions are in {tmp_path / 'new.json'}.\n")
    assert "hunter22" not in (tmp_path / "new.json").read_text()
    assert load(tmp_path / "new.json")[0].outcome.body == b'{"a": "***"}'
    done = command("export", path, tmp_path / "out.yaml")
    assert done.code == 0
    assert "1 are left out" in done.err
    assert command("import", tmp_path / "out.yaml", tmp_path / "back.json").code == 0
    assert load(tmp_path / "back.json")[0] == GOOD


def test_neither_replaces_a_file_that_is_there_unless_told_to(command, path, tmp_path):
    assert command("export", path, tmp_path / "out.yaml").code == 0
    for arguments in (("export", path, tmp_path / "out.yaml"), ("import", tmp_path / "out.yaml", path)):
        done = command(*arguments)
        assert done.code == 2
        assert "--force" in done.err
        assert command(*arguments, "--force").code == 0
    assert command("export", path, path, "--force").code == 2
    assert load(path) == [GOOD]


def test_the_group_alone_shows_its_help_and_is_wrong_usage(command):
    done = command()
    assert (done.code, done.rows) == (2, [])
    assert "scrub" in done.err


def test_a_scrub_that_is_killed_leaves_the_cassette_and_nothing_that_passes_for_a_recording(path, tmp_path):
    before = path.read_bytes()
    killed = (
        "import os, signal\n"
        "from abeja_run.cassettes import load, save\n"
        "def interactions():\n"
        f"    yield from load({str(path)!r})\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
        f"save({str(path)!r}, interactions())\n"
    )
    assert subprocess.run([sys.executable, "-c", killed]).returncode == -signal.SIGKILL
    assert path.read_bytes() == before
    assert not (tmp_path / "c.json.partial").exists()
