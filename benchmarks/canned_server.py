"""A server that answers every request at once with the same bytes: what is left is the client's own time.

Run as a process of its own: ``python canned_server.py [CERTIFICATE KEY]`` prints its port.
"""

from __future__ import annotations

import contextlib
import json
import socket
import ssl
import sys
import threading

RUN = {
    "run_id": "run-3333333333333333",
    "deployment_id": "1111111111111",
    "model_version_id": "ver-1111111111111111",
    "model_version": "0.0.3",
    "models": {"alias": "3333333333333"},
    "input_data": {"$datalake:1": "2222222222222/20180101T112233-44444444-5555-6666-7777-888888888888"},
    "output_template": None,
    "retry_count": 7,
    "status": "SUBMITTED",
    "user_env_vars": {"DEBUG": "debug"},
    "created_at": "2018-01-01T00:00:00.000000Z",
    "modified_at": "2018-01-01T00:00:00.000000Z",
}
PAGE = {"entries": [{**RUN, "run_id": f"run-{number:016d}"} for number in range(100)], "next_page_token": "more"}


def answer(body: object) -> bytes:
    """The bytes of an answer, with the headers that a gateway sends."""
    data = json.dumps(body).encode()
    head = (
        "HTTP/1.1 200 OK\r\nDate: Mon, 01 Jan 2018 00:00:00 GMT\r\nContent-Type: application/json; charset=utf-8\r\n"
        f"Content-Length: {len(data)}\r\nConnection: keep-alive\r\nServer: canned\r\n\r\n"
    )
    return head.encode() + data


ONE, MANY = answer(RUN), answer(PAGE)


def serve(connection: socket.socket, context: ssl.SSLContext | None) -> None:
    """Answer what comes on a connection until it ends."""
    with contextlib.suppress(OSError), connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if context is not None:
            connection = context.wrap_socket(connection, server_side=True)
        data = b""
        while chunk := connection.recv(65536):
            data += chunk
            head, end, body = data.partition(b"\r\n\r\n")
            if not end:
                continue
            lower = head.lower()
            length = int(lower.partition(b"content-length:")[2].split(b"\r\n")[0] or 0)
            if len(body) < length:
                continue
            data = body[length:]
            first = head.split(b"\r\n", 1)[0]
            connection.sendall(MANY if first.startswith(b"GET") and b"/runs " in first else ONE)


def main() -> None:
    """Serve for ever."""
    context = None
    if len(sys.argv) == 3:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(sys.argv[1], sys.argv[2])
    with socket.create_server(("127.0.0.1", 0), backlog=256) as listening:
        print(listening.getsockname()[1], flush=True)
        while True:
            connection, _ = listening.accept()
            threading.Thread(target=serve, args=(connection, context), daemon=True).start()


if __name__ == "__main__":
    main()
