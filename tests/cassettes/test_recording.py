"""Recording: everything that passed is on the disk, whatever happens next."""

import json
import os
import resource
import signal
import subprocess
import sys
import textwrap
import threading

import pytest
from servers import CREDENTIAL, IDS, RUN, TOKEN, Scripted, answer, close, reset, silent

from abeja_run import APIClient
from abeja_run.cassettes import load
from abeja_run.exceptions import (
    CassetteError,
    InternalServerError,
    NotFound,
    OutcomeUnknown,
    Timeout,
    TransportError,
)
from abeja_run.messages import Request, Response
from abeja_run.transports import RecordingTransport, ReplayTransport, Urllib3Transport, cassette


def client(wire, transport, **settings):
    return APIClient(CREDENTIAL, base_url=getattr(wire, "url", wire), transport=transport, **settings)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "folder" / "c.json"


def told(path):
    return [str(interaction).partition("/runs")[2] for interaction in load(path)]


def test_what_is_recorded_is_replayed_for_any_base_url(wire, path):
    with RecordingTransport(Urllib3Transport(), path) as transport:
        recorded = client(wire, transport).get_run(*IDS, "run-1")
    wire.close()
    assert TOKEN.encode() not in path.read_bytes()
    replay = ReplayTransport(path)
    assert client("https://elsewhere.example/", replay).get_run(*IDS, "run-1") == recorded == RUN
    assert replay.unplayed == []


def test_every_attempt_is_kept_and_a_replay_retries_without_waiting(wire, path):
    wire.script = [answer(status=503), close, answer(b"{", status=429, retry_after="0")]

    class Hasty(Urllib3Transport):
        def sleep(self, seconds):
            pass

    with RecordingTransport(Hasty(), path) as transport:
        client(wire, transport).get_run(*IDS, "run-1")
    assert told(path) == ["/run-1: 503", "/run-1: TransportError", "/run-1: 429", "/run-1: 200"]
    replay = ReplayTransport(path)
    assert client(wire, replay).get_run(*IDS, "run-1") == RUN
    assert replay.unplayed == []


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        (answer({"error": "not_found", "error_description": "no run"}, status=404), NotFound),
        (answer(status=500), InternalServerError),
        (silent, Timeout),
        (reset, TransportError),
    ],
)
def test_failures_are_recorded_and_replayed(wire, path, reply, error):
    wire.otherwise = reply
    texts = []
    with RecordingTransport(Urllib3Transport(), path) as transport:
        with pytest.raises(error) as caught:
            client(wire, transport, timeout=0.3, max_retry_count=0).get_run(*IDS, "run-1")
        texts.append(str(caught.value))
    for _ in range(2):
        with pytest.raises(error) as caught:
            client(wire, ReplayTransport(path), max_retry_count=0).get_run(*IDS, "run-1")
        texts.append(str(caught.value))
    assert len(set(texts)) == 1


def test_a_lost_answer_to_a_submission_is_replayed_as_one(wire, path):
    wire.otherwise = close
    with RecordingTransport(Urllib3Transport(), path) as transport, pytest.raises(OutcomeUnknown):
        client(wire, transport).create_run(*IDS, "ver-1")
    with pytest.raises(OutcomeUnknown):
        client(wire, ReplayTransport(path)).create_run(*IDS, "ver-1")


def test_a_refused_connection_is_replayed_as_one(path):
    with RecordingTransport(Urllib3Transport(), path) as transport, pytest.raises(TransportError) as recorded:
        client("http://127.0.0.1:1", transport, max_retry_count=0).create_run(*IDS, "ver-1")
    with pytest.raises(TransportError) as replayed:
        client("http://127.0.0.1:1", ReplayTransport(path), max_retry_count=0).create_run(*IDS, "ver-1")
    assert type(recorded.value) is type(replayed.value)
    assert str(recorded.value) == str(replayed.value)


def test_many_threads_lose_none_and_mix_none_up(path):
    class Echo(Scripted):
        def send(self, request, timeout):
            return Response(200, {"content-type": "application/json"}, json.dumps({"url": request.url}).encode())

    def work(transport, number, problems):
        for run in range(100):
            request = Request("GET", f"http://h/{number}/{run}", {"authorization": f"Bearer {TOKEN}"})
            if json.loads(transport.send(request, 1).body) != {"url": request.url}:
                problems.append(request.url)

    def all_at_once(transport):
        problems = []
        threads = [threading.Thread(target=work, args=(transport, number, problems)) for number in range(32)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert not problems

    with RecordingTransport(Echo(), path) as transport:
        all_at_once(transport)
    interactions = load(path)
    assert len(interactions) == 3200
    assert all(json.loads(one.outcome.body) == {"url": one.request.url} for one in interactions)
    replay = ReplayTransport(path)
    all_at_once(replay)
    assert replay.unplayed == []


KILLED = """
    import os, sys, time
    from abeja_run import APIClient
    from abeja_run.transports import RecordingTransport, Urllib3Transport
    transport = RecordingTransport(Urllib3Transport(), sys.argv[1])
    client = APIClient({"auth_token": "any-token"}, base_url=sys.argv[2], transport=transport)
    for number in range(1000):
        client.get_run("1234567890123", "1111111111111", f"run-{number}")
        print(number, flush=True)
"""


def killed(path, wire, after):
    """A process that records, killed after so many answers: how many it has told of."""
    command = [sys.executable, "-c", textwrap.dedent(KILLED), str(path), wire.url]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        seen = 0
        for line in process.stdout:
            seen = int(line) + 1
            if seen == after:
                process.send_signal(signal.SIGKILL)
    return seen


def test_a_killed_recording_loses_nothing_that_was_answered(wire, path):
    seen = killed(path, wire, 20)
    assert not path.exists()
    with pytest.raises(CassetteError, match="does not exist; c.json.partial is a recording that was cut off"):
        ReplayTransport(path)
    sent = len(wire.requests)
    # It goes on where it stopped: what was answered is not sent again.
    with cassette(path, "once", Urllib3Transport()) as transport:
        for number in range(seen + 2):
            client(wire, transport).get_run(*IDS, f"run-{number}")
    assert len(wire.requests) - sent <= 2
    assert len(load(path)) >= seen + 2
    assert os.listdir(path.parent) == ["c.json"]


@pytest.mark.parametrize("cut", [1, 2, 30, 200])
def test_a_torn_end_is_cut_off(wire, path, cut):
    killed(path, wire, 3)
    partial = path.with_name("c.json.partial")
    before = partial.read_bytes()
    partial.write_bytes(before[:-cut])
    with cassette(path, "new", Urllib3Transport()) as transport:
        client(wire, transport).get_run(*IDS, "run-new")
    interactions = told(path)
    assert interactions[:2] == ["/run-0: 200", "/run-1: 200"]
    assert interactions[-1] == "/run-new: 200"


def test_two_processes_do_not_record_one_cassette(wire, path):
    with RecordingTransport(Urllib3Transport(), path) as first:
        client(wire, first).get_run(*IDS, "run-1")
        code = textwrap.dedent(KILLED)
        done = subprocess.run([sys.executable, "-c", code, str(path), wire.url], capture_output=True, text=True)
        assert "is being recorded by another process" in done.stderr
        assert len(wire.requests) == 1
    assert told(path) == ["/run-1: 200"]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_child_process_does_not_write_into_its_parents_recording(wire, path):
    with RecordingTransport(Urllib3Transport(), path) as transport:
        client(wire, transport).get_run(*IDS, "run-1")
        code = 1
        if (child := os.fork()) == 0:
            try:
                transport.send(Request("GET", wire.url + "/"), 1)
            except CassetteError as error:
                code = 0 if "a parent of this one" in str(error) else 2
            finally:
                os._exit(code)
        assert os.waitpid(child, 0)[1] == 0
    assert told(path) == ["/run-1: 200"]


def test_a_full_disk_costs_no_answer_and_is_told(wire, path):
    code = """
        import resource, sys
        from abeja_run import APIClient
        from abeja_run.exceptions import CassetteError
        from abeja_run.transports import RecordingTransport, Urllib3Transport
        import signal
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        transport = RecordingTransport(Urllib3Transport(), sys.argv[1])
        client = APIClient({"auth_token": "any-token"}, base_url=sys.argv[2], transport=transport)
        ids = "1234567890123", "1111111111111"
        client.get_run(*ids, "run-0")
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, resource.RLIM_INFINITY))
        answers = 0
        try:
            for number in range(1, 50):
                client.get_run(*ids, f"run-{number}")
                answers += 1
        except CassetteError as error:
            print("refused:", error)
        try:
            transport.close()
        except CassetteError as error:
            print("close:", error)
        print(answers)
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code), str(path), wire.url], capture_output=True, text=True, check=True
    )
    refused, closed, answers = done.stdout.splitlines()
    assert "cannot be written" in refused
    assert "cannot be written" in closed
    # Each answer was handed over, and nothing was sent after the first that could not be written.
    assert len(wire.requests) == int(answers) + 1
    with cassette(path, "new", Urllib3Transport()) as transport:
        client(wire, transport).get_run(*IDS, "run-0")
        client(wire, transport).get_run(*IDS, "run-new")
    assert told(path)[0] == "/run-0: 200"
    assert told(path)[-1] == "/run-new: 200"


def test_a_place_that_cannot_be_written_is_told_before_anything_is_sent(wire, tmp_path):
    (tmp_path / "file").write_text("")
    transport = RecordingTransport(Urllib3Transport(), tmp_path / "file" / "c.json")
    with pytest.raises(CassetteError, match="cannot be written"):
        client(wire, transport).get_run(*IDS, "run-1")
    assert not wire.requests
    transport.close()


def test_who_forgets_to_close_has_a_cassette_all_the_same(wire, path):
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(KILLED).replace("1000", "2"), str(path), wire.url], capture_output=True
    )
    assert done.returncode == 0
    assert told(path) == ["/run-0: 200", "/run-1: 200"]


def test_a_recording_of_nothing_leaves_no_file_and_the_old_one_as_it_was(wire, path):
    RecordingTransport(Urllib3Transport(), path).close()
    assert not path.exists()
    with RecordingTransport(Urllib3Transport(), path) as transport:
        client(wire, transport).get_run(*IDS, "run-1")
    before = path.read_bytes()
    RecordingTransport(Urllib3Transport(), path).close()
    assert path.read_bytes() == before


def test_after_closing_nothing_is_sent(wire, path):
    transport = RecordingTransport(Urllib3Transport(), path)
    client(wire, transport).get_run(*IDS, "run-1")
    transport.close()
    transport.close()
    with pytest.raises(CassetteError, match="the recording is closed"):
        client(wire, transport).get_run(*IDS, "run-2")
    assert len(wire.requests) == 1


def test_recording_holds_nothing_in_memory(path):
    big = Response(200, {"content-type": "text/plain"}, b"x" * 1_000_000)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with RecordingTransport(Scripted(big), path) as transport:
        for number in range(100):
            transport.send(Request("GET", f"http://h/{number}"), 1)
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown < 50_000  # KiB, of a recording of 100,000
