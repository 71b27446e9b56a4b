"""The examples of the reference pages: for each endpoint a call and its recording.

``python docs/reference_examples.py`` records them anew, from the local platform.
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

from abeja_run import APIClient
from abeja_run.cassettes import Interaction, load
from abeja_run.local import LocalPlatform
from abeja_run.transports import cassette

CASSETTES = Path(__file__).parent / "cassettes"
ORGANIZATION, DEPLOYMENT, VERSION = "1234567890123", "1111111111111", "ver-1111111111111111"
CHANNEL, FILE = "2222222222222", "20180101T112233-44444444-5555-6666-7777-888888888888"
#: What the shell of the examples has in its environment, beside a credential.
ENVIRONMENT = {"ABEJA_ORGANIZATION_ID": ORGANIZATION, "ABEJA_DEPLOYMENT_ID": DEPLOYMENT}


#: For each endpoint what it is called with, beside the organization and the deployment; ``RUN`` stands for the run.
EXAMPLES: dict[str, dict[str, Any]] = {
    "create_run": {"version_id": VERSION, "input_data": {"$datalake:1": f"{CHANNEL}/{FILE}"}, "retry_count": 2},
    "get_run": {"run_id": "RUN"},
    "get_runs": {"scan_forward": True},
    "get_run_logs": {"run_id": "RUN"},
    "get_run_recent_logs": {"run_id": "RUN"},
}


def recorded(name: str) -> list[Interaction]:
    """What passed over the wire when the example of an endpoint was recorded."""
    return load(CASSETTES / f"{name}.json")


def run_id() -> str:
    """The run that the examples are about."""
    return str(body_of(recorded("create_run")[0].outcome)["run_id"])


def body_of(message: object) -> Any:
    """The JSON that a request or an answer carries; None where it carries nothing."""
    body = getattr(message, "body", None)
    return json.loads(body) if body else None


def arguments_of(name: str, run: str) -> dict[str, Any]:
    """What the example of an endpoint is called with."""
    given = {"organization_id": ORGANIZATION, "deployment_id": DEPLOYMENT, **EXAMPLES[name]}
    return {key: run if value == "RUN" else value for key, value in given.items()}


def record() -> None:
    """Record every example from the local platform."""
    iris = Path(__file__).parents[1] / "examples" / "iris"
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / CHANNEL / FILE
        file.parent.mkdir()
        file.write_bytes((iris / "measurements.csv").read_bytes())
        with LocalPlatform(
            iris, folder, organization_id=ORGANIZATION, deployment_id=DEPLOYMENT, version_id=VERSION
        ) as platform:
            run = ""
            for name in EXAMPLES:
                with cassette(CASSETTES / f"{name}.json", "all", platform.transport()) as transport:
                    client = APIClient(platform.credential, transport=transport, check_responses=True)
                    pages = APIClient.resources[0].endpoints[name].pages
                    answer = getattr(client, pages.name if pages else name)(**arguments_of(name, run))
                    if pages:
                        list(answer)
                if not pages:
                    run = answer["run_id"]
                if name == "create_run":
                    live = APIClient(platform.credential, transport=platform.transport())
                    live.wait_for_run(ORGANIZATION, DEPLOYMENT, run, interval=0.1)


if __name__ == "__main__":
    record()
