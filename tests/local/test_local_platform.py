"""Runs from their submission to their end: statuses, retries, time, and what survives a killed server."""

import contextlib
import os
import random
import signal
import sqlite3
import subprocess
import sys
import textwrap
import threading
import time

import pytest
from platforms import Runner, outputs

from abeja_run import APIClient
from abeja_run import exceptions as e
from abeja_run.local import LocalPlatform
from abeja_run.resources.runs import STATUSES


def until(condition, seconds=20):
    """Wait until something is so."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not come to be"
        time.sleep(0.01)


def test_statuses_pass_in_order_and_each_is_visible(place):
    place.write("import time\ndef handler(r, c): time.sleep(0.1); return {}")
    with place.platform(pace=0.05) as platform:
        runner, seen = Runner(platform), []
        run = runner.create()
        runner.client.wait_for_run(
            *runner.ids, run["run_id"], interval=0.005, max_interval=0.005, on_change=seen.append
        )
    assert [told["status"] for told in seen] == list(STATUSES[:-1])
    times = [told["modified_at"] for told in seen]
    assert times == sorted(set(times))


def test_lines_are_events_while_the_run_is_going_and_keep_their_order(place, runner):
    place.write(
        """
        import os, sys, time
        def handler(request, context):
            print("one"); print("two", file=sys.stderr); os.write(1, b"three\\n")
            while not os.path.exists("go"): time.sleep(0.01)
            sys.stdout.write("no line break")
            return {}
        """
    )
    run_id = runner.create()["run_id"]
    until(lambda: runner.lines(run_id) == ["one", "two", "three"])
    assert runner.client.get_run(*runner.ids, run_id)["status"] == "RUNNING"
    (place.code / "go").touch()
    assert runner.finish(run_id)["status"] == "SUCCEEDED"
    assert runner.lines(run_id) == ["one", "two", "three", "no line break"]


def test_lines_of_any_bytes_and_length_are_kept(place, runner):
    place.write(
        """
        import os
        def handler(request, context):
            os.write(1, b"\\xff\\x00 e\\r\\n\\n")
            os.write(1, "é".encode() + b"x" * 600_000 + b"\\nend\\n")
            return {}
        """
    )
    status, lines = runner.run()
    assert status == "SUCCEEDED"
    assert lines[:2] == ["\ufffd\x00 e", ""]
    assert "".join(lines[2:-1]) == "é" + "x" * 600_000
    assert lines[-1] == "end"


@pytest.mark.proof
def test_a_hundred_thousand_lines_all_become_events_in_order(place):
    place.write("def handler(r, c):\n    for n in range(100_000): print(n)\n    return {}")
    with place.platform(page_size=10_000) as platform:
        status, lines = Runner(platform).run()
    assert status == "SUCCEEDED"
    assert lines == [str(number) for number in range(100_000)]


@pytest.mark.parametrize(
    ("retry_count", "status", "attempts"),
    [(0, "FAILED", 1), (1, "FAILED", 2), (2, "SUCCEEDED", 3), (9, "SUCCEEDED", 3)],
)
def test_further_attempts_follow_a_failed_one(place, runner, retry_count, status, attempts):
    place.write(
        """
        import pathlib
        def handler(request, context):
            tries = pathlib.Path("tries")
            tries.write_text(tries.read_text() + "x" if tries.exists() else "x")
            print("try", len(tries.read_text()))
            if len(tries.read_text()) < 3: raise SystemExit("again")
            return {}
        """
    )
    found, lines = runner.run(retry_count=retry_count)
    assert (found, [line for line in lines if line.startswith("try")][-1]) == (status, f"try {attempts}")


def test_an_attempt_that_takes_too_long_is_killed_with_all_it_has_started(place):
    place.write(
        """
        import subprocess, sys, time
        def handler(request, context):
            child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
            print(child.pid)
            time.sleep(60)
        """
    )
    with place.platform(timeout=0.7) as platform:
        status, lines = Runner(platform).run()
    assert status == "FAILED"
    assert "took more than 0.7 s" in lines[-1]
    until(lambda: not alive(int(lines[0])))


def alive(pid):
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_what_a_handler_leaves_running_is_ended_with_its_attempt(place, runner):
    place.write(
        """
        import subprocess, sys
        def handler(request, context):
            print(subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]).pid)
            return {}
        """
    )
    started = time.monotonic()
    status, lines = runner.run()
    assert status == "SUCCEEDED"
    assert time.monotonic() - started < 10
    until(lambda: not alive(int(lines[0])))


def test_a_group_is_killed_once_and_not_again_when_its_number_is_free(place, runner, monkeypatch):
    killed, kill = [], os.killpg

    def noted(group, number):
        # Waited for, its number could be another's by now: this would be a ChildProcessError.
        os.waitid(os.P_PID, group, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        killed.append(group)
        kill(group, number)

    monkeypatch.setattr(os, "killpg", noted)
    place.write("import os\ndef handler(r, c): print(os.getpgrp()); return {}")
    status, lines = runner.run()
    assert (status, killed) == ("SUCCEEDED", [int(lines[0])])


def test_runs_end_in_a_program_that_ignores_the_end_of_its_children(tmp_path):
    code = """
        import pathlib, signal, sys
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)
        from platforms import Place, Runner
        place = Place(pathlib.Path(sys.argv[1]))
        place.write("def handler(r, c): print('line'); return {}")
        with place.platform() as platform:
            print(*Runner(platform).run())
        """
    command = [sys.executable, "-c", textwrap.dedent(code), str(tmp_path)]
    environment = {**os.environ, "PYTHONPATH": os.path.dirname(os.path.dirname(__file__))}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == "SUCCEEDED ['line']\n"


def test_a_handler_that_closes_its_output_goes_on(place, runner):
    place.write(
        "import os, time\ndef handler(r, c):\n    os.close(1); os.close(2); time.sleep(.3)\n    return {'content': 'x'}"
    )
    assert runner.run(None, {"$datalake:1": "out"})[0] == "SUCCEEDED"


@pytest.mark.parametrize(
    "ending", ["sys.stdout.close()", "sys.stdout = sys.stderr = None", "sys.stdout = 7", "del sys.stdout"]
)
def test_a_handler_may_do_with_its_output_what_it_likes(place, runner, ending):
    place.write(f"import sys\ndef handler(r, c):\n    print('first')\n    {ending}\n    return {{'content': 'x'}}")
    assert runner.run(None, {"$datalake:1": "out"}) == ("SUCCEEDED", ["first"])
    assert [*outputs(place.lake / "out").values()] == [b"x"]


def test_a_long_line_is_cut_between_characters(place, runner):
    place.write("def handler(r, c): print('日本語' * 100_000); return {}")
    status, lines = runner.run()
    assert status == "SUCCEEDED"
    assert len(lines) > 1
    assert "".join(lines) == "日本語" * 100_000


def test_a_log_of_huge_lines_can_be_read(place, runner):
    # As JSON a line is six times as long; a page of a hundred is more than a client takes.
    place.write("def handler(r, c):\n    for _ in range(30): print('\\x01' * 250_000)\n    return {}")
    status, lines = runner.run()
    assert (status, len(lines), {*lines}) == ("SUCCEEDED", 30, {"\x01" * 250_000})
    run_id = runner.client.get_runs(*runner.ids)["entries"][0]["run_id"]
    assert len(list(runner.client.iter_run_recent_logs(*runner.ids, run_id))) == 30
    sizes = [len(page["events"]) for page in _pages(runner, run_id)]
    assert max(sizes) < 20
    assert sum(sizes) == 30


def _pages(runner, run_id):
    token = None
    while True:
        page = runner.client.get_run_logs(*runner.ids, run_id, token)
        yield page
        token = page.get("next_token")
        if token is None:
            return


def test_a_list_of_runs_with_huge_inputs_can_be_read(place):
    with place.platform(workers=0) as platform:
        runner = Runner(platform)
        ids = [runner.create({"text": "x" * 3_000_000})["run_id"] for _ in range(5)]
        assert len(runner.client.get_runs(*runner.ids)["entries"]) == 1
        assert [run["run_id"] for run in runner.client.iter_runs(*runner.ids)] == ids[::-1]


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the environment of other processes cannot be read")
def test_what_a_handler_takes_out_of_its_group_is_ended_too(place, runner):
    place.write(
        """
        import subprocess
        def handler(request, context):
            print(subprocess.Popen(["sleep", "60"], start_new_session=True).pid)
            return {}
        """
    )
    status, lines = runner.run()
    assert status == "SUCCEEDED"
    until(lambda: not alive(int(lines[0])))


def test_a_platform_in_a_process_with_many_open_files_executes_runs(place):
    place.write("def handler(r, c): print('ran'); return {}")
    code = textwrap.dedent(
        """
        import os, resource, sys
        from abeja_run import APIClient
        from abeja_run.local import LocalPlatform
        resource.setrlimit(resource.RLIMIT_NOFILE, (2000, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
        files = [os.open(os.devnull, os.O_RDONLY) for _ in range(1200)]
        with LocalPlatform(sys.argv[1], sys.argv[1], pace=0) as platform:
            with APIClient(platform.credential, base_url=platform.serve().url) as client:
                ids = platform.organization_id, platform.deployment_id
                run = client.create_run(*ids, platform.version_id, retry_count=0)
                run = client.wait_for_run(*ids, run["run_id"], interval=0.02)
                print(run["status"], client.get_run_logs(*ids, run["run_id"])["events"][0]["message"])
        """
    )
    done = subprocess.run([sys.executable, "-c", code, place.code], capture_output=True, text=True, timeout=60)
    assert (done.stdout, done.stderr) == ("SUCCEEDED ran\n", "")


def test_on_a_full_disk_a_submission_is_refused_and_nothing_else(place):
    with place.platform(workers=0) as platform:
        runner = Runner(platform)
        created = runner.create()
        connection = platform.app._store._connection
        pages = connection.execute("PRAGMA page_count").fetchone()[0]
        connection.execute(f"PRAGMA max_page_count = {pages}")
        with pytest.raises(e.InternalServerError, match="the disk of the local platform is full"):
            runner.create({"text": "x" * 1_000_000})
        assert [run["run_id"] for run in runner.client.iter_runs(*runner.ids)] == [created["run_id"]]


def test_a_run_that_a_full_disk_has_stopped_ends_when_there_is_room_again(place):
    place.write(
        """
        import os, time
        def handler(request, context):
            print("begun")
            while not os.path.exists("go"): time.sleep(0.01)
            print("more")
            return {}
        """
    )
    code = textwrap.dedent(
        """
        import logging, pathlib, resource, sys, time
        from abeja_run import APIClient
        from abeja_run.local import LocalPlatform
        failed = []
        class Heard(logging.Handler):
            def emit(self, record): failed.append(record)
        logging.getLogger("abeja_run.local").addHandler(Heard())
        before = resource.getrlimit(resource.RLIMIT_FSIZE)
        with LocalPlatform(sys.argv[1], sys.argv[1], workers=1, pace=0) as platform:
            client = APIClient(platform.credential, transport=platform.transport())
            ids = platform.organization_id, platform.deployment_id
            run_id = client.create_run(*ids, platform.version_id, retry_count=0)["run_id"]
            while not client.get_run_logs(*ids, run_id)["events"]:
                time.sleep(0.01)
            resource.setrlimit(resource.RLIMIT_FSIZE, (1, before[1]))
            (pathlib.Path(sys.argv[1]) / "go").touch()
            while not failed:
                time.sleep(0.01)
            time.sleep(0.2)
            print(client.get_run(*ids, run_id)["status"])
            resource.setrlimit(resource.RLIMIT_FSIZE, before)
            try:
                client.wait_for_run(*ids, run_id, interval=0.02, max_interval=0.02, timeout=10)
            except Exception as error:
                print(error)
            run_id = client.create_run(*ids, platform.version_id, retry_count=0)["run_id"]
            print(client.wait_for_run(*ids, run_id, interval=0.02, max_interval=0.02, timeout=10)["status"])
        """
    )
    done = subprocess.run([sys.executable, "-c", code, place.code], capture_output=True, text=True, timeout=60)
    first, error, last = done.stdout.splitlines()
    assert (first, last) == ("RUNNING", "SUCCEEDED")
    assert error.endswith("ended FAILED")


def test_workers_run_side_by_side(place):
    place.write(
        """
        import os, pathlib, time
        def handler(request, context):
            pathlib.Path(os.environ["ABEJA_RUN_ID"]).touch()
            end = time.monotonic() + 15
            while len(list(pathlib.Path(".").glob("run-*"))) < 3:
                assert time.monotonic() < end
                time.sleep(0.01)
            return {}
        """
    )
    with place.platform(workers=3) as platform:
        runner = Runner(platform)
        ids = [runner.create(retry_count=0)["run_id"] for _ in range(3)]
        assert [runner.finish(run_id)["status"] for run_id in ids] == ["SUCCEEDED"] * 3


def test_closing_leaves_no_process_thread_or_file(place, tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path / "tmp"))
    (tmp_path / "tmp").mkdir()
    import tempfile

    monkeypatch.setattr(tempfile, "tempdir", None)
    place.write("import os, time\ndef handler(r, c): print(os.getpid()); time.sleep(60)")
    before = threading.active_count()
    with place.platform() as platform:
        platform.serve()
        runner = Runner(platform)
        run_id = runner.create()["run_id"]
        until(lambda: runner.lines(run_id))
        pid = int(runner.lines(run_id)[0])
    until(lambda: not alive(pid))
    until(lambda: threading.active_count() == before)
    assert list((tmp_path / "tmp").iterdir()) == []
    platform.close()


def test_a_state_file_keeps_runs_ids_and_tokens(place):
    place.write("def handler(r, c): print('ran'); return {}")
    with place.platform(state=place.state, page_size=1) as platform:
        runner = Runner(platform)
        ids = [runner.create(environment={"A": "hunter2"})["run_id"] for _ in range(2)]
        for run_id in ids:
            runner.finish(run_id)
        token = runner.client.get_runs(*runner.ids)["next_page_token"]
        told = platform.organization_id, platform.deployment_id, platform.version_id, platform.credential
    assert place.state.stat().st_mode & 0o077 == 0
    with place.platform(state=place.state, page_size=1) as platform:
        assert (platform.organization_id, platform.deployment_id, platform.version_id, platform.credential) == told
        runner = Runner(platform)
        assert [run["run_id"] for run in runner.client.iter_runs(*runner.ids)] == ids[::-1]
        assert runner.client.get_runs(*runner.ids, token)["entries"][0]["run_id"] == ids[0]
        assert runner.lines(ids[0]) == ["ran"]


def test_state_is_one_sqlite_file_that_is_written_ahead(place):
    place.write("def handler(r, c): return {}")
    with place.platform(state=place.state) as platform:
        assert Runner(platform).run()[0] == "SUCCEEDED"
        with sqlite3.connect(f"file:{place.state}?mode=ro", uri=True) as reading:
            assert reading.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        reading.close()


def test_two_platforms_do_not_share_a_state_file(place):
    place.write("def handler(r, c): return {}")
    with place.platform(state=place.state), pytest.raises(e.ConfigurationError, match="in use"):
        place.platform(state=place.state)
    with place.platform(state=place.state) as platform:
        assert Runner(platform).run()[0] == "SUCCEEDED"


def test_a_link_to_a_state_file_is_no_second_one(place, tmp_path):
    place.write("def handler(r, c): return {}")
    (tmp_path / "link.sqlite").symlink_to(place.state)
    with place.platform(state=place.state), pytest.raises(e.ConfigurationError, match="in use"):
        place.platform(state=tmp_path / "link.sqlite")


def test_the_database_of_another_program_is_left_alone(place):
    with contextlib.closing(sqlite3.connect(place.state)) as connection:
        connection.executescript("CREATE TABLE theirs (a)")
    before = place.state.read_bytes()
    with pytest.raises(e.ConfigurationError, match="the database of another program"):
        place.platform(state=place.state)
    assert place.state.read_bytes() == before


@pytest.mark.parametrize("place_of_damage", [2, 3, 5, 10, 20])
def test_a_damaged_state_file_is_no_other_error_than_that_of_a_wrong_setting(place, place_of_damage):
    place.write("")
    with place.platform(state=place.state, workers=0) as platform:
        runner = Runner(platform)
        for number in range(50):
            runner.create({"number": number, "text": "x" * 500})
    data = bytearray(place.state.read_bytes())
    page = 4096 * (place_of_damage - 1)
    data[page : page + 4096] = b"\xaa" * 4096
    place.state.write_bytes(data)
    # Damage that nobody has read yet is not seen.
    with contextlib.suppress(e.ConfigurationError):
        place.platform(state=place.state).close()


def test_a_state_file_that_is_none_is_told(place, tmp_path):
    place.write("")
    place.state.write_text("no database at all, but long enough to be looked at as one")
    for state in (place.state, tmp_path / "missing" / "state.sqlite", tmp_path):
        with pytest.raises(e.ConfigurationError, match="state file"):
            place.platform(state=state)


@pytest.mark.parametrize("wrong", [{"workers": -1}, {"timeout": 0}, {"page_size": "x"}, {"timeout": True}])
def test_wrong_settings_are_told(place, wrong):
    with pytest.raises(e.ConfigurationError, match=next(iter(wrong))):
        place.platform(**wrong)


def test_folders_that_do_not_exist_are_told(place, tmp_path):
    for folders in ((tmp_path / "no", place.lake), (place.code, tmp_path / "no")):
        with pytest.raises(e.ConfigurationError, match="not a folder"):
            LocalPlatform(*folders)


def test_a_platform_shows_where_it_is_but_no_credential(place):
    with place.platform() as platform:
        assert platform.url is None
        assert "in this process" in repr(platform)
        server = platform.serve()
        assert server.url == platform.url
        assert server.url.startswith("http://127.0.0.1:")
        assert platform.credential["auth_token"] not in repr(platform)
        with pytest.raises(e.ConfigurationError, match="cannot listen"):
            platform.serve(port=int(server.url.rpartition(":")[2]))
        with pytest.raises(e.ConfigurationError, match="cannot listen"):
            platform.serve(host="192.0.2.1")


def test_two_servers_in_one_process_are_closed_one_by_one(place, tmp_path):
    from platforms import Place

    (tmp_path / "other").mkdir()
    other = Place(tmp_path / "other")
    with place.platform() as one:
        one.serve()
        with other.platform() as two:
            two.serve()
            for platform in (one, two):
                client = APIClient(platform.credential, base_url=platform.url)
                assert client.get_runs(platform.organization_id, platform.deployment_id) == {"entries": []}
                client.close()
        client = APIClient(one.credential, base_url=one.url)
        assert client.get_runs(one.organization_id, one.deployment_id) == {"entries": []}
        client.close()


def test_a_clock_that_is_set_back_does_not_disorder_a_log(place, runner):
    store = runner.platform.app._store
    store._latest += 3600 * 1_000_000
    place.write("def handler(r, c):\n    for n in range(3): print(n)\n    return {}")
    run_id = runner.create()["run_id"]
    runner.finish(run_id)
    events = list(runner.client.iter_run_logs(*runner.ids, run_id))
    assert [event["timestamp"] for event in events] == sorted(event["timestamp"] for event in events)
    assert [event["message"] for event in events] == ["0", "1", "2"]


SERVER = """
import sys
from abeja_run.local import LocalPlatform
platform = LocalPlatform(sys.argv[1], sys.argv[2], state=sys.argv[3], workers=3, page_size=1000, pace=0.01, timeout=30)
print(platform.serve().url, flush=True)
sys.stdin.read()
"""


def test_after_a_kill_every_run_ends_and_no_event_that_was_visible_is_gone(place):
    place.write(
        """
        import os, time
        def handler(request, context):
            for n in range(20):
                print(n)
                time.sleep(0.02)
            return {"content": "done"}
        """
    )
    with place.platform(state=place.state) as platform:
        ids = platform.organization_id, platform.deployment_id
        version, credential = platform.version_id, platform.credential
    chance = random.Random(7)
    runs, seen = [], {}
    for _ in range(5):
        process = subprocess.Popen(
            [sys.executable, "-c", SERVER, place.code, place.lake, place.state],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        client = APIClient(credential, base_url=process.stdout.readline().strip())
        runs += [
            client.create_run(*ids, version, None, {"$datalake:1": "out"}, retry_count=0)["run_id"] for _ in range(3)
        ]
        time.sleep(chance.uniform(0.05, 0.6))
        for run_id in runs:
            events = list(client.iter_run_logs(*ids, run_id))
            assert events[: len(seen.get(run_id, []))] == seen.get(run_id, [])
            seen[run_id] = events
        process.send_signal(signal.SIGKILL)
        process.wait()
        process.stdin.close()
        process.stdout.close()
        client.close()
    with place.platform(state=place.state, workers=4, page_size=1000) as platform:
        runner = Runner(platform)
        for run_id in runs:
            assert runner.finish(run_id)["status"] == "SUCCEEDED"
            events = list(client_events(runner, run_id))
            assert events[: len(seen[run_id])] == seen[run_id]
            assert [event["message"] for event in events][-20:] == [str(number) for number in range(20)]
    assert len({*runs}) == 15
    assert len(list((place.lake / "out").glob("run-*"))) == 15
    assert len(list((place.lake / "out" / ".metadata").glob(".writing-*"))) == 0


def client_events(runner, run_id):
    return runner.client.iter_run_logs(*runner.ids, run_id)


def test_no_attempt_outlives_a_killed_server(place):
    place.write("import os, time\ndef handler(r, c): print(os.getpid()); time.sleep(60)")
    process = subprocess.Popen(
        [sys.executable, "-c", SERVER, place.code, place.lake, place.state],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    url = process.stdout.readline().strip()
    with sqlite3.connect(place.state) as connection:
        found = dict(connection.execute("SELECT name, value FROM settings"))
    connection.close()
    client = APIClient({"auth_token": found["auth_token"]}, base_url=url)
    ids = found["organization_id"], found["deployment_id"]
    run_id = client.create_run(*ids, found["version_id"])["run_id"]
    until(lambda: client.get_run_logs(*ids, run_id)["events"])
    pid = int(client.get_run_logs(*ids, run_id)["events"][0]["message"])
    assert alive(pid)
    process.kill()
    process.wait()
    until(lambda: not alive(pid), 5)
    process.stdin.close()
    process.stdout.close()
    client.close()


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere a thread of the attempt ends it, if it may run")
@pytest.mark.parametrize(
    "doing", ["re.match('(a+)+$', 'a' * 50 + 'b')", "os.execvp('sleep', ['sleep', '60'])"], ids=["busy", "replaced"]
)
def test_no_attempt_outlives_a_killed_server_however_busy_it_is(place, doing):
    place.write(
        f"""
        import os, re, subprocess
        def handler(request, context):
            print(os.getpid(), subprocess.Popen(["sleep", "60"]).pid)
            {doing}
        """
    )
    code = textwrap.dedent(
        """
        import sys, time
        from abeja_run import APIClient
        from abeja_run.local import LocalPlatform
        platform = LocalPlatform(sys.argv[1], sys.argv[1], pace=0)
        client = APIClient(platform.credential, transport=platform.transport())
        ids = platform.organization_id, platform.deployment_id
        run_id = client.create_run(*ids, platform.version_id)["run_id"]
        while not (events := client.get_run_logs(*ids, run_id)["events"]):
            time.sleep(0.01)
        print(events[0]["message"], flush=True)
        time.sleep(60)
        """
    )
    with subprocess.Popen([sys.executable, "-c", code, place.code], stdout=subprocess.PIPE, text=True) as process:
        started = [int(pid) for pid in process.stdout.readline().split()]
        assert all(map(alive, started))
        assert len(started) == 2
        process.kill()
    until(lambda: not any(map(alive, started)), 5)


def test_a_missing_extra_says_how_to_get_it():
    code = (
        "import sys; sys.modules['werkzeug'] = None\n"
        "try: import abeja_run.local\n"
        "except ImportError as error: print(type(error).__name__, error)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env={**os.environ}, check=True)
    assert done.stdout.startswith("MissingExtra")
    assert "pip install 'abeja-run[local]'" in done.stdout
