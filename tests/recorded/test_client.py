"""What a caller sees, replayed from what the local platform has answered."""

import pytest

from abeja_run import APIClient, Client
from abeja_run.exceptions import BadRequest, Forbidden, NotFound, RunFailed, Unauthorized, WaitFailed

LINES = [f"line {number}" for number in range(5)]


def test_a_run_is_submitted_waited_for_and_its_log_read(client, ids, version):
    run = client.create_run(*ids, version, {"$text:1": "hello"}, retry_count=0)
    seen = []
    run = client.wait_for_run(*ids, run["run_id"], on_change=lambda now: seen.append(now["status"]))
    assert (seen[0], seen[-1]) == ("SUBMITTED", "SUCCEEDED")
    messages = [event["message"] for event in client.iter_run_logs(*ids, run["run_id"])]
    assert [message for message in messages if message.startswith("line")] == LINES


def test_a_failed_run_says_so(client, ids, version):
    run = client.create_run(*ids, version, {"why": "fail"}, retry_count=0)
    with pytest.raises(WaitFailed, match="ended FAILED"):
        client.wait_for_run(*ids, run["run_id"])
    assert any("as asked" in event["message"] for event in client.iter_run_recent_logs(*ids, run["run_id"]))


def test_pages_of_runs_follow_each_other(client, ids, version):
    made = [client.create_run(*ids, version, retry_count=0)["run_id"] for _ in range(5)]
    assert [run["run_id"] for run in client.iter_runs(*ids, scan_forward=True)] == made
    assert [run["run_id"] for run in client.iter_runs(*ids)] == made[::-1]
    assert len(client.get_runs(*ids)["entries"]) == 2


def test_every_argument_of_a_submission_comes_back(client, ids, version):
    run = client.create_run(
        *ids,
        version,
        {"$text:1": "hello"},
        {"$datalake:1": "2222222222222"},
        3,
        7,
        {"DEBUG": "1", "API_TOKEN": "hunter2"},
        "3333333333333",
    )
    assert (run["retry_count"], run["distribution"]) == (7, 3)
    assert run["user_env_vars"]["DEBUG"] == "1"
    assert run["models"] == {"alias": "3333333333333"}


def test_the_level_above_finds_what_was_submitted(cassette_transport, ids, version):
    client = Client(ids[0], credential={"auth_token": "token-of-the-recordings"}, transport=cassette_transport)
    deployment = client.deployment(ids[1])
    run = deployment.submit(
        version, {"why": "fail"}, retry_count=0, submission_id="00000000-0000-4000-8000-000000000001"
    )
    with pytest.raises(RunFailed, match="ValueError: as asked"):
        run.wait()
    assert [one.run_id for one in deployment.runs()] == [run.run_id]


@pytest.mark.parametrize(
    ("organization", "deployment", "run", "error"),
    [
        ("1234567890123", "1111111111111", "run-1", NotFound),
        ("1234567890123", "9999999999999", "run-1", NotFound),
        ("9999999999999", "1111111111111", "run-1", Forbidden),
    ],
)
def test_what_is_not_there_is_an_error(client, organization, deployment, run, error):
    with pytest.raises(error):
        client.get_run(organization, deployment, run)


def test_a_token_that_the_service_never_gave_is_refused(client, ids):
    with pytest.raises(BadRequest):
        client.get_runs(*ids, next_page_token="made up")


def test_a_wrong_credential_is_refused(cassette_transport, ids):
    client = APIClient({"auth_token": "another-token"}, transport=cassette_transport)
    with pytest.raises(Unauthorized):
        client.get_runs(*ids)
