"""The client's triggers against a service on this machine: ``pytest examples/triggers``."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import platform_client
import pytest
from platform_client import PlatformClient
from server import TriggerService, serving

from abeja_run.exceptions import NotFound, Unauthorized, ValidationError
from abeja_run.stubs import stub

IDS = "1234567890123", "1111111111111"
VERSION, CHANNEL = "ver-1111111111111111", "2222222222222"


@pytest.fixture
def service() -> TriggerService:
    """What the service knows."""
    return TriggerService()


@pytest.fixture
def client(service: TriggerService) -> Iterator[PlatformClient]:
    """A client that holds every answer against its schema."""
    with (
        serving(service, "token") as url,
        PlatformClient({"auth_token": "token"}, base_url=url, check_responses=True) as made,
    ):
        yield made


def test_a_trigger_is_created_found_listed_and_deleted(client: PlatformClient) -> None:
    """The life of a trigger."""
    created = client.create_trigger(
        *IDS, VERSION, "datalake", CHANNEL, environment={"A": "b"}, model_id="3333333333333"
    )
    trigger_id = created["trigger_id"]
    assert client.get_trigger(*IDS, trigger_id) == created
    assert created.get("models") == {"alias": "3333333333333"}
    assert client.get_triggers(*IDS)["entries"] == [created]
    assert client.delete_trigger(*IDS, trigger_id)["message"] == f"{trigger_id} deleted"
    with pytest.raises(NotFound, match=trigger_id):
        client.get_trigger(*IDS, trigger_id)


def test_the_runs_of_a_trigger_come_page_by_page(client: PlatformClient, service: TriggerService) -> None:
    """Five files are three pages."""
    trigger_id = client.create_trigger(*IDS, VERSION, "datalake", CHANNEL)["trigger_id"]
    for number in range(5):
        service.put(CHANNEL, f"file-{number}")
    first = client.get_trigger_runs(*IDS, trigger_id)
    assert len(first["entries"]) == 2
    assert first.get("next_page_token") == "2"
    files = [run.get("input_data") for run in client.iter_trigger_runs(*IDS, trigger_id)]
    assert files == [{"$datalake:1": f"{CHANNEL}/file-{number}"} for number in (4, 3, 2, 1, 0)]


def test_wrong_arguments_are_refused_before_anything_is_sent(client: PlatformClient) -> None:
    """What the descriptor says is checked here."""
    with pytest.raises(ValidationError, match="retry_count: 10"):
        client.create_trigger(*IDS, VERSION, "datalake", CHANNEL, retry_count=10)
    with pytest.raises(ValidationError, match=r"trigger_id: 'run-1' .* does not match"):
        client.get_trigger(*IDS, "run-1")


def test_errors_of_the_service_are_those_of_the_reference(service: TriggerService) -> None:
    """A wrong credential is Unauthorized."""
    with (
        serving(service, "token") as url,
        PlatformClient({"auth_token": "other"}, base_url=url) as client,
        pytest.raises(Unauthorized),
    ):
        client.get_triggers(*IDS)


def test_the_types_are_fresh() -> None:
    """After a change: ``python -m abeja_run.stubs platform_client`` in this folder."""
    assert Path(platform_client.__file__).with_suffix(".pyi").read_text(encoding="utf-8") == stub(platform_client)
