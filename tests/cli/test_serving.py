"""``abeja-run local``: the lines to export, who can reach it, and how it ends."""

import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time

import pytest
from commands import execute, started
from platforms import Place

from abeja_run import APIClient

NAMES = (
    *("ABEJA_API_URL", "PLATFORM_AUTH_TOKEN", "ABEJA_ORGANIZATION_ID", "ABEJA_DEPLOYMENT_ID"),
    "ABEJA_MODEL_VERSION_ID",
)


@pytest.fixture
def place(tmp_path):
    place = Place(tmp_path)
    place.write("import time\ndef handler(r, c): print('begun'); time.sleep(0.3); return {'content': 'done'}")
    return place


@contextlib.contextmanager
def serving(place, *options):
    """The command, serving: the process, and what it wrote as lines to export."""
    with started("local", "--code", place.code, "--datalake", place.lake, "--port", 0, *options) as process:
        lines = [process.stdout.readline() for _ in NAMES]
        assert process.stderr.readline().rstrip().endswith("Ctrl-C ends it.")
        yield process, "".join(lines)


def as_a_shell_reads(lines):
    """The variables that a shell has after it has read the lines."""
    shown = "".join(f'printf "%s\\n" "${name}";' for name in NAMES)
    done = subprocess.run(["sh", "-c", lines + shown], capture_output=True, text=True, check=True)
    return dict(zip(NAMES, done.stdout.splitlines(), strict=True))


def test_a_shell_takes_the_lines_and_the_other_commands_go_by_them(place):
    with serving(place) as (_, lines):
        assert re.fullmatch(r"(export [A-Z_]+=\S+\n){5}", lines)
        environment = {**os.environ, **as_a_shell_reads(lines)}
        done = execute("submit", "--wait", "--output-channel", "out", env=environment)
        assert (done.returncode, json.loads(done.stdout)["status"]) == (0, "SUCCEEDED")
        assert [path.read_text() for path in (place.lake / "out").glob("run-*")] == ["done"]


def test_who_serves_a_folder_without_the_code_is_told(place):
    (place.code / "main.py").rename(place.code / "other.py")
    with started("local", "--code", place.code, "--datalake", place.lake, "--port", 0) as process:
        told = f"Warning: there is no main.py in {place.code}, so every run fails until there is one.\n"
        assert process.stderr.readline() == told
        assert process.stderr.readline().startswith("Serving ")
    with serving(place, "--handler", "other:handler"):
        pass  # which has no warning before its last line


def test_json_gives_the_same_variables_to_programs(place):
    with started("--json", "local", "--code", place.code, "--datalake", place.lake, "--port", 0) as process:
        variables = json.loads(process.stdout.readline())
        assert tuple(variables) == NAMES
        with APIClient({"auth_token": variables["PLATFORM_AUTH_TOKEN"]}, base_url=variables["ABEJA_API_URL"]) as client:
            ids = variables["ABEJA_ORGANIZATION_ID"], variables["ABEJA_DEPLOYMENT_ID"]
            assert client.get_runs(*ids) == {"entries": []}


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere 127.0.0.2 is no address of the machine")
def test_it_listens_on_127_0_0_1_only_unless_told_otherwise(place):
    with serving(place) as (process, lines):
        port = int(as_a_shell_reads(lines)["ABEJA_API_URL"].rpartition(":")[2])
        socket.create_connection(("127.0.0.1", port), 5).close()
        # An address of this machine too: who listens everywhere listens there.
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.2", port), 5)
    with started("local", "--code", place.code, "--datalake", place.lake, "--port", 0, "--host", "0.0.0.0") as process:
        url = as_a_shell_reads("".join(process.stdout.readline() for _ in NAMES))["ABEJA_API_URL"]
        assert url.startswith("http://127.0.0.1:")
        assert process.stderr.readline().startswith("Warning: listening on 0.0.0.0, where other machines reach it")
        socket.create_connection(("127.0.0.2", int(url.rpartition(":")[2])), 5).close()


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_it_with_0_and_nothing_left(place, ending, monkeypatch, tmp_path):
    (tmp_path / "tmp").mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "tmp"))
    with serving(place) as (process, lines):
        process.send_signal(ending)
        assert process.wait(20) == 0
        assert (process.stdout.read(), process.stderr.read()) == ("", "")
        with pytest.raises(OSError):
            socket.create_connection(("127.0.0.1", int(re.search(r":(\d+)$", lines, re.MULTILINE)[1])), 5)
    assert list((tmp_path / "tmp").iterdir()) == []


def test_after_a_kill_the_same_state_goes_on_with_the_same_ids_and_every_run_ends(place):
    with serving(place, "--state", place.state) as (process, lines):
        before = as_a_shell_reads(lines)
        environment = {**os.environ, **before}
        run_id = json.loads(execute("submit", env=environment).stdout)["run_id"]
        process.kill()
        process.wait()
    with serving(place, "--state", place.state) as (process, lines):
        after = as_a_shell_reads(lines)
        assert {**after, "ABEJA_API_URL": ""} == {**before, "ABEJA_API_URL": ""}
        done = execute("wait", run_id, "--interval", "0.05", env={**os.environ, **after})
        assert (done.returncode, json.loads(done.stdout)["status"]) == (0, "SUCCEEDED")


def test_a_port_that_is_taken_is_wrong_usage_in_one_line(place, command):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = command("local", "--code", place.code, "--datalake", place.lake, "--port", port)
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith(f"Error: cannot listen on 127.0.0.1 port {port}: ")
    assert done.err.count("\n") == 1


def test_handler_and_timeout_are_those_that_are_given(place):
    place.write("def other(r, c): return {}\ndef slow(r, c):\n    import time; time.sleep(60)")
    for handler, status in (("main:other", "SUCCEEDED"), ("main:slow", "FAILED")):
        with serving(place, "--handler", handler, "--timeout", "0.5") as (_, lines):
            environment = {**os.environ, **as_a_shell_reads(lines)}
            began = time.monotonic()
            done = execute("submit", "--wait", "--retry-count", 0, env=environment)
            assert json.loads(done.stdout)["status"] == status
            assert time.monotonic() - began < 30


def test_faults_are_those_that_are_given(place, command):
    with serving(place, "--fault", "close_after_execute=1,methods=POST", "--fault", "seed=7") as (_, lines):
        environment = {**os.environ, **as_a_shell_reads(lines)}
        done = execute("submit", env=environment)
        assert (done.returncode, done.stdout) == (1, "")
        assert json.loads(execute("list", env=environment).stdout)["run_id"]
    done = command("local", "--code", place.code, "--datalake", place.lake, "--fault", "explode=1")
    assert done.code == 2
    assert done.err.startswith("Error: 'explode=1' is no fault; write NAME=VALUE, such as late=0.1; the names are ")
