"""The table of every difference from abeja-sdk, row by row: abeja-sdk does the one, this package the other.

Both speak to the same server on loopback. What a cell says with a name or a number is taken from the cell.
"""

import ast
import base64
import datetime as dt
import gc
import inspect
import itertools
import json
import os
import re
import subprocess
import sys
import threading
import time
import typing
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import parse_qsl

import pytest
import requests
import urllib3.util.retry
from servers import CREDENTIAL, IDS, RUN, TOKEN, Wire, answer, close, closed_port, drip_body, reset, silent

import abeja_run
from abeja_run import APIClient, Client, Resource
from abeja_run import exceptions as e
from abeja_run.cassettes import load
from abeja_run.resources.runs import Runs
from abeja_run.transports import Urllib3Transport, cassette

# Collected everywhere, installed in one environment.
sdk_errors = pytest.importorskip("abeja.exceptions")
sdk_runs = pytest.importorskip("abeja.runs")
sdk_connection = pytest.importorskip("abeja.common.connection")

# abeja-sdk leaves connections open when a request fails.
pytestmark = [pytest.mark.interop, pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")]

DOCS = Path(__file__).parents[2] / "docs"
RUN_ID, VERSION = RUN["run_id"], "ver-1111111111111111"
CHECKS = {}


def rows():
    """The cells of the table: by the first of each row the other two."""
    table = (DOCS / "sdk.rst").read_text(encoding="utf-8").partition(".. list-table::")[2].partition("\n\nWhat ")[0]
    found = re.findall(r"^   \* - (.*?)\n     - (.*?)\n     - (.*?)(?=\n   \*|\Z)", table, re.MULTILINE | re.DOTALL)
    return {name: (theirs, ours) for name, theirs, ours in (map(" ".join, map(str.split, row)) for row in found)}


ROWS = rows()


def row(name):
    """Marks what checks a row."""

    def mark(check):
        CHECKS[name] = check
        return check

    return mark


class Noted(Urllib3Transport):
    """The wire as it is; waits are written down and take no time."""

    def __init__(self):
        super().__init__()
        self.waits = []

    def sleep(self, seconds):
        self.waits.append(seconds)


class Both:
    """A server, and clients of either kind that speak to it."""

    def __init__(self, wire, monkeypatch):
        self.wire, self.monkeypatch = wire, monkeypatch
        #: Seconds that abeja-sdk's client has waited.
        self.waits = []
        monkeypatch.setattr(sdk_connection.Connection, "BASE_URL", wire.url)
        monkeypatch.setattr(urllib3.util.retry, "time", SimpleNamespace(sleep=self.waits.append, time=time.time))
        self.opened = []

    def theirs(self, credential=CREDENTIAL, **settings):
        return sdk_runs.APIClient(credential and dict(credential), **settings)

    def ours(self, credential=CREDENTIAL, **settings):
        transport = Noted()
        self.opened.append(transport)
        return APIClient(credential, **{"base_url": self.wire.url, "transport": transport, **settings})

    def sent(self, call, *script):
        """What comes of a call where the server answers so, and the requests that it took."""
        self.wire.script, before = list(script), len(self.wire.requests)
        try:
            outcome = call()
        except Exception as error:  # noqa: BLE001 - whatever either raises is looked at
            outcome = error
        self.wire.script = []
        return outcome, self.wire.requests[before:]


@pytest.fixture
def both(wire, monkeypatch):
    both = Both(wire, monkeypatch)
    yield both
    for transport in both.opened:
        transport.close()
    # What abeja-sdk has left open ends here, not in a test that heeds it.
    gc.collect()


def create(client, **keywords):
    return lambda: client.create_run(*IDS, VERSION, **keywords)


def get(client, run_id=RUN_ID):
    return lambda: client.get_run(*IDS, run_id)


def named(error, cell):
    """Whether a cell names the class of what was raised."""
    return re.search(rf"\b{type(error).__name__}\b", cell) is not None


def test_every_row_of_the_table_is_checked():
    assert list(CHECKS) == list(ROWS)
    assert len(ROWS) == (DOCS / "sdk.rst").read_text(encoding="utf-8").count("   * - ")


@pytest.mark.parametrize("name", CHECKS)
def test_a_difference_that_the_table_claims_is_one(name, both):
    CHECKS[name](both, *ROWS[name])


@row("``create_run``, answered by 500, 502, 503 or 504")
def _(both, theirs, ours):
    (times,) = map(int, re.findall(r"\d+", theirs))
    for status in (500, 502, 503, 504):
        refusal = answer({"error": "no"}, status)
        again, requests_ = both.sent(create(both.theirs()), *[refusal] * times)
        assert (again, len(requests_)) == (RUN, 1 + times)
        error, requests_ = both.sent(create(both.ours()), *[refusal] * times)
        assert isinstance(error, e.HttpError)
        assert (error.status_code, len(requests_)) == (status, 1)


@row("``create_run``, connection lost")
def _(both, theirs, ours):
    again, requests_ = both.sent(create(both.theirs()), close)
    assert (again, [seen.method for seen in requests_]) == (RUN, ["POST", "POST"])
    error, requests_ = both.sent(create(both.ours()), close)
    assert (named(error, ours), len(requests_)) == (True, 1)

    def listing(connection, seen):
        submitted = both.wire.requests[-2].json["environment"]
        now = dt.datetime.now(dt.timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        connection.sendall(answer({"entries": [{**RUN, "created_at": now, "user_env_vars": submitted}]}))

    client = Client(IDS[0], CREDENTIAL, base_url=both.wire.url, transport=both.ours().transport)
    run, requests_ = both.sent(lambda: client.deployment(IDS[1]).submit(VERSION), close, listing)
    assert (run.run_id, [seen.method for seen in requests_]) == (RUN_ID, ["POST", "GET"])


@row("429")
def _(both, theirs, ours):
    plain, dated = answer({}, 429), answer({}, 429, retry_after="3")
    error, requests_ = both.sent(get(both.theirs()), plain)
    assert (error.status_code, len(requests_)) == (429, 1)
    assert both.sent(get(both.theirs()), dated)[0] == RUN
    client = both.ours()
    for call in (get(client), create(client)):
        assert both.sent(call, plain)[0] == RUN
        assert both.sent(call, dated)[0] == RUN
        assert client.transport.waits[-1] >= 3


@row("413 with a ``Retry-After``")
def _(both, theirs, ours):
    refusal = answer({}, 413, retry_after="1")
    assert both.sent(get(both.theirs()), refusal)[0] == RUN
    error, requests_ = both.sent(get(both.ours()), refusal)
    assert (error.status_code, len(requests_)) == (413, 1)


@row("A long ``Retry-After``")
def _(both, theirs, ours):
    refusal = answer({}, 503, retry_after="7200")
    assert both.sent(get(both.theirs()), refusal)[0] == RUN
    assert both.waits == [7200]
    client, most = both.ours(), float(re.search(r"\d+", ours)[0])
    assert both.sent(get(client), refusal)[0] == RUN
    assert client.transport.waits == [most]


@row("Waits between attempts")
def _(both, theirs, ours):
    for _ in range(2):
        assert both.sent(get(both.theirs()), *[answer({}, 503)] * 5)[0] == RUN
    first, second = both.waits[: len(both.waits) // 2], both.waits[len(both.waits) // 2 :]
    assert first == second
    assert all(later == 2 * earlier for earlier, later in itertools.pairwise(first))
    clients = [both.ours(max_retry_count=12) for _ in range(2)]
    for client in clients:
        assert both.sent(get(client), *[answer({}, 503)] * 12)[0] == RUN
    assert clients[0].transport.waits != clients[1].transport.waits
    (most,) = map(float, re.findall(r"\d+", ours))
    assert most / 10 < max(clients[0].transport.waits + clients[1].transport.waits) <= most


@row("``max_retry_count=0``")
def _(both, theirs, ours):
    (times,) = map(int, re.findall(r"\d+", theirs))
    _, requests_ = both.sent(get(both.theirs(max_retry_count=0)), *[answer({}, 503)] * 10)
    assert len(requests_) == 1 + times
    _, requests_ = both.sent(get(both.ours(max_retry_count=0)), *[answer({}, 503)] * 10)
    assert len(requests_) == 1


@row("``ABEJA_SDK_MAX_RETRY_COUNT``")
def _(both, theirs, ours):
    both.monkeypatch.setenv("ABEJA_SDK_MAX_RETRY_COUNT", "2")
    assert both.sent(get(both.theirs()))[0] == RUN
    error, requests_ = both.sent(get(both.theirs()), answer({}, 503))
    assert (named(error, theirs), len(requests_)) == (True, 1)
    _, requests_ = both.sent(get(both.ours()), *[answer({}, 503)] * 10)
    assert len(requests_) == 3


@row("``ABEJA_SDK_CONNECTION_TIMEOUT``")
def _(both, theirs, ours):
    both.monkeypatch.setenv("ABEJA_SDK_CONNECTION_TIMEOUT", "0.2")
    error, requests_ = both.sent(get(both.theirs()))
    assert (named(error, theirs), requests_) == (True, [])
    error, _ = both.sent(get(both.ours(max_retry_count=0)), silent)
    assert isinstance(error, e.Timeout)


@row("``timeout``")
def _(both, theirs, ours):
    def slow(connection, seen):
        for byte in answer(RUN):
            connection.sendall(bytes([byte]))
            time.sleep(0.01)

    started = time.monotonic()
    assert both.sent(get(both.theirs(timeout=0.5)), slow)[0] == RUN
    assert time.monotonic() - started > 1
    error, _ = both.sent(get(both.ours(timeout=0.5, max_retry_count=0)), slow)
    assert isinstance(error, e.Timeout)
    error, _ = both.sent(get(both.ours(timeout=30, deadline=0.5)), *[drip_body] * 10)
    assert isinstance(error, e.Timeout)
    assert time.monotonic() - started < 20


@row("``ABEJA_API_URL``")
def _(both, theirs, ours):
    code = (
        "import os; from {} import APIClient; os.environ['ABEJA_API_URL'] = '{}'; "
        "APIClient({{'auth_token': 'any'}}).get_run('1', '2', '3')"
    )
    environment = {**os.environ, "ABEJA_API_URL": f"{both.wire.url}/before"}
    for module, path in (("abeja.runs", "/before/organizations"), ("abeja_run", "/after/organizations")):
        command = [sys.executable, "-W", "ignore", "-c", code.format(module, f"{both.wire.url}/after")]
        subprocess.run(command, env=environment, check=True, timeout=60)
        assert both.wire.requests[-1].target.startswith(path)
    assert both.sent(get(both.ours(base_url=f"{both.wire.url}/argument")))[1][0].target.startswith("/argument/")


@row("Redirects")
def _(both, theirs, ours):
    here = answer(b"", 302, location=f"{both.wire.url}/elsewhere")
    _, requests_ = both.sent(create(both.theirs()), here)
    assert [(seen.method, seen.target) for seen in requests_][1:] == [("GET", "/elsewhere")]
    assert requests_[1].headers["authorization"] == f"Bearer {TOKEN}"
    for call in (create(both.ours()), get(both.ours())):
        error, requests_ = both.sent(call, here)
        assert (named(error, ours), len(requests_)) == (True, 1)


@row("No credential, or half of one")
def _(both, theirs, ours):
    for credential in (None, {"user_id": "1"}, {"datasource_secret": "s"}):
        _, (seen,) = both.sent(get(both.theirs(credential)))
        assert "authorization" not in seen.headers
        error, requests_ = both.sent(lambda given=credential: get(both.ours(given))())
        assert (named(error, ours), requests_) == (True, [])


@row("Credential given as a dictionary")
def _(both, theirs, ours):
    given = {"user_id": "1", "personal_access_token": "t"}
    _, (expected,) = both.sent(get(sdk_runs.APIClient(mine := dict(given))))
    assert mine == {**given, "user_id": "user-1"}
    _, (seen,) = both.sent(get(both.ours(mine := dict(given))))
    assert (mine, seen.headers["authorization"]) == (given, expected.headers["authorization"])


@row("``~/.abeja/config``")
def _(both, theirs, ours):
    folder = Path.home() / ".abeja"
    folder.mkdir()
    (folder / "config").write_text(json.dumps({"abeja-platform-user": "1", "personal-access-token": "file"}))
    assert "authorization" not in both.sent(get(both.theirs(None)))[1][0].headers
    assert both.sent(get(both.ours(None)))[1][0].headers["authorization"].startswith("Basic ")
    both.monkeypatch.setenv("PLATFORM_AUTH_TOKEN", TOKEN)
    assert both.sent(get(both.ours(None)))[1][0].headers["authorization"] == f"Bearer {TOKEN}"


@row("``~/.netrc``")
def _(both, theirs, ours):
    (Path.home() / ".netrc").write_text("machine 127.0.0.1\nlogin somebody\npassword else\n")
    _, (seen,) = both.sent(get(both.theirs()))
    assert seen.headers["authorization"] == f"Basic {base64.b64encode(b'somebody:else').decode()}"
    _, (seen,) = both.sent(get(both.ours()))
    assert seen.headers["authorization"] == f"Bearer {TOKEN}"


@row("A proxy in the environment, for this machine")
def _(both, theirs, ours):
    with Wire() as proxy:
        both.monkeypatch.setenv("http_proxy", proxy.url)
        assert both.sent(get(both.theirs())) == (RUN, [])
        assert proxy.requests[0].target.startswith(both.wire.url)
        both.monkeypatch.setenv("no_proxy", "127.0.0.1")
        assert len(both.sent(get(both.theirs()))[1]) == 1
        both.monkeypatch.delenv("no_proxy")
        assert len(both.sent(get(both.ours()))[1]) == 1
        assert len(proxy.requests) == 1


@row("Plain HTTP to another machine")
def _(both, theirs, ours):
    # By a proxy on this machine, from which nothing goes on.
    both.monkeypatch.setenv("http_proxy", both.wire.url)
    there = "http://api.example.invalid"
    both.monkeypatch.setattr(sdk_connection.Connection, "BASE_URL", there)
    _, (seen,) = both.sent(get(both.theirs()))
    assert seen.target.startswith(f"{there}/")
    assert seen.headers["authorization"] == f"Bearer {TOKEN}"
    error, requests_ = both.sent(lambda: both.ours(base_url=there))
    assert (isinstance(error, e.ConfigurationError), requests_) == (True, [])
    (allowance,) = re.findall(r"``(\w+)=True``", ours)
    _, (seen,) = both.sent(get(both.ours(base_url=there, **{allowance: True})))
    assert seen.target.startswith(f"{there}/")


@row("IDs with ``/``, ``?`` or ``..``")
def _(both, theirs, ours):
    runs = f"/organizations/{IDS[0]}/deployments/{IDS[1]}/runs"
    for run_id, address, encoded in (
        ("a/b", f"{runs}/a/b", f"{runs}/a%2Fb"),
        ("a?b=c", f"{runs}/a?b=c", f"{runs}/a%3Fb%3Dc"),
        ("..", runs.removesuffix("/runs"), None),
    ):
        assert both.sent(get(both.theirs(), run_id))[1][0].target.rstrip("/") == address
        outcome, requests_ = both.sent(get(both.ours(), run_id))
        assert [seen.target for seen in requests_] == ([encoded] if encoded else [])
        assert encoded or isinstance(outcome, e.ValidationError)


@row("IDs given as numbers")
def _(both, theirs, ours):
    _, (seen,) = both.sent(lambda: both.theirs().get_run(1, 2, 3))
    assert seen.target == "/organizations/1/deployments/2/runs/3"
    error, requests_ = both.sent(lambda: both.ours().get_run(1, 2, 3))
    assert (named(error, ours), requests_) == (True, [])


@row("Wrong values, such as ``retry_count=10``")
def _(both, theirs, ours):
    for wrong in ({"retry_count": 10}, {"distribution": "x"}, {"environment": {"A": 1}}, {"input_data": "text"}):
        _, (seen,) = both.sent(create(both.theirs(), **wrong))
        ((name, value),) = wrong.items()
        assert seen.json[name] == value
        error, requests_ = both.sent(create(both.ours(), **wrong))
        assert (named(error, ours), requests_) == (True, [])


@row("``start_time`` with a UTC offset")
def _(both, theirs, ours):
    nine = dt.datetime(2018, 1, 1, 9, tzinfo=dt.timezone(dt.timedelta(hours=9)))
    for client, cell in ((both.theirs(), theirs), (both.ours(), ours)):
        hour = int(re.search(r"sent as (\d+):00", cell)[1])
        _, (seen,) = both.sent(lambda used=client: used.get_run_logs(*IDS, RUN_ID, start_time=nine))
        assert f"start_time=2018-01-01T{hour:02}%3A00%3A00" in seen.target


@row("``output_template``")
def _(both, theirs, ours):
    output = {"$datalake:1": "2222222222222"}
    bodies = [both.sent(create(client, output_template=output))[1][0].json for client in (both.theirs(), both.ours())]
    assert bodies[0]["output_template"] == output
    (other,) = re.findall(r"``(\w+)``", ours)
    assert f"**{other}**" in sdk_runs.APIClient.create_run.__doc__
    error, requests_ = both.sent(create(both.theirs(), **{other: output}))
    assert (isinstance(error, TypeError), requests_) == (True, [])
    assert both.sent(create(both.ours(), **{other: output}))[1][0].json == bodies[1] == bodies[0]


@row("A very long answer")
def _(both, theirs, ours):
    most = int(re.search(r"(\d+) MiB", ours)[1]) * 1024 * 1024

    def long(connection, seen):
        connection.sendall(answer(b"", content_length=str(most + 2)))
        for _ in range(most // 65536):
            connection.sendall(b" " * 65536)
        connection.sendall(b"{}")

    assert both.sent(get(both.theirs()), long)[0] == {}
    assert named(both.sent(get(both.ours()), long)[0], ours)


@row("An answer that is no JSON")
def _(both, theirs, ours):
    for body in (b"", b"<html>"):
        assert named(both.sent(get(both.theirs()), answer(body))[0], theirs)
        assert named(both.sent(get(both.ours()), answer(body))[0], ours)


@row("An error whose body is JSON but no object")
def _(both, theirs, ours):
    assert named(both.sent(get(both.theirs()), answer(["no"], 404))[0], theirs)
    assert named(both.sent(get(both.ours()), answer(["no"], 404))[0], ours)


@row("Connection errors and timeouts")
def _(both, theirs, ours):
    assert "requests" in theirs
    settings = {"timeout": 0.3, "max_retry_count": 1}
    raised = []
    for reply in (silent, reset):
        error, _ = both.sent(get(both.theirs(**settings)), *[reply] * 2)
        assert isinstance(error, requests.exceptions.RequestException)
        raised.append(both.sent(get(both.ours(**settings)), *[reply] * 2)[0])
    nobody = f"http://127.0.0.1:{closed_port()}"
    both.monkeypatch.setattr(sdk_connection.Connection, "BASE_URL", nobody)
    assert isinstance(both.sent(get(both.theirs(**settings)))[0], requests.exceptions.RequestException)
    raised.append(both.sent(get(both.ours(**settings, base_url=nobody)))[0])
    assert {type(error).__name__ for error in raised} == set(re.findall(r"exceptions\.(\w+)`", ours))


@row("Errors of the service")
def _(both, theirs, ours):
    def names(module):
        return {
            name for name, kind in vars(module).items() if isinstance(kind, type) and issubclass(kind, module.HttpError)
        }

    assert names(sdk_errors) <= names(e)
    told = {"error": "bad", "error_description": "It is.", "error_detail": [{"a": 1}]}
    for status in (400, 401, 403, 404, 405, 409, 418):
        expected, _ = both.sent(get(both.theirs()), answer(told, status))
        error, _ = both.sent(get(both.ours()), answer(told, status))
        assert type(error).__name__ == type(expected).__name__
        assert {**vars(error), **vars(expected)} == vars(error)
        (method,) = re.findall(r"no ``(\w+)``", ours)
        assert (hasattr(expected, method), hasattr(error, method)) == (True, False)


@row("Connections")
def _(both, theirs, ours):
    for expected, client in ((3, both.theirs()), (1, both.ours())):
        before = both.wire.connections
        for _ in range(3):
            thread = threading.Thread(target=get(client))
            thread.start()
            thread.join()
        assert both.wire.connections - before == expected
    with APIClient(CREDENTIAL, base_url=both.wire.url) as client:
        before = both.wire.connections
        for _ in range(2):
            client.get_run(*IDS, RUN_ID)
            client.close()
        assert both.wire.connections - before == 2


@row("``User-Agent``")
def _(both, theirs, ours):
    for client, cell in ((both.theirs(), theirs), (both.ours(), ours)):
        pattern = re.escape(cell.strip("`")).replace("…", r"\S+")
        assert re.fullmatch(pattern, both.sent(get(client))[1][0].headers["user-agent"])


@row("``Accept``")
def _(both, theirs, ours):
    for client, cell in ((both.theirs(), theirs), (both.ours(), ours)):
        assert both.sent(get(client))[1][0].headers["accept"] == cell.strip("`")


def methods(client):
    return {name for name in dir(client) if not name.startswith("_")}


@row("Pages")
def _(both, theirs, ours):
    assert not [name for name in methods(sdk_runs.APIClient) if "iter" in name]
    assert set(re.findall(r"``(\w+)``", ours)) == {name for name in methods(APIClient) if name.startswith("iter_")}
    script = answer({"entries": [RUN], "next_page_token": "2"}), answer({"entries": [RUN]})
    assert both.sent(lambda: both.theirs().get_runs(*IDS), *script)[0] == {"entries": [RUN], "next_page_token": "2"}
    assert both.sent(lambda: list(both.ours().iter_runs(*IDS)), *script)[0] == [RUN, RUN]


@row("Waiting for the end")
def _(both, theirs, ours):
    assert not [name for name in methods(sdk_runs.APIClient) if "wait" in name]
    (name,) = re.findall(r"``(\w+)``", ours)
    ended = {**RUN, "status": "SUCCEEDED"}
    outcome, requests_ = both.sent(lambda: getattr(both.ours(), name)(*IDS, RUN_ID), answer(RUN), answer(ended))
    assert (outcome, len(requests_)) == (ended, 2)


@row("Types")
def _(both, theirs, ours):
    assert typing.get_type_hints(sdk_runs.APIClient.get_run)["return"] is dict
    written = ast.parse((Path(abeja_run.__file__).parent / "client.pyi").read_text(encoding="utf-8"))
    classes = {node.name: node for node in written.body if isinstance(node, ast.ClassDef)}
    typed = {name for name, node in classes.items() if [ast.unparse(base) for base in node.bases] == ["TypedDict"]}
    returned = {node.name: ast.unparse(node.returns) for node in classes["APIClient"].body if hasattr(node, "returns")}
    assert all(returned[name] in typed for name in Runs.endpoints)
    statuses = next(node for node in classes["Run"].body if ast.unparse(node).startswith("status: "))
    assert ast.unparse(statuses.annotation).startswith("Literal['SUBMITTED', ")


@row("Another wire, for tests")
def _(both, theirs, ours):
    assert list(inspect.signature(sdk_runs.APIClient).parameters) == ["credential", "timeout", "max_retry_count"]
    (argument,) = re.findall(r"``(\w+)``", ours)
    recorded = DOCS / "cassettes" / "get_run.json"
    (said,) = load(recorded)
    with cassette(recorded, "none") as transport:
        client = APIClient(CREDENTIAL, **{argument: transport})
        outcome, requests_ = both.sent(get(client, said.request.url.rpartition("/")[2]))
    assert (outcome, requests_) == (json.loads(said.outcome.body), [])


@row("Other APIs of the platform")
def _(both, theirs, ours):
    for name in ("models", "datasets", "triggers"):
        assert name in theirs
        command = [sys.executable, "-W", "ignore", "-c", f"from abeja.{name} import APIClient; APIClient({{}})"]
        subprocess.run(command, check=True, timeout=60)
    assert APIClient.resources == (Runs,)
    assert issubclass(Runs, Resource)


def test_what_stays_is_the_names_the_parameters_their_order_what_is_sent_and_what_comes_back(both):
    given = {
        "create_run": ({"a": "é"}, {"$datalake:1": "1"}, 3, 0, {"MODE": "fast"}, "3333333333333"),
        "get_runs": ("token&", True),
        "get_run": (),
        "get_run_logs": ("token", dt.datetime(2018, 1, 1), dt.datetime(2018, 1, 2, 3, 4, 5)),
        "get_run_recent_logs": ("f", "b", dt.datetime(2018, 1, 1), dt.datetime(2018, 1, 2)),
    }
    assert set(given) == methods(sdk_runs.APIClient)
    for name, arguments in given.items():
        theirs = getattr(sdk_runs.APIClient, name)
        expected = list(inspect.signature(theirs).parameters)
        assert list(inspect.signature(getattr(APIClient, name)).parameters)[: len(expected)] == expected
        needed = (*IDS, VERSION) if name == "create_run" else (*IDS, RUN_ID) if "run_id" in expected else IDS
        for count in range(len(arguments) + 1):
            calls = [partial(getattr(used, name), *needed, *arguments[:count]) for used in (both.theirs(), both.ours())]
            sent = [both.sent(call) for call in calls]
            assert [outcome for outcome, _ in sent] == [RUN, RUN]
            first, second = (what(seen) for _, (seen,) in sent)
            assert second == first


def what(seen):
    """What a request says."""
    path, _, query = seen.target.partition("?")
    return seen.method, path, sorted(parse_qsl(query)), seen.body and seen.json
