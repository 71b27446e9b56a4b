"""The pages written by hand: their code does what it shows, against a platform on this machine."""

import inspect
import os
import re
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from reference_examples import CHANNEL, DEPLOYMENT, FILE, ORGANIZATION, VERSION

from abeja_run import Endpoint, descriptors, fields
from abeja_run.descriptors import Cursor, Links, Offset, RawBody, Variable, Waiter
from abeja_run.local import LocalPlatform

pytest_plugins = ["pytester"]

ROOT = Path(__file__).parents[2]
PAGES = sorted(path.stem for path in (ROOT / "docs").glob("*.rst"))


def blocks(page, language):
    """The code of a language on a page, also inside of a list."""
    found = re.findall(
        rf"^( *)\.\. code-block:: {language}\n\n((?:\1   .*\n|\n)+)",
        (ROOT / "docs" / f"{page}.rst").read_text(encoding="utf-8"),
        re.MULTILINE,
    )
    return [textwrap.dedent(block) for _, block in found]


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A folder with code and a datalake, and a shell's environment for a platform that serves them."""
    iris = ROOT / "examples" / "iris"
    shutil.copytree(iris, tmp_path / "code")
    (tmp_path / "datalake" / CHANNEL).mkdir(parents=True)
    shutil.copyfile(iris / "measurements.csv", tmp_path / "datalake" / CHANNEL / FILE)
    monkeypatch.chdir(tmp_path)
    with LocalPlatform(
        "code", "datalake", pace=0, organization_id=ORGANIZATION, deployment_id=DEPLOYMENT, version_id=VERSION
    ) as platform:
        monkeypatch.setenv("ABEJA_API_URL", platform.serve().url)
        monkeypatch.setenv("PLATFORM_AUTH_TOKEN", platform.credential["auth_token"])
        monkeypatch.setenv("PATH", f"{os.path.dirname(sys.executable)}{os.pathsep}{os.environ['PATH']}")
        yield tmp_path


@pytest.mark.parametrize("page", [page for page in PAGES if blocks(page, "python")])
def test_the_python_of_a_page_runs_from_its_beginning_to_its_end(page, place):
    names = {"__name__": page}
    for number, source in enumerate(blocks(page, "python"), 1):
        exec(compile(source, f"{page}.rst, block {number}", "exec"), names)


@pytest.mark.proof
@pytest.mark.parametrize("page", [page for page in PAGES if blocks(page, "sh")])
def test_the_shell_of_a_page_runs_from_its_beginning_to_its_end(page, place):
    script = "set -e\n" + "\n".join(blocks(page, "sh"))
    done = subprocess.run(["sh", "-c", script], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert done.stdout


def test_the_test_that_the_page_on_cassettes_shows_plays_its_recording(pytester, monkeypatch):
    monkeypatch.setenv("PLATFORM_AUTH_TOKEN", "any")
    (source,) = (block for block in blocks("cassettes", "python") if "cassette_transport" in block)
    pytester.makepyfile(test_shown=source)
    folder = pytester.path / "cassettes" / "test_shown"
    folder.mkdir(parents=True)
    shutil.copyfile(ROOT / "docs" / "cassettes" / "get_run.json", folder / "test_a_run_can_be_read.json")
    pytester.runpytest_inprocess("--abeja-record=none", "--abeja-unplayed=error").assert_outcomes(passed=1)


def files(page):
    """The files that a page shows under their names, put together from their parts as a reader would."""
    text = (ROOT / "docs" / f"{page}.rst").read_text(encoding="utf-8")
    parts = {}
    for path, options in re.findall(r"^\.\. literalinclude:: (\S+)\n((?:   :.*\n)+)", text, re.MULTILINE):
        option = dict(re.findall(r"^   :(\S+): (.*)$", options, re.MULTILINE))
        part = (ROOT / "docs" / path).read_text(encoding="utf-8")
        if "start-at" in option:
            part = part[part.index(option["start-at"]) :]
        if "end-before" in option:
            part = part[: part.index(option["end-before"])]
        parts.setdefault(option["caption"], []).append(part)
    return {name: "".join(of_file) for name, of_file in parts.items()}


@pytest.mark.proof
def test_who_follows_the_page_on_resources_in_an_empty_folder_has_a_tested_client(tmp_path):
    for name, text in files("resource").items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    environment = {**os.environ, "PATH": f"{os.path.dirname(sys.executable)}{os.pathsep}{os.environ['PATH']}"}
    environment |= {"ABEJA_ORGANIZATION_ID": "1", "ABEJA_DEPLOYMENT_ID": "2", "PLATFORM_AUTH_TOKEN": "any"}
    commands = [
        line.removeprefix("$ ") for block in blocks("resource", "console") for line in block.strip().splitlines()
    ]
    for command in commands:
        if command == "pip install pytest":  # which runs this
            continue
        done = subprocess.run(
            ["sh", "-c", command], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60
        )
        assert (command, done.returncode, done.stderr) == (command, 0, "")
    assert commands[-1] == "pytest"
    assert re.search(r"^=+ [4-9] passed in ", done.stdout, re.MULTILINE)


#: What a descriptor is not written with: bases of kinds of one's own, and types that others are described with.
NOT_WRITTEN = {"Body", "Pages", "Parameter", "About", "LocalPath"}


def test_every_word_of_the_language_is_in_an_example():
    code = "\n".join(blocks("descriptors", "python"))
    words = {*descriptors.__all__, *fields.__all__} - NOT_WRITTEN
    assert [word for word in sorted(words) if not re.search(rf"\b{word}\b", code)] == []
    described = {inspect.signature(Endpoint): {"method", "path"}, inspect.signature(fields.about): {"description"}}
    for kind in (Cursor, Offset, Links, Waiter, RawBody, Variable):
        described[inspect.signature(kind)] = {"name", "description"}
    keywords = {name for signature, plain in described.items() for name in signature.parameters if name not in plain}
    assert [word for word in sorted(keywords) if not re.search(rf"\b{word}=", code)] == []
