"""Every kind of fault: what a client sees of it, and whether its request was executed."""

import collections
import logging
import pickle
import socket
import threading
import time

import pytest
from platforms import Faulty

from abeja_run import exceptions as e
from abeja_run.local import Faults
from abeja_run.local.faults import Draws, Kind

#: For each kind the class of error, or None, and whether the request was executed.
SEEN = {
    Kind.REFUSE: (e.ConnectError, False),
    Kind.CLOSE_BEFORE_READING: (e.OutcomeUnknown, False),
    Kind.CLOSE_AFTER_EXECUTE: (e.OutcomeUnknown, True),
    Kind.TOO_MANY_REQUESTS: (e.HttpError, False),
    Kind.ERROR_BEFORE_EXECUTE: (e.HttpError, False),
    Kind.ERROR_AFTER_EXECUTE: (e.HttpError, True),
    Kind.LATE: (None, True),
    Kind.SLOW: (None, True),
    Kind.CUT_OFF: (e.OutcomeUnknown, True),
    Kind.NOT_JSON: (e.InvalidResponse, True),
}
WAYS = pytest.mark.parametrize("way", ["http", "process"])


@pytest.fixture
def faulty(place):
    opened = []

    def make(way, faults, **settings):
        opened.append(Faulty(place.platform(workers=0, faults=faults), way, **settings))
        return opened[-1]

    yield make
    for made in opened:
        made.close()


@WAYS
@pytest.mark.parametrize("kind", Kind)
def test_each_kind_is_seen_as_what_it_is(faulty, kind, way):
    made = faulty(way, Faults(**{kind.value: 1}, methods=("POST",)), max_retry_count=0)
    error, executed = SEEN[kind]
    before = 0
    if kind is Kind.REFUSE and way == "http":
        # What has come over a connection cannot be refused any more: it is the next one that is.
        made.create()
        before = 1
    if error is None:
        began = time.monotonic()
        assert made.create()["status"] == "SUBMITTED"
        assert time.monotonic() - began >= 0.04
    else:
        with pytest.raises(error):
            made.create()
    assert len(made.runs()) == before + executed


@WAYS
def test_an_answer_that_comes_after_the_timeout_was_executed_all_the_same(faulty, way):
    for kind in ("late", "slow"):
        made = faulty(way, Faults(**{kind: 1}, delay=5, methods=("POST",)), timeout=0.3)
        began = time.monotonic()
        with pytest.raises(e.OutcomeUnknown) as caught:
            made.create()
        assert time.monotonic() - began < 4
        assert type(caught.value.__cause__) is e.Timeout
        assert len(made.runs()) == 1


@WAYS
def test_errors_are_those_that_are_told(faulty, way):
    made = faulty(way, Faults(error_after_execute=1, statuses=(418,)), max_retry_count=0)
    with pytest.raises(e.HttpError) as caught:
        made.create()
    assert (caught.value.status_code, caught.value.error) == (418, "i'm_a_teapot")
    made = faulty(way, Faults(error_before_execute=1), max_retry_count=0)
    met = collections.Counter()
    for _ in range(40):
        with pytest.raises(e.HttpError) as caught:
            made.create()
        met[caught.value.status_code] += 1
    assert set(met) == {500, 502, 503, 504}


@WAYS
def test_429_says_how_long_to_wait(faulty, way):
    made = faulty(way, Faults(too_many_requests=1, delay=6.5), max_retry_count=0)
    with pytest.raises(e.HttpError) as caught:
        made.create()
    assert (caught.value.status_code, caught.value.retry_after) == (429, 7.0)


@WAYS
def test_the_same_seed_gives_one_client_the_same_faults(faulty, way):
    def met(seed):
        made = faulty(way, Faults.of_all_kinds(0.6, seed=seed, delay=0.01), max_retry_count=0)
        outcomes = []
        while len(outcomes) < 20:
            try:
                outcomes.append(made.create()["status"])
            except e.ConnectError:
                pass  # over HTTP, as often as one tries within the delay
            except e.Error as error:
                outcomes.append((type(error), getattr(error, "status_code", 0)))
        return outcomes

    assert met(1) == met(1) != met(2)


def test_kinds_come_as_often_as_their_rates_say():
    for faults in (Faults.of_all_kinds(0.3, seed=4), Faults(4, late=0.2, cut_off=0.01)):
        draws, met = Draws(faults), collections.Counter()
        for _ in range(20_000):
            fault = draws.draw("GET", "/")
            met[fault and fault.kind] += 1
        for kind in Kind:
            assert met[kind] / 20_000 == pytest.approx(faults.rate(kind), abs=0.005)


@WAYS
def test_only_requests_that_match_meet_faults(faulty, way, caplog):
    caplog.set_level(logging.INFO, "abeja_run.local")
    made = faulty(way, Faults(error_after_execute=1, methods=("GET", "PUT"), paths="*/runs/*"), max_retry_count=0)
    run = made.create()
    made.client.get_runs(*made.ids)
    with pytest.raises(e.HttpError):
        made.client.get_run(*made.ids, run["run_id"])
    path = f"/organizations/{made.ids[0]}/deployments/{made.ids[1]}/runs/{run['run_id']}"
    told = [record.message for record in caplog.records if "fault" in record.message]
    assert told == [f"GET {path} meets the fault error_after_execute"]


def test_a_refused_connection_is_refused_by_the_system_and_the_port_stays_the_servers(faulty):
    made = faulty("http", Faults(refuse=1, delay=0.4), max_retry_count=0)
    address = "127.0.0.1", int(made.platform.url.rpartition(":")[2])
    with socket.create_connection(address) as kept:
        made.create()
        for _ in range(3):
            with pytest.raises(ConnectionRefusedError):
                socket.create_connection(address)
        with pytest.raises(OSError), socket.socket() as other:
            other.bind(address)
        # What is connected already stays so.
        kept.sendall(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
        assert kept.recv(100).startswith(b"HTTP/1.1 401 ")
    end = time.monotonic() + 10
    while True:
        try:
            socket.create_connection(address).close()
            break
        except ConnectionRefusedError:
            assert time.monotonic() < end
            time.sleep(0.02)


def test_a_client_that_tries_again_gets_through_refusals(faulty):
    made = faulty("http", Faults(refuse=1, delay=0.02), max_retry_count=30)
    for _ in range(3):
        made.create()
    assert len(made.runs()) == 3


@pytest.mark.parametrize(
    ("data", "answer"),
    [
        (b"POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n", b"HTTP/1.1 411 "),
        (b"POST / HTTP/1.1\r\ncontent-length: -7\r\n\r\n", b"HTTP/1.1 411 "),
        (b"POST / HTTP/1.1\r\ncontent-length: 99999999999\r\n\r\n", b"HTTP/1.1 413 "),
        (b"BREW / HTTP/1.1\r\n\r\n", b"HTTP/1.1 501 "),
        (b"\x16\x03\x01\x02\x00\r\n\r\n", b""),
        (b"GET http://[ HTTP/1.1\r\n\r\n", b"HTTP/1.1 400 "),
        (b"GET http://127.0.0.1/ HTTP/1.1\r\n\r\n", b"HTTP/1.1 401 "),
        (b"HEAD / HTTP/1.1\r\nconnection: close\r\n\r\n", b"HTTP/1.1 401 "),
        (b"GET / HTTP/1.1\r\n", b""),
        (b"", b""),
    ],
)
def test_a_faulty_server_outlives_what_is_no_request(faulty, data, answer):
    made = faulty("http", Faults())
    with socket.create_connection(("127.0.0.1", int(made.platform.url.rpartition(":")[2]))) as connection:
        connection.sendall(data)
        connection.shutdown(socket.SHUT_WR)
        seen = b""
        while piece := connection.recv(65536):
            seen += piece
        assert seen.startswith(answer)
    made.create()


def test_a_closed_faulty_server_has_left_nothing(place):
    before = set(threading.enumerate())
    platform = place.platform(workers=0, faults=Faults(late=1, delay=60))
    url = platform.serve().url
    address = "127.0.0.1", int(url.rpartition(":")[2])
    idle, waiting = socket.create_connection(address), socket.create_connection(address)
    waiting.sendall(b"GET / HTTP/1.1\r\n\r\n")
    began = time.monotonic()
    platform.close()
    platform.close()
    assert time.monotonic() - began < 5
    assert set(threading.enumerate()) <= before
    with idle, waiting, pytest.raises(ConnectionRefusedError):
        socket.create_connection(address)
    with socket.create_server(address):
        pass


def test_faults_can_be_compared_pickled_and_not_changed():
    faults = Faults.of_all_kinds(0.3, seed=9, paths="*/logs")
    assert pickle.loads(pickle.dumps(faults)) == faults
    assert len({faults, Faults.of_all_kinds(0.3, seed=9, paths="*/logs")}) == 1
    with pytest.raises(AttributeError):
        faults.late = 1


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"late": 1.5}, "late must be from 0 to 1, not 1.5"),
        ({"late": float("nan")}, "late must be"),
        ({"late": True}, "late must be"),
        ({"late": 0.6, "slow": 0.6}, "more than 1 together"),
        ({"seed": "x"}, "seed"),
        ({"delay": -1}, "delay"),
        ({"statuses": ()}, "statuses"),
        ({"statuses": (200,)}, "statuses"),
        ({"methods": "POST"}, "methods"),
        ({"methods": ("post",)}, "methods"),
        ({"paths": ""}, "paths"),
    ],
)
def test_faults_that_make_no_sense_are_told(wrong, told):
    with pytest.raises(e.ConfigurationError, match=told):
        Faults(**wrong)


def test_rates_of_all_kinds_may_be_everything():
    assert Faults.of_all_kinds(1)
    assert Faults.parse("all=1")


def test_faults_are_read_as_people_write_them():
    assert Faults.parse(["all=0.5,slow=0.01", "seed=3"]) == Faults.of_all_kinds(0.5, seed=3, slow=0.01)
    assert Faults.parse(" late = 0.5 , methods = get+post , statuses=500+503 , paths=*/runs , delay=2") == Faults(
        late=0.5, methods=("GET", "POST"), statuses=(500, 503), paths="*/runs", delay=2
    )


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "'' is no fault; write NAME=VALUE, such as late=0.1; the names are all, refuse, close_before_reading"),
        ("late", "'late' is no fault"),
        ("late=", "is no fault"),
        ("explode=1", "'explode=1' is no fault"),
        ("late=x", "'x' is no value for late"),
        ("late=0.1,late=0.2", "late is given twice"),
        ("statuses=5oo", "no value for statuses"),
        ("all=2", "must be from 0 to 1|more than 1"),
    ],
)
def test_texts_that_are_no_faults_are_told(text, told):
    with pytest.raises(e.ConfigurationError, match=told):
        Faults.parse(text)
