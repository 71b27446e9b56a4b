"""Every way in which a command can go wrong: its exit code, one clear line, and no secret."""

import json
import os
import re
import subprocess
import sys

import pytest
from commands import COMMAND, execute
from servers import IDS, TOKEN, Wire, answer, closed_port, silent, then_close

from abeja_run.cli.command import group, run
from abeja_run.cli.errors import exit_code, line


def told(done, code):
    """The one line of an error, nothing having been written as data."""
    assert (done.code, done.out) == (code, ""), done.err
    (only,) = done.err.splitlines()
    assert only.startswith("Error: ")
    return only


WRONG_USAGE = {
    "submit --input {broken": "--input",
    "submit --input @missing": "'missing' cannot be read",
    "submit --input [1]": "--input: [1] (list) is not of type Mapping",
    "submit --input 5 --output-channel": "--output-channel",
    "submit --output NaN": "--output",
    "submit --datalake no-slash": "CHANNEL/FILE",
    "submit --datalake 1/2 --input {}": "exclude each other",
    "submit --retry-count 10": "--retry-count: 10 (int)",
    "submit --retry-count many": "--retry-count",
    "submit --env =value": "--env",
    "submit --env NOT_IN_THE_ENVIRONMENT": "NOT_IN_THE_ENVIRONMENT",
    "submit --submission-id x": "--once",
    "submit --deployment .": "--deployment: '.' (str) is not an id",
    "submit one two": "two",
    "show": "RUN_ID",
    "show ..": "RUN_ID: '..' (str) is not an id",
    "list --limit 0": "--limit",
    "list --nonsense": "--nonsense",
    "list --base-url ftp://example.com": "--base-url",
    "list --base-url http://user:hunter2@127.0.0.1": "--base-url",
    "list --base-url http://example.com": "--allow-plaintext",
    "--timeout 0 list": "'--timeout': 0.0 is not in the range",
    "logs run-1 --start yesterday": "'yesterday' is not a time such as",
    "logs run-1 --recent 1 --follow": "exclude each other",
    "wait run-1 --interval -1": "--interval",
    "wait run-1 --timeout -1": "--timeout",
    "unknown": "unknown",
    "local": "--code",
    "local --code missing --datalake .": "--code",
    "local --code . --datalake . --workers 0": "--workers",
    "local --code . --datalake . --port 65536": "--port",
    "local --code . --datalake . --timeout 0": "--timeout",
    "local --code . --datalake . --state missing/state": "the state file missing/state cannot be used",
    "demo --keep .": "not empty",
}


@pytest.mark.parametrize("arguments", WRONG_USAGE)
def test_wrong_usage_is_2_and_one_line_that_names_the_option_and_where_to_read_on(
    command, platform, arguments, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a file").touch()
    text = told(command(*arguments.split()), 2)
    assert WRONG_USAGE[arguments] in text
    assert re.search(r"See 'abeja-run[a-z -]* --help'\.$", text)
    assert "hunter2" not in text


def test_ids_that_no_id_can_be_never_leave_the_path(command, wire, monkeypatch):
    monkeypatch.setenv("PLATFORM_AUTH_TOKEN", TOKEN)
    where = ("--organization", IDS[0], "--deployment", IDS[1], "--base-url", wire.url)
    assert "control character" in told(command("show", "a\nb", *where), 2)
    assert "is empty" in told(command("show", "", *where), 2)
    assert wire.requests == []
    assert command("show", "../../users?x=1#y", *where).code == 0
    assert wire.requests[0].target.endswith("/runs/..%2F..%2Fusers%3Fx%3D1%23y")


def test_input_that_is_nested_too_deeply_is_told(command, platform, tmp_path):
    (tmp_path / "deep.json").write_text("[" * 200_000)
    assert "--input" in told(command("submit", "--input", f"@{tmp_path / 'deep.json'}"), 2)
    (tmp_path / "binary").write_bytes(b"\xff\xfe\xfa")
    assert "UTF-8" in told(command("submit", "--input", f"@{tmp_path / 'binary'}"), 2)


def test_without_a_command_the_help_is_shown_and_that_is_wrong_usage(command):
    done = command()
    assert (done.code, done.out) == (2, "")
    assert "Commands:" in done.err


@pytest.mark.parametrize("name", [None, *group.commands])
def test_help_tells_the_exit_codes(command, name):
    done = command(*([name] if name else []), "--help")
    assert (done.code, done.err) == (0, "")
    assert "Exit codes: 0 done; 1 " in " ".join(done.out.split())


def test_the_commands_are_those_that_are_documented():
    assert {"local", "submit", "list", "show", "logs", "wait", "demo", "cassette"} <= set(group.commands)


def test_without_a_credential_or_organization_the_ways_to_give_one_are_named(command, platform, monkeypatch):
    monkeypatch.delenv("PLATFORM_AUTH_TOKEN")
    text = told(command("list"), 2)
    for way in ("PLATFORM_AUTH_TOKEN", "ABEJA_PLATFORM_PERSONAL_ACCESS_TOKEN", "~/.abeja/config"):
        assert way in text
    monkeypatch.setenv("ABEJA_PLATFORM_USER_ID", "1234")
    assert "ABEJA_PLATFORM_PERSONAL_ACCESS_TOKEN" in told(command("list"), 2)
    monkeypatch.delenv("ABEJA_ORGANIZATION_ID")
    text = told(command("list"), 2)
    assert "--organization" in text
    assert "ABEJA_ORGANIZATION_ID" in text


@pytest.mark.parametrize("name", ["show", "logs", "wait"])
def test_an_unknown_run_is_1_and_says_what_to_check(command, platform, name):
    text = told(command(name, "run-9"), 1)
    assert "run-9" in text
    assert "404 from http://127.0.0.1" in text
    assert text.endswith("Check the IDs of the organization, the deployment, the version and the run.")


def test_who_is_not_let_in_is_told_what_to_check(command, platform, monkeypatch):
    assert "Check the organization" in told(command("list", "--organization", "1"), 1)
    assert "404" in told(command("submit", "ver-9"), 1)
    monkeypatch.setenv("PLATFORM_AUTH_TOKEN", TOKEN)
    text = told(command("list"), 1)
    assert "401" in text
    assert "Check the credential" in text


SERVICE_ERRORS = {
    "HTML": (answer(b"<html>\r\n\x1b[2J</html>", content_type="text/html"), "not JSON"),
    "a list": (answer([1]), "not a JSON object"),
    "an error of a gateway": (answer(b"", 418), "I'm a Teapot"),
    "an error that is a list": (answer([1], 400), "[1]"),
    "a redirect": (answer(b"", 302, location="http://example.com/x"), "http://example.com/x"),
    "cut off": (then_close(b"HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\n{"), "incomplete"),
    "no HTTP": (then_close(b"\x00\x1b[2Jgarbage\r\n\r\n"), "garbage"),
    "silence": (silent, "timed out after 0.2 s"),
}


@pytest.mark.parametrize(("reply", "expected"), SERVICE_ERRORS.values(), ids=SERVICE_ERRORS)
def test_an_answer_that_is_none_is_1_and_one_line_that_no_terminal_acts_on(command, monkeypatch, reply, expected):
    monkeypatch.setenv("PLATFORM_AUTH_TOKEN", TOKEN)
    monkeypatch.setenv("ABEJA_SDK_MAX_RETRY_COUNT", "0")
    with Wire(reply) as wire:
        where = ("--organization", IDS[0], "--deployment", IDS[1], "--base-url", wire.url)
        text = told(command("--timeout", "0.2", "show", "run-1", *where), 1)
    assert expected.lower() in text.lower()
    assert "\x1b" not in text


def test_a_service_that_cannot_be_reached_is_1_and_says_what_to_check(command, platform, monkeypatch):
    monkeypatch.setenv("ABEJA_SDK_MAX_RETRY_COUNT", "0")
    text = told(command("list", "--base-url", f"http://127.0.0.1:{closed_port()}"), 1)
    assert "no connection to http://127.0.0.1" in text
    assert "--base-url" in text


def test_a_list_whose_entries_are_none_is_still_shown_or_told(command, wire, monkeypatch):
    monkeypatch.setenv("PLATFORM_AUTH_TOKEN", TOKEN)
    where = ("--organization", IDS[0], "--deployment", IDS[1], "--base-url", wire.url)
    wire.script = [answer({"entries": [5, None, {"run_id": ["x"]}]}), answer({"entries": 7}), answer({})]
    assert command("list", *where).code == 0
    for _ in range(2):
        told(command("list", *where), 1)


def test_debug_shows_the_traceback_line_by_line_before_the_error(command, platform):
    done = command("--debug", "show", "run-9")
    *before, last = done.err.splitlines()
    assert done.code == 1
    assert "Traceback (most recent call last):" in before
    assert any(text.lstrip().startswith("File ") for text in before)
    assert last.startswith("Error: ")
    assert command("show", "run-9", "--debug").err.splitlines()[-1] == last
    assert "Traceback" not in command("show", "run-9").err


@pytest.mark.parametrize("before", [(), ("--debug",)])
def test_no_output_shows_the_credential(command, platform, monkeypatch, before):
    def echo(connection, seen):
        connection.sendall(answer({"error_description": f"you sent {seen.headers['authorization']}"}, 400))

    monkeypatch.setenv("PLATFORM_AUTH_TOKEN", TOKEN)
    with Wire(echo) as wire:
        for arguments in (("list",), ("list", "--base-url", wire.url), ("submit", "--env", f"A={TOKEN}", "--env", "=")):
            done = command(*before, *arguments)
            assert done.code in (1, 2)
            assert TOKEN not in done.out + done.err


def test_a_fault_of_the_command_itself_is_one_line_that_says_how_to_see_more():
    error = ZeroDivisionError("oh\nno")
    assert exit_code(error) == 1
    assert line(error) == (
        "Error: A fault of this command itself, ZeroDivisionError: oh no. Show where with 'abeja-run --debug'."
    )


@pytest.mark.parametrize("missing", ["click", "rich"])
def test_what_is_not_installed_is_named_with_the_way_to_get_it(missing):
    code = f"import sys; sys.modules[{missing!r}] = None; from abeja_run.cli import main; sys.exit(main())"
    done = subprocess.run([sys.executable, "-c", code, "list"], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"Error: the command needs {missing}: pip install 'abeja-run[cli]'\n"


def test_the_local_platform_that_is_not_installed_is_named_with_the_way_to_get_it():
    code = "import sys; sys.modules['waitress'] = None; from abeja_run.cli import main; sys.exit(main())"
    done = subprocess.run([sys.executable, "-c", code, "demo"], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("Error: the local platform needs waitress: pip install 'abeja-run[all]'")
    assert done.stderr.count("\n") == 1


def test_whoever_reads_may_stop_reading(platform, runner):
    for _ in range(3):
        runner.create()
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run([*COMMAND, "list"], stdout=writing, stderr=subprocess.PIPE, text=True)
    os.close(writing)
    assert (done.returncode, done.stderr) == (128 + 13, "")


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="there is no disk that is always full")
def test_a_full_disk_is_one_line(platform, runner):
    runner.create()
    with open("/dev/full", "w") as full:
        done = subprocess.run([*COMMAND, "list"], stdout=full, stderr=subprocess.PIPE, text=True)
    assert (done.returncode, done.stderr) == (1, "Error: No space left on device.\n")


def test_a_process_without_standard_output_or_error_still_ends_well(platform):
    for closed in (">&-", "2>&-", "<&-"):
        done = subprocess.run(["sh", "-c", f'"$@" {closed}', "sh", *COMMAND, "list"], capture_output=True, text=True)
        assert (done.returncode, done.stderr) == (0, "")


def test_an_encoding_that_lacks_a_character_does_not_stop_a_command(platform, runner):
    run_id = runner.create({"text": "é🙂"})["run_id"]
    done = execute("show", run_id, env={**os.environ, "PYTHONIOENCODING": "ascii"})
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout)["input_data"] == {"text": "é🙂"}


def test_the_exit_code_is_that_of_the_process(platform):
    assert [execute(*line.split()).returncode for line in ("list", "show run-9", "show")] == [0, 1, 2]


def test_an_interrupt_before_anything_has_happened_is_130(monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["abeja-run", "list"])

    def interrupted(_):
        raise KeyboardInterrupt

    monkeypatch.setattr(group, "invoke", interrupted)
    assert run() == 130
    assert capsys.readouterr().err == ""
