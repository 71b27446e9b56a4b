"""The wire of the asynchronous client, against real servers on loopback, well-behaved and not."""

import asyncio
import contextlib
import gc
import gzip
import socket
import ssl
import subprocess
import sys
import threading
import time

import pytest
import servers
import trustme
from servers import (
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

from abeja_run import AsyncAPIClient
from abeja_run import exceptions as e
from abeja_run.asynchronous import AiohttpTransport, aiohttp_transport
from abeja_run.messages import Headers, Request, Sink, Source
from abeja_run.transports import environment


def used(wire, use, **settings):
    """What comes of using a client of a server."""

    async def run():
        url = getattr(wire, "url", wire)
        async with AsyncAPIClient(CREDENTIAL, base_url=url, **{"max_retry_count": 0, **settings}) as client:
            return await use(client)

    return asyncio.run(run())


def get(client):
    return client.get_run(*IDS, "run-1")


def post(client):
    return client.create_run(*IDS, "ver-1")


def until_closed(wire, left=0):
    """Wait until the server has at most so many connections."""
    end = time.monotonic() + 5
    while len(wire._open) > left and time.monotonic() < end:
        time.sleep(0.005)
    return len(wire._open)


def until_asked(wire):
    """Wait until the server has seen a request."""
    end = time.monotonic() + 5
    while not wire.requests and time.monotonic() < end:
        time.sleep(0.005)


def test_a_connection_is_kept_and_used_again_and_closed_at_the_end(wire):
    async def five(client):
        for _ in range(5):
            assert await get(client) == RUN

    used(wire, five)
    assert wire.connections == 1
    assert len(wire.requests) == 5
    assert until_closed(wire) == 0


def test_the_server_sees_the_documented_request(wire):
    used(wire, lambda client: client.create_run(*IDS, "ver-1", {"a": "é"}))
    (seen,) = wire.requests
    assert (seen.method, seen.target) == ("POST", f"/organizations/{IDS[0]}/deployments/{IDS[1]}/runs")
    assert seen.json == {"version_id": "ver-1", "input_data": {"a": "é"}, "environment": {}}
    assert seen.headers["authorization"] == f"Bearer {TOKEN}"
    assert seen.headers["content-type"] == "application/json"
    assert seen.headers["accept-encoding"] == "gzip"
    assert seen.headers["accept"] == "application/json"
    assert seen.headers["user-agent"].startswith("abeja-run/")
    assert seen.headers["host"] == f"127.0.0.1:{wire.port}"


@pytest.mark.parametrize("run_id", ["../../../users/me", "a?x=1", "a/b", "a#b", "%2e%2e", "a b", "é", "~"])
def test_no_id_changes_the_path_that_the_server_sees(wire, run_id):
    from urllib.parse import unquote

    used(wire, lambda client: client.get_run(*IDS, run_id))
    *rest, last = wire.requests[0].target.split("/")
    assert rest == ["", "organizations", IDS[0], "deployments", IDS[1], "runs"]
    assert "?" not in last
    assert unquote(last) == run_id


def test_a_connection_that_the_server_has_closed_is_noticed_before_sending(wire):
    async def blocked_meanwhile(client):
        await get(client)
        wire.drop()
        time.sleep(0.05)  # noqa: ASYNC251 - so that the loop has no time to see it
        assert await post(client) == RUN

    used(wire, blocked_meanwhile)
    assert [seen.method for seen in wire.requests] == ["GET", "POST"]
    assert wire.connections == 2


# aiohttp takes any number of header fields.
ANSWERED_BADLY = {name: fault for name, fault in servers.ANSWERED_BADLY.items() if name != "too many headers"}


@pytest.mark.parametrize("fault", ANSWERED_BADLY.values(), ids=ANSWERED_BADLY)
def test_a_post_with_a_lost_answer_has_an_unknown_outcome_and_arrives_once(wire, fault):
    wire.otherwise = fault
    with pytest.raises(e.OutcomeUnknown) as caught:
        used(wire, post, max_retry_count=5)
    assert len(wire.requests) == 1
    assert isinstance(caught.value.__cause__, e.TransportError)
    assert not isinstance(caught.value.__cause__, e.ConnectError)
    assert "object at 0x" not in str(caught.value)


@pytest.mark.parametrize("fault", ANSWERED_BADLY.values(), ids=ANSWERED_BADLY)
@pytest.mark.parametrize("kept", [False, True])
def test_a_get_is_sent_once_by_the_transport_whatever_comes_back(wire, fault, kept):
    async def after_one(client):
        if kept:
            await get(client)
        wire.otherwise = fault
        with pytest.raises(e.TransportError) as caught:
            await get(client)
        assert not isinstance(caught.value, e.ConnectError)

    used(wire, after_one)
    assert len(wire.requests) == 1 + kept


def test_a_refused_connection_cannot_have_arrived():
    with pytest.raises(e.ConnectError, match="Connection refused") as caught:
        used(f"http://127.0.0.1:{closed_port()}", post)
    assert not isinstance(caught.value, e.Timeout)
    assert caught.value.method == "POST"


def test_a_name_that_nobody_has_cannot_have_been_reached():
    with pytest.raises(e.ConnectError, match="no connection to https://nobody.invalid"):
        used("https://nobody.invalid", post)


def test_an_error_that_the_caller_is_handling_says_nothing_of_this_attempt(wire):
    wire.script, wire.otherwise = [silent], close

    async def twice(client):
        try:
            await get(client)
        except e.Timeout:
            with pytest.raises(e.TransportError) as caught:
                await get(client)
            assert not isinstance(caught.value, e.Timeout)

    used(wire, twice, timeout=0.2)


@pytest.mark.parametrize("fault", [silent, drip, drip_body])
@pytest.mark.parametrize("bound", [{"timeout": 0.3}, {"deadline": 0.3}])
def test_an_answer_that_takes_too_long_is_a_timeout(wire, fault, bound):
    wire.otherwise = fault
    with pytest.raises(e.Timeout, match="timed out after") as caught:
        used(wire, get, **bound)
    assert not isinstance(caught.value, e.ConnectError)
    with pytest.raises(e.OutcomeUnknown):
        used(wire, post, **bound)
    assert until_closed(wire) == 0


def test_a_connection_that_takes_too_long_cannot_have_arrived():
    # A TLS handshake that the other side never answers.
    with socket.create_server(("127.0.0.1", 0)) as listening, pytest.raises(e.ConnectTimeout):
        used(f"https://127.0.0.1:{listening.getsockname()[1]}", post, timeout=0.2)


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

    async def twice(client):
        return [await get(client), await get(client)]

    assert used(wire, twice) == [{"status": "RUNNING"}] * 2
    assert wire.connections == 1


def test_a_redirect_is_not_followed(wire):
    wire.otherwise = answer({}, 302, location=wire.url + "/elsewhere")
    with pytest.raises(e.RedirectNotFollowed):
        used(wire, get)
    assert len(wire.requests) == 1


def test_a_cookie_of_the_server_is_not_sent_back(wire):
    wire.otherwise = answer(RUN, set_cookie="a=b")

    async def twice(client):
        await get(client)
        await get(client)

    used(wire, twice)
    assert "cookie" not in wire.requests[1].headers


def test_a_body_of_the_largest_size_is_taken_and_a_longer_one_refused(wire, monkeypatch):
    monkeypatch.setattr(aiohttp_transport, "MAX_BODY", 1_000_000)
    fits = b'"' + b"a" * 999_998 + b'"'
    for body in (answer(fits), chunked(fits), answer(gzip.compress(fits), content_encoding="gzip")):
        wire.otherwise = body
        with pytest.raises(e.InvalidResponse, match="not a JSON object|is"):
            used(wire, get)
    for body in (
        answer(fits + b" "),
        chunked(fits + b" "),
        answer(gzip.compress(fits + b" "), content_encoding="gzip"),
    ):
        wire.otherwise = body
        with pytest.raises(e.InvalidResponse, match="longer than"):
            used(wire, get)
    assert until_closed(wire) == 0


@pytest.mark.parametrize("reply", [silent, drip_body])
def test_a_task_that_is_cancelled_leaves_no_connection(wire, reply):
    wire.otherwise = reply

    async def cancel(client):
        task = asyncio.ensure_future(get(client))
        await asyncio.to_thread(until_asked, wire)
        await asyncio.sleep(0.02)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert await asyncio.to_thread(until_closed, wire) == 0
        wire.otherwise = answer(RUN)
        assert await get(client) == RUN

    used(wire, cancel)


def test_tasks_that_wait_for_a_connection_can_be_cancelled(wire):
    wire.otherwise = silent

    async def cancel():
        async with AiohttpTransport(connections=1) as transport:
            client = AsyncAPIClient(CREDENTIAL, base_url=wire.url, transport=transport, max_retry_count=0)
            tasks = [asyncio.ensure_future(get(client)) for _ in range(5)]
            await asyncio.to_thread(until_asked, wire)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            wire.otherwise = answer(RUN)
            assert await get(client) == RUN

    asyncio.run(cancel())
    assert len(wire.requests) == 2


def test_many_tasks_share_a_bounded_number_of_connections(wire):
    async def many():
        async with AiohttpTransport(connections=3) as transport:
            client = AsyncAPIClient(CREDENTIAL, base_url=wire.url, transport=transport)
            return await asyncio.gather(*(get(client) for _ in range(50)))

    assert asyncio.run(many()) == [RUN] * 50
    assert wire.connections <= 3


def test_a_client_goes_from_loop_to_loop_only_closed(wire):
    client = AsyncAPIClient(CREDENTIAL, base_url=wire.url)

    async def one():
        async with client:
            return await get(client)

    assert asyncio.run(one()) == RUN
    assert asyncio.run(one()) == RUN
    first = asyncio.new_event_loop()
    first.run_until_complete(get(client))
    with pytest.raises(e.ConfigurationError, match="another event loop"):
        asyncio.run(get(client))
    first.run_until_complete(client.close())
    first.close()


class Pieces(Source):
    """Pieces, and perhaps an error at their end."""

    def __init__(self, *pieces, error=None):
        self.pieces, self.error, self.ended = pieces, error, 0

    def open(self):
        try:
            yield from self.pieces
            if self.error:
                raise self.error
        finally:
            self.ended += 1


class Kept(Sink):
    def __init__(self):
        self.data, self.ended = b"", False

    ended = False

    def begin(self):
        self.data = b""

    def write(self, piece):
        self.data += piece

    def end(self):
        self.ended = True

    def discard(self):
        self.data = b""


def sent(request):
    async def run():
        async with AiohttpTransport() as transport:
            return await transport.send(request, 5)

    return asyncio.run(run())


def test_a_source_is_streamed_with_its_length_and_a_sink_filled(wire):
    wire.otherwise = answer(b"0123456789")
    source, sink = Pieces(b"ab", b"cd"), Kept()
    response = sent(Request("PUT", wire.url + "/file", Headers({"content-length": "4"}), source, sink))
    assert (response.body, sink.data, sink.ended, source.ended) == (b"", b"0123456789", True, 1)
    assert wire.requests[0].body == b"abcd"
    assert "transfer-encoding" not in wire.requests[0].headers


def test_a_body_that_cannot_be_read_is_told_as_such(wire):
    source = Pieces(b"ab", error=e.BodyError("the file has become shorter"))
    with pytest.raises(e.BodyError, match="shorter"):
        sent(Request("PUT", wire.url + "/file", Headers({"content-length": "4"}), source))
    assert source.ended == 1
    assert until_closed(wire) == 0


@pytest.fixture(scope="module")
def authority():
    return trustme.CA()


@pytest.fixture
def secure(authority):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    with Wire(context=context) as server:
        yield server


def test_a_certificate_is_verified_against_the_roots_of_the_environment(secure, authority, monkeypatch, tmp_path):
    with pytest.raises(e.ConnectError, match="the certificate is not trusted"):
        used(secure, post)
    authority.cert_pem.write_to_path(str(tmp_path / "roots.pem"))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "roots.pem"))
    assert used(secure, get) == RUN


def test_plain_http_goes_through_its_proxy_with_the_whole_address(wire, monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", wire.url.replace("//", "//me:hunter2@"))
    assert used("http://far.invalid", get, allow_plaintext=True) == RUN
    (seen,) = wire.requests
    assert seen.target.startswith("http://far.invalid/organizations/")
    assert seen.headers["proxy-authorization"] == "Basic bWU6aHVudGVyMg=="


@pytest.fixture
def tunnels():
    """With Python 3.10, aiohttp leaves the connection beneath a tunnel to the collector of garbage: let it run here."""
    yield
    gc.collect()


@pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")
@pytest.mark.parametrize("gone", [False, True])
def test_a_proxy_that_refuses_or_is_gone_is_no_connection_and_its_password_stays_hidden(
    wire, monkeypatch, gone, tunnels
):
    wire.otherwise = then_close(b"HTTP/1.1 403 Forbidden\r\n\r\n")
    place = f"127.0.0.1:{closed_port()}" if gone else wire.url.partition("//")[2]
    monkeypatch.setenv("HTTPS_PROXY", f"http://me:hunter2@{place}")
    with pytest.raises(e.ConnectError, match=f"through the proxy http://{place}") as caught:
        used("https://far.invalid", post)
    assert "hunter2" not in str(caught.value)
    assert all("authorization" not in seen.headers for seen in wire.requests)


@pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")
def test_https_goes_through_a_tunnel_and_the_proxy_sees_no_credential(
    wire, secure, authority, monkeypatch, tmp_path, tunnels
):
    authority.cert_pem.write_to_path(str(tmp_path / "roots.pem"))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "roots.pem"))
    monkeypatch.setenv("HTTPS_PROXY", wire.url.replace("//", "//me:hunter2@"))
    monkeypatch.setattr(environment, "is_loopback", lambda url: False)
    monkeypatch.setattr(wire, "otherwise", tunnel(secure.port))
    assert used(secure, get) == RUN
    (seen,) = wire.requests
    assert seen.method == "CONNECT"
    assert seen.headers["proxy-authorization"] == "Basic bWU6aHVudGVyMg=="
    assert "authorization" not in seen.headers


@pytest.mark.parametrize("name", ["AsyncAPIClient", "AsyncClient"])
def test_without_aiohttp_an_error_says_how_to_get_it_and_the_rest_works(name):
    code = (
        "import sys; sys.modules['aiohttp'] = None\n"
        "import abeja_run, abeja_run.exceptions; abeja_run.APIClient({'auth_token': 'any'})\n"
        f"try: abeja_run.{name}\n"
        "except abeja_run.exceptions.MissingExtra as error: print(error)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "AsyncAPIClient needs aiohttp: pip install 'abeja-run[async]'\n"


def tunnel(port):
    def reply(connection, seen):
        connection.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
        with socket.create_connection(("127.0.0.1", port)) as other:

            def back():
                with contextlib.suppress(OSError):
                    while data := other.recv(65536):
                        connection.sendall(data)

            thread = threading.Thread(target=back, daemon=True)
            thread.start()
            with contextlib.suppress(OSError):
                while data := connection.recv(65536):
                    other.sendall(data)
                other.shutdown(socket.SHUT_RDWR)
            thread.join(5)
        return False

    return reply
