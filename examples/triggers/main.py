"""Create a trigger, let files come, and see the runs: ``python examples/triggers/main.py``."""

from __future__ import annotations

from platform_client import PlatformClient
from server import TriggerService, serving


def main() -> None:
    """Use the client with a service on this machine."""
    service, token = TriggerService(), "any"
    with serving(service, token) as url, PlatformClient({"auth_token": token}, base_url=url) as client:
        ids = "1234567890123", "1111111111111"
        trigger = client.create_trigger(*ids, "ver-1111111111111111", "datalake", "2222222222222", retry_count=0)
        for number in range(3):
            service.put("2222222222222", f"file-{number}")
        for run in client.iter_trigger_runs(*ids, trigger["trigger_id"]):
            print(run["run_id"], run["status"], run.get("input_data"))
        print(client.delete_trigger(*ids, trigger["trigger_id"])["message"])


if __name__ == "__main__":
    main()
