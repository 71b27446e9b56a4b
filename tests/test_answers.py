"""Answers of every kind: arrays, nothing, text, and downloads that are whole or not there."""

import asyncio
import os
import subprocess
import sys
import threading
import time
import tracemalloc
import zlib

import pytest
from clients import client, resource
from marshmallow import Schema, fields
from servers import CREDENTIAL, RUN, TOKEN, Scripted, answer, reset, then_close

from abeja_run import DELETE, GET, HEAD, POST, PUT, Endpoint
from abeja_run.asynchronous import BaseAsyncClient
from abeja_run.cassettes import Interaction, load
from abeja_run.descriptors import ArrayOf, Download, Downloaded, InHeaders, JSONAnswer, NoContent, Text
from abeja_run.drift import drift
from abeja_run.exceptions import BodyError, HttpError, InvalidResponse, NotFound, Timeout, TransportError
from abeja_run.fields import HeaderFamily, PercentEncoded
from abeja_run.messages import Request, Response
from abeja_run.transports import RequestsTransport, Urllib3Transport, cassette


class Thing(Schema):
    name = fields.String(required=True)


@pytest.fixture(params=[Urllib3Transport, RequestsTransport])
def transport(request, monkeypatch):
    made = request.param()
    monkeypatch.setattr(made, "sleep", lambda seconds: None)
    yield made
    made.close()


def get(returns, **more):
    return Endpoint(GET, returns=returns, summary="Get.", **more)


@pytest.mark.parametrize(
    ("returns", "body", "result"),
    [
        (ArrayOf(Thing), [{"name": "a", "more": 1}], [{"name": "a", "more": 1}]),
        (ArrayOf(fields.Integer()), [1, 2], [1, 2]),
        (ArrayOf(fields.List(fields.String())), [["a"], []], [["a"], []]),
        (JSONAnswer(fields.String()), "a", "a"),
        (JSONAnswer(fields.Integer()), 5, 5),
        (JSONAnswer(fields.Dict(values=fields.Integer())), {"a": 1}, {"a": 1}),
    ],
)
def test_an_answer_is_an_array_or_any_other_json(wire, returns, body, result):
    wire.otherwise = answer(body)
    assert client(wire.url, get=get(returns), settings={"check_responses": True}).get() == result


@pytest.mark.parametrize("body", [{"name": "a"}, b"", b"[1", "a", b"[" * 100_000])
def test_what_is_no_array_is_an_invalid_response(wire, body):
    wire.otherwise = answer(body)
    with pytest.raises(InvalidResponse, match="not JSON|not a JSON array"):
        client(wire.url, get=get(ArrayOf(Thing))).get()


@pytest.mark.parametrize("body", [[{"nom": "a"}], [{"name": 1}], [5]])
def test_an_array_is_checked_item_by_item_where_that_is_asked_for(wire, body):
    wire.otherwise = answer(body)
    assert client(wire.url, get=get(ArrayOf(Thing))).get() == body
    with pytest.raises(InvalidResponse) as caught:
        client(wire.url, get=get(ArrayOf(Thing)), settings={"check_responses": True}).get()
    assert 0 in caught.value.errors


@pytest.mark.parametrize("reply", [b"HTTP/1.1 204 No Content\r\n\r\n", answer(b""), answer({"ignored": True}, 202)])
def test_an_answer_may_be_nothing(wire, transport, reply):
    wire.otherwise = reply
    endpoint = Endpoint(DELETE, returns=NoContent(), summary="Delete.")
    calling = client(wire.url, delete=endpoint, settings={"transport": transport})
    assert calling.delete() is None
    assert calling.delete() is None
    wire.script = [answer({}, 404)]
    with pytest.raises(NotFound):
        calling.delete()


@pytest.mark.parametrize(
    ("body", "content_type", "text"),
    [
        ("図".encode(), "text/plain", "図"),
        ("図".encode("shift_jis"), 'text/plain; charset="Shift_JIS"', "図"),
        (b"", None, ""),
    ],
)
def test_an_answer_may_be_text(wire, body, content_type, text):
    wire.otherwise = answer(body, content_type=content_type)
    assert client(wire.url, get=get(Text("text/csv"))).get() == text
    assert wire.requests[0].headers["accept"] == "text/csv"


@pytest.mark.parametrize("content_type", ["text/plain", "text/plain; charset=nonsense"])
def test_text_that_is_none_is_an_invalid_response(wire, content_type):
    wire.otherwise = answer(b"\xff\xfe\xff", content_type=content_type)
    with pytest.raises(InvalidResponse, match="not text in"):
        client(wire.url, get=get(Text())).get()


def test_only_the_declared_statuses_are_a_success(wire):
    endpoint = Endpoint(POST, returns=Thing, success=(201, 204), summary="Make.")
    calling = client(wire.url, make=endpoint)
    wire.script = [answer({"name": TOKEN}, 201), b"HTTP/1.1 204 No Content\r\n\r\n", answer({"name": "a"}, 200)]
    assert calling.make() == {"name": TOKEN}
    assert calling.make() is None
    with pytest.raises(InvalidResponse, match="the answer has the status 200, not 201 or 204"):
        calling.make()


class Facts(Schema):
    size = fields.Integer(data_key="content-length", required=True)
    share = fields.Float(data_key="X-Share")
    public = fields.Boolean(data_key="X-Public")
    kinds = fields.List(fields.String(), data_key="X-Kinds")
    changed = fields.DateTime(format="rfc", data_key="last-modified")
    title = PercentEncoded(data_key="x-title")
    meta = HeaderFamily("X-Abeja-Meta-")
    missing = fields.String()


LOOK = Endpoint(HEAD, "/{thing_id}", returns=InHeaders(Facts), raises=(NotFound,), summary="Look.")
LOOKED = answer(
    b"",
    content_length="1234567",
    content_encoding="gzip",
    X_share="0.5",
    x_Public="true",
    x_kinds="a, b",
    last_modified="Wed, 21 Oct 2015 07:28:00 GMT",
    x_title="%E5%9B%B3",
    x_ABEJA_meta_Maker="%E5%9B%B3 1",
    x_abeja_meta_year="2018",
    server="whatever",
)
FACTS = {
    "content-length": 1234567,
    "X-Share": 0.5,
    "X-Public": True,
    "X-Kinds": ["a", "b"],
    "last-modified": "Wed, 21 Oct 2015 07:28:00 GMT",
    "x-title": "図",
    "meta": {"maker": "図 1", "year": "2018"},
}


def test_an_answer_without_a_body_is_what_its_headers_say(wire, transport):
    wire.otherwise = LOOKED
    calling = client(wire.url, look=LOOK, settings={"transport": transport, "check_responses": True})
    assert [calling.look("a"), calling.look("b")] == [FACTS, FACTS]
    assert [(seen.method, seen.target, seen.body) for seen in wire.requests] == [
        ("HEAD", "/things/a", b""),
        ("HEAD", "/things/b", b""),
    ]
    assert wire.connections == 1
    # What went wrong cannot be told in a body either.
    wire.script = [answer(b"", 404, content_length="20")]
    with pytest.raises(NotFound) as caught:
        calling.look("a")
    assert (caught.value.status_code, caught.value.error) == (404, "Not Found")
    wire.script = [answer(b"", 503, content_length="20")]
    assert calling.look("a") == FACTS


def test_an_awaited_answer_is_what_its_headers_say_too(wire):
    async def main():
        made = type("Client", (BaseAsyncClient,), {}, resources=[resource(look=LOOK)])
        async with made(CREDENTIAL, base_url=wire.url, check_responses=True) as awaited:
            assert [await awaited.look("a"), await awaited.look("b")] == [FACTS, FACTS]
            wire.script = [answer(b"", 404, content_length="20")]
            with pytest.raises(NotFound):
                await awaited.look("a")

    wire.otherwise = LOOKED
    asyncio.run(main())
    assert wire.connections == 1


def test_what_headers_say_is_recorded_replayed_and_held_against_what_is_declared(wire, tmp_path):
    wire.otherwise = LOOKED
    for mode in ("all", "none"):
        wired = Urllib3Transport()
        with cassette(tmp_path / "look.json", mode, wired) as recording:
            assert client(wire.url, look=LOOK, settings={"transport": recording}).look("a") == FACTS
            if mode == "all":
                wire.script = [answer(b"", 404, content_length="20")]
                with pytest.raises(NotFound):
                    client(wire.url, look=LOOK, settings={"transport": recording}).look("b")
        wired.close()
    assert len(wire.requests) == 2
    endpoints = resource(look=LOOK).endpoints.values()
    assert list(drift(load(tmp_path / "look.json"), endpoints)) == []
    wrong = Interaction(Request("HEAD", "http://h/things/a"), Response(200, {"x-share": "much"}))
    assert [found.wrong for found in drift([wrong], endpoints)] == [
        "The header X-Share of the answer is not what was declared."
    ]


@pytest.mark.parametrize(("name", "text"), [("content-length", "1_0x"), ("x-share", "nan"), ("x-public", "perhaps")])
def test_a_header_that_is_not_what_was_declared_is_an_invalid_response(name, text):
    calling = client("http://127.0.0.1", look=LOOK, settings={"transport": Scripted(Response(200, {name: text}))})
    with pytest.raises(InvalidResponse, match=rf"(?i)the header {name} of the answer is not what was declared"):
        calling.look("a")


def test_a_header_that_is_always_there_is_missed_where_answers_are_checked():
    settings = {"transport": Scripted(Response(200, {"x-share": "1"}))}
    assert client("http://127.0.0.1", look=LOOK, settings=settings).look("a") == {"X-Share": 1.0}
    with pytest.raises(InvalidResponse, match="content-length"):
        client("http://127.0.0.1", look=LOOK, settings={**settings, "check_responses": True}).look("a")


@pytest.mark.parametrize("success", [(), (204,)])
def test_headers_are_read_beside_any_body_or_none(wire, success):
    class Made(Schema):
        etag = fields.String()

    endpoint = Endpoint(PUT, returns=InHeaders(Made), success=success, summary="Put.")
    wire.otherwise = answer(b"", 204, content_length=None, etag='"a"')
    assert client(wire.url, put=endpoint).put() == {"etag": '"a"'}
    assert "None" not in str(client(wire.url, put=endpoint).put.__annotations__["return"])


DOWNLOAD = get(Download("path"))
CONTENT = bytes(range(256)) * 2048


def test_a_download_becomes_a_file_when_it_is_whole(wire, transport, tmp_path):
    wire.otherwise = answer(CONTENT, content_type="image/png")
    calling = client(wire.url, get=DOWNLOAD, settings={"transport": transport})
    path = tmp_path / "図.png"
    path.write_bytes(b"what was there")
    assert calling.get(path) == Downloaded(path, len(CONTENT), "image/png")
    assert calling.get(str(tmp_path / "b")) == Downloaded(tmp_path / "b", len(CONTENT), "image/png")
    assert path.read_bytes() == (tmp_path / "b").read_bytes() == CONTENT
    assert sorted(os.listdir(tmp_path)) == ["b", "図.png"]
    assert wire.requests[0].headers["accept"] == "*/*"


def test_a_download_is_decoded(wire, transport, tmp_path):
    packed = zlib.compressobj(wbits=31)
    body = packed.compress(CONTENT) + packed.flush()
    wire.otherwise = answer(body, content_encoding="gzip")
    client(wire.url, get=DOWNLOAD, settings={"transport": transport}).get(tmp_path / "a")
    assert (tmp_path / "a").read_bytes() == CONTENT


def test_a_transport_that_knows_no_sinks_downloads_too(tmp_path):
    scripted = Scripted(Response(503), Response(200, body=CONTENT))
    client("https://api.example", get=DOWNLOAD, settings={"transport": scripted}).get(tmp_path / "a")
    assert (tmp_path / "a").read_bytes() == CONTENT


def test_a_download_of_nothing_leaves_nothing(wire, transport, tmp_path):
    wire.otherwise = b"HTTP/1.1 204 No Content\r\n\r\n"
    endpoint = get(Download("path"), success=(200, 204))
    assert client(wire.url, get=endpoint, settings={"transport": transport}).get(tmp_path / "a") is None
    assert not os.listdir(tmp_path)


HALF = answer(CONTENT)[:-1000]


@pytest.mark.parametrize("fault", [then_close(HALF), lambda c, s: (c.sendall(HALF), reset(c, s))[1], answer(b"", 503)])
def test_a_download_that_is_cut_off_is_asked_for_again_from_the_beginning(wire, transport, tmp_path, fault):
    wire.script, wire.otherwise = [fault, fault], answer(CONTENT)
    client(wire.url, get=DOWNLOAD, settings={"transport": transport}).get(tmp_path / "a")
    assert (tmp_path / "a").read_bytes() == CONTENT
    assert os.listdir(tmp_path) == ["a"]


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        (then_close(HALF), TransportError),
        (answer({"error": "gone"}, 404), NotFound),
        (answer(b"x" * 9, 500), HttpError),
    ],
)
def test_a_download_that_fails_leaves_what_was_there(wire, transport, tmp_path, reply, error):
    wire.otherwise = reply
    (tmp_path / "a").write_bytes(b"what was there")
    calling = client(wire.url, get=DOWNLOAD, settings={"transport": transport, "max_retry_count": 1})
    with pytest.raises(error):
        calling.get(tmp_path / "a")
    assert (tmp_path / "a").read_bytes() == b"what was there"
    assert os.listdir(tmp_path) == ["a"]


def test_a_download_that_takes_too_long_leaves_nothing(wire, transport, tmp_path):
    def slow(connection, seen):
        connection.sendall(HALF)
        connection.recv(1)
        return False

    wire.otherwise = slow
    calling = client(wire.url, get=DOWNLOAD, settings={"transport": transport, "max_retry_count": 0, "timeout": 0.3})
    with pytest.raises(Timeout):
        calling.get(tmp_path / "a")
    assert not os.listdir(tmp_path)


@pytest.mark.parametrize("place", ["", "no/such/folder/a", "x" * 300, "a\0b"])
def test_a_place_where_no_file_can_be_is_told(wire, transport, tmp_path, place):
    wire.otherwise = answer(CONTENT)
    calling = client(wire.url, get=DOWNLOAD, settings={"transport": transport})
    with pytest.raises(BodyError, match="cannot be written: "):
        calling.get(tmp_path / place)
    assert not os.listdir(tmp_path)
    assert len(wire.requests) == 1


def test_a_full_disk_is_told_and_leaves_nothing(wire, tmp_path):
    # A bound on the size of files is a full disk to whoever writes: the same error from the same call.
    wire.otherwise = answer(CONTENT)
    code = f"""
import resource, signal, sys
sys.path[:0] = {sys.path!r}
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
from test_answers import DOWNLOAD, BodyError, client
try:
    client({wire.url!r}, get=DOWNLOAD).get({str(tmp_path / "a")!r})
except BodyError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "cannot be written: File too large" in done.stdout, done
    assert not os.listdir(tmp_path)
    assert len(wire.requests) == 1


def test_a_killed_download_leaves_what_was_there(wire, tmp_path):
    began = threading.Event()

    def slow(connection, seen):
        connection.sendall(HALF)
        began.set()
        connection.recv(1)
        return False

    wire.otherwise = slow
    path = tmp_path / "a"
    path.write_bytes(b"what was there")
    code = f"""
import sys
sys.path[:0] = {sys.path!r}
from test_answers import DOWNLOAD, client
client({wire.url!r}, get=DOWNLOAD).get({str(path)!r})
"""
    with subprocess.Popen([sys.executable, "-c", code]) as process:
        assert began.wait(30)
        process.kill()
    assert path.read_bytes() == b"what was there"


@pytest.mark.parametrize("length", [True, False])
def test_a_download_of_any_length_takes_bounded_memory(wire, transport, tmp_path, length):
    size, piece = 48 * 1024 * 1024, bytes(1 << 16)

    def long(connection, seen):
        connection.sendall(answer(b"", content_length=str(size) if length else None))
        for _ in range(size >> 16):
            connection.sendall(piece)
        return False

    wire.otherwise = long
    tracemalloc.start()
    try:
        client(wire.url, get=DOWNLOAD, settings={"transport": transport}).get(tmp_path / "a")
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert (tmp_path / "a").stat().st_size == size
    assert peak < 4 * 1024 * 1024
    (tmp_path / "a").unlink()


def test_threads_that_download_to_one_place_leave_one_whole_file(wire, tmp_path):
    wire.otherwise = answer(CONTENT)
    calling = client(wire.url, get=DOWNLOAD)
    threads = [threading.Thread(target=calling.get, args=(tmp_path / "a",)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (tmp_path / "a").read_bytes() == CONTENT
    assert os.listdir(tmp_path) == ["a"]


def test_an_endpoint_may_have_a_timeout_of_its_own(wire):
    def late(connection, seen):
        time.sleep(0.4)
        connection.sendall(answer(RUN))

    wire.otherwise = late
    calling = client(
        wire.url,
        slow=get(Thing, timeout=30.0),
        quick=get(Thing, timeout=0.1),
        usual=get(Thing),
        settings={"timeout": 0.2, "max_retry_count": 0},
    )
    assert calling.slow() == RUN
    for call in (calling.quick, calling.usual):
        with pytest.raises(Timeout):
            call()
