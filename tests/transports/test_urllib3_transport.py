"""The wire, against real servers on loopback, well-behaved and not."""

import contextlib
import gzip
import os
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
import zlib
from types import SimpleNamespace

import pytest
import trustme
import urllib3
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from servers import (
    ANSWERED_BADLY,
    CREDENTIAL,
    IDS,
    RUN,
    TOKEN,
    Wire,
    answer,
    chunked,
    close,
    closed_port,
    drip,
    drip_body,
    silent,
    then_close,
)

from abeja_run import APIClient
from abeja_run import exceptions as e
from abeja_run.messages import Request
from abeja_run.transports import Urllib3Transport, environment
from abeja_run.transports import urllib3_transport as module


def client(wire, **settings):
    return APIClient(CREDENTIAL, base_url=getattr(wire, "url", wire), **{"max_retry_count": 0, **settings})


def test_a_connection_is_kept_and_used_again(wire):
    with client(wire) as calling:
        for _ in range(5):
            assert calling.get_run(*IDS, "run-1") == RUN
    assert wire.connections == 1
    assert len(wire.requests) == 5


def test_the_server_sees_the_documented_request(wire):
    with client(wire) as calling:
        calling.create_run(*IDS, "ver-1", {"a": "é"})
    (seen,) = wire.requests
    assert (seen.method, seen.target) == ("POST", f"/organizations/{IDS[0]}/deployments/{IDS[1]}/runs")
    assert seen.json == {"version_id": "ver-1", "input_data": {"a": "é"}, "environment": {}}
    assert seen.headers["authorization"] == f"Bearer {TOKEN}"
    assert seen.headers["content-type"] == "application/json"
    assert seen.headers["accept-encoding"] == "gzip"
    assert seen.headers["host"] == f"127.0.0.1:{wire.port}"


@pytest.mark.parametrize("run_id", ["../../../users/me", "a?x=1", "a/b", "a#b", "%2e%2e", "a b", "é", "..a", "~"])
def test_no_id_changes_the_path_that_the_server_sees(wire, run_id):
    from urllib.parse import unquote

    with client(wire) as calling:
        calling.get_run(*IDS, run_id)
    *rest, last = wire.requests[0].target.split("/")
    assert rest == ["", "organizations", IDS[0], "deployments", IDS[1], "runs"]
    assert "?" not in last
    assert unquote(last) == run_id


def test_a_connection_that_the_server_has_closed_is_noticed_before_sending(wire):
    with client(wire) as calling:
        calling.get_run(*IDS, "run-1")
        wire.drop()
        time.sleep(0.05)
        assert calling.create_run(*IDS, "ver-1") == RUN
    assert [seen.method for seen in wire.requests] == ["GET", "POST"]
    assert wire.connections == 2


@pytest.mark.parametrize("fault", ANSWERED_BADLY.values(), ids=ANSWERED_BADLY)
def test_a_post_with_a_lost_answer_has_an_unknown_outcome_and_arrives_once(wire, fault):
    wire.otherwise = fault
    with client(wire, max_retry_count=5) as calling, pytest.raises(e.OutcomeUnknown) as caught:
        calling.create_run(*IDS, "ver-1")
    assert len(wire.requests) == 1
    assert isinstance(caught.value.__cause__, e.TransportError)
    assert not isinstance(caught.value.__cause__, e.ConnectError)
    assert "object at 0x" not in str(caught.value)


@pytest.mark.parametrize("fault", ANSWERED_BADLY.values(), ids=ANSWERED_BADLY)
def test_a_get_with_a_lost_answer_is_asked_again(wire, fault, monkeypatch):
    monkeypatch.setattr(time, "sleep", lambda seconds: None)
    wire.script = [fault, fault]
    with client(wire, max_retry_count=2) as calling:
        assert calling.get_run(*IDS, "run-1") == RUN
    assert len(wire.requests) == 3


def test_a_refused_connection_cannot_have_arrived():
    with pytest.raises(e.ConnectError, match="Connection refused") as caught:
        client(f"http://127.0.0.1:{closed_port()}").create_run(*IDS, "ver-1")
    assert not isinstance(caught.value, e.Timeout)
    assert caught.value.method == "POST"


def test_an_error_that_the_caller_is_handling_says_nothing_of_this_attempt(wire):
    wire.script, wire.otherwise = [silent], close
    with client(wire, timeout=0.2) as calling, client(f"http://127.0.0.1:{closed_port()}") as refused:
        try:
            calling.get_run(*IDS, "run-1")
        except e.Timeout:
            for another, kind in ((refused, e.ConnectError), (calling, e.TransportError)):
                with pytest.raises(kind) as caught:
                    another.get_run(*IDS, "run-1")
                assert not isinstance(caught.value, e.Timeout)
                assert "timed out" not in str(caught.value)
    assert len(wire.requests) == 2


def test_a_name_that_nobody_has_cannot_have_been_reached():
    with pytest.raises(e.ConnectError, match="no connection to https://nobody.invalid"):
        client("https://nobody.invalid").create_run(*IDS, "ver-1")


@pytest.mark.parametrize("fault", [silent, drip, drip_body])
@pytest.mark.parametrize("bound", [{"timeout": 0.3}, {"deadline": 0.3}])
def test_an_answer_that_takes_too_long_is_a_timeout(wire, fault, bound):
    wire.otherwise = fault
    started = time.monotonic()
    with client(wire, **bound) as calling:
        with pytest.raises(e.Timeout) as caught:
            calling.get_run(*IDS, "run-1")
        assert not isinstance(caught.value, e.ConnectError)
        with pytest.raises(e.OutcomeUnknown):
            calling.create_run(*IDS, "ver-1")
    assert time.monotonic() - started < 3


def test_a_deadline_bounds_the_whole_call_with_its_retries(wire):
    wire.otherwise = close
    started = time.monotonic()
    with client(wire, max_retry_count=1000, deadline=0.5) as calling, pytest.raises(e.TransportError):
        calling.get_run(*IDS, "run-1")
    assert time.monotonic() - started < 3


def test_a_server_that_does_not_read_a_long_body_is_a_timeout():
    with socket.create_server(("127.0.0.1", 0)) as listening:
        url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        with client(url, timeout=0.3) as calling, pytest.raises(e.OutcomeUnknown, match="timed out"):
            calling.create_run(*IDS, "ver-1", {"a": "x" * 30_000_000})


def test_a_time_that_is_over_does_not_spoil_the_next_call(wire):
    with client(wire, timeout=0.3) as calling:
        calling.get_run(*IDS, "run-1")
        time.sleep(0.4)
        assert calling.get_run(*IDS, "run-1") == RUN
    assert wire.connections == 1


@pytest.mark.parametrize(
    "reply",
    [
        answer(gzip.compress(b'{"status": "RUNNING"}'), content_encoding="gzip"),
        chunked(gzip.compress(b'{"status": "RUNNING"}'), content_encoding="gzip"),
        chunked(b'{"status": "RUNNING"}'),
        b"HTTP/1.1 100 Continue\r\n\r\n" + answer(b'{"status": "RUNNING"}'),
    ],
)
def test_an_answer_of_any_encoding_is_read(wire, reply):
    wire.otherwise = reply
    with client(wire) as calling:
        for _ in range(2):
            assert calling.get_run(*IDS, "run-1") == {"status": "RUNNING"}
    assert wire.connections == 1


def in_pieces(connection, seen):
    for byte in answer(RUN):
        connection.sendall(bytes([byte]))


#: Heads that are not quite as usual; each comes with a body of two bytes.
HEADS = {
    "as usual": b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nx: a\r\nX: b\r\n",
    "no reason": b"HTTP/1.1 200 \r\ncontent-length: 2\r\n",
    "no reason and no blank": b"HTTP/1.1 200\r\ncontent-length: 2\r\n",
    "blanks and a tab": b"HTTP/1.1 404 Not  Found\r\ncontent-length:\t 2 \t\r\nx:\r\ny: a: b\r\n",
    "no ASCII": b"HTTP/1.1 200 OK\r\nx: \xe9\x85\xc3\xa9\r\ncontent-length: 2\r\n",
    "folded": b"HTTP/1.1 200 OK\r\nx: a\r\n b\r\ncontent-length: 2\r\n",
    "bare line ends": b"HTTP/1.1 200 OK\ncontent-length: 2\n",
    "HTTP/1.0": b"HTTP/1.0 200 OK\r\ncontent-length: 2\r\n",
    "to be closed": b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nConnection: Close\r\n",
    "length twice": b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nContent-Length: 2\r\n",
    "length that is none": b"HTTP/1.1 200 OK\r\ncontent-length: +2\r\nconnection: close\r\n",
    "no length": b"HTTP/1.1 200 OK\r\nx: a\r\n",
    "chunks and a length": b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ncontent-length: 2\r\n",
    "name that is none": b"HTTP/1.1 200 OK\r\nno colon\r\ncontent-length: 2\r\n",
}


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("head", HEADS.values(), ids=HEADS)
def test_a_head_of_any_form_is_read_as_the_standard_library_reads_it(wire, head, method):
    body = b"2\r\n{}\r\n0\r\n\r\n" if b"chunked" in head else b"{}"
    end = b"\r\n" if b"\r\n" in head else b"\n"
    wire.otherwise = then_close(head + end + (b"" if method == "HEAD" else body))
    with urllib3.PoolManager(retries=False) as plain:
        told = plain.request(method, wire.url)
        expected = told.status, list(told.headers.items()), told.data
    transport = Urllib3Transport()
    read = transport.send(Request(method, wire.url + "/"), 5)
    transport.close()
    assert (read.status, list(read.headers.pairs), read.body) == expected


TEXTS = st.text(st.characters(codec="latin-1", exclude_characters="\r\n"), max_size=20)
ANSWERS = st.binary(max_size=200) | st.builds(
    lambda status, fields, body: (
        (f"HTTP/1.1 {status}\r\n" + "".join(f"{name}: {value}\r\n" for name, value in fields) + "\r\n").encode(
            "latin-1"
        )
        + body
    ),
    st.integers(100, 599) | TEXTS,
    st.lists(
        st.tuples(
            st.sampled_from(("content-length", "content-encoding", "transfer-encoding", "location", "retry-after"))
            | TEXTS,
            st.sampled_from(("0", "2", "gzip", "chunked", "deflate", "-1", "9" * 30)) | TEXTS,
        ),
        max_size=4,
    ),
    st.binary(max_size=30) | st.sampled_from((b"{}", b"2\r\n{}\r\n0\r\n\r\n", b"[]")),
)


@pytest.mark.proof
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(reply=ANSWERS)
def test_whatever_a_server_sends_is_a_result_or_an_error_of_the_package(wire, reply):
    wire.otherwise = then_close(reply)
    with client(wire) as calling:
        for call in (calling.get_run, calling.create_run):
            with contextlib.suppress(e.Error):
                assert isinstance(call(*IDS, "any-1"), dict)


def test_an_answer_that_comes_in_pieces_is_read(wire):
    wire.otherwise = in_pieces
    with client(wire) as calling:
        for _ in range(2):
            assert calling.get_run(*IDS, "run-1") == RUN
    assert wire.connections == 1


def test_a_connection_that_is_to_be_closed_is_not_used_again(wire):
    wire.otherwise = answer(RUN, connection="close")
    with client(wire) as calling:
        for _ in range(2):
            assert calling.get_run(*IDS, "run-1") == RUN
    assert wire.connections == 2


def test_an_answer_without_a_length_ends_with_the_connection(wire):
    wire.otherwise = then_close(b'HTTP/1.0 200 OK\r\n\r\n{"status": "RUNNING"}')
    with client(wire) as calling:
        assert calling.get_run(*IDS, "run-1") == {"status": "RUNNING"}


def test_a_body_of_the_largest_size_is_taken_and_a_longer_one_refused_unread(wire, monkeypatch):
    monkeypatch.setattr(module, "MAX_BODY", 1_000_000)
    sent = []

    def endless(connection, seen):
        connection.sendall(answer(b"", content_length=None))
        while True:
            connection.sendall(b" " * 65536)
            sent.append(65536)

    exact = b'{"a": "' + b"x" * (1_000_000 - 9) + b'"}'
    wire.script = [answer(exact), answer(b"", content_length="1000001"), endless]
    with client(wire) as calling:
        assert len(calling.get_run(*IDS, "run-1")["a"]) == 1_000_000 - 9
        for _ in range(2):
            with pytest.raises(e.InvalidResponse, match="longer than"):
                calling.get_run(*IDS, "run-1")
        time.sleep(0.1)
        assert sum(sent) < 20_000_000
        assert calling.get_run(*IDS, "run-1") == RUN


BOMB = """
import resource, sys
from abeja_run import APIClient, exceptions
client = APIClient({"auth_token": "some-token"}, base_url=sys.argv[1], max_retry_count=0)
client.get_run("1", "2", "3")
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
try:
    client.get_run("1", "2", "3")
except exceptions.InvalidResponse as error:
    print(error.reason)
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)
"""


@pytest.mark.proof
def test_a_compressed_bomb_is_refused_in_bounded_memory(wire):
    packer = zlib.compressobj(9, wbits=31)
    bomb = b"".join(packer.compress(bytes(1 << 20)) for _ in range(1024)) + packer.flush()
    wire.script = [answer(RUN), answer(bomb, content_encoding="gzip")]
    done = subprocess.run([sys.executable, "-c", BOMB, wire.url], capture_output=True, text=True, check=True)
    reason, grown = done.stdout.splitlines()
    assert reason == "the answer is longer than 100 MiB"
    assert int(grown) < 350


def test_a_redirect_is_not_followed_and_its_target_sees_nothing(wire):
    with Wire() as target, client(wire) as calling:
        for status in (301, 302, 303, 307, 308):
            wire.otherwise = answer(b"", status, location=f"{target.url}/x")
            for call in (calling.get_run, calling.create_run):
                with pytest.raises(e.RedirectNotFollowed) as caught:
                    call(*IDS, "some-1")
                assert f"{target.url}/x" in str(caught.value)
                assert wire.url in str(caught.value)
        assert target.connections == 0


@pytest.fixture(scope="module")
def authority():
    return trustme.CA()


@pytest.fixture
def secure(authority):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1", "localhost").configure_cert(context)
    with Wire(context=context) as server:
        yield server


@pytest.mark.parametrize("variable", ["SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"])
def test_roots_that_the_environment_names_are_trusted(secure, authority, variable, monkeypatch, tmp_path):
    authority.cert_pem.write_to_path(str(tmp_path / "roots.pem"))
    monkeypatch.setenv(variable, str(tmp_path / "roots.pem"))
    with client(secure) as calling:
        for _ in range(3):
            assert calling.get_run(*IDS, "run-1") == RUN
    assert secure.connections == 1


def test_where_the_system_has_no_roots_those_of_certifi_are_trusted(secure, authority, monkeypatch, tmp_path):
    authority.cert_pem.write_to_path(str(tmp_path / "roots.pem"))
    paths = ssl.get_default_verify_paths()._replace(capath=None)
    monkeypatch.setattr(ssl, "get_default_verify_paths", lambda: paths)
    monkeypatch.setattr(ssl.SSLContext, "load_default_certs", lambda *_: None)
    monkeypatch.setitem(sys.modules, "certifi", None)
    with client(secure) as calling, pytest.raises(e.ConnectError, match="certificate is not trusted"):
        calling.get_run(*IDS, "run-1")
    monkeypatch.setitem(sys.modules, "certifi", SimpleNamespace(where=lambda: str(tmp_path / "roots.pem")))
    with client(secure) as calling:
        assert calling.get_run(*IDS, "run-1") == RUN


def test_a_certificate_that_nobody_vouches_for_is_refused(secure):
    with client(secure) as calling, pytest.raises(e.ConnectError, match="certificate is not trusted"):
        calling.create_run(*IDS, "ver-1")
    assert secure.requests == []


def test_a_certificate_for_another_name_is_refused(authority, monkeypatch, tmp_path):
    authority.cert_pem.write_to_path(str(tmp_path / "roots.pem"))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "roots.pem"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("other.example").configure_cert(context)
    with Wire(context=context) as server:
        for name in ("127.0.0.1", "localhost"):
            with client(f"https://{name}:{server.port}") as calling, pytest.raises(e.ConnectError, match="not trusted"):
                calling.create_run(*IDS, "ver-1")
        assert server.requests == []


def test_a_context_of_the_callers_own_verifies_and_is_not_pickled(secure, authority):
    trusting = ssl.create_default_context()
    authority.configure_trust(trusting)
    transport = Urllib3Transport(ssl_context=trusting)
    calling = client(f"https://localhost:{secure.port}", transport=transport)
    assert calling.get_run(*IDS, "run-1") == RUN
    transport.close()
    with pytest.raises(TypeError, match="ssl_context"):
        transport.__reduce__()


def test_roots_that_do_not_exist_or_are_none_are_told(monkeypatch, tmp_path):
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "missing.pem"))
    with pytest.raises(e.ConfigurationError, match="SSL_CERT_FILE"):
        Urllib3Transport()
    (tmp_path / "empty.pem").write_text("nothing")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "empty.pem"))
    with pytest.raises(e.ConfigurationError, match=r"empty\.pem"):
        client("https://127.0.0.1:1").get_run(*IDS, "run-1")


def test_a_folder_of_roots_is_taken(monkeypatch, tmp_path):
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path))
    with pytest.raises(e.ConnectError):
        client(f"https://127.0.0.1:{closed_port()}").get_run(*IDS, "run-1")


def test_plain_http_on_a_secure_port_is_no_connection(wire):
    with client(wire.url.replace("http:", "https:"), timeout=0.3) as calling, pytest.raises(e.ConnectError):
        calling.create_run(*IDS, "ver-1")


def tunnel(connection, seen):
    """CONNECT, as a proxy does it; every name leads to the port that is asked for on this machine."""
    port = int(seen.target.rpartition(":")[2])
    with socket.create_connection(("127.0.0.1", port)) as there:
        connection.sendall(b"HTTP/1.1 200 Connected\r\n\r\n")

        def pump(source, sink):
            try:
                while data := source.recv(65536):
                    sink.sendall(data)
            except OSError:
                pass
            finally:
                for end in (source, sink):
                    with contextlib.suppress(OSError):
                        end.shutdown(socket.SHUT_RDWR)

        back = threading.Thread(target=pump, args=(there, connection), daemon=True)
        back.start()
        pump(connection, there)
        back.join()
    return False


def through(wire, monkeypatch, scheme="http", userinfo=""):
    monkeypatch.setenv(f"{scheme.upper()}_PROXY", wire.url.replace("//", f"//{userinfo}"))


def test_plain_http_goes_through_its_proxy_with_the_whole_address(wire, monkeypatch):
    through(wire, monkeypatch, userinfo="me:hunter2@")
    with client("http://far.invalid", allow_plaintext=True) as calling:
        assert calling.get_run(*IDS, "run-1") == RUN
    (seen,) = wire.requests
    assert seen.target.startswith("http://far.invalid/organizations/")
    assert seen.headers["proxy-authorization"].startswith("Basic ")


def test_https_goes_through_a_tunnel_and_the_proxy_sees_no_credential(wire, secure, authority, monkeypatch, tmp_path):
    authority.cert_pem.write_to_path(str(tmp_path / "roots.pem"))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "roots.pem"))
    through(wire, monkeypatch, "https", "me:hunter2@")
    wire.otherwise = tunnel
    monkeypatch.setattr(environment, "is_loopback", lambda url: False)
    with client(secure.url.replace("127.0.0.1", "localhost")) as calling:
        assert calling.get_run(*IDS, "run-1") == RUN
    (seen,) = wire.requests
    assert (seen.method, seen.target) == ("CONNECT", f"localhost:{secure.port}")
    assert "authorization" not in seen.headers
    assert seen.headers["proxy-authorization"].startswith("Basic ")


def test_a_proxy_that_refuses_or_is_gone_is_no_connection_and_its_password_stays_hidden(wire, monkeypatch):
    through(wire, monkeypatch, "https", "me:hunter2@")
    wire.otherwise = then_close(answer(b"", 407))
    with client("https://far.invalid") as calling, pytest.raises(e.ConnectError, match="through the proxy") as caught:
        calling.create_run(*IDS, "ver-1")
    assert "407" in str(caught.value)
    assert "hunter2" not in str(caught.value)
    for scheme in ("http", "https"):
        monkeypatch.setenv(f"{scheme.upper()}_PROXY", f"http://me:hunter2@127.0.0.1:{closed_port()}")
        with pytest.raises(e.ConnectError, match="refused") as caught:
            client(f"{scheme}://far.invalid", allow_plaintext=True).create_run(*IDS, "ver-1")
        assert "hunter2" not in str(caught.value)


def test_what_no_proxy_names_and_this_machine_are_asked_directly(wire, monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{closed_port()}")
    with client(wire) as calling:
        assert calling.get_run(*IDS, "run-1") == RUN
    monkeypatch.setenv("NO_PROXY", "far.invalid")
    with pytest.raises(e.ConnectError) as caught:
        client("http://far.invalid", allow_plaintext=True).get_run(*IDS, "run-1")
    assert "proxy" not in str(caught.value)


def test_a_proxy_of_an_unknown_kind_is_told_without_its_password(monkeypatch):
    monkeypatch.setenv("HTTPS_PROXY", "socks5://me:hunter2@127.0.0.1:1")
    with pytest.raises(e.ConfigurationError, match="socks5") as caught:
        client("https://far.invalid").get_run(*IDS, "run-1")
    assert "hunter2" not in str(caught.value)


def test_an_interrupted_call_leaves_a_usable_client(wire):
    def interrupt(connection, seen):
        os.kill(os.getpid(), signal.SIGINT)
        connection.recv(1)
        return False

    wire.script = [interrupt]
    with client(wire) as calling:
        with pytest.raises(KeyboardInterrupt):
            calling.get_run(*IDS, "run-1")
        assert calling.get_run(*IDS, "run-1") == RUN


def test_a_transport_tells_no_secret_of_what_it_could_not_send():
    transport = Urllib3Transport()
    request = Request("POST", f"http://127.0.0.1:{closed_port()}/x", {"authorization": f"Bearer {TOKEN}"}, b"{}")
    with pytest.raises(e.ConnectError) as caught:
        transport.send(request, 1)
    assert TOKEN not in str(caught.value)


def test_a_request_that_cannot_be_written_is_an_error_of_the_package(wire):
    transport = Urllib3Transport()
    with pytest.raises(e.TransportError):
        transport.send(Request("GET", f"{wire.url}/x", {"x": "a\nb: c"}), 1)
    assert wire.requests == []
    transport.close()
