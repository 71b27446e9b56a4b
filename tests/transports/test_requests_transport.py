"""The wire through a requests.Session: mocked with responses, and against real servers on loopback."""

from __future__ import annotations

import datetime as dt
import gc
import gzip
import json
import multiprocessing
import os
import pickle
import socket
import ssl
import subprocess
import sys
import threading
import time
import traceback

import pytest
import requests
import responses
import servers
import trustme
import urllib3
from responses import matchers
from servers import (
    CREDENTIAL,
    IDS,
    RUN,
    TOKEN,
    Wire,
    answer,
    chunked,
    closed_port,
    silent,
    then_close,
)

from abeja_run import APIClient
from abeja_run import exceptions as e
from abeja_run.messages import Request
from abeja_run.transports import RequestsTransport
from abeja_run.transports import requests_transport as module

BASE = "https://api.abeja.io"
RUNS = f"{BASE}/organizations/{IDS[0]}/deployments/{IDS[1]}/runs"


@pytest.fixture
def session():
    with requests.Session() as made:
        yield made


@pytest.fixture
def mocked():
    with responses.RequestsMock() as mock:
        yield mock


def client(session=None, wire=BASE, **settings):
    url = getattr(wire, "url", wire)
    settings = {"max_retry_count": 0, **settings}
    return APIClient(CREDENTIAL, base_url=url, transport=RequestsTransport(session), **settings)


# With responses


DAY = dt.datetime(2018, 1, 1, tzinfo=dt.timezone.utc)
CALLS = {
    "create_run": (
        lambda c: c.create_run(*IDS, "ver-1", input_data={"a": "é"}),
        ("POST", RUNS),
        [matchers.json_params_matcher({"version_id": "ver-1", "input_data": {"a": "é"}, "environment": {}})],
    ),
    "get_run": (lambda c: c.get_run(*IDS, "run-1"), ("GET", f"{RUNS}/run-1"), []),
    "get_runs": (
        lambda c: c.get_runs(*IDS, next_page_token="a/b", scan_forward=True),
        ("GET", RUNS),
        [matchers.query_string_matcher("next_page_token=a%2Fb&scan_forward=True")],
    ),
    "get_run_logs": (
        lambda c: c.get_run_logs(*IDS, "run-1", start_time=DAY),
        ("GET", f"{RUNS}/run-1/logs"),
        [matchers.query_string_matcher("start_time=2018-01-01T00%3A00%3A00")],
    ),
    "get_run_recent_logs": (
        lambda c: c.get_run_recent_logs(*IDS, "run-1", next_backward_token="t"),
        ("GET", f"{RUNS}/run-1/recentlogs"),
        [matchers.query_string_matcher("next_backward_token=t")],
    ),
}


@pytest.mark.parametrize("name", CALLS)
def test_responses_answers_every_endpoint(mocked, session, name):
    calls, (method, url), matching = CALLS[name]
    carried = matchers.header_matcher({"Authorization": f"Bearer {TOKEN}", "Accept": "application/json"})
    mocked.add(method, url, json={"name": name}, match=[carried, *matching])
    assert calls(client(session)) == {"name": name}


def test_responses_answers_with_errors_of_the_service(mocked, session):
    mocked.get(f"{RUNS}/run-1", status=404, json={"error": "not_found", "error_description": "no run"})
    with pytest.raises(e.NotFound, match="no run"):
        client(session).get_run(*IDS, "run-1")


def test_what_a_mock_tells_of_a_mismatch_shows_no_credential(mocked, session):
    mocked.get(f"{RUNS}/run-1", match=[matchers.header_matcher({"Authorization": "Bearer other"})])
    with pytest.raises(e.TransportError, match="Headers do not match") as caught:
        client(session).get_run(*IDS, "run-1")
    assert TOKEN not in "".join(traceback.format_exception(caught.value))
    mocked.assert_all_requests_are_fired = False


FAULTS = {
    "connection error": (requests.ConnectionError("told by nobody"), e.TransportError),
    "connect timeout": (requests.ConnectTimeout(), e.ConnectTimeout),
    "read timeout": (requests.ReadTimeout(), e.Timeout),
    "timeout": (requests.Timeout(), e.Timeout),
    "chunks": (requests.exceptions.ChunkedEncodingError("cut"), e.TransportError),
    "encoding": (requests.exceptions.ContentDecodingError("no gzip"), e.TransportError),
    "tls": (requests.exceptions.SSLError("EOF occurred"), e.TransportError),
    "certificate": (requests.exceptions.SSLError(ssl.SSLCertVerificationError("self-signed")), e.ConnectError),
    "proxy": (requests.exceptions.ProxyError("Cannot connect to proxy."), e.TransportError),
    "refused": (requests.ConnectionError(urllib3.exceptions.NewConnectionError(None, "refused")), e.ConnectError),
    "proxy refused": (
        requests.exceptions.ProxyError(urllib3.exceptions.NewConnectionError(None, "refused")),
        e.ConnectError,
    ),
    "tunnel": (requests.exceptions.ProxyError(OSError("Tunnel connection failed: 407")), e.ConnectError),
    "retries": (requests.exceptions.RetryError("too many 503"), e.TransportError),
    "http error without a response": (requests.HTTPError("odd"), e.TransportError),
    "protocol": (urllib3.exceptions.ProtocolError("broken"), e.TransportError),
    "system": (ConnectionResetError(104, "Connection reset by peer"), e.TransportError),
    "value": (ValueError("of an adapter"), e.TransportError),
    "url": (requests.exceptions.InvalidURL("http://user:hunter2@x"), e.ConfigurationError),
    "schema": (requests.exceptions.InvalidSchema("no SOCKS"), e.ConfigurationError),
}


@pytest.mark.parametrize(("fault", "kind"), FAULTS.values(), ids=FAULTS)
def test_a_fault_says_whether_the_request_can_have_arrived(mocked, session, fault, kind):
    mocked.get(f"{RUNS}/run-1", body=fault)
    with pytest.raises(e.Error) as caught:
        client(session).get_run(*IDS, "run-1")
    assert type(caught.value) is kind
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(("fault", "kind"), FAULTS.values(), ids=FAULTS)
def test_a_post_is_sent_again_only_where_it_cannot_have_arrived(mocked, session, fault, kind, monkeypatch):
    monkeypatch.setattr(time, "sleep", lambda seconds: None)
    mocked.post(RUNS, body=fault)
    with pytest.raises(e.Error) as caught:
        client(session, max_retry_count=2).create_run(*IDS, "ver-1")
    assert len(mocked.calls) == (3 if issubclass(kind, e.ConnectError) else 1)
    assert type(caught.value) is (kind if issubclass(kind, (e.ConnectError, ValueError)) else e.OutcomeUnknown)


def test_an_error_that_the_caller_is_handling_says_nothing_of_this_attempt(mocked, session):
    mocked.get(f"{RUNS}/run-1", body=FAULTS["refused"][0])
    mocked.post(RUNS, body=requests.ConnectionError("lost"))
    calling = client(session, max_retry_count=2, deadline=0.001)
    try:
        calling.get_run(*IDS, "run-1")
    except e.ConnectError:
        with pytest.raises(e.OutcomeUnknown):
            calling.create_run(*IDS, "ver-1")


# What is the session's, and what is not


def test_headers_of_the_session_are_kept_and_ours_win(wire, session):
    session.headers.update(
        {"X-Team": "iris", "Authorization": "Bearer other", "accept": "text/html", "Connection": None}
    )
    client(session, wire).create_run(*IDS, "ver-1")
    headers = wire.requests[0].headers
    assert headers["x-team"] == "iris"
    assert headers["authorization"] == f"Bearer {TOKEN}"
    assert headers["accept"] == "application/json"
    assert headers["content-type"] == "application/json"


def test_neither_the_sessions_auth_nor_netrc_replaces_the_authorization(wire, session, monkeypatch, tmp_path):
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login somebody password else\n")
    monkeypatch.setenv("NETRC", str(netrc))
    client(session, wire).get_run(*IDS, "run-1")
    session.auth = ("somebody", "else")
    client(session, wire).get_run(*IDS, "run-1")
    assert [seen.headers["authorization"] for seen in wire.requests] == [f"Bearer {TOKEN}"] * 2


def test_the_url_stays_as_it_is(wire, session):
    session.params = {"key": "of the session"}
    url = f"{wire.url}/a%2Fb/%7E/x?q=a%2Fb&q=%C3%A9+c"
    RequestsTransport(session).send(Request("GET", url), 5)
    assert wire.requests[0].target == url.removeprefix(wire.url)


def test_cookies_are_neither_kept_nor_sent(wire, session):
    wire.otherwise = answer(RUN, set_cookie="sid=of-somebody; Path=/")
    session.cookies.set("mine", "1", domain="127.0.0.1")
    calling = client(session, wire)
    calling.get_run(*IDS, "run-1")
    calling.get_run(*IDS, "run-1")
    assert all("cookie" not in seen.headers for seen in wire.requests)
    assert session.cookies.get_dict() == {"mine": "1"}


def test_hooks_of_the_session_see_the_whole_answer(wire, session):
    seen = []
    session.hooks["response"].append(lambda response, **_: seen.append((response.status_code, response.json())))
    assert client(session, wire).get_run(*IDS, "run-1") == RUN
    assert seen == [(200, RUN)]


def test_a_hook_that_raises_for_a_status_changes_no_error(wire, session):
    wire.otherwise = answer({"error": "not_found", "error_description": "no run"}, 404)
    session.hooks["response"].append(lambda response, **_: response.raise_for_status())
    with pytest.raises(e.NotFound, match="no run"):
        client(session, wire).get_run(*IDS, "run-1")


def test_a_hook_that_fails_to_connect_does_not_repeat_a_post(wire, session):
    session.hooks["response"].append(lambda response, **_: requests.get(f"http://127.0.0.1:{closed_port()}"))
    with pytest.raises(e.OutcomeUnknown):
        client(session, wire, max_retry_count=3).create_run(*IDS, "ver-1")
    assert len(wire.requests) == 1


def test_an_overridden_send_is_used_and_may_look_at_the_answer(wire):
    class Counting(requests.Session):
        texts = ()

        def send(self, request, **settings):
            response = super().send(request, **settings)
            self.texts += (response.text,)
            return response

    with Counting() as session:
        assert client(session, wire).get_run(*IDS, "run-1") == RUN
    assert [json.loads(text) for text in session.texts] == [RUN]


class Canned(requests.adapters.BaseAdapter):
    def send(self, request, **settings):
        response = requests.Response()
        response.status_code, response.request, response.url = 200, request, request.url
        response._content = b'{"status": "CANNED"}'
        return response

    def close(self):
        pass


def test_an_adapter_of_the_callers_own_is_used(session):
    session.mount(BASE, Canned())
    assert client(session).get_run(*IDS, "run-1") == {"status": "CANNED"}


@pytest.mark.parametrize("retries", [3, urllib3.Retry(total=None, connect=2), urllib3.Retry(1, allowed_methods=None)])
def test_an_adapter_that_repeats_is_refused_before_anything_is_sent(wire, session, retries):
    session.mount("http://", requests.adapters.HTTPAdapter(max_retries=retries))
    with pytest.raises(e.ConfigurationError, match="a POST could be carried out twice; mount one without max_retries"):
        client(session, wire).create_run(*IDS, "ver-1")
    assert not wire.requests
    session.mount(wire.url, requests.adapters.HTTPAdapter())
    client(session, wire).create_run(*IDS, "ver-1")


def test_a_redirect_is_not_followed(wire, session):
    for location in ("/elsewhere", "http://[no-address/", "https://127.0.0.1:1/"):
        wire.otherwise = answer(b"{}", 302, location=location)
        told = RequestsTransport(session).send(Request("GET", f"{wire.url}/here"), 5)
        assert (told.status, told.headers["location"], told.body) == (302, location, b"{}")
    assert [seen.target for seen in wire.requests] == ["/here"] * 3


@pytest.mark.parametrize("where", ["session", "environment"])
def test_an_address_on_this_machine_is_not_asked_for_through_a_proxy(wire, session, where, monkeypatch):
    with Wire() as proxy:
        if where == "session":
            session.proxies = {"http": proxy.url, "all": proxy.url}
        else:
            monkeypatch.setenv("HTTP_PROXY", proxy.url)
            monkeypatch.setenv("NO_PROXY", "example.com")
        assert client(session, wire).get_run(*IDS, "run-1") == RUN
        assert proxy.connections == 0


def test_a_proxy_of_the_session_is_used(session):
    with Wire() as proxy:
        session.proxies = {"http": proxy.url.replace("//", "//user:hunter2@")}
        calling = client(session, "http://api.example", allow_plaintext=True)
        assert calling.get_run(*IDS, "run-1") == RUN
        assert proxy.requests[0].target.startswith("http://api.example/organizations/")
        assert "proxy-authorization" in proxy.requests[0].headers


@pytest.mark.parametrize(
    ("proxy", "kind"),
    [
        (f"http://user:hunter2@127.0.0.1:{closed_port()}", e.ConnectError),
        ("http://user:hunter2@127.0.0.1:no-port", e.ConfigurationError),
        ("http://user:hunter2@", e.ConfigurationError),
        ("socks5h://user:hunter2@127.0.0.1:1", e.ConfigurationError),
    ],
    ids=["refused", "no port", "no host", "socks"],
)
def test_no_error_shows_the_password_of_a_proxy(session, proxy, kind):
    session.proxies = {"https": proxy}
    with pytest.raises(kind) as caught:
        client(session, "https://api.example").create_run(*IDS, "ver-1")
    shown = "".join(traceback.format_exception(caught.value))
    assert "hunter2" not in shown
    assert TOKEN not in shown


def test_a_proxy_that_refuses_the_way_cannot_have_passed_the_request_on(session):
    with Wire() as proxy:
        proxy.otherwise = then_close(answer(b"", 407))
        session.proxies = {"https": proxy.url.replace("//", "//user:hunter2@")}
        with pytest.raises(e.ConnectError, match="407"):
            client(session, "https://api.example").create_run(*IDS, "ver-1")


def test_plain_http_to_another_machine_is_refused(session):
    with pytest.raises(e.ConfigurationError, match="plain HTTP"):
        client(session, "http://api.example")


# urllib3 1.26 leaves the socket of a failed handshake to the garbage collector.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_certificates_are_verified_as_the_session_says(session, tmp_path, monkeypatch):
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    roots = tmp_path / "roots.pem"
    authority.cert_pem.write_to_path(roots)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "missing.pem"))
    with Wire(context=context) as wire:
        session.verify = str(roots)
        assert client(session, wire).get_run(*IDS, "run-1") == RUN
        session.verify = True
        with pytest.raises(e.ConfigurationError, match=r"missing\.pem' does not exist"):
            client(session, wire).get_run(*IDS, "run-1")
        monkeypatch.delenv("REQUESTS_CA_BUNDLE")
        with (
            requests.Session() as fresh,
            pytest.raises(e.ConnectError, match="the certificate is not trusted") as caught,
        ):
            client(fresh, wire).create_run(*IDS, "ver-1")
        assert len(wire.requests) == 1
    del caught
    gc.collect()


def test_a_header_of_the_session_that_cannot_travel_is_named_but_not_shown(wire, session):
    session.headers["X-Key"] = "hunter2\r\nX-Other: 1"
    with pytest.raises(e.ConfigurationError, match="look at its proxies, headers and adapters") as caught:
        client(session, wire).get_run(*IDS, "run-1")
    assert "hunter2" not in str(caught.value)
    assert not wire.requests


# The wire


def test_a_connection_is_kept_and_a_closed_one_noticed_before_sending(wire, session):
    calling = client(session, wire)
    for _ in range(3):
        calling.get_run(*IDS, "run-1")
    wire.otherwise = answer(b"{}", 200)
    calling.get_run(*IDS, "run-1")
    assert wire.connections == 1
    wire.drop()
    time.sleep(0.05)
    calling.create_run(*IDS, "ver-1")
    assert wire.connections == 2
    assert len(wire.requests) == 5


# A session takes a head that was cut off for a whole one, and hands over an empty answer.
ANSWERED_BADLY = {name: fault for name, fault in servers.ANSWERED_BADLY.items() if name != "head cut off"}


@pytest.mark.parametrize("fault", ANSWERED_BADLY.values(), ids=ANSWERED_BADLY)
def test_a_post_with_a_lost_answer_has_an_unknown_outcome_and_arrives_once(wire, session, fault):
    wire.otherwise = fault
    with pytest.raises(e.OutcomeUnknown) as caught:
        client(session, wire, max_retry_count=5).create_run(*IDS, "ver-1")
    assert len(wire.requests) == 1
    assert "object at 0x" not in str(caught.value)
    assert not isinstance(caught.value.__cause__, e.ConnectError)


def test_a_refused_connection_and_an_unknown_name_cannot_have_been_reached(session):
    for url in (f"http://127.0.0.1:{closed_port()}", "https://nobody.invalid"):
        with pytest.raises(e.ConnectError) as caught:
            client(session, url).create_run(*IDS, "ver-1")
        assert not isinstance(caught.value, e.Timeout)


@pytest.mark.skipif(sys.platform != "linux", reason="only there does a full backlog leave a connection waiting")
def test_a_connection_that_is_not_made_in_time_cannot_have_arrived(session):
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen(0)
        address = listening.getsockname()
        waiting = [socket.socket() for _ in range(3)]
        for one in waiting:
            one.setblocking(False)
            one.connect_ex(address)
        with pytest.raises(e.ConnectTimeout, match=r"timed out after 0\.3 s"):
            client(session, f"http://127.0.0.1:{address[1]}", timeout=0.3).create_run(*IDS, "ver-1")
        for one in waiting:
            one.close()


def dripping(head, piece):
    def reply(connection, seen):
        connection.sendall(head)
        while True:
            connection.sendall(piece)
            time.sleep(0.01)

    return reply


TOO_SLOW = {
    "silent": silent,
    "with a length": dripping(answer(b"", content_length="1000000"), b" "),
    "until closed": dripping(answer(b"", content_length=None, connection="close"), b" "),
    "chunked": dripping(answer(b"", content_length=None, transfer_encoding="chunked"), b"1\r\n \r\n"),
}


@pytest.mark.parametrize("reply", TOO_SLOW.values(), ids=TOO_SLOW)
def test_an_answer_that_takes_too_long_is_a_timeout(wire, session, reply):
    wire.otherwise = reply
    started = time.monotonic()
    calling = client(session, wire, timeout=0.3)
    with pytest.raises(e.Timeout, match=r"timed out after 0\.3 s") as caught:
        calling.get_run(*IDS, "run-1")
    assert not isinstance(caught.value, e.ConnectError)
    with pytest.raises(e.OutcomeUnknown):
        calling.create_run(*IDS, "ver-1")
    assert time.monotonic() - started < 3


@pytest.mark.parametrize("reply", [TOO_SLOW["chunked"], TOO_SLOW["until closed"]], ids=["chunked", "until closed"])
def test_a_hook_that_reads_the_answer_is_bounded_too(wire, session, reply):
    wire.otherwise = reply
    session.hooks["response"].append(lambda response, **_: print(response.text))
    with pytest.raises(e.Timeout):
        client(session, wire, timeout=0.3).get_run(*IDS, "run-1")


def test_a_hook_may_take_its_time_and_put_another_answer_in_place(wire, session):
    def replace(response, **_):
        time.sleep(0.3)
        other = requests.Response()
        other.status_code, other._content = 200, b'{"status": "REPLACED"}'
        return other

    session.hooks["response"].append(replace)
    assert client(session, wire, timeout=0.2).get_run(*IDS, "run-1") == {"status": "REPLACED"}


def test_watching_the_clock_leaves_no_thread_behind(wire, session):
    before = threading.active_count()
    for _ in range(20):
        client(session, wire).get_run(*IDS, "run-1")
    deadline = time.monotonic() + 5
    while threading.active_count() > before + 1 and time.monotonic() < deadline:
        time.sleep(0.01)
    assert threading.active_count() <= before + 1  # the server's own thread for the connection


@pytest.mark.parametrize(
    "reply",
    [
        answer(gzip.compress(b'{"status": "RUNNING"}'), content_encoding="gzip"),
        chunked(gzip.compress(b'{"status": "RUNNING"}'), content_encoding="gzip"),
        chunked(b'{"status": "RUNNING"}'),
    ],
)
def test_an_answer_of_any_encoding_is_read(wire, session, reply):
    wire.otherwise = reply
    calling = client(session, wire)
    for _ in range(2):
        assert calling.get_run(*IDS, "run-1") == {"status": "RUNNING"}
    assert wire.connections == 1


@pytest.mark.parametrize("encoding", [None, "gzip"])
def test_a_longer_answer_than_the_bound_is_refused_unread(wire, session, encoding, monkeypatch):
    monkeypatch.setattr(module, "MAX_BODY", 1024 * 1024)
    body = b" " * (1024 * 1024 + 1)
    wire.otherwise = answer(gzip.compress(body) if encoding else body, content_encoding=encoding)
    with pytest.raises(e.InvalidResponse, match="longer than 1 MiB"):
        client(session, wire).get_run(*IDS, "run-1")
    wire.otherwise = answer(RUN)
    assert client(session, wire).get_run(*IDS, "run-1") == RUN


# A transport among others


def in_child(calling, results):
    results.put(calling.get_run(*IDS, "run-1"))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_child_process_opens_its_own_connection(wire, session):
    calling = client(session, wire)
    calling.get_run(*IDS, "run-1")
    forking = multiprocessing.get_context("fork")
    results = forking.Queue()
    child = forking.Process(target=in_child, args=(calling, results))
    child.start()
    assert results.get(timeout=10) == RUN
    child.join(10)
    calling.get_run(*IDS, "run-1")
    assert wire.connections == 2


def test_a_client_with_it_can_be_pickled(wire, session):
    assert pickle.loads(pickle.dumps(client(session, wire))).get_run(*IDS, "run-1") == RUN


def test_threads_share_it(wire, session):
    calling = client(session, wire)
    results = []
    threads = [threading.Thread(target=lambda: results.append(calling.get_run(*IDS, "run-1"))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [RUN] * 8


def test_only_a_session_of_its_own_is_closed(wire):
    class Watched(requests.Session):
        closed = False

        def close(self):
            self.closed = True

    given = Watched()
    RequestsTransport(given).close()
    assert not given.closed
    own = RequestsTransport()
    assert own.send(Request("GET", wire.url + "/"), 5).status == 200
    own.close()
    own.close()


def test_requests_is_imported_by_those_who_use_it_only():
    check = (
        "import sys, abeja_run, abeja_run.transports as transports; assert 'requests' not in sys.modules\n"
        "sys.modules['requests'] = None\n"
        "try: transports.RequestsTransport\n"
        "except abeja_run.exceptions.MissingExtra as error: print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=True)
    assert done.stdout == "RequestsTransport needs requests: pip install 'abeja-run[requests]'\n"
