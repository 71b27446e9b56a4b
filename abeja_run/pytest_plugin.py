"""Cassettes for pytest: which file a test has, when it is written, and what is told of it at the end.

Knows nothing of what a cassette holds. Every pytest session loads it, so it imports no transport before a test asks.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
from collections.abc import Generator, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, cast

import pytest

if TYPE_CHECKING:
    from abeja_run.messages import Request, Response
    from abeja_run.transports import Transport

__all__ = ["cassette_inner_transport", "cassette_transport"]

_MODES = ("none", "once", "new", "all", "verify")
_UNPLAYED = ("report", "error")
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*(?:/[A-Za-z0-9_][A-Za-z0-9_.-]*)*")
_LONGEST_NAME = 100


@dataclass
class _State:
    """What the hooks know of a test that has a cassette.

    Attributes:
        path: The cassette, as it is told to people.
        passed: Whether the test has been called and raised nothing.
        notes: What the summary says.
    """

    path: str
    passed: bool = False
    notes: list[str] = field(default_factory=list)


_STATE = pytest.StashKey[_State]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """The options, each with a default in the configuration file."""
    group = parser.getgroup("abeja_run", "cassettes of abeja_run")
    group.addoption(
        "--abeja-record",
        metavar="MODE",
        choices=_MODES,
        help="none: replay only; once: record where the file is missing (the default; none where CI is set); "
        "new: replay what is there, record the rest; all: record anew; verify: send live and compare",
    )
    group.addoption(
        "--abeja-unplayed",
        metavar="WHAT",
        choices=_UNPLAYED,
        help="what becomes of interactions that a passing test did not ask for: report (the default) or error",
    )
    parser.addini("abeja_record", "the mode without --abeja-record where CI is not set", default="once")
    parser.addini("abeja_unplayed", "what --abeja-unplayed says by default", default="report")


def pytest_configure(config: pytest.Config) -> None:
    """Make the marker known, and see to the summary where there is a terminal."""
    config.addinivalue_line(
        "markers",
        "cassette(name=None, **options): the recording that the fixture cassette_transport plays; "
        "options are those of abeja_run.transports.cassette",
    )
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(_Summary(), "abeja_run_summary")


@pytest.fixture
def cassette_inner_transport() -> Iterator[Transport]:
    """What a recording is made from: the wire. Override it to record from elsewhere, a local platform say."""
    from abeja_run.transports import Urllib3Transport  # noqa: PLC0415 - see above

    transport = Urllib3Transport()
    yield transport
    transport.close()


@pytest.fixture
def cassette_transport(request: pytest.FixtureRequest) -> Iterator[Transport]:
    """A transport that plays the test's cassette, and records it where the mode says so.

    The cassette is ``cassettes/<module>/<test>.json`` beside the test's file. It is written when the test has
    passed: one that fails while recording leaves the folder as it was.
    """
    from abeja_run.transports import cassette  # noqa: PLC0415 - see above

    item, config = request.node, request.config
    mode, unplayed = _setting(config, "abeja_record", _MODES), _setting(config, "abeja_unplayed", _UNPLAYED)
    path = _path(item)
    state = item.stash[_STATE] = _State(os.path.relpath(path, config.rootpath))
    recording = mode in ("new", "all") or (mode == "once" and not path.exists())
    place = _workplace(request, path, mode) if recording else path
    inner = request.getfixturevalue("cassette_inner_transport") if recording or mode == "verify" else None
    if mode == "none" and not path.exists():
        transport = _missing(state.path)
    else:
        transport = cassette(place, cast(Any, mode), inner, **_options(item))
    yield transport
    transport.close()
    if recording:
        _keep(place, path, state)
    left = [str(one) for one in getattr(transport, "unplayed", ())]
    if left and state.passed:
        told = f"{state.path}: not played: {'; '.join(left)}"
        if unplayed == "error":
            _refuse(told)
        state.notes.append(told)


def _refuse(told: str) -> NoReturn:
    # The way to this place is of no use to whoever reads it.
    pytest.fail(told, pytrace=False)


def _missing(path: str) -> Transport:
    """For a test without a cassette: it may well be one that sends nothing."""
    from abeja_run.transports import Transport  # noqa: PLC0415 - see above

    class Missing(Transport):
        leaves_process = False

        def send(self, request: Request, timeout: float) -> Response:
            _refuse(
                f"{path} does not exist, so {request.method} {request.url} has no answer; "
                "record it with --abeja-record=once (without it nothing is recorded where CI is set)"
            )

    return Missing()


def _setting(config: pytest.Config, name: str, allowed: tuple[str, ...]) -> str:
    """The command line's, else the machine's for tests in the cloud, else the configuration file's."""
    given = config.getoption(name)
    if given is None and name == "abeja_record" and os.environ.get("CI", "").lower() not in ("", "0", "false"):
        return "none"
    value = str(given or config.getini(name))
    if value not in allowed:
        _refuse(f"{name} is {value!r} in the configuration file, not one of {', '.join(allowed)}")
    return value


def _options(item: pytest.Item) -> dict[str, Any]:
    marker = item.get_closest_marker("cassette")
    return {name: value for name, value in marker.kwargs.items() if name != "name"} if marker else {}


def _path(item: pytest.Item) -> Path:
    """The cassette of a test, never outside the folder of cassettes beside its file."""
    marker = item.get_closest_marker("cassette")
    given = (*marker.args, *(marker.kwargs[key] for key in ("name",) if key in marker.kwargs)) if marker else ()
    if len(given) > 1 or not all(isinstance(name, str) and _NAME.fullmatch(name) for name in given):
        _refuse(
            f"{item.nodeid}: the name of a cassette is one str of letters, digits, '_', '-', '.' and '/' "
            f"between them, not {', '.join(map(repr, given))}"
        )
    folder = item.path.parent / "cassettes"
    path = folder / item.path.stem / f"{given[0] if given else _name(item)}.json"
    if not path.resolve().is_relative_to(folder.resolve()):
        _refuse(f"{item.nodeid}: {path} points out of {folder}")
    return path


def _name(item: pytest.Item) -> str:
    """A name for the file of a test: its classes, its function and its parameters."""
    *classes, function = item.nodeid.partition("::")[2].partition("[")[0].split("::")
    callspec = getattr(item, "callspec", None)
    name = ".".join((*classes, function)) + (f"-{callspec.id}" if callspec else "")
    plain = re.sub(r"[^A-Za-z0-9_.-]+", "_", name)[:_LONGEST_NAME]
    if plain == name:
        return name
    # Two names that look alike by now are still two files.
    return f"{plain}-{hashlib.sha256(name.encode()).hexdigest()[:8]}"


def _workplace(request: pytest.FixtureRequest, path: Path, mode: str) -> Path:
    """Where the test records until it has passed: a folder of its own, so that nobody else writes there."""
    others = [
        item.nodeid
        for item in request.session.items
        if item is not request.node
        and "cassette_transport" in getattr(item, "fixturenames", ())
        and _path(item) == path
    ]
    if others:
        _refuse(
            f"{request.node.nodeid} shares the cassette {path.name} with {', '.join(others)}: "
            "run one of them alone to record it, or give each a name of its own"
        )
    place: Path = request.getfixturevalue("tmp_path_factory").mktemp("cassette") / path.name
    if mode == "new" and path.exists():
        shutil.copyfile(path, place)
    return place


def _keep(place: Path, path: Path, state: _State) -> None:
    """Put what was recorded where it is played from, as a whole or not at all."""
    if not place.exists():
        return
    if not state.passed:
        state.notes.append(f"{state.path}: not recorded, the test did not pass; what there was is in {place}")
        return
    if path.exists() and path.read_bytes() == place.read_bytes():
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    shutil.copyfile(place, beside)
    beside.replace(path)
    state.notes.append(f"{state.path}: recorded")


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Generator[None, Any, None]:
    """Remember whether a test with a cassette passed, and let its last report carry what there is to tell."""
    outcome = yield
    state = item.stash.get(_STATE, None)
    if state is None:
        return
    if call.when == "call":
        state.passed = call.excinfo is None
    elif call.when == "teardown":
        # Reports are what travels from the processes of pytest-xdist.
        outcome.get_result().abeja_cassette = state.notes
        del item.stash[_STATE]


class _Summary:
    """Collects the notes of all tests, and shows them at the end."""

    def __init__(self) -> None:
        self._notes: list[str] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self._notes += getattr(report, "abeja_cassette", ())

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        if self._notes:
            terminalreporter.section("cassettes")
            for note in sorted(self._notes):
                terminalreporter.line(note)
