"""The library in a few lines, on a platform of this machine: ``python examples/quickstart.py``."""

from __future__ import annotations

import tempfile
from pathlib import Path

from abeja_run import APIClient
from abeja_run.local import LocalPlatform


def main() -> None:
    """Submit a run to a local platform, wait for it, and print its log."""
    code = Path(__file__).with_name("iris")
    with tempfile.TemporaryDirectory() as datalake:
        (Path(datalake) / "flowers").mkdir()
        (Path(datalake) / "flowers" / "iris.csv").write_bytes((code / "measurements.csv").read_bytes())
        with (
            LocalPlatform(code, datalake) as platform,
            APIClient(platform.credential, base_url=platform.serve().url) as client,
        ):
            ids = platform.organization_id, platform.deployment_id
            run = client.create_run(*ids, platform.version_id, {"$datalake:1": "flowers/iris.csv"})
            run = client.wait_for_run(*ids, run["run_id"], interval=0.1)
            for event in client.iter_run_logs(*ids, run["run_id"]):
                print(event["timestamp"], event["message"])


if __name__ == "__main__":
    main()
