"""What every test gets: no settings from the machine it runs on, and servers to speak to."""

from __future__ import annotations

import os

import pytest
from kinds import Awaited, Called
from servers import Scripted, Wire

# This process is measured where branches are; those that tests start would only be slower for it.
for _name in [name for name in os.environ if name.startswith("COVERAGE_PROCESS_")]:
    if "PYTEST_XDIST_WORKER" in os.environ:
        del os.environ[_name]


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch, tmp_path_factory):
    """No credential, proxy or root of the machine, and an empty home."""
    for name in list(os.environ):
        if name.startswith(("ABEJA_", "PLATFORM_")) or name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
    for name in ("REQUESTS_CA_BUNDLE", "SSL_CERT_FILE", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path_factory.mktemp("home")))


@pytest.fixture
def wire():
    """A server that answers each request as it is told, and remembers what it saw."""
    with Wire() as server:
        yield server


@pytest.fixture
def scripted():
    """A transport that plays a script and never waits."""
    return Scripted()


@pytest.fixture(params=[Called, Awaited], ids=["called", "awaited"])
def kind(request):
    """What makes clients of the level above, of either kind; a test that asks for it holds for both."""
    made = request.param()
    yield made
    made.close()
