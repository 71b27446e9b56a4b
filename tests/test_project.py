"""What the repository shows to people does what it says: the README, the examples, the benchmark."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from abeja_run.local import LocalPlatform

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(language):
    """The fenced blocks of the README in a language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)


def test_the_first_two_blocks_of_the_readme_are_the_demonstration_and_the_tests_a_line_each():
    assert re.findall(r"^```(\w+)$", README, re.MULTILINE)[:2] == ["sh", "sh"]
    demonstration, tests = blocks("sh")[:2]
    for block in (demonstration, tests):
        assert block.count("\n") == 1
        assert block.startswith("python3 -m venv .venv && ")
    assert demonstration.endswith("/abeja-run demo\n")
    assert tests.endswith("/tox run-parallel -p 2\n")


def test_the_library_in_ten_lines_does_what_it_shows(tmp_path, monkeypatch, capsys):
    (source,) = blocks("python")
    channel = tmp_path / "2222222222222"
    channel.mkdir()
    (channel / "20180101T112233-44444444-5555-6666-7777-888888888888").write_bytes(
        (ROOT / "examples" / "iris" / "measurements.csv").read_bytes()
    )
    ids = {"organization_id": "1234567890123", "deployment_id": "1111111111111", "version_id": "ver-1111111111111111"}
    with LocalPlatform(ROOT / "examples" / "iris", tmp_path, **ids) as platform:
        monkeypatch.setenv("ABEJA_API_URL", platform.serve().url)
        monkeypatch.setenv("PLATFORM_AUTH_TOKEN", platform.credential["auth_token"])
        exec(compile(source, "README.md", "exec"), {})
    assert "75 rows to classify" in capsys.readouterr().out


def test_the_example_of_the_library_runs():
    done = subprocess.run([sys.executable, ROOT / "examples" / "quickstart.py"], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert "75 rows to classify" in done.stdout


@pytest.mark.proof
def test_the_benchmark_measures_each_way_that_is_there(tmp_path):
    command = [sys.executable, ROOT / "benchmarks" / "per_call.py", "--quick", "--json", tmp_path / "figures.json"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    for title in ("get_run, HTTP", "get_runs with 100 entries, HTTPS", "Our own cost", "Importing"):
        assert f"\n{title}" in done.stdout
    for way in ("abeja_run", "urllib3.PoolManager", "requests.Session", "create_run", "import abeja_run"):
        assert f"| {way} |" in done.stdout
    assert (tmp_path / "figures.json").exists()
