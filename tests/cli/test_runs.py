"""submit, list, show, logs and wait: what goes to the platform, and what comes back."""

import io
import json
import re
import signal
import sys
import time
from types import SimpleNamespace

import pytest
from commands import started
from servers import IDS, RUN, Wire, answer, close

from abeja_run.resources.runs import STATUSES


def lines(text):
    return [json.loads(line) for line in text.splitlines()]


def test_submit_writes_the_run_that_the_platform_has(command, runner):
    done = command("submit", "--retry-count", 0)
    assert (done.code, done.err) == (0, "")
    run = json.loads(done.out)
    assert run["run_id"] in {known["run_id"] for known in runner.client.iter_runs(*runner.ids)}
    assert run["model_version_id"] == runner.platform.version_id


def test_every_option_of_submit_arrives(command, wire, monkeypatch):
    monkeypatch.setenv("PLATFORM_AUTH_TOKEN", "some-token")
    monkeypatch.setenv("FROM_HERE", "a value")
    done = command(
        *("submit", "ver-1", "--organization", IDS[0], "--deployment", IDS[1], "--base-url", wire.url),
        *("--input", '{"a": [1, null]}', "--output-channel", "222", "--retry-count", 0, "--distribution", 0),
        *("--env", "MODE=a=b", "--env", "FROM_HERE", "--env", "EMPTY=", "--model-id", "333"),
    )
    assert (done.code, json.loads(done.out)) == (0, RUN)
    (seen,) = wire.requests
    assert (seen.method, seen.target) == ("POST", f"/organizations/{IDS[0]}/deployments/{IDS[1]}/runs")
    assert seen.json == {
        "version_id": "ver-1",
        "input_data": {"a": [1, None]},
        "output_template": {"$datalake:1": "222"},
        "retry_count": 0,
        "distribution": 0,
        "environment": {"MODE": "a=b", "FROM_HERE": "a value", "EMPTY": ""},
        "models": {"alias": "333"},
    }


def test_input_comes_from_a_file_or_standard_input_or_the_datalake(command, runner, tmp_path, monkeypatch):
    given = {"text": "é"}
    (tmp_path / "input.json").write_text(json.dumps(given, ensure_ascii=False), encoding="utf-8")
    done = command("submit", "--input", f"@{tmp_path / 'input.json'}")
    assert json.loads(done.out)["input_data"] == given
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(json.dumps(given).encode())))
    done = command("submit", "--input", "-")
    assert json.loads(done.out)["input_data"] == given
    done = command("submit", "--datalake", "222/file")
    assert json.loads(done.out)["input_data"] == {"$datalake:1": "222/file"}


def test_submit_can_wait_and_tells_each_status_in_passing(command, runner):
    done = command("submit", "--wait")
    assert done.code == 0
    run = json.loads(done.out)
    assert run["status"] == "SUCCEEDED"
    assert f"Submitted {run['run_id']}." in done.err
    told = [line.split()[-1] for line in done.err.splitlines()[1:]]
    assert told == [status for status in STATUSES if status in told]
    assert told[-1] == "SUCCEEDED"


def test_a_failed_run_ends_with_1_its_last_lines_and_the_next_step(command, runner):
    done = command("submit", "--wait", "--env", "FAIL=1", "--retry-count", 0)
    run = json.loads(done.out)
    assert (done.code, run["status"]) == (1, "FAILED")
    assert "ValueError: told to" in done.err
    assert done.err.splitlines()[-1] == (
        f"Error: Run {run['run_id']} ended FAILED. See its log with 'abeja-run logs {run['run_id']}'."
    )
    again = command("wait", run["run_id"])
    assert (again.code, json.loads(again.out)) == (1, run)


def test_wait_for_a_run_that_has_ended_returns_at_once(command, runner):
    run_id = runner.create()["run_id"]
    expected = runner.finish(run_id)
    done = command("wait", run_id)
    assert (done.code, json.loads(done.out)) == (0, expected)


def test_waiting_that_takes_too_long_ends_with_1_and_the_run_goes_on(command, runner, go):
    run_id = runner.create(environment={"GO": str(go)})["run_id"]
    done = command("wait", run_id, "--timeout", "0.2", "--interval", "0.05")
    assert done.code == 1
    assert json.loads(done.out)["run_id"] == run_id
    assert f"Error: Run {run_id} has not ended within 0.2 s" in done.err
    go.touch()
    assert runner.finish(run_id)["status"] == "SUCCEEDED"


def test_list_writes_all_pages_as_lines_in_either_order(command, runner):
    for _ in range(4):
        runner.create()
    expected = [run["run_id"] for run in runner.client.iter_runs(*runner.ids)]
    assert len(expected) > 3
    done = command("list")
    assert (done.code, done.err) == (0, "")
    assert [run["run_id"] for run in lines(done.out)] == expected
    assert [run["run_id"] for run in lines(command("list", "--oldest-first").out)] == expected[::-1]
    assert [run["run_id"] for run in lines(command("list", "--limit", 2).out)] == expected[:2]


def test_pages_that_nobody_wants_are_not_asked_for(command, wire, monkeypatch):
    monkeypatch.setenv("PLATFORM_AUTH_TOKEN", "some-token")
    wire.otherwise = answer({"entries": [RUN], "next_page_token": "more"})
    where = ("--organization", IDS[0], "--deployment", IDS[1], "--base-url", wire.url)
    assert len(lines(command("list", "--limit", 1, *where).out)) == 1
    assert len(wire.requests) == 1


def test_show_writes_the_run_as_the_platform_tells_of_it(command, runner):
    run_id = runner.create({"a": "é"}, environment={"A": "b"})["run_id"]
    expected = runner.finish(run_id)
    done = command("show", run_id)
    assert (done.code, json.loads(done.out), done.err) == (0, expected, "")


def test_logs_are_lines_from_the_oldest_to_the_newest_and_the_last_ones_can_be_had(command, runner):
    run_id = runner.create(environment={"LINES": "10"})["run_id"]
    runner.finish(run_id)
    expected = list(runner.client.iter_run_logs(*runner.ids, run_id))
    assert len(expected) == 12
    done = command("logs", run_id)
    assert (done.code, lines(done.out)) == (0, expected)
    assert lines(command("logs", run_id, "--recent", 4).out) == expected[-4:]
    assert command("logs", run_id, "--start", "2100-01-01T00:00:00Z").out == ""
    assert command("logs", run_id, "--end", "2000-01-01T09:00:00+09:00").out == ""


def test_times_travel_in_utc(command, wire, monkeypatch):
    monkeypatch.setenv("PLATFORM_AUTH_TOKEN", "some-token")
    wire.otherwise = answer({"events": []})
    where = ("--organization", IDS[0], "--deployment", IDS[1], "--base-url", wire.url)
    assert command("logs", "run-1", "--start", "2018-01-01T09:00:00+09:00", "--end", "2018-01-01", *where).code == 0
    assert wire.requests[0].target.endswith("start_time=2018-01-01T00%3A00%3A00&end_time=2018-01-01T00%3A00%3A00")


def test_a_log_is_followed_line_by_line_through_a_pipe(platform, runner, go):
    run_id = runner.create(environment={"LINES": "10", "GO": str(go)})["run_id"]
    with started("logs", run_id, "--follow") as process:
        told = [json.loads(process.stdout.readline())["message"] for _ in range(12)]
        assert runner.client.get_run(*runner.ids, run_id)["status"] == "RUNNING"
    assert told == runner.lines(run_id)


def test_following_a_log_ends_with_the_run(command, runner, monkeypatch):
    run_id = runner.create()["run_id"]
    runner.finish(run_id)
    # A log is followed for some seconds after the end of its run; they count without passing.
    monkeypatch.setattr(time, "sleep", lambda seconds: None)
    done = command("logs", run_id, "--follow")
    assert (done.code, done.err) == (0, "The run has ended: SUCCEEDED\n")
    assert [event["message"] for event in lines(done.out)] == runner.lines(run_id)


@pytest.mark.parametrize("what", ["wait", "logs --follow"])
def test_an_interrupt_ends_with_130_and_no_traceback(platform, runner, what, go):
    run_id = runner.create(environment={"GO": str(go)})["run_id"]
    name, *options = what.split()
    with started(name, run_id, *options) as process:
        # Something has come, so the command is at work.
        assert (process.stderr if name == "wait" else process.stdout).readline()
        time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 130
        assert "Traceback" not in process.stderr.read()


def test_a_submission_whose_answer_is_lost_arrives_once_and_says_what_to_do(command, monkeypatch):
    monkeypatch.setenv("PLATFORM_AUTH_TOKEN", "some-token")
    for fault, told in ((close, "may have been carried out"), (answer({}, 503), "may have been started all the same")):
        with Wire(fault) as wire:
            where = ("--organization", IDS[0], "--deployment", IDS[1], "--base-url", wire.url)
            done = command("submit", "ver-1", *where)
            assert (done.code, done.out, len(wire.requests)) == (1, "", 1)
            assert told in done.err
            assert "abeja-run list" in done.err


def test_a_retry_is_told_in_passing(command, wire, monkeypatch):
    monkeypatch.setenv("PLATFORM_AUTH_TOKEN", "some-token")
    wire.script = [answer({}, 503, retry_after="0")]
    where = ("--organization", IDS[0], "--deployment", IDS[1], "--base-url", wire.url)
    done = command("show", "run-1", *where)
    assert (done.code, json.loads(done.out)) == (0, RUN)
    assert re.search(r"503 Service Unavailable; retry 1 of 5", done.err)
