"""``api``: every endpoint as a command that sends what its method sends; ``--dry-run``, and curl that sends it too."""

import base64
import contextlib
import io
import itertools
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import threading
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from ipaddress import IPv6Address
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import parse_qsl

import pytest
from commands import execute, on_terminal
from everything import Colour, Things
from servers import IDS, RUN, TOKEN, answer

from abeja_run import BaseClient
from abeja_run.resources.runs import Runs

CURL = pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not there")
THING = {"thing_id": "t1"}
PAGES = [answer({"things": [{"thing_id": "a"}, {"thing_id": "b"}], "token": "2"}), answer({"things": [THING]})]
HERE = ("--organization-id", "o1")
THERE = (*HERE, "--thing-id", "t1")
_numbers = itertools.count()


class Client(BaseClient, resources=[Things]):
    pass


@pytest.fixture
def install(tmp_path, monkeypatch):
    """Lays a distribution out that offers a resource; by default the one that has everything."""
    monkeypatch.syspath_prepend(str(tmp_path))
    # For commands that are processes of their own.
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join((str(tmp_path), str(Path(__file__).parents[1]))))

    def installing(value="everything:Things", name="things"):
        folder = tmp_path / f"offering_{next(_numbers)}-1.0.dist-info"
        folder.mkdir()
        (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {folder.name[:-14]}\nVersion: 1.0\n")
        (folder / "entry_points.txt").write_text(f"[abeja_run.resources]\n{name} = {value}\n")

    return installing


@pytest.fixture
def there(install, wire, monkeypatch):
    """The resource that has everything, and a server for it."""
    install()
    monkeypatch.setenv("PLATFORM_AUTH_TOKEN", TOKEN)
    monkeypatch.setenv("ABEJA_API_URL", wire.url)
    monkeypatch.delenv("ABEJA_ORGANIZATION_ID", raising=False)
    return wire


@pytest.fixture
def files(tmp_path, monkeypatch):
    """A folder with files of bytes, and one of JSON, to be in."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a b.png").write_bytes(b"\x89PNG\r\n\x1a\n\x00'\"")
    (tmp_path / 'odd";type=x').write_bytes(b"@odd")
    (tmp_path / "labels.json").write_text('{"a": "ü", "b": "2"}', encoding="utf-8")
    (tmp_path / "key").write_text("k-secret\n")
    return tmp_path


def alike(seen, *, multipart=False):
    """What two equal requests have in common, however they were sent."""
    own = {"user-agent", "accept-encoding", "connection", "host", "content-length", "transfer-encoding"}
    headers = {name: value for name, value in seen.headers.items() if name not in own}
    body = seen.body
    if multipart:
        boundary = headers["content-type"].partition("boundary=")[2].strip('"')
        headers["content-type"] = headers["content-type"].partition(";")[0]
        body = sorted(parts(body, boundary))
    if "idempotency-key" in headers:
        headers["idempotency-key"] = "a key"
    return seen.method, seen.target, headers, body


def parts(body, boundary):
    for part in body.split(b"--" + boundary.encode())[1:-1]:
        head, _, content = part.strip(b"\r\n").partition(b"\r\n\r\n")
        yield sorted(head.split(b"\r\n")), content


#: An endpoint, the options of a command as they are written in a shell, the arguments of the method.
CALLS = [
    (
        "find_things",
        "--tags 'a b' --tags 'ü&=' --codes 1 --codes 2 --words x --words y",
        {"tags": ["a b", "ü&="], "codes": [1, 2], "words": ["x", "y"]},
    ),
    (
        "find_things",
        "--flags true --flags false --no-exact --forward --lines -x --lines ''",
        {"flags": [True, False], "exact": False, "forward": True, "lines": ["-x", ""]},
    ),
    (
        "find_things",
        "--since 2018-01-01T09:00:00+09:00 --until 2018-01-01T00:00:00Z --day 2018-01-31",
        {
            "since": datetime(2018, 1, 1, 9, tzinfo=timezone(timedelta(hours=9))),
            "until": datetime(2018, 1, 1, tzinfo=timezone.utc),
            "day": date(2018, 1, 31),
        },
    ),
    (
        "find_things",
        "--hour 09:30:00 --age 90 --colour DARK_BLUE --number 2 --ratio 0.5",
        {
            "hour": time(9, 30),
            "age": timedelta(minutes=90),
            "colour": Colour.DARK_BLUE,
            "number": 2,
            "ratio": 0.5,
        },
    ),
    (
        "find_things",
        "--address ::1 --price 12.50 --query-json '{' --query-debug d --page-token t",
        {"address": IPv6Address("::1"), "price": Decimal("12.50"), "json": "{", "debug": "d", "token": "t"},
    ),
    (
        "create_thing",
        """--name x --size '{"width": 3}' --numbers 1 --numbers 2 --sizes '[{"width": 1}]' --letters a""",
        {"name": "x", "size": {"width": 3}, "numbers": [1, 2], "sizes": [{"width": 1}], "letters": ["a"]},
    ),
    (
        "create_thing",
        r"""--name x --size '{"width": 1}' --labels @labels.json --labels c=d=e --model-id 3
        --counts '{"it'"'"'s": 1}' --anything '["\"@\\", null, "é"]'""",
        {
            "name": "x",
            "size": {"width": 1},
            "labels": {"a": "ü", "b": "2", "c": "d=e"},
            "model_id": "3",
            "counts": {"it's": 1},
            "anything": ['"@\\', None, "é"],
        },
    ),
    ("get_thing", "", {}),
    (
        "mark_thing",
        """--meta 'title=図 1' --meta empty= --match '"v1"' --title '$HOME `x`' --kinds a --kinds b""",
        {"meta": {"title": "図 1", "empty": ""}, "match": '"v1"', "title": "$HOME `x`", "kinds": ["a", "b"]},
    ),
    ("set_tags", "--tags a --tags @b", {"tags": ["a", "@b"]}),
    ("put_image", "--image 'a b.png'", {"image": Path("a b.png")}),
    (
        "put_image",
        """--image 'odd";type=x' --content-type image/jpeg""",
        {"image": Path('odd";type=x'), "content_type": "image/jpeg"},
    ),
    (
        "add_image",
        r"""--title '@é;type=x' --picture 'a b.png' --others 'odd";type=x' --others key --tags '<a' --tags b
        --labels '{"a;\"\\": "\u0000"}' --sizes '[{"width": 1}]' --public""",
        {
            "title": "@é;type=x",
            "picture": Path("a b.png"),
            "others": [Path('odd";type=x'), Path("key")],
            "tags": ["<a", "b"],
            "labels": {'a;"\\': "\x00"},
            "sizes": [{"width": 1}],
            "public": True,
        },
    ),
    ("list_things", "", {}),
    ("get_note", "", {}),
    ("delete_thing", "", {}),
    ("check_image", "", {}),
    ("get_status", "--region eu", {"region": "eu"}),
    ("get_public", "", {}),
    ("list_parts", "--offset 0 --limit 2 --needed false", {"offset": 0, "limit": 2, "whole": False}),
]


def ids(name):
    """The options for the variables of an endpoint's path."""
    return THERE if "thing_id" in Things.endpoints[name].variables else HERE


def called(name, arguments):
    """What the method gives."""
    known = {"organization_id": "o1", "thing_id": "t1"}
    variables = {variable: known[variable] for variable in Things.endpoints[name].variables if variable in known}
    with Client() as client:
        return getattr(client, name)(**variables, **arguments)


NAMES = [f"{index}-{name}" for index, (name, *_) in enumerate(CALLS)]
#: What the server answers, where that is not a thing.
ANSWERS = {
    "find_things": answer({"things": []}),
    "create_thing": answer(THING, 201),
    "mark_thing": answer(b"", 204, content_length=None),
    "set_tags": answer(["a"]),
    "put_image": answer(b"", 204, content_length=None),
    "list_things": answer([THING]),
    "get_note": answer(b"a note", content_type="text/plain"),
    "delete_thing": answer(b"", 204, content_length=None),
    "check_image": answer(b"", content_length="5", x_abeja_meta_title="%E5%9B%B3"),
    "list_parts": answer([{"width": 1}]),
    "get_public": answer(b"<html>\n", content_type="text/html"),
}


def test_every_endpoint_is_called():
    # A download writes a file; it is tried below.
    assert {name for name, *_ in CALLS} == {*Things.endpoints} - {"get_image"}


@pytest.mark.parametrize(("name", "options", "arguments"), CALLS, ids=NAMES)
def test_a_command_sends_what_the_method_of_its_name_sends(command, there, files, name, options, arguments):
    there.otherwise = ANSWERS.get(name, answer(THING))
    expected = called(name, arguments)
    done = command("api", name, *ids(name), *shlex.split(options))
    assert (done.code, done.err) == (0, "")
    first, second = (alike(seen, multipart=name == "add_image") for seen in there.requests)
    assert second == first
    assert there.requests[1].headers["host"] == there.requests[0].headers["host"]
    if expected is None or isinstance(expected, str):
        assert done.out == (expected or "")
    else:
        assert json.loads(done.out) == expected


@CURL
@pytest.mark.parametrize(("name", "options", "arguments"), CALLS, ids=NAMES)
def test_a_dry_run_is_a_script_by_which_curl_sends_an_equal_request(command, there, files, name, options, arguments):
    there.otherwise = ANSWERS.get(name, answer(THING))
    called(name, arguments)
    done = command("api", name, *ids(name), *shlex.split(options), "--dry-run")
    assert (done.code, done.err, len(there.requests)) == (0, "", 1)
    assert TOKEN not in done.out
    comments = done.out.splitlines()[:-1]
    assert all(line.startswith("#") for line in comments)
    assert comments[0] == f"# {there.requests[0].method} {there.url}{there.requests[0].target}"
    subprocess.run(["sh", "-euc", done.out], check=True, capture_output=True, timeout=30)
    first, second = (alike(seen, multipart=name == "add_image") for seen in there.requests)
    assert second == first
    assert there.requests[1].headers["host"] == there.requests[0].headers["host"]


def test_every_endpoint_is_a_command_whose_help_is_its_descriptor(command, install):
    install()
    listed = command("api", "--help").out
    for endpoint in (*Runs.endpoints.values(), *Things.endpoints.values()):
        assert re.search(rf"^  {endpoint.name} +\S", listed, re.MULTILINE)
        done = command("api", endpoint.name, "--help")
        told = " ".join(done.out.split())
        assert (done.code, done.err) == (0, "")
        assert endpoint.summary in told
        assert endpoint.description in told
        assert f"{endpoint.method} {endpoint.template}" in told
        for parameter in endpoint.parameters:
            assert parameter.description in told


def test_the_name_of_an_endpoint_may_be_written_with_hyphens(command, wire, monkeypatch):
    monkeypatch.setenv("PLATFORM_AUTH_TOKEN", TOKEN)
    done = command("api", "get-run", "--run-id", "run-1", *where(wire))
    assert (done.code, json.loads(done.out)) == (0, RUN)


def where(wire):
    return "--organization-id", IDS[0], "--deployment-id", IDS[1], "--base-url", wire.url


def test_variables_of_the_path_are_taken_from_the_environment(command, runner, monkeypatch):
    run_id = runner.create()["run_id"]
    finished = runner.finish(run_id)
    monkeypatch.setenv("ABEJA_RUN_ID", run_id)
    assert json.loads(command("api", "get_run").out) == finished


def test_all_writes_every_item_of_every_page(command, there):
    there.script = list(PAGES)
    done = command("api", "find_things", *HERE, "--all", "--tags", "a")
    assert [json.loads(line)["thing_id"] for line in done.out.splitlines()] == ["a", "b", "t1"]
    assert [seen.target.partition("?")[2] for seen in there.requests] == ["tags=a", "tags=a&token=2"]


def test_wait_asks_until_the_end_and_writes_the_last_answer(command, there):
    there.script = [answer({**THING, "state": "dark blue"})]
    there.otherwise = answer({**THING, "state": "red"})
    done = command("api", "get_thing", *THERE, "--wait")
    assert (done.code, json.loads(done.out)["state"], len(there.requests)) == (0, "red", 2)


def test_wait_looks_for_a_state_within_another_field(command, there):
    there.script = [answer(THING), answer({**THING, "size": {"width": 1, "unit": "px"}})]
    there.otherwise = answer({**THING, "size": {"width": 1, "unit": "mm"}})
    done = command("api", "get_status", *HERE, "--region", "eu", "--wait")
    assert (done.code, json.loads(done.out)["size"]["unit"], len(there.requests)) == (0, "mm", 3)
    assert "until size.unit is mm" in " ".join(command("api", "get_status", "--help").out.split())


def test_what_ends_badly_is_written_as_it_was_last_seen_and_is_1(command, runner):
    run_id = runner.create(environment={"FAIL": "1"}, retry_count=0)["run_id"]
    runner.finish(run_id)
    done = command("api", "get_run", "--run-id", run_id, "--wait")
    assert (done.code, json.loads(done.out)["status"]) == (1, "FAILED")
    assert re.fullmatch(rf"Error: wait_for_run\(.*{run_id}\) ended FAILED\.\n", done.err)


def test_a_download_becomes_the_file_and_is_told(command, there, files):
    there.otherwise = answer(b"\x00bytes", content_type="image/png")
    done = command("api", "get_image", *THERE, "--path", "out.png")
    assert json.loads(done.out) == {"path": "out.png", "size": 6, "content_type": "image/png"}
    assert (files / "out.png").read_bytes() == b"\x00bytes"


@CURL
def test_curl_is_told_to_write_the_file_too(command, there, files):
    there.otherwise = answer(b"\x00bytes", content_type="image/png")
    line = command("api", "get_image", *THERE, "--path", "out it's.png", "--dry-run").out
    subprocess.run(["sh", "-euc", line], check=True, capture_output=True, timeout=30)
    assert (files / "out it's.png").read_bytes() == b"\x00bytes"


@pytest.mark.parametrize("option", [["--image", "-"], ["--image", "-", "--dry-run"]])
def test_a_content_comes_from_standard_input(there, files, option):
    there.otherwise = answer(b"", 204, content_length=None)
    with open("a b.png", "rb") as file:
        done = execute("api", "put_image", *THERE, *option, stdin=file)
        assert (done.returncode, done.stderr) == (0, "")
        if "--dry-run" in option:
            assert there.requests == []
            if shutil.which("curl") is None:
                return
            file.seek(0)
            subprocess.run(["sh", "-euc", done.stdout], stdin=file, check=True, capture_output=True, timeout=30)
    assert there.requests[0].body == (files / "a b.png").read_bytes()


def test_json_and_texts_come_from_standard_input(command, there, monkeypatch):
    there.otherwise = answer(THING, 201)
    for option in ("--size", "--labels"):
        given = {"--size": ["--labels", "width=3"], "--labels": ["--size", '{"width": 3}']}[option]
        monkeypatch.setattr(
            sys,
            "stdin",
            SimpleNamespace(buffer=io.BytesIO(b'{"width": 3}' if option == "--size" else b'{"width": "3"}')),
        )
        done = command("api", "create_thing", *HERE, "--name", "x", option, "-", *given)
        assert (done.code, done.err) == (0, "")
        assert there.requests[-1].json == {"name": "x", "size": {"width": 3}, "labels": {"width": "3"}}


def test_a_secret_text_is_never_on_the_command_line_and_never_shown(command, there, files):
    there.otherwise = answer(b"", 204, content_length=None)
    assert command("api", "mark_thing", *THERE, "--api-key", "@key").code == 0
    assert there.requests[0].headers["x-api-key"] == "k-secret"
    refused = command("api", "mark_thing", *THERE, "--api-key", "k-secret")
    assert refused.code == 2
    assert "k-secret" not in refused.err
    dry = command("api", "mark_thing", *THERE, "--api-key", "@key", "--dry-run")
    assert "k-secret" not in dry.out
    assert (
        """printf 'authorization: Bearer %s\\nx-api-key: %s\\n' "$PLATFORM_AUTH_TOKEN" "$X_API_KEY" | curl """
        in dry.out
    )


def test_what_is_deprecated_is_told(command, there):
    there.otherwise = answer({"things": []})
    done = command("api", "find_things", *HERE, "--old", "x")
    assert (done.code, done.err) == (0, "--old is deprecated: give colour\n")
    assert "Deprecated: give colour" in " ".join(command("api", "find_things", "--help").out.split())
    assert "--older" not in command("api", "find_things", "--help").out


WRONG = {
    "get_thing --thing-id t1": "Missing option '--organization-id'",
    "get_thing --organization-id o1 --thing-id T": "--thing-id: 'T' (str) does not match [a-z0-9]+",
    "find_things --organization-id o1 --colour green": "'green' is not one of 'RED', 'DARK_BLUE'",
    "find_things --organization-id o1 --number 3": "'3' is not one of '1', '2'",
    "find_things --organization-id o1 --codes x": "--codes",
    "find_things --organization-id o1 --flags yes": "'yes' is not of the form true or false",
    "find_things --organization-id o1 --day today": "'today' is not of the form 2018-01-31",
    "find_things --organization-id o1 --hour now": "'now' is not of the form 09:30:00",
    "find_things --organization-id o1 --age old": "'old' is not of the form 12.5, a number of minutes",
    "find_things --organization-id o1 --age 1e999": "'1e999' is not of the form 12.5",
    "find_things --organization-id o1 --address home": "'home' is not of the form 192.0.2.5",
    "list_parts --organization-id o1 --thing-id t1": "Missing option '--whole'",
    "find_things --organization-id o1 --price dear": "'dear' is not of the form 12.5",
    "find_things --organization-id o1 --since then": "'then' is not a time",
    "create_thing --organization-id o1 --name x --size {": "--size': it is not JSON",
    "create_thing --organization-id o1 --name x --size 5": "--size: 5 (int) is not of type Mapping",
    "create_thing --organization-id o1 --name X --size {}": "--name: 'X' (str): String does not match expected pattern",
    "create_thing --organization-id o1 --name x --size @missing": "'missing' cannot be read",
    "create_thing --organization-id o1 --name x --size {} --labels @list": "--labels': it is not a JSON object",
    "put_image --organization-id o1 --thing-id t1 --image missing": "'missing' does not exist",
    "put_image --organization-id o1 --thing-id t1 --image .": "is a directory",
    "mark_thing --organization-id o1 --thing-id t1 --api-key @missing": "'missing' cannot be read",
    "mark_thing --organization-id o1 --thing-id t1 --meta =x": "there is no name before the '='",
    "mark_thing --organization-id o1 --thing-id t1 --match é": "(str) holds what a header cannot",
    "no_such_endpoint": "No such command 'no_such_endpoint'",
    "get_thing --organization-id o1 --thing-id t1 --base-url http://example.com --dry-run": "--allow-plaintext",
}


@pytest.mark.parametrize("arguments", WRONG)
def test_wrong_usage_names_the_option_and_sends_nothing(command, there, files, arguments):
    (files / "list").write_text("[]")
    done = command("api", *arguments.split())
    assert (done.code, done.out, done.err.count("\n")) == (2, "", 1)
    assert WRONG[arguments] in " ".join(done.err.split())
    assert there.requests == []


def test_a_dry_run_needs_no_credential_and_tells_which_variable_has_to_hold_it(command, install, monkeypatch):
    install()
    monkeypatch.delenv("PLATFORM_AUTH_TOKEN", raising=False)
    done = command("api", "get_thing", *THERE, "--dry-run")
    assert (done.code, done.err) == (0, "The line takes the secret from PLATFORM_AUTH_TOKEN, which is not set here.\n")
    told = """printf 'authorization: Bearer %s\\n' "$PLATFORM_AUTH_TOKEN" | curl -H @- """
    assert done.out.splitlines()[-1].startswith(told)
    assert command("api", "get_thing", *THERE).code == 2
    assert "authorization" not in command("api", "get_public", *HERE, "--dry-run").out


BASIC = {
    "ABEJA_PLATFORM_USER_ID": "ABEJA_PLATFORM_PERSONAL_ACCESS_TOKEN",
    "ABEJA_PLATFORM_DATASOURCE_ID": "ABEJA_PLATFORM_DATASOURCE_SECRET",
}


@CURL
@pytest.mark.parametrize("identity", BASIC)
def test_curl_sends_an_identity_and_its_secret_as_they_are_sent_here(command, there, monkeypatch, identity):
    monkeypatch.delenv("PLATFORM_AUTH_TOKEN")
    monkeypatch.setenv(identity, "1 $2")
    monkeypatch.setenv(BASIC[identity], "hunter:2 é\"'")
    assert command("api", "get_thing", *THERE).code == 0
    dry = command("api", "get_thing", *THERE, "--dry-run")
    assert (dry.code, dry.err) == (0, "")
    assert "hunter" not in dry.out
    assert there.requests[0].headers["authorization"].split()[1] not in dry.out
    subprocess.run(["sh", "-euc", dry.out], check=True, capture_output=True, timeout=30)
    assert alike(there.requests[1]) == alike(there.requests[0])


SECRET_CALLS = {
    "a token": ("get_thing", ""),
    "a form": ("add_image", "--title x --picture 'a b.png'"),
    "a form from standard input": ("add_image", "--title x --picture - --others 'a b.png'"),
    "a body from standard input": ("put_image", "--image -"),
    "a long body": ("create_thing", "--name x --size '{\"width\": 1}' --anything @huge"),
    "a secret header": ("mark_thing", "--api-key @key"),
    "an identity": ("get_thing", ""),
}


@CURL
@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the arguments of processes are read in other ways")
@pytest.mark.parametrize("kind", SECRET_CALLS)
def test_no_process_of_the_line_has_a_secret_among_its_arguments(there, files, monkeypatch, kind):
    (files / "huge").write_text(json.dumps(["it's"] * 100_000))
    monkeypatch.setenv("X_API_KEY", "k-secret")
    if kind == "an identity":
        monkeypatch.delenv("PLATFORM_AUTH_TOKEN")
        monkeypatch.setenv("ABEJA_PLATFORM_USER_ID", "1")
        monkeypatch.setenv("ABEJA_PLATFORM_PERSONAL_ACCESS_TOKEN", TOKEN)
    name, options = SECRET_CALLS[kind]
    reply, seen, over = ANSWERS.get(name, answer(THING)), set(), threading.Event()

    def held(connection, request):
        over.wait(0.2)
        connection.sendall(reply)

    def watch():
        while not over.is_set():
            for path in Path("/proc").glob("[0-9]*/cmdline"):
                with contextlib.suppress(OSError):
                    seen.add(path.read_bytes())

    there.otherwise = held
    arguments = ("api", name, *ids(name), *shlex.split(options))
    with open("a b.png", "rb") as file:
        assert execute(*arguments, stdin=file).returncode == 0
        line = execute(*arguments, "--dry-run", stdin=file).stdout
        (files / "script").write_text(line)
        file.seek(0)
        watching = threading.Thread(target=watch)
        watching.start()
        try:
            subprocess.run(["sh", "-eu", "script"], stdin=file, check=True, capture_output=True, timeout=30)
        finally:
            over.set()
            watching.join()
    first, second = (alike(sent, multipart=name == "add_image") for sent in there.requests)
    assert second == first
    assert [words for words in seen if words.startswith(b"curl\0") and str(there.port).encode() in words]
    basic = base64.b64encode(f"user-1:{TOKEN}".encode())
    for secret in (TOKEN.encode(), b"k-secret", basic):
        assert not [words for words in seen if secret in words]


@CURL
def test_curl_is_given_a_body_that_is_too_long_for_a_command_line(command, there, files):
    (files / "big.json").write_text(json.dumps({"width": 1, "unit": "px"}))
    (files / "huge").write_text(json.dumps(["it's"] * 100_000))
    there.otherwise = answer(THING, 201)
    options = ("--name", "x", "--size", "@big.json", "--anything", "@huge")
    assert command("api", "create_thing", *HERE, *options).code == 0
    line = command("api", "create_thing", *HERE, *options, "--dry-run").out
    (files / "script").write_text(line)
    subprocess.run(["sh", "-eu", "script"], check=True, capture_output=True, timeout=30)
    assert alike(there.requests[1]) == alike(there.requests[0])


def test_a_dry_run_is_a_json_document_where_that_is_asked_for(command, there):
    done = command("api", "get_thing", *THERE, "--dry-run", "--json")
    told = json.loads(done.out)
    assert (told["method"], told["url"], told["body"]) == (
        "GET",
        f"{there.url}/organizations/o1/things/t1",
        None,
    )
    assert told["headers"]["authorization"] == "Bearer ***"
    assert " | curl -H @- " in told["curl"]


def test_a_text_of_a_service_does_nothing_to_a_terminal(there):
    there.otherwise = answer(b"a\x1b[2J\tb\nc\n", content_type="text/plain")
    assert execute("api", "get_note", *THERE).stdout == "a\x1b[2J\tb\nc\n"
    assert on_terminal("api", "get_note", *THERE) == (0, "a\\x1b[2J    b\nc\n")


def test_a_resource_that_is_broken_is_told_and_takes_nothing_away(command, install, there):
    install("nonsense_that_is_not_there:Things", "broken")
    listed = command("api", "--help")
    assert "get_thing" in listed.out
    assert "get_run" in listed.out
    assert listed.err.startswith("Left out: ")
    assert "nonsense_that_is_not_there" in listed.err
    assert command("api", "get_run", "--help").err == ""


ODD = """
from marshmallow import Schema, fields
from abeja_run import GET, Endpoint, Resource
from abeja_run.fields import about

class Odd(Schema):
    help = fields.String(metadata=about("Help."))
    dry_run = fields.String(metadata=about("Dry."))
    exact = fields.Boolean(metadata=about("Exact."))
    no_exact = fields.String(metadata=about("Inexact."))
    x = fields.String(metadata=about("X."))
    x_ = fields.String(metadata=about("Another x."))
    base_url = fields.String(metadata=about("Base."))
    as_json = fields.String(metadata=about("JSON."))
    values = fields.String(metadata=about("Values."))
    settings = fields.String(metadata=about("Settings."))

class Odds(Resource):
    path = "/odd"
    find_odd = Endpoint(GET, query=Odd, returns=Schema, summary="Odd.")
"""
NAMES_THAT_ARE_TAKEN = {
    "help": "--query-help",
    "dry_run": "--query-dry-run",
    "exact": "--exact",
    "no_exact": "--query-no-exact",
    "x": "--x",
    "x_": "--query-x",
    "base_url": "--query-base-url",
    "as_json": "--query-as-json",
    "values": "--values",
    "settings": "--settings",
}


def test_a_parameter_whose_name_is_taken_is_an_option_with_its_place(command, install, tmp_path, there):
    (tmp_path / "offering_odd.py").write_text(ODD)
    install("offering_odd:Odds", "odd")
    options = [(flag,) if name == "exact" else (flag, name) for name, flag in NAMES_THAT_ARE_TAKEN.items()]
    done = command("api", "find_odd", *(word for option in options for word in option))
    assert (done.code, done.err) == (0, "")
    pairs = parse_qsl(there.requests[0].target.partition("?")[2])
    assert pairs == [(name, "true" if name == "exact" else name) for name in NAMES_THAT_ARE_TAKEN]


MINE = """
from everything import Thing
from abeja_run import GET, Endpoint, Resource
class Mine(Resource):
    path = "/mine"
    get_run = Endpoint(GET, returns=Thing, summary="Mine.")
    get_mine = Endpoint(GET, returns=Thing, summary="Mine too.")
"""


def test_a_name_that_two_resources_give_is_that_of_the_first_and_this_is_told(command, install, tmp_path):
    install("abeja_run.resources.runs:Runs", "again")
    assert command("api", "--help").err == ""
    (tmp_path / "offering_mine.py").write_text(MINE)
    install("offering_mine:Mine", "mine")
    done = command("api", "--help")
    assert done.err == "get_run is that of Runs, not that of Mine.\n"
    assert re.search("get_run +Get a run", done.out)
    assert re.search("get_mine +Mine too", done.out)


OWN = """
from everything import Thing
from marshmallow import Schema
from abeja_run import APIClient, AsyncAPIClient, GET, Endpoint, Resource
from abeja_run.resources.runs import Runs
class Mine(Resource):
    path = "/mine"
    get_mine = Endpoint(GET, returns=Thing, summary="Get mine.")
class More(Mine):
    path = "/more"
    get_mine = Endpoint(GET, returns=Thing, summary="Get more.")
class OwnClient(APIClient, resources=[Mine]):
    pass
class MoreClient(OwnClient, resources=[More]):
    pass
class Awaited(AsyncAPIClient, resources=[Mine]):
    pass
"""


@pytest.mark.parametrize(
    ("name", "target", "summary"),
    [("OwnClient", "/mine", "Get mine"), ("MoreClient", "/more", "Get more"), ("Awaited", "/mine", "Get mine")],
)
def test_a_client_of_ones_own_has_its_commands_where_one_stands(
    command, wire, files, monkeypatch, name, target, summary
):
    module = f"own_client_{next(_numbers)}"
    (files / f"{module}.py").write_text(OWN)
    monkeypatch.setenv("PLATFORM_AUTH_TOKEN", TOKEN)
    monkeypatch.setenv("ABEJA_API_URL", wire.url)
    wire.otherwise = answer(THING)
    of = ("api", "--client", f"{module}:{name}")
    listed = command(*of, "--help")
    assert (listed.code, listed.err) == (0, "")
    assert re.search(rf"^  get_mine +{summary}", listed.out, re.MULTILINE)
    assert "get_run_logs" in listed.out
    done = command(*of, "get-mine")
    assert (done.code, done.err, json.loads(done.out)) == (0, "", THING)
    assert [seen.target for seen in wire.requests] == [target]
    assert command(*of, "get_run", "--help").code == 0
    assert command("api", "get_mine").code == 2


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("spoilt_client", "is not of the form MODULE:CLASS"),
        ("spoilt_client:Mine", "cannot be imported: SyntaxError"),
        ("json:loads", "is not a class of clients"),
    ],
)
def test_what_is_no_client_is_told_in_a_line(command, files, name, told):
    (files / "spoilt_client.py").write_text("class Mine(:\n")
    done = command("api", "--client", name, "get_mine")
    assert (done.code, done.out, done.err.count("\n")) == (2, "", 1)
    assert "--client" in done.err
    assert told in done.err
