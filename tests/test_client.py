"""Clients: signatures, settings, threads, forks and pickles."""

import copy
import inspect
import json
import os
import pickle
import pydoc
import subprocess
import sys
import threading
import typing
from concurrent.futures import ThreadPoolExecutor

import pytest
from marshmallow import Schema, fields
from servers import CREDENTIAL, IDS, RUN, TOKEN, Scripted, Wire, answer

from abeja_run import GET, APIClient, BaseClient, Endpoint, Resource
from abeja_run import exceptions as e
from abeja_run.messages import Response
from abeja_run.resources.runs import Runs
from abeja_run.transports import Urllib3Transport


def test_signatures_show_the_real_parameters_in_the_documented_order():
    assert list(inspect.signature(APIClient.create_run).parameters) == [
        *("self", "organization_id", "deployment_id", "version_id", "input_data", "output_template", "distribution"),
        *("retry_count", "environment", "model_id", "output_data"),
    ]
    assert list(inspect.signature(APIClient.get_runs).parameters)[3:] == ["next_page_token", "scan_forward"]
    assert list(inspect.signature(APIClient.get_run_logs).parameters)[4:] == ["next_token", "start_time", "end_time"]
    assert list(inspect.signature(APIClient.get_run_recent_logs).parameters)[4:] == [
        *("next_forward_token", "next_backward_token", "start_time", "end_time")
    ]


def test_a_client_takes_its_settings_as_documented():
    parameters = inspect.signature(APIClient).parameters
    assert list(parameters) == [
        *("credential", "timeout", "max_retry_count"),
        *("base_url", "transport", "deadline", "check_responses", "allow_plaintext"),
    ]
    assert parameters["base_url"].kind is inspect.Parameter.KEYWORD_ONLY
    assert parameters["max_retry_count"].kind is inspect.Parameter.POSITIONAL_OR_KEYWORD


def test_help_completion_and_type_hints_know_the_methods():
    text = " ".join(pydoc.plain(pydoc.render_doc(APIClient)).replace("|", "").split()).replace("( ", "(")
    assert "create_run(self, organization_id: str, deployment_id: str, version_id: str" in text
    assert "OutcomeUnknown" in APIClient.create_run.__doc__
    assert {"create_run", "get_run", "get_runs", "get_run_logs", "get_run_recent_logs"} <= set(
        dir(APIClient(CREDENTIAL))
    )
    assert typing.get_type_hints(APIClient.get_run)["run_id"] is str
    assert APIClient.get_run.__qualname__ == "APIClient.get_run"
    assert "_call" in inspect.getsource(APIClient.get_run)


@pytest.mark.parametrize(
    "arguments", [((), {}), (("o", "d", "r", "x"), {}), (("o", "d"), {"run": "r"}), (("o", "d", "r"), {"run_id": "r"})]
)
def test_a_wrong_call_is_a_type_error_before_anything_else(arguments):
    positional, keywords = arguments
    with pytest.raises(TypeError, match="get_run"):
        APIClient(transport=Scripted()).get_run(*positional, **keywords)


def test_a_client_of_ones_own_is_one_line():
    class Deployment(Schema):
        name = fields.String()

    class Deployments(Resource):
        path = "/organizations/{organization_id}/deployments"
        variables = {"organization_id": "The organization.", "deployment_id": "The deployment."}
        get_deployment = Endpoint(GET, "/{deployment_id}", returns=Deployment, summary="Get a deployment.")

    class MyClient(BaseClient, resources=[Deployments]):
        pass

    class Both(APIClient, resources=[Deployments]):
        pass

    for kind in (MyClient, Both):
        transport = Scripted(Response(200, body=b'{"name": "n"}'))
        assert kind(CREDENTIAL, transport=transport).get_deployment("1", "2") == {"name": "n"}
        assert transport.requests[0].url.endswith("/organizations/1/deployments/2")
    assert Both.get_run is APIClient.get_run
    for resources, told in (([Deployments, Deployments], "too"), ([dict], "dict"), ([5], "5")):
        with pytest.raises(e.DescriptorError, match=told):
            type("Wrong", (BaseClient,), {}, resources=resources)
    with pytest.raises(e.DescriptorError, match="already"):
        type("Wrong", (BaseClient,), {"get_deployment": None}, resources=[Deployments])


def test_a_resource_that_a_base_has_may_be_listed_again_and_replaced_by_one_made_from_it():
    class Mine(Resource):
        path = "/mine"
        get_mine = Endpoint(GET, returns=Schema, summary="Get.")

    class PlatformClient(APIClient, resources=[Runs, Mine]):
        pass

    assert PlatformClient.get_run is APIClient.get_run
    transport = Scripted(Response(200, body=b"{}"))
    client = PlatformClient(CREDENTIAL, transport=transport)
    client.get_mine()
    client.get_run("1", "2", "3")
    assert [request.url.rpartition("abeja.io")[2] for request in transport.requests] == [
        "/mine",
        "/organizations/1/deployments/2/runs/3",
    ]

    class Careful(Runs):
        get_run = Endpoint(GET, "/{run_id}", returns=Schema, summary="Get a run with care.")

    class CarefulClient(PlatformClient, resources=[Careful]):
        pass

    assert CarefulClient.get_run.__doc__.startswith("Get a run with care.")
    assert CarefulClient.create_run is APIClient.create_run

    class Other(Resource):
        path = "/other"
        get_run = Endpoint(GET, returns=Schema, summary="Get.")

    with pytest.raises(e.DescriptorError, match=r"get_run: \S*CarefulClient has another method of that name"):
        type("Wrong", (CarefulClient,), {}, resources=[Other])


def test_an_endpoint_must_not_hide_what_every_client_has():
    class Closing(Resource):
        path = "/x"
        close = Endpoint(GET, returns=Schema, summary="Close.")

    with pytest.raises(e.DescriptorError, match="close"):
        type("Wrong", (BaseClient,), {}, resources=[Closing])


def test_a_given_transport_is_left_open_and_an_own_one_can_be_used_after_closing(wire):
    given = Scripted()
    with APIClient(CREDENTIAL, transport=given):
        pass
    assert given.closed == 0
    with APIClient(CREDENTIAL, base_url=wire.url) as client:
        client.get_run(*IDS, "run-1")
    client.close()
    assert client.get_run(*IDS, "run-1") == RUN
    assert wire.connections == 2
    client.close()


@pytest.mark.parametrize("url", ["http://api.example", "http://10.0.0.1:80", "http://127.0.0.1.evil.example"])
def test_plain_http_to_another_machine_is_refused_unless_allowed(url):
    with pytest.raises(e.ConfigurationError, match="allow_plaintext"):
        APIClient(CREDENTIAL, base_url=url)
    APIClient(CREDENTIAL, base_url=url, allow_plaintext=True)
    APIClient(CREDENTIAL, base_url=url, transport=Scripted())
    APIClient(CREDENTIAL, base_url="http://localhost:1")


@pytest.mark.parametrize(
    "settings", [{"timeout": 0}, {"max_retry_count": -1}, {"deadline": 0}, {"deadline": "x"}, {"transport": object()}]
)
def test_a_wrong_setting_is_refused_when_the_client_is_made(settings):
    with pytest.raises(e.ConfigurationError, match=next(iter(settings))):
        APIClient(CREDENTIAL, **settings)


def test_a_client_shows_where_and_who_but_no_secret():
    client = APIClient({"user_id": "12", "personal_access_token": TOKEN})
    assert repr(client) == "<APIClient https://api.abeja.io, <Credential user-12 from the argument>>"
    assert TOKEN not in repr(vars(client))
    assert "no credential" in repr(APIClient())


def test_a_given_credential_is_pickled_and_one_from_the_environment_read_again(monkeypatch):
    client = APIClient(CREDENTIAL, 7, 3, base_url="http://127.0.0.1:1", deadline=9)
    client.note = "mine"
    for other in (pickle.loads(pickle.dumps(client)), copy.deepcopy(client)):
        assert repr(other) == repr(client)
        assert other.note == "mine"
    monkeypatch.setenv("PLATFORM_AUTH_TOKEN", TOKEN)
    data = pickle.dumps(APIClient())
    assert TOKEN.encode() not in data
    monkeypatch.setenv("PLATFORM_AUTH_TOKEN", "another-token")
    assert "auth_token from the environment" in repr(pickle.loads(data))
    monkeypatch.delenv("PLATFORM_AUTH_TOKEN")
    with pytest.raises(e.CredentialError, match="PLATFORM_AUTH_TOKEN"):
        pickle.loads(data).get_run(*IDS, "run-1")


def test_a_credential_from_the_environment_is_read_again_in_another_process(wire, monkeypatch):
    monkeypatch.setenv("PLATFORM_AUTH_TOKEN", TOKEN)
    data = pickle.dumps(APIClient(base_url=wire.url))
    code = "import pickle, sys; pickle.load(sys.stdin.buffer).get_run('1', '2', 'run-1')"
    monkeypatch.setenv("PLATFORM_AUTH_TOKEN", "another-token")
    subprocess.run([sys.executable, "-c", code], input=data, check=True)
    assert wire.requests[0].headers["authorization"] == "Bearer another-token"


def test_a_half_given_credential_is_an_error_at_once_and_none_one_of_the_first_call(monkeypatch):
    transport = Scripted()
    client = APIClient(transport=transport)
    with pytest.raises(e.CredentialError, match="abeja configure"):
        client.get_run(*IDS, "run-1")
    assert transport.requests == []
    with pytest.raises(e.CredentialError, match="but no personal_access_token"):
        APIClient({"user_id": "1"})
    monkeypatch.setenv("ABEJA_PLATFORM_USER_ID", "1")
    with pytest.raises(e.CredentialError, match="but no ABEJA_PLATFORM_PERSONAL_ACCESS_TOKEN"):
        APIClient()


def test_a_pickled_client_calls_from_another_process(wire):
    client = APIClient(CREDENTIAL, base_url=wire.url)
    client.get_run(*IDS, "run-1")
    code = "import pickle, sys; print(pickle.load(sys.stdin.buffer).get_run('1', '2', 'run-1')['run_id'])"
    done = subprocess.run([sys.executable, "-c", code], input=pickle.dumps(client), capture_output=True, check=True)
    assert done.stdout.decode().strip() == RUN["run_id"]
    client.close()


def test_threads_that_share_a_client_get_their_own_answers():
    def own(connection, seen):
        connection.sendall(answer({"run_id": seen.target.rpartition("/")[2]}))

    with Wire(own) as wire, APIClient(CREDENTIAL, base_url=wire.url) as client, ThreadPoolExecutor(32) as pool:
        ids = [f"run-{number}" for number in range(640)]
        found = pool.map(lambda run_id: client.get_run(*IDS, run_id)["run_id"], ids)
        assert list(found) == ids
        assert wire.connections <= 32


def test_threads_that_race_for_the_first_lookup_find_the_same_signature():
    class Fresh(BaseClient, resources=APIClient.resources):
        pass

    barrier = threading.Barrier(8)

    def look():
        barrier.wait()
        return str(inspect.signature(Fresh.get_runs))

    with ThreadPoolExecutor(8) as pool:
        assert len({future.result() for future in [pool.submit(look) for _ in range(8)]}) == 1


FORKING = """
import os, sys
from abeja_run import APIClient
client = APIClient({"auth_token": "some-token"}, base_url=sys.argv[1])
def ask(name):
    for number in range(200):
        run_id = f"{name}-{number}"
        assert client.get_run("1", "2", run_id)["run_id"] == run_id
ask("before")
child = os.fork()
ask("child" if child == 0 else "parent")
if child == 0:
    client.close()
    os._exit(0)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


def test_a_client_works_on_both_sides_of_a_fork():
    def own(connection, seen):
        connection.sendall(answer({"run_id": seen.target.rpartition("/")[2]}))

    with Wire(own) as wire:
        done = subprocess.run([sys.executable, "-c", FORKING, wire.url], capture_output=True, text=True)
        assert (done.returncode, done.stderr) == (0, "")
        assert wire.connections == 2


def test_settings_come_from_the_tools_file_last_of_all(monkeypatch):
    folder = os.path.join(os.environ["HOME"], ".abeja")
    os.mkdir(folder)
    with open(os.path.join(folder, "config"), "w") as file:
        json.dump(
            {"abeja-platform-user": "7", "personal-access-token": TOKEN, "abeja-api-url": "https://t.example"}, file
        )
    assert repr(APIClient()) == "<APIClient https://t.example, <Credential user-7 from ~/.abeja/config>>"
    monkeypatch.setenv("ABEJA_API_URL", "https://e.example")
    assert "https://e.example" in repr(APIClient())
    assert "https://a.example" in repr(APIClient(base_url="https://a.example"))


def test_a_default_transport_is_of_the_clients_own():
    one, other = APIClient(CREDENTIAL), APIClient(CREDENTIAL)
    assert isinstance(one.transport, Urllib3Transport)
    assert one.transport is not other.transport


def test_importing_the_package_needs_nothing_but_its_two_dependencies():
    code = (
        "import sys, abeja_run; "
        "print([name for name in ('click', 'rich', 'werkzeug', 'waitress', 'requests', 'sqlite3')"
        " if name in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() == "[]"


def test_the_level_above_is_exported_and_imported_when_it_is_asked_for():
    code = (
        "import sys, abeja_run; before = 'abeja_run.jobs' in sys.modules, 'Client' in dir(abeja_run); "
        "from abeja_run import Client; from abeja_run.jobs import Client as same; "
        "print(before, Client is same, vars(abeja_run)['Client'] is same)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.strip() == "(False, True) True True"


def test_what_is_exported_exists_and_nothing_else():
    import abeja_run

    for name in abeja_run.__all__:
        assert getattr(abeja_run, name)
    assert set(abeja_run.__all__) <= set(dir(abeja_run))
    assert not hasattr(abeja_run, "nothing")


def test_a_client_with_other_options_differs_only_in_them(monkeypatch):
    monkeypatch.setenv("PLATFORM_AUTH_TOKEN", "of-the-environment")
    transport = Scripted(Response(503))
    client = APIClient(transport=transport, max_retry_count=2, timeout=7)
    single = client.with_options(max_retry_count=0)
    assert (type(single), single.transport, single.timeout) == (APIClient, transport, 7)
    for used, sent in ((single, 1), (client, 3)):
        transport.requests.clear()
        with pytest.raises(e.HttpError):
            used.get_run(*IDS, "run-1")
        assert len(transport.requests) == sent
    single.close()
    assert transport.closed == 0
    with pytest.raises(e.ConfigurationError, match="max_retry_count"):
        client.with_options(max_retry_count=-1)


def test_a_client_with_other_options_is_pickled_with_them_and_without_a_credential_of_the_environment(monkeypatch):
    monkeypatch.setenv("PLATFORM_AUTH_TOKEN", "of-the-environment")
    packed = pickle.dumps(APIClient(base_url="http://127.0.0.1:9").with_options(max_retry_count=0))
    assert b"of-the-environment" not in packed
    with pytest.raises(e.ConnectError):
        pickle.loads(packed).get_run(*IDS, "run-1")


@pytest.mark.parametrize(("header", "seconds"), [({"Retry-After": "7"}, 7.0), ({}, 0.0), ({"Retry-After": "x"}, 0.0)])
def test_an_http_error_says_for_how_long_the_service_asks_to_wait(header, seconds):
    client = APIClient(CREDENTIAL, transport=Scripted(Response(429, header)), max_retry_count=0)
    with pytest.raises(e.HttpError) as caught:
        client.get_run(*IDS, "run-1")
    assert caught.value.retry_after == seconds
    assert pickle.loads(pickle.dumps(caught.value)).retry_after == seconds
