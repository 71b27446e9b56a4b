"""What a shell completes, in a real one."""

import os
import shutil
import subprocess
import sys

import pytest

BASH = pytest.mark.skipif(shutil.which("bash") is None, reason="bash is not there")
#: Completes a line as readline does: it calls what ``complete`` has named, with the words of the line.
ASK = """
eval "$(abeja-run completion bash)"
COMP_WORDS=("$@")
COMP_CWORD=$(($# - 1))
$(complete -p abeja-run | sed 's/.*-F \\([^ ]*\\).*/\\1/') abeja-run
printf '%s\\n' "${COMPREPLY[@]}"
"""


@pytest.fixture
def completed(tmp_path, monkeypatch):
    """What bash proposes for the last word of a line."""
    program = tmp_path / "bin" / "abeja-run"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m abeja_run.cli "$@"\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(program.parent), prepend=os.pathsep)
    (tmp_path / "ask").write_text(ASK)

    def complete(*words):
        done = subprocess.run(
            ["bash", tmp_path / "ask", "abeja-run", *words], capture_output=True, text=True, timeout=60, cwd=tmp_path
        )
        assert (done.returncode, done.stderr) == (0, "")
        return done.stdout.split()

    return complete


@BASH
def test_bash_completes_commands_endpoints_options_and_choices(completed):
    assert completed("a") == ["api"]
    assert completed("api", "get_run_") == ["get_run_logs", "get_run_recent_logs"]
    assert completed("api", "get_runs", "--scan") == ["--scan-forward"]
    assert completed("api", "create_run", "--o") == ["--organization-id", "--output-template", "--output-data"]
    assert completed("completion", "") == ["bash", "zsh", "fish"]


@pytest.mark.parametrize(("shell", "told"), [("zsh", "compdef"), ("fish", "complete"), ("bash", "complete -o")])
def test_each_shell_has_a_script_of_its_own(command, shell, told):
    done = command("completion", shell)
    assert (done.code, done.err) == (0, "")
    assert told in done.out
    assert f"_ABEJA_RUN_COMPLETE={shell}_complete" in done.out


def test_a_shell_that_nobody_knows_is_told(command):
    done = command("completion", "csh")
    assert (done.code, done.out) == (2, "")
    assert "'csh' is not one of 'bash', 'zsh', 'fish'" in done.err


def test_a_resource_that_is_broken_disturbs_no_line_that_is_being_completed(completed, tmp_path, monkeypatch):
    folder = tmp_path / "broken-1.0.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text("Metadata-Version: 2.1\nName: broken\nVersion: 1.0\n")
    (folder / "entry_points.txt").write_text("[abeja_run.resources]\nbroken = missing_module:Missing\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    assert completed("api", "get_run_l") == ["get_run_logs"]


@BASH
def test_the_endpoints_of_a_client_of_ones_own_are_completed(completed, tmp_path):
    (tmp_path / "own_client.py").write_text(
        "from abeja_run import APIClient, GET, Endpoint, Resource\n"
        "from marshmallow import Schema\n"
        "class Mine(Resource):\n"
        "    path = '/mine'\n"
        "    get_mine = Endpoint(GET, returns=Schema, summary='Get mine.')\n"
        "class OwnClient(APIClient, resources=[Mine]): pass\n"
    )
    assert completed("api", "--client", "own_client:OwnClient", "get_m") == ["get_mine"]
    assert completed("api", "--client", "own_client:Missing", "get_run_l") == ["get_run_logs"]
