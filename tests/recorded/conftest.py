"""Cassettes of the client's tests, recorded from the local platform: ``tox -e record`` makes them anew."""

import textwrap
import time

import pytest

from abeja_run import APIClient
from abeja_run.local import LocalPlatform
from abeja_run.transports import Transport

ORGANIZATION, DEPLOYMENT, VERSION = "1234567890123", "1111111111111", "ver-1111111111111111"
TOKEN = "token-of-the-recordings"
CODE = """
    import sys

    def handler(request, context):
        for number in range(5):
            print(f"line {number}")
        if request["headers"].get("x-fail") or b"fail" in request.read():
            raise ValueError("as asked")
        print("to standard error", file=sys.stderr)
        return {"content": "done"}
"""


class OneAtATime(Transport):
    """The platform, on which a wait ends when every run has: so each recording sees the same statuses."""

    leaves_process = False

    def __init__(self, platform):
        self._inner = platform.transport()
        self._client = APIClient(platform.credential, transport=self._inner)

    def send(self, request, timeout):
        return self._inner.send(request, timeout)

    def sleep(self, seconds):
        end = time.monotonic() + 60
        while time.monotonic() < end:
            runs = self._client.iter_runs(ORGANIZATION, DEPLOYMENT)
            if all(run["status"] in ("SUCCEEDED", "FAILED") for run in runs):
                return
            time.sleep(0.02)
        raise AssertionError("a run does not end")


@pytest.fixture
def cassette_inner_transport(tmp_path):
    for folder in ("code", "lake"):
        (tmp_path / folder).mkdir()
    (tmp_path / "code" / "main.py").write_text(textwrap.dedent(CODE))
    ids = {"organization_id": ORGANIZATION, "deployment_id": DEPLOYMENT, "version_id": VERSION}
    # A quarter of a second in each status: the first look after a submission sees the first one.
    with LocalPlatform(
        tmp_path / "code", tmp_path / "lake", credential={"auth_token": TOKEN}, pace=0.25, page_size=2, **ids
    ) as platform:
        yield OneAtATime(platform)


@pytest.fixture
def ids():
    return ORGANIZATION, DEPLOYMENT


@pytest.fixture
def version():
    return VERSION


@pytest.fixture
def client(cassette_transport):
    return APIClient({"auth_token": TOKEN}, transport=cassette_transport, check_responses=True)
