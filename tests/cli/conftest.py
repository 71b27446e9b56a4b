"""A platform served over HTTP, whose lines to export the environment holds; and the command in this process."""

import logging
from types import SimpleNamespace

import pytest
from platforms import Place, Runner

from abeja_run.cli.command import run

CODE = """
import os, sys, time
def handler(request, context):
    print("started"); print("\\x1b[2J\\u202e odd", file=sys.stderr)
    for n in range(int(os.environ.get("LINES", 0))):
        print("line", n)
    while "GO" in os.environ and not os.path.exists(os.environ["GO"]):
        time.sleep(0.01)
    if "FAIL" in os.environ:
        raise ValueError("told to")
    return {"content": request.read() if request["contents"] else b"nothing"}
"""


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    """A platform on a port of its own."""
    place = Place(tmp_path_factory.mktemp("place"))
    place.write(CODE)
    with place.platform(page_size=3, workers=4) as platform:
        platform.serve()
        platform.place = place
        yield platform


@pytest.fixture
def platform(served, monkeypatch):
    """The platform, with the environment that ``abeja-run local`` would have set."""
    monkeypatch.setenv("ABEJA_API_URL", served.url)
    monkeypatch.setenv("PLATFORM_AUTH_TOKEN", served.credential["auth_token"])
    monkeypatch.setenv("ABEJA_ORGANIZATION_ID", served.organization_id)
    monkeypatch.setenv("ABEJA_DEPLOYMENT_ID", served.deployment_id)
    monkeypatch.setenv("ABEJA_MODEL_VERSION_ID", served.version_id)
    return served


@pytest.fixture
def runner(platform):
    """What the command should say, asked for without it."""
    return Runner(platform)


@pytest.fixture
def go(tmp_path):
    """A file that runs with its name in ``GO`` wait for."""
    path = tmp_path / "go"
    yield path
    path.touch()


@pytest.fixture
def command(capsys):
    """Runs the command in this process: its exit code, standard output and standard error."""
    logger = logging.getLogger("abeja_run")
    before = logger.handlers, logger.level, logger.propagate

    def call(*arguments):
        code = run([*map(str, arguments)])
        output = capsys.readouterr()
        return SimpleNamespace(code=code, out=output.out, err=output.err)

    yield call
    logger.handlers, logger.level, logger.propagate = before
