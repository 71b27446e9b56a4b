"""Local platforms for tests: folders with code of the test's own, and a runner that submits and waits."""

import textwrap
import time

from abeja_run import APIClient
from abeja_run.exceptions import WaitFailed
from abeja_run.local import LocalPlatform
from abeja_run.local.transport import ApplicationTransport
from abeja_run.transports import Urllib3Transport


class Place:
    """A folder of code and one of the datalake, and platforms on them."""

    def __init__(self, folder):
        self.code, self.lake = folder / "code", folder / "lake"
        self.code.mkdir()
        self.lake.mkdir()
        self.state = folder / "state.sqlite"

    def write(self, source, name="main.py"):
        (self.code / name).write_text(textwrap.dedent(source))

    def platform(self, **settings):
        return LocalPlatform(self.code, self.lake, **{"pace": 0, "timeout": 20, **settings})


class Runner:
    """Submits to a platform, in the process, and waits."""

    def __init__(self, platform):
        self.platform = platform
        self.ids = platform.organization_id, platform.deployment_id
        self.client = APIClient(platform.credential, transport=platform.transport(), check_responses=True)

    def create(self, *arguments, **keywords):
        return self.client.create_run(*self.ids, self.platform.version_id, *arguments, **keywords)

    def finish(self, run_id):
        try:
            return self.client.wait_for_run(*self.ids, run_id, interval=0.02, max_interval=0.02, timeout=30)
        except WaitFailed as failed:
            return failed.result

    def run(self, *arguments, **keywords):
        """Submit, wait: the status and the lines."""
        keywords.setdefault("retry_count", 0)
        run_id = self.create(*arguments, **keywords)["run_id"]
        return self.finish(run_id)["status"], self.lines(run_id)

    def lines(self, run_id):
        return [event["message"] for event in self.client.iter_run_logs(*self.ids, run_id)]


def outputs(channel):
    """The files of a channel by name."""
    if not channel.is_dir():
        return {}
    return {path.name: path.read_bytes() for path in channel.iterdir() if not path.name.startswith(".")}


class Hurried(Urllib3Transport):
    """The wire as it is, with waits that are cut short."""

    def sleep(self, seconds):
        time.sleep(seconds / 200)


class Faulty:
    """A platform with faults, a client that meets them over HTTP or in the process, and one that does not."""

    def __init__(self, platform, way="http", **settings):
        self.platform = platform
        self.ids = platform.organization_id, platform.deployment_id
        self.settings = {**settings, "credential": platform.credential}
        if way == "http":
            self.settings["base_url"] = platform.serve().url
        else:
            self.settings["transport"] = platform.transport()
        self.client = APIClient(**self.settings)
        self._direct = APIClient(platform.credential, transport=ApplicationTransport(platform.app))

    def create(self, *arguments, **keywords):
        return self.client.create_run(*self.ids, self.platform.version_id, *arguments, **keywords)

    def runs(self):
        """What the platform has, whatever goes wrong on the way to it."""
        return list(self._direct.iter_runs(*self.ids))

    def close(self):
        self.client.close()
        self.platform.close()
