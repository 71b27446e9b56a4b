"""The local platform held against the committed OpenAPI document, by a program that knows nothing but that document."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from platforms import Place, Runner

pytest.importorskip("schemathesis")

DOCUMENT = Path(__file__).parents[2] / "docs" / "openapi.json"
PROGRAM = shutil.which("schemathesis", path=os.path.dirname(sys.executable))

#: Most requests are to reach what exists. Tokens of pages cannot be guessed, so a good request may be refused.
KNOWN = """
hooks = "known"
[parameters]
"path.organization_id" = "{platform.organization_id}"
"path.deployment_id" = "{platform.deployment_id}"
"path.run_id" = "{run_id}"
[checks.positive_data_acceptance]
enabled = false
"""
KNOWN_VERSION = """
import schemathesis
@schemathesis.hook
def map_body(context, body):
    if isinstance(body, dict) and isinstance(body.get("version_id"), str) and body["version_id"]:
        return {{**body, "version_id": "{platform.version_id}"}}
    return body
"""


@pytest.fixture
def platform(tmp_path):
    place = Place(tmp_path)
    place.write('def handler(request, context): return {"content": "done"}')
    with place.platform(page_size=3, workers=1) as served:
        served.serve()
        yield served


def conform(platform, folder, *options):
    """Run schemathesis: what it found, unless that is nothing."""
    who = f"Authorization: Bearer {platform.credential['auth_token']}"
    fixed = ("--url", platform.url, "--header", who, "--generation-deterministic", "--workers", "1", "--no-color")
    done = subprocess.run(
        [PROGRAM, "run", str(DOCUMENT), *fixed, *options],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(folder)},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout[-20_000:] + done.stderr
    return done.stdout


def test_every_answer_is_one_that_the_document_tells_of(platform, tmp_path):
    runner = Runner(platform)
    for _ in range(5):
        run_id = runner.create()["run_id"]
    runner.finish(run_id)
    (tmp_path / "schemathesis.toml").write_text(KNOWN.format(platform=platform, run_id=run_id))
    (tmp_path / "known.py").write_text(KNOWN_VERSION.format(platform=platform))
    told = conform(platform, tmp_path, "--max-examples", "40")
    assert "Tested: 5" in told
    # The version was known: runs were made, and not only refused.
    assert len(list(runner.client.iter_runs(*runner.ids))) > 20


def test_every_refusal_of_a_stranger_is_one_that_the_document_tells_of(platform, tmp_path):
    assert "Tested: 5" in conform(platform, tmp_path, "--max-examples", "10", "--phases", "coverage,fuzzing")
