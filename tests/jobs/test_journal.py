"""Batches with a journal: what is taken up again, what is refused, and what no end of a process can spoil."""

import contextlib
import json
import os
import resource
import signal
import stat
import subprocess
import sys
import textwrap
from types import MappingProxyType

import pytest
from servers import CREDENTIAL
from services import Service

from abeja_run import exceptions as e
from abeja_run.jobs import Settling
from abeja_run.jobs.journal import Journal, digest
from abeja_run.messages import Response

LOST = e.TransportError("lost")


@pytest.fixture
def path(tmp_path):
    return tmp_path / "batch.jsonl"


@pytest.fixture
def deployment(kind):
    """A deployment of either kind of client, called as if it were not awaited."""

    def made(service, organization="1", number="2"):
        target = kind.client(organization, CREDENTIAL, transport=service).deployment(number)
        target.settling = Settling(period=3, looks=3)
        return target

    return made


def numbered(count):
    return [{"number": number} for number in range(count)]


@pytest.fixture
def run_all(deployment):
    def run(service, path, inputs, **options):
        results = list(deployment(service).submit_many("ver-1", inputs, journal=path, **options))
        return sorted(results, key=lambda result: result.index)

    return run


@pytest.fixture
def ended_after(deployment):
    """A batch that nobody asked for more than so many results of."""

    def run(service, path, inputs, count, **options):
        results = deployment(service).submit_many("ver-1", inputs, journal=path, **options)
        for _ in range(count):
            next(results)
        results.close()

    return run


def lines(path):
    return [json.loads(line) for line in path.read_bytes().splitlines()]


def test_a_finished_batch_gives_its_results_again_without_a_request(run_all, path):
    service = Service()
    first = run_all(service, path, numbered(20))
    posts, looks = service.posts, service.looks
    again = run_all(service, str(path), iter(numbered(20)))
    assert (service.posts, service.looks) == (posts, looks)
    for before, after in zip(first, again, strict=True):
        assert after.run.run_id == before.run.run_id
        assert after.run.created_at == before.run.created_at
        assert (after.index, after.input_data, after.submission_id, after.error) == (
            (before.index, before.input_data, before.submission_id, None)
        )
        assert after.run.submission_id == before.submission_id
        assert after.run.input_data == before.input_data
        assert (after.run.version_id, after.run.deployment_id) == ("ver-1", "2")


@pytest.mark.parametrize("count", [1, 7, 19])
def test_a_batch_goes_on_where_it_was_stopped(run_all, ended_after, path, count):
    service = Service(page_size=100)
    ended_after(service, path, numbered(20), count)
    results = run_all(service, path, numbered(20))
    assert [result.input_data for result in results] == numbered(20)
    assert len({result.run.run_id for result in results}) == len(service.runs) == 20
    assert len(set(service.submission_ids)) == 20


def test_more_inputs_may_follow_those_of_before(run_all, path):
    service = Service()
    run_all(service, path, numbered(5))
    assert len(run_all(service, path, numbered(12))) == 12
    assert len(service.runs) == 12


def test_wherever_its_last_write_was_torn_every_input_gets_one_run(run_all, ended_after, path, caplog):
    service = Service(page_size=100)
    ended_after(service, path, numbered(6), 3, max_in_flight=2)
    whole, existing = path.read_bytes(), list(service.runs)
    ends = [position for position, byte in enumerate(whole) if byte == ord("\n")]
    for length in {*range(0, len(whole), 29), *(end + near for end in ends for near in (-1, 0, 1))}:
        path.write_bytes(whole[:length])
        # A request leaves after its intention is on the disk: without one there is no run.
        known = {line.get("intend") for line in map(json.loads, whole[:length].split(b"\n")[:-1])}
        service.runs = [run for run in existing if run["input_data"]["number"] in known]
        results = run_all(service, path, numbered(6))
        assert [result.run.input_data["number"] for result in results] == list(range(6)), length
        assert sorted(run["input_data"]["number"] for run in service.runs) == list(range(6)), length
        assert path.read_bytes().endswith(b"\n")
    assert "is cut off" in caplog.text


def test_an_intention_is_on_the_disk_before_its_request_leaves(run_all, path, monkeypatch):
    synced = 0
    name = "fdatasync" if hasattr(os, "fdatasync") else "fsync"
    real = getattr(os, name)

    def syncing(descriptor):
        nonlocal synced
        real(descriptor)
        synced = os.fstat(descriptor).st_size

    monkeypatch.setattr(os, name, syncing)

    class Watching(Service):
        def _post(self, body):
            on_disk = path.read_bytes()[:synced].decode()
            assert f'"intend": {body["input_data"]["number"]},' in on_disk
            return super()._post(body)

    assert len(run_all(Watching(), path, numbered(30))) == 30


def test_runs_that_nobody_was_told_of_are_found_by_one_list(run_all, path):
    service = Service(*[("after", LOST)] * 8, page_size=100)
    service.listing_fails = 100
    # Every answer is lost, and no list is to be had: nothing is known of any input.
    results = run_all(service, path, numbered(8))
    assert {type(result.error) for result in results} == {e.SubmissionUnknown}
    assert len(service.runs) == 8
    assert not any("run" in line for line in lines(path))
    service.listing_fails = service.looks = 0
    results = run_all(service, path, numbered(8), max_in_flight=2)
    assert [result.error for result in results] == [None] * 8
    assert (service.posts, len(service.runs), service.looks) == (8, 8, 1)


def test_an_input_that_was_refused_is_submitted_anew(run_all, path):
    service = Service(("before", Response(400)), ("before", Response(404)))
    first = run_all(service, path, numbered(3), max_in_flight=1)
    assert [bool(result.run) for result in first] == [False, False, True]
    second = run_all(service, path, numbered(3), max_in_flight=1)
    assert [bool(result.run) for result in second] == [True, True, True]
    assert (service.posts, len(service.runs), service.looks) == (5, 3, 0)
    assert [result.submission_id for result in second] == [result.submission_id for result in first]


def test_an_input_whose_second_submission_was_cut_short_is_looked_for(run_all, path):
    service = Service(("before", Response(400)), page_size=100)
    run_all(service, path, numbered(1))
    service.faults = [("after", LOST)]
    service.listing_fails = 100
    (result,) = run_all(service, path, numbered(1))
    assert isinstance(result.error, e.SubmissionUnknown)
    service.listing_fails = 0
    (result,) = run_all(service, path, numbered(1))
    assert result.run
    assert len(service.runs) == 1


def test_a_batch_that_waits_goes_on_waiting_for_runs_of_before(run_all, path):
    service = Service(looks_until_end=2)
    given = [{"number": 0}, {"fail": True}]
    run_all(service, path, given)
    results = run_all(service, path, given, wait=True)
    assert [str(result.run.status) for result in results] == ["SUCCEEDED", "FAILED"]
    assert results[1].error.last_lines == ["line 1", "line 2"]
    asked = [run["asked"] for run in service.runs]
    results = run_all(service, path, given, wait=True)
    assert [str(result.run.status) for result in results] == ["SUCCEEDED", "FAILED"]
    assert isinstance(results[1].error, e.RunFailed)
    assert [run["asked"] for run in service.runs] == asked
    assert service.posts == 2


@pytest.mark.parametrize("change", ["organization_id", "deployment_id", "version_id", "other_arguments"])
def test_the_journal_of_another_batch_is_refused(run_all, deployment, path, change):
    service = Service()
    run_all(service, path, numbered(2))
    before = path.read_bytes()
    target = deployment(service, "9" if change == "organization_id" else "1", "9" if change == "deployment_id" else "2")
    arguments = {"retry_count": 3} if change == "other_arguments" else {}
    version = "ver-9" if change == "version_id" else "ver-1"
    told = "it was begun with another output, number of retries" if change == "other_arguments" else f"{change} is "
    with pytest.raises(e.JournalMismatch, match=f"{path} is that of another batch: {told}.*name another file"):
        next(target.submit_many(version, numbered(2), journal=path, **arguments))
    assert service.posts == 2
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    "content", [b'{"number": 1}\n{"number": 2}\n', b"text", b"\0" * 100, b'{"abeja_run_batch": 1}\n']
)
def test_a_file_that_is_no_journal_is_refused_and_left_alone(run_all, path, content):
    path.write_bytes(content)
    with pytest.raises(e.JournalMismatch, match="is not the journal of a batch"):
        run_all(Service(), path, numbered(2))
    assert path.read_bytes() == content


def test_a_journal_of_another_format_is_refused(run_all, path):
    run_all(Service(), path, numbered(1))
    path.write_bytes(path.read_bytes().replace(b'"abeja_run_batch": 1', b'"abeja_run_batch": 2'))
    with pytest.raises(e.JournalMismatch, match="another version"):
        run_all(Service(), path, numbered(1))


def test_what_is_no_file_is_refused(run_all, tmp_path):
    os.mkfifo(tmp_path / "fifo")
    for journal, told in (
        (tmp_path, "directory"),
        (tmp_path / "fifo", "not a file"),
        (tmp_path / "no" / "x", "No such"),
    ):
        with pytest.raises(e.JournalError, match=told):
            run_all(Service(), journal, numbered(1))


def test_inputs_that_have_changed_are_refused_and_the_first_that_differs_is_named(run_all, ended_after, path):
    service = Service()
    ended_after(service, path, numbered(20), 10)
    posts = service.posts
    changed = [*numbered(4), {"number": "other"}, *numbered(20)[5:]]
    with pytest.raises(e.JournalMismatch, match="input 4 "):
        run_all(service, path, changed)
    assert service.posts == posts
    with pytest.raises(e.JournalMismatch, match="there are only 5 inputs"):
        run_all(service, path, numbered(5))
    assert service.posts == posts


def test_the_order_of_keys_makes_no_other_input_and_every_other_difference_does():
    assert digest({"a": 1, "b": {"c": 2, "d": None}}) == digest({"b": {"d": None, "c": 2}, "a": 1})
    different = [
        {},
        None,
        {"a": 1},
        {"a": "1"},
        {"a": True},
        {"a": 1.5},
        {"a": [1, 2]},
        {"a": [2, 1]},
        [],
        "a",
        "\ud800",
    ]
    assert len(set(map(digest, different))) == len(different)
    assert digest({"a": object()}) == digest({"a": object()})
    endless = []
    endless.append(endless)
    assert digest(endless) == digest([{(1, 2): 3}])


def test_whatever_may_be_submitted_is_told_from_every_other_such_input():
    assert digest(MappingProxyType({"a": 1})) == digest({"a": 1}) != digest(MappingProxyType({"a": 2}))
    assert digest({1: 2, "a": 3}) == digest({"1": 2, "a": 3}) != digest({1: 2, "a": 4})


def test_a_journal_does_not_repeat_an_input_in_the_words_of_an_error(run_all, path):
    service = Service(("before", Response(400, body=b'{"error": "bad_request", "error_description": "not hunter2"}')))
    results = run_all(service, path, [{"password": "hunter2"}, "hunter3"])
    assert [type(result.error) for result in results] == [e.BadRequest, e.ValidationError]
    assert "hunter" not in path.read_text()


def test_a_journal_that_is_in_use_is_refused(run_all, deployment, path):
    service = Service()
    results = deployment(service).submit_many("ver-1", numbered(20), journal=path, max_in_flight=1)
    next(results)
    with pytest.raises(e.JournalError, match="in use"):
        run_all(service, path, numbered(20))
    results.close()
    assert len(run_all(service, path, numbered(20))) == 20
    assert len(service.runs) == 20


def test_a_journal_that_another_process_uses_is_refused_until_that_one_is_killed(path):
    code = textwrap.dedent(
        """
        import sys, time
        from abeja_run.jobs.journal import Journal
        journal = Journal(sys.argv[1], {"a": "b"})
        print("open", flush=True)
        time.sleep(60)
        """
    )
    with subprocess.Popen([sys.executable, "-c", code, path], stdout=subprocess.PIPE) as process:
        assert process.stdout.readline() == b"open\n"
        with pytest.raises(e.JournalError, match="in use"):
            Journal(path, {"a": "b"})
        process.kill()
        process.wait(20)
        Journal(path, {"a": "b"}).close()


def test_a_forked_process_that_outlives_a_batch_does_not_keep_its_journal_locked(path):
    code = textwrap.dedent(
        """
        import os, sys, time
        from abeja_run.jobs.journal import Journal
        journal = Journal(sys.argv[1], {"a": "b"})
        if os.fork() == 0:
            print(os.getpid(), flush=True)
        time.sleep(60)
        """
    )
    with subprocess.Popen([sys.executable, "-c", code, path], stdout=subprocess.PIPE) as process:
        child = int(process.stdout.readline())
        try:
            process.kill()
            process.wait(20)
            Journal(path, {"a": "b"}).close()
        finally:
            os.kill(child, signal.SIGKILL)


@pytest.mark.parametrize(
    "line",
    [
        b"text",
        b"[]",
        b"{}",
        b'{"run": 99, "run_id": "run-1"}',
        b'{"run": 0}',
        b'{"intend": 5, "input": "x", "since": "2018-01-01T00:00:00Z"}',
        b'{"intend": 0, "input": "x", "since": "yesterday"}',
        b'{"refused": "0"}',
        b"[" * 100_000,
    ],
)
def test_a_damaged_journal_is_refused_and_the_line_is_named(run_all, path, line):
    service = Service()
    run_all(service, path, numbered(2))
    head, rest = path.read_bytes().split(b"\n", 1)
    path.write_bytes(head + b"\n" + line + b"\n" + rest)
    with pytest.raises(e.JournalError, match="is damaged: line 2 "):
        run_all(service, path, numbered(2))
    assert service.posts == 2


def test_a_journal_is_readable_by_its_owner_only_and_holds_no_input_and_no_secret(run_all, path):
    inputs = [{"password": "hunter2"}]
    run_all(Service(), path, inputs, environment={"TOKEN": "s3cret"})
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert "hunter2" not in path.read_text()
    assert "s3cret" not in path.read_text()
    assert CREDENTIAL["auth_token"] not in path.read_text()


@contextlib.contextmanager
def files_no_longer_than(size):
    """Every file of this process is like one on a disk that is full from there on."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_full_disk_is_a_clear_error_that_starts_nothing(run_all, path):
    service = Service()
    with files_no_longer_than(100), pytest.raises(e.JournalError, match=f"journal {path} cannot be written: "):
        run_all(service, path, numbered(2))
    assert service.posts == 0
    assert len(run_all(service, path, numbered(2))) == 2


@pytest.mark.parametrize("size", range(300, 3000, 117))
def test_wherever_a_disk_gets_full_the_batch_goes_on_when_there_is_room_again(run_all, path, size):
    service = Service(page_size=100)
    with files_no_longer_than(size), pytest.raises(e.JournalError, match="cannot be written"):
        run_all(service, path, numbered(40), max_in_flight=3)
    intended = {line["intend"] for line in lines(path) if "intend" in line}
    assert {run["input_data"]["number"] for run in service.runs} <= intended
    results = run_all(service, path, numbered(40))
    assert [result.run.input_data["number"] for result in results] == list(range(40))
    assert len(service.runs) == 40


def test_a_process_that_was_started_meanwhile_does_not_keep_a_closed_journal_locked(path):
    with Journal(path, {}) as journal:
        child = subprocess.Popen(["sleep", "60"], pass_fds=[journal._file.fileno()])
    try:
        Journal(path, {}).close()
    finally:
        child.kill()
        child.wait()


@pytest.mark.proof
def test_memory_does_not_grow_with_the_journal(path):
    code = textwrap.dedent(
        """
        import sys, tracemalloc
        from datetime import datetime, timezone
        from abeja_run.jobs.journal import Journal
        count, since = 5_000, datetime.now(timezone.utc)
        with Journal(sys.argv[1], {}) as journal:
            for start in range(0, count, 100):
                journal.intend({n: {"n": n} for n in range(start, start + 100)}, since, 0.0)
                for n in range(start, start + 100):
                    journal.submitted(n, {"run_id": f"run-{n}", "status": "SUBMITTED"})
        tracemalloc.start()
        with Journal(sys.argv[1], {}) as journal:
            assert journal.known == count and not journal.open
            for n in range(count):
                journal.check(n, {"n": n})
                assert journal.run(n)["run_id"] == f"run-{n}"
        print(tracemalloc.get_traced_memory()[1])
        """
    )
    done = subprocess.run([sys.executable, "-c", code, path], capture_output=True, text=True, check=True)
    assert int(done.stdout) < 300_000


def test_an_id_of_any_length_is_never_kept_in_part(path, run_all):
    def odd(body):
        return Response(200, body=json.dumps({"run_id": "run-" + "0" * 5_000}).encode())

    service = Service(("after", odd), page_size=100)
    (first,) = run_all(service, path, numbered(1))
    assert len(first.run.run_id) == 5_004
    (second,) = run_all(service, path, numbered(1))
    assert second.run.run_id == service.runs[0]["run_id"]
    assert service.posts == 1


TWICE_INTERRUPTED = """
import json, os, signal, sys, threading, time
sys.path.insert(0, sys.argv[2])
from services import Service
from abeja_run.jobs import Client, Settling

class Slow(Service):
    def send(self, request, timeout):
        if request.method == "POST":
            time.sleep(1.5)
        return super().send(request, timeout)

    def sleep(self, seconds):
        time.sleep(seconds)
        super().sleep(seconds)

service = Slow(page_size=100)
deployment = Client("1", {"auth_token": "any"}, transport=service, timeout=2).deployment("2")
deployment.settling = Settling(period=0.1, looks=2)
began = time.monotonic()
for seconds in (0.3, 0.6):
    threading.Timer(seconds, os.kill, (os.getpid(), signal.SIGINT)).start()
try:
    list(deployment.submit_many("ver-1", [{"n": 1}, {"n": 2}], journal=sys.argv[1]))
except KeyboardInterrupt:
    assert time.monotonic() - began < 1.4
results = list(deployment.submit_many("ver-1", [{"n": 1}, {"n": 2}], journal=sys.argv[1]))
print(json.dumps([service.posts, len(service.runs), [str(result.error) for result in results]]))
"""


def test_after_a_second_interruption_the_same_process_waits_for_what_is_still_under_way(path):
    tests = os.path.dirname(os.path.dirname(__file__))
    command = [sys.executable, "-c", TWICE_INTERRUPTED, path, tests]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == [2, 2, ["None", "None"]]


@pytest.mark.parametrize("replaced", [True, False])
def test_a_journal_that_is_deleted_or_replaced_in_use_ends_its_batch_before_anything_more_is_sent(
    path, deployment, replaced
):
    service = Service(page_size=100)
    results = deployment(service).submit_many("ver-1", numbered(1_000), journal=path, max_in_flight=2)
    next(results)
    # Somebody tidies up; or takes a copy, and puts it back.
    content, sent = path.read_bytes(), service.posts
    path.unlink()
    if replaced:
        path.with_suffix(".copy").write_bytes(content)
        path.with_suffix(".copy").rename(path)
    with pytest.raises(e.JournalError, match="deleted or replaced"):
        list(results)
    assert service.posts <= sent + 6


def test_a_journal_of_a_relative_path_stays_where_it_is(tmp_path, monkeypatch, deployment):
    monkeypatch.chdir(tmp_path)
    service = Service(page_size=100)
    for _ in deployment(service).submit_many("ver-1", numbered(30), journal="batch.jsonl", max_in_flight=2):
        monkeypatch.chdir("/")
    assert len(service.runs) == 30
    monkeypatch.chdir(tmp_path)
    again = [*deployment(service).submit_many("ver-1", numbered(30), journal="batch.jsonl")]
    assert len(again) == service.posts == 30
