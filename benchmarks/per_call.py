"""What one call costs, beside other ways to make it: one server, one process, taking turns.

``python benchmarks/per_call.py``; see benchmarks/README.md. Rivals that are not installed are left out.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import importlib.metadata
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import trustme
import urllib3
from canned_server import RUN

from abeja_run import APIClient
from abeja_run.messages import Request, Response
from abeja_run.transports import Transport

ORGANIZATION, DEPLOYMENT, RUN_ID = "1234567890123", "1111111111111", "run-3333333333333333"
TOKEN = "token-of-the-benchmark"
LIST = f"/organizations/{ORGANIZATION}/deployments/{DEPLOYMENT}/runs"
HEADERS = {
    "accept": "application/json",
    "accept-encoding": "gzip",
    "user-agent": "benchmark",
    "authorization": f"Bearer {TOKEN}",
}
OURS = "abeja_run"
#: The wire, and urllib3 with it, is imported for the first client that needs it.
CLIENT = "import abeja_run; abeja_run.APIClient({'auth_token': 'any'})"

Call = Callable[[], Any]


@contextlib.contextmanager
def canned(*files: str) -> Iterator[int]:
    """The canned server in a process of its own: its port."""
    command = [sys.executable, str(Path(__file__).with_name("canned_server.py")), *files]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield int(process.stdout.readline())
        finally:
            process.kill()


def contestants(url: str, roots: str) -> dict[str, tuple[Call, Call]]:
    """For each way: a call for one run and one for a page of a hundred."""
    one, many = f"{url}{LIST}/{RUN_ID}", f"{url}{LIST}"
    client = APIClient({"auth_token": TOKEN}, base_url=url)
    pool = urllib3.PoolManager(headers=HEADERS, ca_certs=roots)
    found: dict[str, tuple[Call, Call]] = {
        OURS: (
            lambda: client.get_run(ORGANIZATION, DEPLOYMENT, RUN_ID),
            lambda: client.get_runs(ORGANIZATION, DEPLOYMENT),
        ),
        "urllib3.PoolManager": (
            lambda: json.loads(pool.request("GET", one).data),
            lambda: json.loads(pool.request("GET", many).data),
        ),
    }
    with contextlib.suppress(ImportError):
        session = importlib.import_module("requests").Session()
        session.headers.update(HEADERS)
        session.verify = roots
        found["requests.Session"] = (lambda: session.get(one).json(), lambda: session.get(many).json())
    with contextlib.suppress(ImportError):
        httpx = importlib.import_module("httpx")
        context = importlib.import_module("ssl").create_default_context(cafile=roots)
        http = httpx.Client(headers=HEADERS, verify=context)
        found["httpx.Client"] = (lambda: http.get(one).json(), lambda: http.get(many).json())
    with contextlib.suppress(ImportError):
        connection = importlib.import_module("abeja.common.connection").Connection
        sdk = importlib.import_module("abeja.runs").APIClient(credential={"auth_token": TOKEN})

        def through_sdk(call: Call) -> Call:
            def calling() -> Any:
                connection.BASE_URL = url
                return call()

            return calling

        found["abeja-sdk"] = (
            through_sdk(lambda: sdk.get_run(ORGANIZATION, DEPLOYMENT, RUN_ID)),
            through_sdk(lambda: sdk.get_runs(ORGANIZATION, DEPLOYMENT)),
        )
    return found


def in_turns(calls: dict[str, Call], rounds: int, repeats: int) -> dict[str, list[float]]:
    """Microseconds per call of each, measured in turns, so that a slow moment of the machine meets all."""
    times: dict[str, list[float]] = {name: [] for name in calls}
    for number in range(rounds + 1):
        for name, call in calls.items():
            began = time.perf_counter()
            for _ in range(repeats):
                call()
            if number:  # the first round warms up
                times[name].append((time.perf_counter() - began) / repeats * 1e6)
    return times


def table(title: str, times: dict[str, list[float]], first: str) -> dict[str, Any]:
    """Print medians and their ratios to the first; the same as data."""
    medians = {name: statistics.median(values) for name, values in times.items()}
    print(f"\n{title}\n\n| way | median, µs | of ours |\n| --- | ---: | ---: |")
    for name, median in medians.items():
        print(f"| {name} | {median:.1f} | {median / medians[first]:.2f} |")
    return {"title": title, "median_us": medians, "ratio": {n: m / medians[first] for n, m in medians.items()}}


class Instant(Transport):
    """Answers from memory: what is left of a call is our own."""

    leaves_process = False

    def __init__(self, body: bytes) -> None:
        self._response = Response(200, {"content-type": "application/json"}, body)

    def send(self, request: Request, timeout: float) -> Response:
        return self._response


def own(rounds: int, repeats: int) -> dict[str, Any]:
    """Our own cost: the whole client over a transport that answers from memory, beside reading the same JSON."""
    body = json.dumps(RUN).encode()
    client = APIClient({"auth_token": TOKEN}, transport=Instant(body))
    ids = ORGANIZATION, DEPLOYMENT
    version, given = "ver-1111111111111111", {"$datalake:1": "2222222222222/file"}
    calls: dict[str, Call] = {
        "json.loads alone": lambda: json.loads(body),
        "get_run": lambda: client.get_run(*ids, RUN_ID),
        "get_runs": lambda: client.get_runs(*ids, "token", True),
        "create_run": lambda: client.create_run(*ids, version, given, given, 1, 2, {"A": "b"}, "3333333333333"),
    }
    return table("Our own cost, the reading of JSON included", in_turns(calls, rounds, repeats), "json.loads alone")


def imports(rounds: int) -> dict[str, Any]:
    """How long importing takes, each time in a fresh interpreter, everything being compiled already."""
    statements = ("import urllib3, marshmallow", "import abeja_run", CLIENT)
    times: dict[str, list[float]] = {statement: [] for statement in statements}
    with tempfile.TemporaryDirectory() as compiled:
        environment = {**os.environ, "PYTHONPYCACHEPREFIX": compiled}
        # The roots of the tables before are gone by now.
        for name in ("PYTHONDONTWRITEBYTECODE", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"):
            environment.pop(name, None)
        for number in range(rounds + 1):
            for statement, values in times.items():
                code = f"import time; t = time.perf_counter(); {statement}; print(time.perf_counter() - t)"
                command = [sys.executable, "-c", code]
                done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
                if number:
                    values.append(float(done.stdout) * 1e6)
    return table("Importing", times, "import urllib3, marshmallow")


def versions() -> str:
    """What was measured."""
    names = ("abeja-run", "urllib3", "marshmallow", "requests", "httpx", "aiohttp", "httpcore", "niquests", "abeja-sdk")
    found = []
    for name in names:
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            found.append(f"{name} {importlib.metadata.version(name)}")
    return f"Python {platform.python_version()}, {os.cpu_count()} cores; {', '.join(found)}"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=60, help="how often each way has its turn")
    parser.add_argument("--quick", action="store_true", help="few rounds: only whether everything works")
    parser.add_argument("--json", metavar="FILE", help="also write the figures here")
    options = parser.parse_args()
    rounds, repeats = (2, 3) if options.quick else (options.rounds, 40)
    print(versions())
    results = []
    with tempfile.TemporaryDirectory() as folder:
        authority = trustme.CA()
        roots, certificate, key = (str(Path(folder) / name) for name in ("roots.pem", "certificate.pem", "key.pem"))
        issued = authority.issue_cert("127.0.0.1")
        authority.cert_pem.write_to_path(roots)
        issued.private_key_pem.write_to_path(key)
        for number, blob in enumerate(issued.cert_chain_pems):
            blob.write_to_path(certificate, append=bool(number))
        os.environ["REQUESTS_CA_BUNDLE"] = roots
        for scheme, files in (("http", ()), ("https", (certificate, key))):
            with canned(*files) as port:
                ways = contestants(f"{scheme}://127.0.0.1:{port}", roots)
                for which, name in enumerate(("get_run", "get_runs with 100 entries")):
                    calls = {way: pair[which] for way, pair in ways.items()}
                    results.append(table(f"{name}, {scheme.upper()}", in_turns(calls, rounds, repeats), OURS))
    results += [own(rounds, repeats * 25), imports(max(rounds // 3, 2))]
    if options.json:
        Path(options.json).write_text(json.dumps({"versions": versions(), "results": results}, indent=2) + "\n")


if __name__ == "__main__":
    main()
