"""The examples of the reference pages: the clients that have a page for each endpoint, calls of them, and recordings.

``python docs/reference_examples.py`` records them anew, from services on this machine.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

sys.path.insert(0, str(Path(__file__).parents[1] / "examples" / "triggers"))

from platform_client import PlatformClient
from server import TriggerService, serving

from abeja_run import APIClient
from abeja_run.cassettes import Interaction, load
from abeja_run.configuration import DEFAULT_BASE_URL
from abeja_run.descriptors.endpoints import Endpoint
from abeja_run.local import LocalPlatform
from abeja_run.messages import Request
from abeja_run.transports import Transport, Urllib3Transport, cassette
from abeja_run.transports.wrapping import Course, WrappingTransport

_EXAMPLES = Path(__file__).parents[1] / "examples"
CASSETTES = Path(__file__).parent / "cassettes"
ORGANIZATION, DEPLOYMENT, VERSION = "1234567890123", "1111111111111", "ver-1111111111111111"
CHANNEL, FILE = "2222222222222", "20180101T112233-44444444-5555-6666-7777-888888888888"
#: What the shell of the examples has in its environment, beside a credential.
ENVIRONMENT = {"ABEJA_ORGANIZATION_ID": ORGANIZATION, "ABEJA_DEPLOYMENT_ID": DEPLOYMENT}


class Told(NamedTuple):
    """A value that an example takes from the recorded answer of an earlier one."""

    name: str
    field: str


class Service(NamedTuple):
    """Where the examples are recorded.

    Attributes:
        transport: The way to it.
        credential: What it takes.
        after: What happens there after the example of an endpoint, with the answer.
    """

    transport: Transport
    credential: dict[str, str]
    after: Mapping[str, Callable[[dict[str, Any]], object]]


class Documented(NamedTuple):
    """A client whose endpoints have pages; those that it has from another one of them stand there.

    Attributes:
        module: Where people import it from.
        client: Its class.
        command: What its endpoints are commands of.
        note: What its pages say before anything else.
        examples: For each endpoint what it is called with, beside the organization and the deployment.
        service: Opens the service from which the examples are recorded.
    """

    module: str
    client: type[APIClient]
    command: str
    note: str
    examples: Mapping[str, Mapping[str, Any]]
    service: Callable[[], contextlib.AbstractContextManager[Service]]


@contextlib.contextmanager
def _platform() -> Iterator[Service]:
    """The local platform, with Fisher's iris measurements in its datalake."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / CHANNEL / FILE
        file.parent.mkdir()
        file.write_bytes((_EXAMPLES / "iris" / "measurements.csv").read_bytes())
        with LocalPlatform(
            _EXAMPLES / "iris", folder, organization_id=ORGANIZATION, deployment_id=DEPLOYMENT, version_id=VERSION
        ) as platform:
            client = APIClient(platform.credential, transport=platform.transport())

            def finish(run: dict[str, Any]) -> None:
                client.wait_for_run(ORGANIZATION, DEPLOYMENT, run["run_id"], interval=0.1)

            yield Service(platform.transport(), dict(platform.credential), {"create_run": finish})


class _Rerouted(WrappingTransport):
    """Sends what is meant for the platform to a server on this machine."""

    def __init__(self, inner: Transport, url: str) -> None:
        self._inner = inner
        self._url = url

    def course(self, request: Request) -> Course:
        """The same request to the other address."""
        url = self._url + request.url.removeprefix(DEFAULT_BASE_URL)
        return (yield dataclasses.replace(request, url=url))


@contextlib.contextmanager
def _trigger_service() -> Iterator[Service]:
    """The service of the example, and files that come."""
    service, token = TriggerService(), "any"

    def come(trigger: dict[str, Any]) -> None:
        service.put(trigger["input_service_id"], FILE)

    with serving(service, token) as url, Urllib3Transport() as wire:
        yield Service(_Rerouted(wire, url), {"auth_token": token}, {"create_trigger": come})


_RUN, _TRIGGER = Told("create_run", "run_id"), Told("create_trigger", "trigger_id")
#: In this order they are documented and recorded.
DOCUMENTED = (
    Documented(
        module="abeja_run",
        client=APIClient,
        command="abeja-run api",
        note="",
        examples={
            "create_run": {"version_id": VERSION, "input_data": {"$datalake:1": f"{CHANNEL}/{FILE}"}, "retry_count": 2},
            "get_run": {"run_id": _RUN},
            "get_runs": {"scan_forward": True},
            "get_run_logs": {"run_id": _RUN},
            "get_run_recent_logs": {"run_id": _RUN},
        },
        service=_platform,
    ),
    Documented(
        module="platform_client",
        client=PlatformClient,
        command="abeja-run api --client platform_client:PlatformClient",
        note="From the example of :doc:`/resource`.",
        examples={
            "create_trigger": {
                "version_id": VERSION,
                "input_service_name": "datalake",
                "input_service_id": CHANNEL,
                "retry_count": 2,
            },
            "get_trigger": {"trigger_id": _TRIGGER},
            "get_triggers": {},
            "get_trigger_runs": {"trigger_id": _TRIGGER},
            "delete_trigger": {"trigger_id": _TRIGGER},
        },
        service=_trigger_service,
    ),
)


def endpoints() -> dict[str, tuple[Documented, Endpoint]]:
    """Every endpoint that has a page, by name, and with which client it is documented."""
    found: dict[str, tuple[Documented, Endpoint]] = {}
    for documented in DOCUMENTED:
        for resource in documented.client.resources:
            for name, endpoint in resource.endpoints.items():
                found.setdefault(name, (documented, endpoint))
    return found


def recorded(name: str) -> list[Interaction]:
    """What passed over the wire when the example of an endpoint was recorded."""
    return load(CASSETTES / f"{name}.json")


def body_of(message: object) -> Any:
    """The JSON that a request or an answer carries; None where it carries nothing."""
    body = getattr(message, "body", None)
    return json.loads(body) if body else None


def arguments_of(name: str) -> dict[str, Any]:
    """What the example of an endpoint is called with."""
    documented, _ = endpoints()[name]
    given = {"organization_id": ORGANIZATION, "deployment_id": DEPLOYMENT, **documented.examples[name]}
    return {key: _known(value) if isinstance(value, Told) else value for key, value in given.items()}


def _known(told: Told) -> Any:
    return body_of(recorded(told.name)[0].outcome)[told.field]


def record() -> None:
    """Record every example."""
    for documented in DOCUMENTED:
        with documented.service() as service:
            for name in documented.examples:
                _, endpoint = endpoints()[name]
                with cassette(CASSETTES / f"{name}.json", "all", service.transport) as transport:
                    client = documented.client(service.credential, transport=transport, check_responses=True)
                    method = getattr(client, endpoint.pages.name if endpoint.pages else name)
                    answer = method(**arguments_of(name))
                    if endpoint.pages:
                        list(answer)
                if name in service.after:
                    service.after[name](answer)


if __name__ == "__main__":
    record()
