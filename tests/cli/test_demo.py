"""``abeja-run demo``: what it shows, and that nothing is left behind."""

import json
import os
import re
import signal
import time
from pathlib import Path

import pytest
from commands import execute, on_terminal, started

from abeja_run.resources.runs import STATUSES


@pytest.fixture
def temporary(tmp_path, monkeypatch):
    """Where temporary files go."""
    folder = tmp_path / "tmp"
    folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(folder))
    monkeypatch.setenv("MARK_OF_THE_TEST", str(tmp_path))
    yield folder
    assert list(folder.iterdir()) == []
    end = time.monotonic() + 10
    while (left := marked(str(tmp_path))) and time.monotonic() < end:
        time.sleep(0.02)
    assert left == []


def marked(mark):
    """The processes, other than this one, whose environment holds the mark."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            environment = (folder / "environ").read_bytes()
        except OSError:
            continue
        if f"MARK_OF_THE_TEST={mark}".encode() in environment.split(b"\0") and int(folder.name) != os.getpid():
            found.append(int(folder.name))
    return found


def in_order(statuses):
    """From the first status to the good end; a machine that is busy may miss one in between."""
    assert statuses == [status for status in STATUSES if status in statuses]
    assert (statuses[0], statuses[-1]) == ("SUBMITTED", "SUCCEEDED")
    assert len(statuses) >= 4


def test_the_whole_way_is_shown_and_nothing_is_left(temporary):
    done = execute("demo")
    assert (done.returncode, done.stderr) == (0, "")
    assert re.search(r"^platform +http://127\.0\.0\.1:\d+$", done.stdout, re.MULTILINE)
    assert re.search(r"^run +run-\d+$", done.stdout, re.MULTILINE)
    statuses = re.findall(r"^ +\d+\.\d\d s  ([A-Z]+)$", done.stdout, re.MULTILINE)
    in_order(statuses)
    assert "           75 rows to classify\n" in done.stdout
    assert re.search(r"^ +classified 75 of 75 rows, 7\d as the botanist did$", done.stdout, re.MULTILINE)
    assert done.stdout.index("SUBMITTED") < done.stdout.index("rows to classify") < done.stdout.index("SUCCEEDED")
    assert "sepal_length,sepal_width,petal_length,petal_width,species,classified_as\n" in done.stdout
    assert "4.9,3.0,1.4,0.2,setosa,setosa\n" in done.stdout
    assert done.stdout.endswith("75 rows in all\n")


def test_programs_get_lines_of_json(temporary):
    done = execute("demo", "--json")
    told = [json.loads(line) for line in done.stdout.splitlines()]
    in_order([line["status"] for line in told if "status" in line])
    assert any(line.get("message") == "75 rows to classify" for line in told)
    assert told[-1]["rows"] == 75
    assert told[-1]["beginning"][1].endswith("setosa,setosa")


def test_a_folder_to_keep_holds_the_output_afterwards(temporary, tmp_path):
    code, seen = on_terminal("demo", "--keep", tmp_path / "kept")
    assert code == 0
    assert "\x1b[32mSUCCEEDED" in seen
    (output,) = (tmp_path / "kept" / "datalake" / "2222222222222").glob("run-*_0.csv")
    assert len(output.read_text().splitlines()) == 76
    assert (tmp_path / "kept" / "state.sqlite").exists()


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_in_the_middle_leaves_nothing(temporary, ending):
    with started("demo") as process:
        for line in process.stdout:
            if "RUNNABLE" in line or "STARTING" in line:
                process.send_signal(ending)
                break
        assert process.wait(20) == 128 + ending
        assert process.stderr.read() == ""


def test_whoever_reads_may_stop_reading_and_nothing_is_left(temporary):
    with started("demo") as process:
        process.stdout.readline()
        process.stdout.close()
        assert process.wait(20) == 128 + signal.SIGPIPE
        assert process.stderr.read() == ""
