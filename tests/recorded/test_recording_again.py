"""The cassettes are what the local platform says today."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
VARYING = re.compile(
    r"abeja-run/\S+ python/[\d.]+|run-\d+"
    r"|\d{4}-\d\d-\d\dT[\d:.]+(?:Z|\+00:00)?|[0-9a-f]{8}-[0-9a-f-]{27}|\w{3}, \d\d \w{3} \d{4} [\d:]+ GMT"
    r'|(?<="next_page_token": ")[^"]+|(?<="next_token": ")[^"]+|(?<="next_forward_token": ")[^"]+'
    r'|(?<="next_backward_token": ")[^"]+|(?<=token=)[^"&]+|(?<="content-length": ")\d+|/tmp/[^",\\ ]+'
)


def cassettes(folder):
    return {
        path.name: VARYING.sub("<varies>", path.read_text(encoding="utf-8"))
        for path in sorted((folder / "cassettes" / "test_client").iterdir())
    }


def test_recording_again_gives_the_same_cassettes_but_for_ids_and_times(tmp_path):
    for name in ("conftest.py", "test_client.py"):
        shutil.copy(HERE / name, tmp_path)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--abeja-record=all", "."]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
    assert cassettes(tmp_path) == cassettes(HERE)


def test_no_cassette_holds_a_secret():
    for path in (HERE / "cassettes").rglob("*.json"):
        text = path.read_text(encoding="utf-8")
        assert "token-of-the-recordings" not in text
        assert "another-token" not in text
        assert "hunter2" not in text
