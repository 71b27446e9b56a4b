"""What a handler is given, what becomes of what it returns, and how an attempt fails."""

import json
import os
import re

import pytest
from platforms import Runner, outputs


@pytest.fixture
def tried(place, runner):
    """Run a handler's source: status, lines and what it wrote."""

    def run(source, *arguments, **keywords):
        place.write(source)
        template = {"$datalake:1": "out"}
        status, lines = runner.run(*(arguments or (None,)), template, **keywords)
        return status, lines, outputs(place.lake / "out")

    return run


@pytest.mark.parametrize(
    ("returned", "name", "data"),
    [
        ("{'content': 'text'}", ".txt", b"text"),
        ("{}", ".txt", b""),
        ("{'content': b'\\x00\\xff'}", ".txt", b"\x00\xff"),
        ("{'content': ['a', 'b']}", ".txt", b"a\nb"),
        ("{'content': [b'a', b'b', 'c']}", ".txt", b"ab\nc"),
        ("{'content': {'a': 1}, 'content_type': 'application/json'}", ".json", b'{"a": 1}'),
        ("{'content': [{'a': 1}, [2]], 'content_type': 'application/json'}", ".json", b'{"a": 1}\n[2]'),
        ("{'content': 7}", ".txt", b"7"),
        (
            "{'content': [{'a': 1, 'b': 'x,y'}, {'a': 2, 'b': ''}], 'content_type': 'text/csv'}",
            ".csv",
            b'a,b\r\n1,"x,y"\r\n2,\r\n',
        ),
        ("{'content': (str(n) for n in range(3)), 'status_code': 201}", ".txt", b"0\n1\n2"),
        ("{'content': 'x', 'content_type': 'application/x-unheard-of'}", "", b"x"),
    ],
)
def test_what_a_handler_returns_becomes_the_output_file(tried, returned, name, data):
    status, lines, written = tried(f"def handler(request, context): return {returned}")
    assert (status, lines) == ("SUCCEEDED", [])
    assert written == {f"run-0000000000000001_0{name}": data}


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ("def handler(request, context): raise KeyError('lost')", "KeyError: 'lost'"),
        ("import nowhere", "No module named 'nowhere'"),
        ("x = ", "SyntaxError"),
        ("def other(): pass", "no attribute 'handler'"),
        ("def handler(request, context): return 'text'", "returned str, not dict"),
        ("def handler(request, context): return {'status_code': 300}", "status_code 300"),
        ("def handler(request, context): return {'status_code': '200'}", "status_code '200'"),
        ("import sys\ndef handler(request, context): sys.exit(0)", "before the handler returned"),
        ("import os\ndef handler(request, context): os._exit(0)", "before the handler returned"),
        ("import os\ndef handler(request, context): os._exit(3)", "exit status 3"),
        ("import os\ndef handler(request, context): os.kill(os.getpid(), 11)", "SIGSEGV"),
        ("def handler(request, context): return {'content': object()}", "not JSON serializable"),
        ("def handler(request, context): return {'content': (1 / 0 for _ in 'a')}", "ZeroDivisionError"),
        ("def handler(request, context): return {'content': [{'a': 1}, {'b': 2}], 'content_type': 'text/csv'}", "'b'"),
        ("def handler(request, context): return request.read()", "no input"),
        ("def handler(request, context): return request['metadata']", "no input"),
    ],
)
def test_an_attempt_that_fails_says_why_and_writes_nothing(tried, source, told):
    status, lines, written = tried(source)
    assert status == "FAILED"
    assert any(told in line for line in lines), lines
    assert written == {}


def test_a_traceback_begins_in_the_code_and_not_in_the_platform(tried):
    _, lines, _ = tried("""
    def handler(request, context):
        return inner()

    def inner():
        raise KeyError("lost")
    """)
    assert lines[0] == "Traceback (most recent call last):"
    assert re.search(r'/main\.py", line 3, in handler$', lines[1])
    assert lines[-2:] == ["KeyError: 'lost'", "the attempt failed: its process ended with exit status 1"]
    _, lines, _ = tried("import json\njson.loads('no')")
    assert re.search(r'/main\.py", line 2, in <module>$', lines[1])
    _, lines, _ = tried("def handler(request, context): return request.read()")
    assert re.search(r'/main\.py", line 1, in handler$', lines[1])
    _, lines, _ = tried("def handler(request, context): return 'text'")
    assert lines[0] == "TypeError: the handler returned str, not dict"


def test_a_handler_may_show_its_errors_in_its_own_way(tried):
    _, lines, _ = tried("""
    import sys

    def handler(request, context):
        sys.excepthook = lambda kind, error, place: print("own", kind.__name__, error, place.tb_lineno)
        raise ValueError("as asked")
    """)
    assert lines[0] == "own ValueError as asked 6"


def test_an_input_from_the_datalake_is_the_first_content(place, tried):
    (place.lake / "in").mkdir()
    (place.lake / "in" / "a.csv").write_bytes(b"1,2\n")
    source = """
    def handler(request, context):
        (content,) = request["contents"]
        return {"content": [
            request["http_method"], request["content_type"], content["content_type"], content["file_name"],
            str(request["metadata"]), request.read(2), request.read(), str(context), request.get("nothing", "none"),
        ]}
    """
    *_, written = tried(source, {"$datalake:1": "in/a.csv"})
    assert list(written.values()) == [b"POST\ntext/csv\ntext/csv\na.csv\n{}1,2\n\n{}\nnone"]


def test_an_unknown_kind_of_file_is_a_stream_of_octets(place, tried):
    (place.lake / "in").mkdir()
    (place.lake / "in" / "20180101T112233-4444").write_bytes(b"x")
    *_, written = tried(
        "def handler(r, c): return {'content': r['content_type']}", {"$datalake:1": "in/20180101T112233-4444"}
    )
    assert list(written.values()) == [b"application/octet-stream"]


def test_an_output_keeps_its_content_type_and_metadata_for_the_next_run(place, tried):
    *_, written = tried(
        "def handler(r, c): return {'content': 'x', 'content_type': 'text/x-own', 'metadata': {'a': 'b'}}"
    )
    (name,) = written
    source = "def handler(r, c): return {'content': [r['content_type'], r['metadata']['a']]}"
    *_, written = tried(source, {"$datalake:1": f"out/{name}"})
    assert b"text/x-own\nb" in written.values()


@pytest.mark.parametrize(
    "reference", ["in/missing.csv", "in", "../secret", "in/../../secret", "in/.metadata", "in/a\x00b", "/etc/passwd"]
)
def test_an_input_that_is_not_in_the_datalake_fails_the_attempt(place, tried, reference):
    (place.lake.parent / "secret").write_text("hunter2")
    status, lines, _ = tried("def handler(r, c): return {'content': r.read()}", {"$datalake:1": reference})
    assert status == "FAILED"
    assert any("datalake" in line or "form channel_id" in line for line in lines), lines


def test_a_link_does_not_lead_out_of_the_datalake(place, tried):
    (place.lake / "in").mkdir()
    (place.lake / "in" / "link").symlink_to("/etc/passwd")
    status, lines, _ = tried("def handler(r, c): return {'content': r.read()}", {"$datalake:1": "in/link"})
    assert status == "FAILED"
    assert any("leads out" in line for line in lines)


@pytest.mark.parametrize("given", [{"a": [1, None]}, {"$datalake:1": 5}, {"$other:1": "x"}])
def test_any_other_input_is_the_content_as_json(tried, given):
    *_, written = tried("def handler(r, c): return {'content': [r['content_type'], r.read()]}", given)
    assert list(written.values()) == [b"application/json" + json.dumps(given).encode()]


def test_without_an_output_template_nothing_is_written_but_the_result_is_made(place, runner):
    place.write("def handler(r, c): return {'content': (print('made') for _ in 'a')}")
    assert runner.run() == ("SUCCEEDED", ["made"])
    assert list(place.lake.iterdir()) == []


def test_the_process_sees_the_platforms_variables_and_the_runs_but_no_credential(place, runner, monkeypatch):
    monkeypatch.setenv("PLATFORM_AUTH_TOKEN", "hunter2")
    monkeypatch.setenv("ABEJA_PLATFORM_PERSONAL_ACCESS_TOKEN", "hunter2")
    monkeypatch.setenv("SOMETHING_ELSE", "hunter2")
    place.write("import json, os\ndef handler(r, c): print(json.dumps(dict(os.environ))); return {}")
    given = {"EXAMPLE": "example", "ABEJA_RUN_ID": "mine", "ABEJA_RUN_SUBMISSION_ID": "sub"}
    status, lines = runner.run({"a": 1}, {"$other:1": "x"}, environment=given)
    seen = json.loads(lines[0])
    platform = runner.platform
    assert status == "SUCCEEDED"
    assert {name: seen[name] for name in ("HANDLER", "EXAMPLE", "ABEJA_RUN_SUBMISSION_ID")} == {
        "HANDLER": "main:handler",
        "EXAMPLE": "example",
        "ABEJA_RUN_SUBMISSION_ID": "sub",
    }
    assert json.loads(seen["INPUT"]) == {"a": 1}
    assert json.loads(seen["OUTPUT"]) == {"$other:1": "x"}
    assert seen["ABEJA_RUN_ID"] == "run-0000000000000001"
    assert seen["ABEJA_ORGANIZATION_ID"] == platform.organization_id
    assert seen["ABEJA_DEPLOYMENT_ID"] == platform.deployment_id
    assert seen["ABEJA_MODEL_VERSION_ID"] == platform.version_id
    assert seen["ABEJA_MODEL_VERSION"]
    assert "hunter2" not in lines[0]


def test_the_handler_runs_in_the_folder_of_its_code_and_may_have_modules_of_any_name(place, runner):
    place.write("name = 'the codes own'", "store.py")
    place.write(
        """
        import os, store
        def handler(request, context):
            print(os.getcwd() == os.path.dirname(__file__), store.name)
            return {}
        """
    )
    assert runner.run() == ("SUCCEEDED", ["True the codes own"])


def test_another_handler_can_be_named(place):
    place.write("def work(r, c): print('worked'); return {}", "jobs.py")
    with place.platform(handler="jobs:work") as platform:
        assert Runner(platform).run() == ("SUCCEEDED", ["worked"])


def test_a_handler_may_start_processes_of_its_own(place, runner):
    place.write(
        """
        import multiprocessing
        def double(x): return 2 * x
        def handler(request, context):
            for method in ("fork", "spawn"):
                with multiprocessing.get_context(method).Pool(1) as pool:
                    print(method, pool.map(double, [1, 2]))
            return {}
        """
    )
    assert runner.run() == ("SUCCEEDED", ["fork [2, 4]", "spawn [2, 4]"])


def test_no_bytecode_is_left_in_the_folder_of_the_code(place, runner):
    runner.run()
    assert os.listdir(place.code) == ["main.py"]
