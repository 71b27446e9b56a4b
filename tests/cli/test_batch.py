"""The command that submits a run for each line of a file."""

import json
import re
import signal
import time

import pytest
from commands import execute, on_terminal, started
from services import Service, served

from abeja_run.cli.errors import line
from abeja_run.exceptions import SubmissionUnknown
from abeja_run.jobs.submission import SUBMISSION_VARIABLE


@pytest.fixture
def lines(tmp_path):
    """A file of inputs, one of which is a line that is no JSON."""
    path = tmp_path / "inputs.jsonl"
    path.write_text('{"number": 1}\n{"number":\n{"number": 3}\n')
    return path


@pytest.fixture
def good(tmp_path):
    path = tmp_path / "good.jsonl"
    path.write_text("".join(f'{{"number": {number}}}\n' for number in range(1, 6)))
    return path


def told(output):
    return sorted(map(json.loads, output.splitlines()), key=lambda result: result["line"])


def test_each_line_is_submitted_once_and_told_of(command, runner, good):
    done = command("batch", good)
    assert (done.code, done.err) == (0, "")
    results = told(done.out)
    assert [result["line"] for result in results] == [1, 2, 3, 4, 5]
    for result in results:
        run = runner.client.get_run(*runner.ids, result["run_id"])
        assert run["input_data"] == {"number": result["line"]}
        assert run["user_env_vars"] == {SUBMISSION_VARIABLE: result["submission_id"]}
        assert result["status"] == "SUBMITTED"


def test_a_bad_line_does_not_stop_the_rest_and_ends_with_1(command, platform, lines, tmp_path):
    done = command("batch", lines, "--journal", tmp_path / "batch.jsonl")
    assert done.code == 1
    assert "1 of 3 failed. The same command tries again those that have no run." in done.err
    first, second, third = told(done.out)
    assert first["run_id"]
    assert third["run_id"]
    assert second["error"] == "the line is not JSON"
    lines.write_text(lines.read_text().replace('{"number":\n', '{"number": 2}\n'))
    changed = command("batch", lines, "--journal", tmp_path / "batch.jsonl")
    assert changed.code == 2
    assert "input 1 (the first one is 0) is not the one" in changed.err


def test_the_same_command_goes_on_with_its_journal_and_another_one_is_refused(command, runner, good, tmp_path):
    journal = tmp_path / "batch.jsonl"
    before = command("batch", good, "--journal", journal)
    again = command("batch", good, "--journal", journal)
    assert (again.code, told(again.out)) == (0, told(before.out))
    other = command("batch", good, "--journal", journal, "--retry-count", 1)
    assert other.code == 2
    assert "that of another batch" in other.err
    wrong = command("batch", good, "--journal", good)
    assert wrong.code == 2
    assert "is not the journal of a batch" in wrong.err


def test_every_option_of_a_batch_arrives(command, runner, good, monkeypatch):
    monkeypatch.setenv("SECRET", "from the environment")
    options = ("--output-channel", "1", "--retry-count", 2, "--env", "A=b", "--env", "SECRET", "--distribution", 3)
    done = command("batch", good, *options, "--model-id", "7", "--max-in-flight", 2)
    assert done.code == 0
    run = runner.client.get_run(*runner.ids, told(done.out)[0]["run_id"])
    assert (run["output_template"], run["retry_count"], run["models"]) == ({"$datalake:1": "1"}, 2, {"alias": "7"})
    assert run["user_env_vars"]["SECRET"] == "from the environment"
    assert "from the environment" not in done.out + done.err


def test_with_wait_failed_runs_end_with_1(command, runner, tmp_path):
    path = tmp_path / "inputs.jsonl"
    path.write_text('{"number": 1}\n')
    done = command("batch", path, "--wait", "--retry-count", 0)
    assert done.code == 0
    assert told(done.out)[0]["status"] == "SUCCEEDED"
    done = command("batch", path, "--wait", "--retry-count", 0, "--env", "FAIL=yes")
    assert done.code == 1
    assert told(done.out)[0]["status"] == "FAILED"
    assert "told to" in told(done.out)[0]["error"]


def test_on_a_terminal_a_failed_run_is_one_row_that_ends_with_its_last_line(platform, tmp_path):
    path = tmp_path / "inputs.jsonl"
    path.write_text('{"number": 1}\n')
    _, seen = on_terminal("batch", path, "--wait", "--retry-count", 0, "--env", "FAIL=yes", columns=500)
    (row,) = (line for line in seen.splitlines() if "run-" in line and "FAILED" in line)
    assert re.search(r"its last lines: … .*told to", row)
    assert "Traceback" not in row


def test_inputs_come_from_standard_input_too(platform):
    done = execute("batch", "-", input='{"number": 1}\n{"number": 2}')
    assert (done.returncode, done.stderr) == (0, "")
    assert len(told(done.stdout)) == 2


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        (("no such file",), "INPUTS: 'no such file' cannot be read: No such file or directory."),
        (("good", "--max-in-flight", 0), "--max-in-flight"),
        (("good", "--retry-count", 10), "--retry-count"),
        (("good", "--output", "{}", "--output-channel", "1"), "--output and --output-channel exclude each other"),
        ((), "INPUTS"),
    ],
)
def test_wrong_usage_ends_with_2_and_names_the_option(command, platform, good, arguments, what):
    done = command("batch", *(good if argument == "good" else argument for argument in arguments))
    assert (done.code, done.out) == (2, "")
    assert what in done.err


def test_on_a_terminal_there_are_rows_and_a_bar(platform, lines):
    code, seen = on_terminal("batch", lines)
    assert code == 1
    assert "SUBMITTED" in seen
    assert "the line is not JSON" in seen
    assert "3/3" in seen
    assert "1 failed" in seen


@pytest.mark.parametrize("with_journal", [True, False])
def test_an_interrupt_notes_what_is_under_way_and_ends_with_130(tmp_path, monkeypatch, good, with_journal):
    class Slow(Service):
        """Carries out at once, and takes its time to answer the fourth."""

        def send(self, request, timeout):
            answer = super().send(request, timeout)
            if request.method == "POST" and self.posts == 4:
                time.sleep(0.5)
            return answer

    service = Slow(page_size=100)
    journal = tmp_path / "batch.jsonl"
    arguments = ["batch", good, "--max-in-flight", "1", *(["--journal", journal] if with_journal else [])]
    with served(service) as url:
        names = {"ABEJA_API_URL": url, "PLATFORM_AUTH_TOKEN": "any", "ABEJA_MODEL_VERSION_ID": "ver-1"}
        for name, value in {**names, "ABEJA_ORGANIZATION_ID": "1", "ABEJA_DEPLOYMENT_ID": "2"}.items():
            monkeypatch.setenv(name, value)
        with started(*arguments) as process:
            for _ in range(3):
                process.stdout.readline()
            while service.posts < 4:
                time.sleep(0.005)
            process.send_signal(signal.SIGINT)
            _, errors = process.communicate(timeout=20)
            assert process.returncode == 130
        assert "Traceback" not in errors
        assert "input 3 has been submitted as run-0000000000000003" in errors
        assert ("the same command goes on from here" in errors) == with_journal
        assert len(service.runs) == 4
        if with_journal:
            done = execute(*arguments)
            assert done.returncode == 0
            assert [result["line"] for result in told(done.stdout)] == [1, 2, 3, 4, 5]
            assert len(service.runs) == service.posts == 5
            assert service.looks <= 1


def test_a_submission_can_be_made_once_by_its_id(command, runner):
    first = command("submit", "--once", "--submission-id", "order 17", "--input", '{"a": 1}')
    again = command("submit", "--once", "--submission-id", "order 17")
    assert first.code == again.code == 0
    assert json.loads(first.out)["run_id"] == json.loads(again.out)["run_id"]


def test_what_stays_open_says_how_to_go_on_with_it():
    told = line(SubmissionUnknown("lost", "order 17"))
    assert "submission_id='order 17'" in told
    assert "abeja-run submit --once --submission-id" in told
