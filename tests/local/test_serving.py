"""The server beneath the local platform."""

import contextlib
import socket
import time

import pytest
import urllib3

from abeja_run.local.serving import Server


def application(environ, start_response):
    start_response("200 OK", [("content-length", "2")])
    return [b"ok"]


@pytest.fixture
def server():
    server = Server(application, "127.0.0.1", 0)
    yield server
    server.close()


def test_a_server_that_nobody_asks_does_nothing(server):
    used, began = time.process_time(), time.monotonic()
    time.sleep(0.3)
    # A loop that spins takes all of the time; one that waits takes none.
    assert time.process_time() - used < 0.5 * (time.monotonic() - began)


def test_a_closed_server_has_given_its_port_back(server):
    with urllib3.PoolManager() as pool:
        assert pool.request("GET", server.url).data == b"ok"
        server.close()
        server.close()
        with pytest.raises(urllib3.exceptions.HTTPError):
            pool.request("GET", server.url, retries=0)


def test_hundreds_of_idle_connections_keep_nobody_out(server):
    port = int(server.url.rpartition(":")[2])
    with contextlib.ExitStack() as stack:
        for _ in range(300):
            stack.enter_context(socket.create_connection(("127.0.0.1", port)))
        with urllib3.PoolManager() as pool:
            assert pool.request("GET", server.url, timeout=10, retries=0).data == b"ok"
