"""Bodies as a server sees them: nested JSON, arrays, raw and multipart, from memory, files and iterators."""

import email.parser
import email.policy
import io
import json
import os
import pathlib
import socket
import threading
import tracemalloc

import pytest
from clients import client
from marshmallow import Schema, fields
from servers import RUN, Scripted, answer, close, closed_port, reset

from abeja_run import POST, PUT, Endpoint
from abeja_run.descriptors import JSONBody, Multipart, RawBody
from abeja_run.exceptions import BodyError, ConnectError, HttpError, OutcomeUnknown, TransportError, ValidationError
from abeja_run.fields import Content, about
from abeja_run.messages import Response
from abeja_run.sources import Upload, source_of
from abeja_run.transports import RequestsTransport, Urllib3Transport


class Thing(Schema):
    name = fields.String()


class Limits(Schema):
    most = fields.Integer(strict=True, required=True, data_key="max")
    kinds = fields.List(fields.String())


class Part(Schema):
    name = fields.String(required=True)
    limits = fields.Nested(Limits, data_key="Limits")


class Order(Schema):
    parts = fields.List(fields.Nested(Part), required=True, metadata=about("Parts."))


ORDER = Endpoint(POST, body=Order, returns=Thing, summary="Order.")
PARTS = Endpoint(
    PUT,
    body=JSONBody("parts", fields.List(fields.Nested(Part), required=True, metadata=about("Parts."))),
    returns=Thing,
    summary="Put parts.",
)
GIVEN = [{"name": "a", "limits": {"most": 1, "kinds": ["x"]}}, {"name": "b"}]
SEEN = [{"name": "a", "Limits": {"max": 1, "kinds": ["x"]}}, {"name": "b"}]


def test_a_json_body_is_nested_or_an_array(wire):
    calling = client(wire.url, order=ORDER, put=PARTS)
    calling.order(GIVEN)
    calling.put(GIVEN)
    assert [seen.json for seen in wire.requests] == [{"parts": SEEN}, SEEN]
    assert wire.requests[1].headers["content-type"] == "application/json"


@pytest.mark.parametrize(
    ("parts", "named"),
    [
        ({"name": "a"}, "parts"),
        ([{"nam": "a"}], r"parts\[0\].nam"),
        ([{"limits": {"most": 1}}], r"parts\[0\].name"),
        ([{"name": "a", "limits": {"most": "1"}}], r"parts\[0\].limits.most"),
        ([{"name": "a", "limits": {"max": 1}}], r"parts\[0\].limits.max"),
        (None, "parts"),
    ],
)
@pytest.mark.parametrize("call", ["order", "put"])
def test_a_wrong_value_deep_in_a_body_is_named(wire, call, parts, named):
    calling = client(wire.url, order=ORDER, put=PARTS)
    with pytest.raises(ValidationError, match=f"{call}: {named}: "):
        getattr(calling, call)(parts)
    assert not wire.requests


class Kind(Schema):
    kind = fields.String(data_key="content-type", metadata=about("The media type."))


RAW = RawBody("content", "The content.", content_type="image/png")
UPLOAD = Endpoint(PUT, body=RAW, headers=Kind, returns=Thing, summary="Upload.")
ADD = Endpoint(POST, body=RAW, returns=Thing, summary="Add.")
CONTENT = bytes(range(256)) * 1024


class Nonseekable(io.BytesIO):
    def seekable(self):
        return False


@pytest.fixture(params=["bytes", "path", "file", "list", "iterator", "pipe"])
def content(request, tmp_path):
    path = tmp_path / "content.bin"
    path.write_bytes(CONTENT)
    pieces = [CONTENT[:10], b"", CONTENT[10:]]
    with path.open("rb") as file:
        yield {
            "bytes": CONTENT,
            "path": path,
            "file": file,
            "list": pieces,
            "iterator": iter(pieces),
            "pipe": Nonseekable(CONTENT),
        }[request.param]


@pytest.fixture(params=[Urllib3Transport, RequestsTransport])
def transport(request):
    made = request.param()
    yield made
    made.close()


def test_a_raw_body_comes_from_bytes_a_file_or_an_iterator(wire, transport, content):
    calling = client(wire.url, upload=UPLOAD, settings={"transport": transport})
    assert calling.upload(content) == RUN
    seen = wire.requests[0]
    assert (seen.body == CONTENT, seen.headers["content-type"]) == (True, "image/png")
    assert ("content-length" in seen.headers) != ("transfer-encoding" in seen.headers)


def test_a_file_is_read_from_where_it_stands(wire, tmp_path, transport):
    (tmp_path / "f").write_bytes(b"0123456789")
    calling = client(wire.url, upload=UPLOAD, settings={"transport": transport})
    with (tmp_path / "f").open("rb") as file:
        file.seek(4)
        calling.upload(file)
        calling.upload(file)
    assert [seen.body for seen in wire.requests] == [b"456789", b""]
    assert [seen.headers["content-length"] for seen in wire.requests] == ["6", "0"]


def test_the_content_type_may_be_given(wire):
    calling = client(wire.url, upload=UPLOAD)
    calling.upload(b"a", kind="text/plain")
    calling.upload(Upload(b"a", content_type="text/csv"))
    assert [seen.headers["content-type"] for seen in wire.requests] == ["text/plain", "text/csv"]


@pytest.mark.parametrize(
    "content", ["a text", 5, None, pathlib.Path("/nowhere/at/all"), pathlib.Path("/"), io.StringIO("a")]
)
def test_what_is_no_content_is_refused_before_anything_is_sent(wire, content):
    with pytest.raises(ValidationError, match="^upload: content: "):
        client(wire.url, upload=UPLOAD).upload(content)
    assert not wire.requests


@pytest.mark.parametrize("fault", [answer(b"{}", 503, retry_after="0"), close, reset])
def test_a_body_that_can_be_read_again_is_sent_again(wire, transport, content, fault, monkeypatch):
    monkeypatch.setattr(transport, "sleep", lambda seconds: None)
    calling = client(wire.url, upload=UPLOAD, settings={"transport": transport})
    wire.script = [fault]
    once = isinstance(content, Nonseekable) or type(content) is type(iter([]))
    if once:
        with pytest.raises((HttpError, TransportError)):
            calling.upload(content)
        assert len(wire.requests) == 1
    else:
        calling.upload(content)
        assert [seen.body == CONTENT for seen in wire.requests] == [True, True]


def test_an_iterator_is_sent_after_a_connection_that_was_not_made(wire):
    port = closed_port()
    refused = Scripted(ConnectError("no connection"), Response(200, body=b"{}"))
    client(f"http://127.0.0.1:{port}", upload=UPLOAD, settings={"transport": refused}).upload(iter([b"a"]))
    assert [request.body.read() for request in refused.requests[:1]] == [b"a"]
    assert len(refused.requests) == 2
    pieces = iter([b"a"])
    with pytest.raises(ConnectError):
        client(f"http://127.0.0.1:{port}", upload=UPLOAD, settings={"max_retry_count": 0}).upload(pieces)
    assert next(pieces) == b"a"


def test_a_post_of_a_stream_whose_answer_is_lost_has_an_unknown_outcome(wire, transport):
    wire.script = [close]
    with pytest.raises(OutcomeUnknown):
        client(wire.url, add=ADD, settings={"transport": transport}).add(iter([b"a"]))
    assert len(wire.requests) == 1


def failing():
    yield b"a"
    raise OSError("the disk is gone")


def text():
    yield b"a"
    yield "b"


@pytest.mark.parametrize(("content", "told"), [(failing, "the disk is gone"), (text, "of type str")])
def test_an_iterator_that_fails_is_no_fault_of_the_wire_and_is_not_asked_again(wire, transport, content, told):
    with pytest.raises(BodyError, match=told):
        client(wire.url, upload=UPLOAD, settings={"transport": transport}).upload(content())
    assert not wire.requests
    client(wire.url, upload=UPLOAD, settings={"transport": transport}).upload(b"a")
    assert wire.requests[0].body == b"a"


def test_a_file_that_shrinks_grows_or_goes_while_it_waits_is_told(wire, tmp_path, transport):
    path = tmp_path / "f"
    path.write_bytes(b"0123456789")
    source = source_of(path)
    path.write_bytes(b"0123456789more")
    assert source.read() == b"0123456789"
    path.write_bytes(b"01234")
    with pytest.raises(BodyError, match="5 of 10 bytes are missing"):
        source.read()
    path.unlink()
    with pytest.raises(BodyError, match="cannot be read: No such file"):
        source.read()
    with (tmp_path / "f").open("w+b") as file:
        source = source_of(file)
    with pytest.raises(BodyError, match="closed file"):
        source.read()


class NewImage(Schema):
    picture = Content(content_type="image/png", required=True, metadata=about("Picture."))
    labels = fields.Dict(metadata=about("Labels."))
    parts = fields.List(fields.Nested(Part), metadata=about("Parts."))
    more = fields.List(Content(), metadata=about("More."))
    names = fields.List(fields.String(), metadata=about("Names."))
    title = fields.String(data_key="the title", metadata=about("Title."))
    public = fields.Boolean(metadata=about("Public."))


IMAGE = Endpoint(POST, body=Multipart(NewImage), returns=Thing, summary="Add an image.")


def parts_of(seen):
    head = f"Content-Type: {seen.headers['content-type']}\r\n\r\n".encode()
    message = email.parser.BytesParser(policy=email.policy.HTTP).parsebytes(head + seen.body)
    return [
        (
            part.get_param("name", header="content-disposition"),
            part.get_filename(),
            part.get_content_type() if "content-type" in part else None,
            part.get_payload(decode=True),
        )
        for part in message.iter_parts()
    ]


def test_a_form_has_files_json_and_texts_as_parts(wire, transport, tmp_path):
    path = tmp_path / "c.bin"
    path.write_bytes(b"\r\n--x\x00")
    calling = client(wire.url, add=IMAGE, settings={"transport": transport})
    calling.add(
        b"PNG",
        labels={"a": "図"},
        parts=GIVEN,
        more=[path, Upload(iter([b"a", b"b"]), "x.csv", "text/csv")],
        names=["n", "ü"],
        title="t",
        public=True,
    )
    seen = [
        (name, file, kind, json.loads(content) if kind == "application/json" else content)
        for name, file, kind, content in parts_of(wire.requests[0])
    ]
    assert seen == [
        ("picture", "picture", "image/png", b"PNG"),
        ("labels", None, "application/json", {"a": "図"}),
        ("parts", None, "application/json", SEEN),
        ("more", "c.bin", "application/octet-stream", b"\r\n--x\x00"),
        ("more", "x.csv", "text/csv", b"ab"),
        ("names", None, None, b"n"),
        ("names", None, None, "ü".encode()),
        ("the title", None, None, b"t"),
        ("public", None, None, b"true"),
    ]
    assert "transfer-encoding" in wire.requests[0].headers
    calling.add(path)
    assert int(wire.requests[1].headers["content-length"]) == len(wire.requests[1].body)


@pytest.mark.parametrize("name", ['a"; filename="evil.sh', "a\r\nX-Evil: 1", "図.png", "..\\..\\a"])
def test_no_file_name_breaks_out_of_its_part(wire, name):
    client(wire.url, add=IMAGE).add(Upload(b"PNG", filename=name))
    body = wire.requests[0].body
    assert body.count(b"\r\n\r\n") == 1
    head = body.partition(b"\r\n\r\n")[0].split(b"\r\n")
    assert len(head) == 3
    assert head[1].count(b'"') == 4


@pytest.mark.parametrize("kind", ["text/plain\r\nX-Evil: 1", "textplain", "text/ü"])
def test_a_media_type_that_is_none_is_refused(wire, kind):
    with pytest.raises(ValidationError, match="media type"):
        client(wire.url, add=IMAGE).add(Upload(b"PNG", content_type=kind))
    assert not wire.requests


def test_an_idempotent_form_is_sent_again_as_it_was(wire, tmp_path, monkeypatch):
    (tmp_path / "f").write_bytes(b"PNG")
    put = Endpoint(PUT, body=Multipart(NewImage), returns=Thing, summary="Put an image.")
    wire.script = [answer(b"{}", 503)]
    monkeypatch.setattr("abeja_run.retry.random.uniform", lambda *_: 0.0)
    client(wire.url, put=put).put(tmp_path / "f")
    assert wire.requests[0].body == wire.requests[1].body


class Draining:
    """A server that counts what it is sent and keeps none of it."""

    def __init__(self):
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listening.getsockname()[1]}"
        self.counted = 0
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        connection, _ = self._listening.accept()
        with connection, self._listening:
            buffer = bytearray(1 << 16)
            tail = b""
            while not tail.endswith(b"END--\r\n") and (size := connection.recv_into(buffer)):
                self.counted += size
                tail = (tail + bytes(buffer[max(0, size - 64) : size]))[-64:]
                if b"END" in tail:
                    break
            connection.sendall(answer({}))


@pytest.mark.parametrize("how", ["file", "iterator", "form"])
def test_a_body_of_any_length_takes_bounded_memory(transport, tmp_path, how):
    size = 32 * 1024 * 1024
    server = Draining()
    path = tmp_path / "large"
    with path.open("wb") as file:
        file.truncate(size - 3)
        file.seek(0, os.SEEK_END)
        file.write(b"END")
    piece = bytes(1 << 16)
    pieces = (piece if number < size >> 16 else b"END" for number in range((size >> 16) + 1))
    calling = client(server.url, upload=UPLOAD, add=IMAGE, settings={"transport": transport})
    tracemalloc.start()
    try:
        calling.add(path) if how == "form" else calling.upload(path if how == "file" else pieces)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert server.counted >= size
    assert peak < 4 * 1024 * 1024
