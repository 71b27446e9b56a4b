"""The example of a resource of one's own: its client runs, and its own tests pass."""

import subprocess
import sys
from pathlib import Path

TRIGGERS = Path(__file__).parents[1] / "examples" / "triggers"


def test_the_example_runs():
    done = subprocess.run([sys.executable, TRIGGERS / "main.py"], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.count("SUBMITTED") == 3
    assert done.stdout.endswith("deleted\n")


def test_the_tests_of_the_example_pass_where_they_stand():
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", ".", "-c", "/dev/null", "."]
    done = subprocess.run(command, capture_output=True, text=True, cwd=TRIGGERS)
    assert "5 passed" in done.stdout, done.stdout
