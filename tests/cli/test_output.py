"""What a person sees on a terminal, and a program in a pipe."""

import json
import re

import pytest
from commands import execute, on_terminal
from hypothesis import given, settings
from hypothesis import strategies as st
from servers import IDS, RUN, answer

from abeja_run.cli.output import printable, written

COLOUR = re.compile(r"\x1b\[[0-9;]*m")


def test_a_list_is_a_table_with_colours_on_a_terminal(platform, runner):
    good = runner.create()["run_id"]
    bad = runner.create(retry_count=0, environment={"FAIL": "1"})["run_id"]
    runner.finish(good)
    runner.finish(bad)
    code, seen = on_terminal("list", "--limit", 2)
    assert code == 0
    assert "\x1b[32mSUCCEEDED" in seen
    assert "\x1b[31mFAILED" in seen
    header, first, second = COLOUR.sub("", seen).splitlines()
    assert header.split() == ["run", "status", "submitted", "version"]
    assert first.split()[:2] == [bad, "FAILED"]
    assert second.split()[:2] == [good, "SUCCEEDED"]
    assert second.split()[-1] == platform.version_id
    assert header.index("status") == first.index("FAILED") == second.index("SUCCEEDED")


@pytest.mark.parametrize("arguments", [("--json", "list"), ("list", "--json")])
def test_json_is_written_on_a_terminal_too_where_that_is_asked_for(platform, runner, arguments):
    runner.create()
    code, seen = on_terminal(*arguments, "--limit", 1) if arguments[0] == "list" else on_terminal(*arguments)
    assert code == 0
    assert all(isinstance(json.loads(line), dict) for line in seen.splitlines())


def test_a_run_is_shown_to_people_without_the_values_of_its_environment(platform, runner):
    run_id = runner.create({"a": 1}, environment={"PASSWORD": "hunter2"})["run_id"]
    runner.finish(run_id)
    code, seen = on_terminal("show", run_id)
    plain = COLOUR.sub("", seen)
    assert code == 0
    assert "hunter2" not in plain
    assert "PASSWORD (values not shown)" in plain
    assert re.search(rf"^run id +{run_id} *$", plain, re.MULTILINE)
    assert '{"a": 1}' in plain


def test_lines_of_a_log_are_shown_with_their_time_and_no_terminal_acts_on_them(platform, runner):
    run_id = runner.create()["run_id"]
    runner.finish(run_id)
    code, seen = on_terminal("logs", run_id)
    first, second = COLOUR.sub("", seen).splitlines()
    assert code == 0
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d  started", first)
    assert second.endswith(r"  \x1b[2J\u202e odd")
    assert "\x1b[2J" not in seen
    piped = execute("logs", run_id).stdout
    assert "\x1b" not in piped
    assert json.loads(piped.splitlines()[1])["message"] == "\x1b[2J\u202e odd"


def test_waiting_on_a_terminal_tells_each_status_in_its_colour(platform, runner, go):
    def meanwhile(seen):
        if b"RUNNING" in seen:
            go.touch()

    run_id = runner.create(environment={"GO": str(go)})["run_id"]
    code, seen = on_terminal("wait", run_id, "--interval", "0.02", columns=60, meanwhile=meanwhile)
    assert code == 0
    assert re.search(r"\d\.\d s  \S*\x1b\[36mRUNNING", seen)
    assert re.search(r"\d\.\d s  \S*\x1b\[32mSUCCEEDED", seen)
    assert re.search(rf"^run id +{run_id} *$", COLOUR.sub("", seen), re.MULTILINE)


def test_no_runs_and_an_error_are_told_to_people_in_words(wire, monkeypatch):
    monkeypatch.setenv("PLATFORM_AUTH_TOKEN", "some-token")
    wire.script = [answer({"entries": []}), answer({"error_description": "\x1b[2Jno"}, 404)]
    where = ("--organization", IDS[0], "--deployment", IDS[1], "--base-url", wire.url)
    assert on_terminal("list", *where) == (0, "\x1b[2mThere are no runs.\x1b[0m\n")
    code, seen = on_terminal("list", *where)
    assert code == 1
    assert seen.startswith(r"Error: \x1b[2Jno")


def test_a_table_of_what_should_be_runs_shows_whatever_there_is(wire, monkeypatch):
    monkeypatch.setenv("PLATFORM_AUTH_TOKEN", "some-token")
    odd = {"run_id": ["x"], "status": "\x1b[2JODD", "created_at": 5, "model_version_id": None}
    wire.otherwise = answer({"entries": [RUN, odd, 7, None]})
    code, seen = on_terminal("list", "--organization", IDS[0], "--deployment", IDS[1], "--base-url", wire.url)
    assert code == 0
    assert len(COLOUR.sub("", seen).splitlines()) == 5
    assert r"\x1b[2JODD" in seen
    assert "\x1b[2J" not in seen


@settings(max_examples=200, deadline=None)
@given(
    st.recursive(st.none() | st.booleans() | st.integers() | st.text(), lambda x: st.lists(x, max_size=4), max_leaves=8)
)
def test_json_reads_back_as_the_same_value_and_holds_nothing_a_terminal_acts_on(value):
    text = written(value)
    assert json.loads(text) == value
    assert printable(text) == text
