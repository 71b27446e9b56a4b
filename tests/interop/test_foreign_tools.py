"""vcrpy, cassetter and abeja-sdk themselves, as their users have them, and cassettes from the one to the other."""

import gzip
import urllib.request

import pytest
from click.testing import CliRunner
from platforms import Place, Runner
from servers import answer

from abeja_run import APIClient
from abeja_run.cassettes import load
from abeja_run.cli.command import group
from abeja_run.exceptions import NotFound
from abeja_run.transports import RecordingTransport, ReplayTransport, Urllib3Transport

# Collected everywhere, installed in one environment.
vcr = pytest.importorskip("vcr")
cassetter = pytest.importorskip("cassetter")
sdk_errors = pytest.importorskip("abeja.exceptions")
sdk_runs = pytest.importorskip("abeja.runs")
sdk_connection = pytest.importorskip("abeja.common.connection")

pytestmark = pytest.mark.interop

CODE = """
def handler(request, context):
    print("line é")
    return {}
"""


@pytest.fixture(scope="module")
def platform(tmp_path_factory):
    place = Place(tmp_path_factory.mktemp("place"))
    place.write(CODE)
    with place.platform() as platform:
        platform.serve()
        yield platform


@pytest.fixture
def sdk(platform, monkeypatch):
    """abeja-sdk's client of the platform."""
    monkeypatch.setattr(sdk_connection.Connection, "BASE_URL", platform.url)
    return sdk_runs.APIClient(credential=dict(platform.credential), max_retry_count=1)


@pytest.fixture
def finished(platform):
    """The ID of a run that is over."""
    runner = Runner(platform)
    run_id = runner.create({"a": "é"}, retry_count=0)["run_id"]
    assert runner.finish(run_id)["status"] == "SUCCEEDED"
    return run_id


def calls(client, platform, run_id, not_found):
    """All five endpoints, the same request twice with different answers, and an error: every result."""
    ids = platform.organization_id, platform.deployment_id
    created = client.create_run(
        *ids,
        platform.version_id,
        {"a": "é"},
        {"$datalake:1": "2222222222222"},
        retry_count=0,
        environment={"MODE": "fast"},
    )
    results = [created, client.get_run(*ids, run_id), client.get_runs(*ids), client.get_run_logs(*ids, run_id)]
    results.append(client.get_run_recent_logs(*ids, run_id))
    results.append(client.get_runs(*ids))
    with pytest.raises(not_found):
        client.get_run(*ids, "run-0000000000000000")
    return results


def invoke(*arguments):
    done = CliRunner().invoke(group, ["cassette", *map(str, arguments)])
    assert done.exit_code == 0, done.output


@pytest.mark.parametrize(
    ("recording", "name"),
    [
        pytest.param(vcr.use_cassette, "sdk.yaml", id="vcrpy, YAML"),
        pytest.param(lambda path: vcr.use_cassette(path, serializer="json"), "sdk.json", id="vcrpy, JSON"),
        pytest.param(lambda path: cassetter.use_cassette(path, intercept=["requests"]), "sdk.yaml", id="cassetter"),
    ],
)
def test_what_abeja_sdk_said_while_a_tool_recorded_replays_through_this_client(
    platform, sdk, finished, tmp_path, recording, name
):
    with recording(str(tmp_path / name)):
        said = calls(sdk, platform, finished, sdk_errors.NotFound)
    invoke("import", tmp_path / name, tmp_path / "imported.json")
    token = platform.credential["auth_token"]
    assert token not in (tmp_path / "imported.json").read_text(encoding="utf-8")
    transport = ReplayTransport(tmp_path / "imported.json")
    client = APIClient({"auth_token": "another"}, base_url="https://api.abeja.io", transport=transport)
    assert calls(client, platform, finished, NotFound) == said
    assert transport.unplayed == []
    invoke("check", tmp_path / "imported.json")


@pytest.mark.parametrize(("serializer", "name"), [("yaml", "out.yaml"), ("json", "out.json")])
def test_what_this_client_recorded_plays_in_vcrpy_to_abeja_sdk(platform, sdk, finished, tmp_path, serializer, name):
    with Urllib3Transport() as wire, RecordingTransport(wire, tmp_path / "ours.json") as transport:
        client = APIClient(platform.credential, base_url=platform.url, transport=transport)
        said = calls(client, platform, finished, NotFound)
    invoke("export", tmp_path / "ours.json", tmp_path / name)
    with vcr.use_cassette(str(tmp_path / name), serializer=serializer, record_mode="none") as played:
        assert calls(sdk, platform, finished, sdk_errors.NotFound) == said
        assert played.all_played
    invoke("import", tmp_path / name, tmp_path / "back.json")
    assert [str(one) for one in load(tmp_path / "back.json")] == [str(one) for one in load(tmp_path / "ours.json")]


def test_a_packed_answer_that_vcrpy_recorded_is_unpacked(wire, tmp_path):
    wire.script = [answer(gzip.compress(b'{"a": 1}'), content_encoding="gzip")]
    with vcr.use_cassette(str(tmp_path / "packed.yaml")), urllib.request.urlopen(wire.url) as response:
        assert response.read()[:2] == b"\x1f\x8b"
    invoke("import", tmp_path / "packed.yaml", tmp_path / "plain.json")
    (found,) = load(tmp_path / "plain.json")
    assert found.outcome.body == b'{"a": 1}'
