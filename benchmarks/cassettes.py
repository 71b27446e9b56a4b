"""What a cassette costs, beside other ways to record and replay: one process, taking turns.

``python benchmarks/cassettes.py``; see benchmarks/README.md. Rivals that are not installed are left out.
"""

from __future__ import annotations

import argparse
import contextlib
import functools
import importlib
import importlib.metadata
import json
import sys
import tempfile
import time
import tracemalloc
import warnings
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import urllib3
from canned_server import RUN
from per_call import DEPLOYMENT, LIST, ORGANIZATION, TOKEN, canned, in_turns, table

from abeja_run import APIClient
from abeja_run.cassettes import Interaction, load, save
from abeja_run.messages import Request, Response
from abeja_run.transports import RecordingTransport, ReplayTransport, Urllib3Transport

OURS = "abeja_run"
MANY = 1000
HOST = "http://127.0.0.1:8000"
HEADERS = {"content-type": "application/json"}

Get = Callable[[str], Any]
Opened = Callable[[Path], AbstractContextManager[Get]]


def run_id(number: int) -> str:
    return f"run-{number:016d}"


def answer(number: int) -> bytes:
    return json.dumps({**RUN, "run_id": run_id(number)}).encode()


# Each way: a file of so many different interactions, and a context in which run IDs are answered from it.


def our_file(path: Path, count: int) -> None:
    save(
        path,
        (
            Interaction(Request("GET", f"{HOST}{LIST}/{run_id(number)}"), Response(200, HEADERS, answer(number)))
            for number in range(count)
        ),
    )


@contextlib.contextmanager
def our_replay(path: Path) -> Iterator[Get]:
    client = APIClient({"auth_token": TOKEN}, base_url=HOST, transport=ReplayTransport(path, repeat="last"))
    yield lambda one: client.get_run(ORGANIZATION, DEPLOYMENT, one)


def through_urllib3() -> Get:
    pool = urllib3.PoolManager()
    return lambda one: json.loads(pool.request("GET", f"{HOST}{LIST}/{one}").data)


def through_requests(session: Any) -> Get:
    return lambda one: session.get(f"{HOST}{LIST}/{one}").json()


def vcrpy_file(path: Path, count: int) -> None:
    request = {"method": "GET", "headers": {}, "body": None}
    response = {"status": {"code": 200, "message": "OK"}, "headers": {"content-type": ["application/json"]}}
    content = {
        "version": 1,
        "interactions": [
            {
                "request": {**request, "uri": f"{HOST}{LIST}/{run_id(number)}"},
                "response": {**response, "body": {"string": answer(number).decode()}},
            }
            for number in range(count)
        ],
    }
    path.write_text(importlib.import_module("vcr.serializers.yamlserializer").serialize(content))


@contextlib.contextmanager
def vcrpy_replay(path: Path) -> Iterator[Get]:
    vcr = importlib.import_module("vcr")
    with vcr.use_cassette(str(path), record_mode="none", allow_playback_repeats=True):
        yield through_urllib3()


@contextlib.contextmanager
def cassetter_replay(path: Path) -> Iterator[Get]:
    cassetter = importlib.import_module("cassetter")
    with cassetter.use_cassette(path, record_mode="none", intercept=["urllib3"]):
        yield through_urllib3()


def betamax_file(path: Path, count: int) -> None:
    interactions = [
        {
            "request": {
                "body": {"encoding": "utf-8", "string": ""},
                "headers": {},
                "method": "GET",
                "uri": f"{HOST}{LIST}/{run_id(number)}",
            },
            "response": {
                "body": {"encoding": "utf-8", "string": answer(number).decode()},
                "headers": {"content-type": ["application/json"]},
                "status": {"code": 200, "message": "OK"},
                "url": f"{HOST}{LIST}/{run_id(number)}",
            },
            "recorded_at": "2018-01-01T00:00:00",
        }
        for number in range(count)
    ]
    path.write_text(json.dumps({"http_interactions": interactions, "recorded_with": "betamax/0.9.0"}))


@contextlib.contextmanager
def betamax_replay(path: Path) -> Iterator[Get]:
    betamax = importlib.import_module("betamax")
    session = importlib.import_module("requests").Session()
    recorder = betamax.Betamax(
        session, cassette_library_dir=str(path.parent), default_cassette_options={"record_mode": "none"}
    )
    with recorder.use_cassette(path.stem, allow_playback_repeats=True):
        yield through_requests(session)


@contextlib.contextmanager
def responses_replay(path: Path) -> Iterator[Get]:
    """It has no file of answers that it reads fast; they are registered from ours, which costs it nothing more."""
    responses = importlib.import_module("responses")
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        for interaction in load(path):
            mock.add("GET", interaction.request.url, body=interaction.outcome.body, content_type="application/json")
        yield through_requests(importlib.import_module("requests").Session())


def contestants() -> dict[str, tuple[Callable[[Path, int], None], Opened, str]]:
    """For each way: what writes its file, what plays it, and how the file's name ends."""
    found: dict[str, tuple[Callable[[Path, int], None], Opened, str]] = {OURS: (our_file, our_replay, ".json")}
    rivals: dict[str, tuple[Callable[[Path, int], None], Opened, str]] = {
        "cassetter": (cassetter_file, cassetter_replay, ".yaml"),
        "vcr": (vcrpy_file, vcrpy_replay, ".yaml"),
        "betamax": (betamax_file, betamax_replay, ".json"),
        "responses": (our_file, responses_replay, ".json"),
    }
    for name, rival in rivals.items():
        with contextlib.suppress(ImportError):
            importlib.import_module(name)
            found[name] = rival
    return found


def cassetter_file(path: Path, count: int) -> None:
    """Recorded by cassetter itself: its own format is the one that it reads fastest."""
    cassetter = importlib.import_module("cassetter")
    with canned() as port, cassetter.use_cassette(path, record_mode="all", intercept=["urllib3"]):
        pool = urllib3.PoolManager()
        for number in range(count):
            pool.request("GET", f"http://127.0.0.1:{port}{LIST}/{run_id(number)}")
    path.write_text(path.read_text().replace(f"http://127.0.0.1:{port}", HOST))


def one_replayed(folder: Path, rounds: int, repeats: int) -> dict[str, Any]:
    """One request after the other from a cassette that is open, each equal to the one before."""
    times: dict[str, list[float]] = {}
    # One after the other: those that patch libraries would patch each other's.
    for name, (write, replay, suffix) in contestants().items():
        path = folder / f"one-{name}{suffix}"
        write(path, 1)
        with replay(path) as get:
            times |= in_turns({name: functools.partial(get, run_id(0))}, rounds, repeats)
    return table("One replayed get_run", times, OURS)


def thousand_replayed(folder: Path, rounds: int, count: int) -> dict[str, Any]:
    """Open the cassette and play each of its interactions once."""
    calls: dict[str, Callable[[], Any]] = {}
    for name, (write, replay, suffix) in contestants().items():
        path = folder / f"many-{name}{suffix}"
        write(path, count)

        def play(replay: Opened = replay, path: Path = path) -> None:
            with replay(path) as get:
                for number in range(count):
                    get(run_id(number))

        calls[name] = play
    return table(f"Loading and replaying {count:,} different interactions", in_turns(calls, rounds, 1), OURS)


def large(folder: Path, sizes: tuple[int, ...]) -> list[dict[str, Any]]:
    """Loading, memory and a match by the size of the file."""
    print(
        "\nBy size\n\n| interactions | load, µs each | memory, bytes each | match, µs |\n| ---: | ---: | ---: | ---: |"
    )
    rows = []
    for size in sizes:
        path = folder / "large.json"
        our_file(path, size)
        began = time.perf_counter()
        transport = ReplayTransport(path, repeat="last")
        client = APIClient({"auth_token": TOKEN}, transport=transport)
        client.get_run(ORGANIZATION, DEPLOYMENT, run_id(0))  # makes the index
        loaded = (time.perf_counter() - began) / size * 1e6
        # Each is asked for the first time, so none of them is remembered.
        asked = [run_id(number) for number in range(1, size, max(1, size // 500))][:500]
        began = time.perf_counter()
        for one in asked:
            client.get_run(ORGANIZATION, DEPLOYMENT, one)
        match = (time.perf_counter() - began) / len(asked) * 1e6
        del client, transport
        tracemalloc.start()
        replay = ReplayTransport(path)
        memory = tracemalloc.get_traced_memory()[0] / size
        tracemalloc.stop()
        del replay
        print(f"| {size:,} | {loaded:.1f} | {memory:.0f} | {match:.1f} |")
        rows.append({"size": size, "load_us": loaded, "bytes": memory, "match_us": match})
    return rows


def recording(folder: Path, rounds: int, count: int) -> dict[str, Any]:
    """Calls over the wire, recorded and not; opening and closing the cassette included."""
    with canned() as port:

        def play(record: bool) -> None:  # noqa: FBT001 - two calls of one shape
            wire = Urllib3Transport()
            path = folder / "recorded.json"
            transport = RecordingTransport(wire, path) if record else wire
            client = APIClient({"auth_token": TOKEN}, base_url=f"http://127.0.0.1:{port}", transport=transport)
            for number in range(count):
                client.get_run(ORGANIZATION, DEPLOYMENT, run_id(number))
            transport.close()
            wire.close()

        calls: dict[str, Callable[[], Any]] = {"not recorded": lambda: play(False), "recorded": lambda: play(True)}
        return table(f"{count:,} calls over HTTP", in_turns(calls, rounds, 1), "not recorded")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="few rounds, only to see that everything works")
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    quick = options.quick
    names = ("urllib3", "vcrpy", "cassetter", "betamax", "responses")
    found = []
    for name in names:
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            found.append(f"{name} {importlib.metadata.version(name)}")
    print(f"Python {sys.version.split()[0]}; {', '.join(found)}")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        results = {
            "one": one_replayed(folder, 3 if quick else 11, 50 if quick else 1000),
            "thousand": thousand_replayed(folder, 1 if quick else 5, 50 if quick else MANY),
            "large": large(folder, (10, 1000) if quick else (10, 1000, 10_000, 100_000)),
            "recording": recording(folder, 1 if quick else 9, 50 if quick else MANY),
        }
    if options.json:
        options.json.write_text(json.dumps(results, indent=1))


if __name__ == "__main__":
    main()
