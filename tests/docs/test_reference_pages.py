"""The reference pages say what the descriptors say, and their examples do what they show, through cassettes."""

import contextlib
import http.server
import json
import os
import re
import subprocess
import sys
import textwrap
import threading

import pytest
import reference_examples
import reference_pages
import urllib3
from triggers import Triggers

from abeja_run.messages import Request
from abeja_run.methods import methods
from abeja_run.resources.runs import Runs
from abeja_run.transports import cassette

ENDPOINTS = {name: endpoint for name, (_, endpoint) in reference_examples.endpoints().items()}
CLIENTS = {name: documented for name, (documented, _) in reference_examples.endpoints().items()}
METHODS = {method.name: method for endpoint in ENDPOINTS.values() for method in methods(endpoint)}
SERVICE = "https://api.abeja.io"


def replay(name):
    """The recording of an endpoint's example."""
    return cassette(reference_examples.CASSETTES / f"{name}.json", "none")


def blocks(page, language):
    """The code of a language on a page."""
    found = re.findall(rf"^\.\. code-block:: {language}\n\n((?:   .*\n|\n)+)", page, re.MULTILINE)
    return [textwrap.dedent(block) for block in found]


def answer_of(name):
    """What the service answered with."""
    return reference_examples.body_of(reference_examples.recorded(name)[0].outcome)


@contextlib.contextmanager
def service(name):
    """A server on this machine that answers from a recording."""
    with replay(name) as transport:

        class Handler(http.server.BaseHTTPRequestHandler):
            def serve(self):
                body = self.rfile.read(int(self.headers.get("content-length", 0))) or None
                response = transport.send(Request(self.command, f"{SERVICE}{self.path}", {}, body), 10)
                self.send_response(response.status)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(response.body)))
                self.end_headers()
                self.wfile.write(response.body)

            do_GET = do_POST = do_DELETE = serve  # noqa: N815 - http.server's names

            def log_message(self, *_):
                pass

        with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
            thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
            thread.start()
            yield f"http://127.0.0.1:{server.server_address[1]}"
            server.shutdown()
            thread.join()


def test_every_endpoint_has_a_page_and_an_example():
    assert set(ENDPOINTS) == {*Runs.endpoints, *Triggers.endpoints}
    assert set(reference_pages.pages()) == {"index.rst", "cassette_file.rst", *(f"{name}.rst" for name in ENDPOINTS)}
    assert {name for documented in reference_examples.DOCUMENTED for name in documented.examples} == set(ENDPOINTS)


@pytest.mark.parametrize("name", ENDPOINTS)
def test_a_page_says_all_that_the_descriptor_says(name):
    endpoint, page = ENDPOINTS[name], reference_pages.page(name)
    assert f"{endpoint.method} {endpoint.template}" in page
    for parameter in endpoint.parameters:
        assert f"* - ``{parameter.name}``" in page
        assert reference_pages._literal(parameter.description) in page
    for field in endpoint.returns_schema.fields:
        assert f"* - ``{field}``" in page
    for error in endpoint.raises:
        assert f":exc:`~abeja_run.exceptions.{error.__name__}`" in page
    assert reference_pages._literal(endpoint.description) in page
    assert CLIENTS[name].note in page
    for method in endpoint.method_names:
        assert f"py:method:: {CLIENTS[name].client.__name__}.{method}(" in page


@pytest.mark.parametrize("name", METHODS)
def test_the_example_in_python_gives_what_is_shown_as_json(name, capsys):
    method = METHODS[name]
    endpoint = method.endpoint
    page = reference_pages.page(endpoint.name)
    source = next(block for block in blocks(page, "python") if f"client.{name}(" in block)
    with replay(endpoint.name) as transport:
        client = CLIENTS[endpoint.name].client({"auth_token": "any"}, transport=transport, check_responses=True)
        found = {"client": client}
        exec(compile(source, f"{endpoint.name}.rst", "exec"), found)
    shown = json.loads(blocks(page, "json")[-1])
    if method.iterates:
        items = shown[endpoint.pages.items]
        assert items
        assert capsys.readouterr().out == "".join(f"{item}\n" for item in items)
    else:
        assert found["answer"] == shown == answer_of(endpoint.name)


@pytest.mark.proof
@pytest.mark.parametrize("name", ENDPOINTS)
def test_the_command_gives_what_is_shown_as_json(name):
    page = reference_pages.page(name)
    (command,) = blocks(page, "sh")
    with service(name) as url:
        environment = {
            **os.environ,
            **reference_examples.ENVIRONMENT,
            "ABEJA_API_URL": url,
            "PLATFORM_AUTH_TOKEN": "any",
            "PATH": f"{os.path.dirname(sys.executable)}{os.pathsep}{os.environ['PATH']}",
            "PYTHONPATH": os.path.dirname(sys.modules[Triggers.__module__].__file__),
        }
        done = subprocess.run(["sh", "-c", command], env=environment, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout) == json.loads(blocks(page, "json")[-1])


@pytest.mark.parametrize("name", ENDPOINTS)
def test_what_is_shown_as_json_is_what_travels(name):
    page = reference_pages.page(name)
    *sent, answer = blocks(page, "json")
    method, path = re.search(r"^As JSON, .*``([A-Z]+) (/\S+)``:$", page, re.MULTILINE).groups()
    with service(name) as url, urllib3.PoolManager() as pool:
        body = json.dumps(json.loads(sent[0]), separators=(",", ":")).encode() if sent else None
        response = pool.request(method, f"{url}{path}", body=body, headers={"content-type": "application/json"})
        recorded = reference_examples.recorded(name)[0].outcome.status
        assert (response.status, json.loads(response.data)) == (recorded, json.loads(answer))


def test_pages_are_written_anew_where_they_differ_and_removed_where_the_endpoint_is_gone(tmp_path):
    reference_pages.write(tmp_path)
    (tmp_path / "gone.rst").write_text("")
    (tmp_path / "get_run.rst").write_text("old")
    untouched = (tmp_path / "get_runs.rst").stat().st_mtime_ns
    reference_pages.write(tmp_path)
    assert {path.name: path.read_text(encoding="utf-8") for path in tmp_path.iterdir()} == reference_pages.pages()
    assert (tmp_path / "get_runs.rst").stat().st_mtime_ns == untouched


def test_recording_anew_gives_the_same_requests(tmp_path, monkeypatch):
    before = {name: [str(one) for one in reference_examples.recorded(name)] for name in ENDPOINTS}
    monkeypatch.setattr(reference_examples, "CASSETTES", tmp_path)
    reference_examples.record()
    after = {name: [str(one) for one in reference_examples.recorded(name)] for name in ENDPOINTS}
    # The tokens of pages are the platform's own.
    assert [_without_tokens(after)] == [_without_tokens(before)]


def _without_tokens(told):
    return {name: [re.sub(r"token=[^& ]+", "token=…", one) for one in ones] for name, ones in told.items()}
