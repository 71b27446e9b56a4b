"""Runs as objects, waiting and logs; most of it on a real local platform."""

import itertools
import json
import pickle
import threading
from datetime import datetime, timezone

import pytest
from platforms import Place
from servers import CREDENTIAL, RUN, Scripted

from abeja_run import exceptions as e
from abeja_run.jobs import Client, LogEvent, Run, RunStatus
from abeja_run.messages import Response
from abeja_run.resources.runs import STATUSES
from abeja_run.transports import Transport


@pytest.fixture
def place(tmp_path):
    return Place(tmp_path)


@pytest.fixture
def platform(place):
    place.write("def handler(request, context):\n    for n in range(5): print('line', n)\n    return {}")
    with place.platform(page_size=2) as made:
        yield made


@pytest.fixture
def deployment(platform, kind):
    client = kind.client(platform.organization_id, platform.credential, transport=platform.transport())
    return client.deployment(platform.deployment_id)


FAST = {"interval": 0.02, "max_interval": 0.05}


def script(*bodies):
    return Scripted(
        *(
            body if isinstance(body, (Response, Exception)) else Response(200, body=json.dumps(body).encode())
            for body in bodies
        )
    )


@pytest.fixture
def run_of(kind):
    def made(raw, transport=None):
        return kind.run(raw, "1", CREDENTIAL, transport=transport or Scripted())

    return made


def test_a_run_is_submitted_followed_and_read(deployment, platform):
    changes = []
    run = deployment.submit(platform.version_id, {"a": 1})
    assert run.wait(on_change=lambda changed: changes.append(changed.status), **FAST) is run
    assert run.done
    assert run.status is RunStatus.SUCCEEDED
    assert changes[-1] == "SUCCEEDED"
    assert [event.message for event in run.logs()] == [f"line {n}" for n in range(5)]
    assert [event.message for event in run.recent_logs()] == [f"line {n}" for n in range(4, -1, -1)]
    assert deployment.run(run.run_id).raw == run.raw


def test_runs_are_listed_lazily_in_both_orders(deployment, platform):
    made = [deployment.submit(platform.version_id).run_id for _ in range(5)]
    assert [run.run_id for run in deployment.runs()] == made[::-1]
    assert [run.run_id for run in deployment.runs(newest_first=False)] == made
    assert [run.run_id for run in itertools.islice(deployment.runs(), 1)] == made[-1:]


def test_attributes_are_typed(run_of):
    run = run_of(
        {
            **RUN,
            "input_data": '{"a": 1}',
            "output_template": None,
            "model_version_id": "ver-1",
            "retry_count": 3,
            "user_env_vars": {"A": "b", "ABEJA_RUN_SUBMISSION_ID": "sub"},
            "modified_at": "2018-01-01T00:00:01Z",
        }
    )
    assert (run.run_id, run.deployment_id, run.version_id) == (RUN["run_id"], RUN["deployment_id"], "ver-1")
    assert run.input_data == {"a": 1}
    assert run.output_template == {}
    assert run.retry_count == 3
    assert run.created_at == datetime(2018, 1, 1, tzinfo=timezone.utc)
    assert run.modified_at.tzinfo is not None
    assert run.submission_id == "sub"
    assert (run.status, run.done) == (RunStatus.RUNNING, False)


@pytest.mark.parametrize(
    ("key", "value", "attribute"),
    [
        ("run_id", None, "run_id"),
        ("status", 5, "status"),
        ("created_at", "yesterday", "created_at"),
        ("input_data", "[1]", "input_data"),
        ("input_data", "{", "input_data"),
        ("user_env_vars", 5, "environment"),
    ],
)
def test_what_cannot_be_read_is_an_error_of_the_package(run_of, key, value, attribute):
    with pytest.raises(e.InvalidResponse, match=key):
        getattr(run_of({**RUN, key: value}), attribute)


def test_statuses_are_those_of_the_api_and_unknown_ones_are_kept():
    assert tuple(status.value for status in RunStatus) == STATUSES
    unknown = RunStatus("PAUSED")
    assert (str(unknown), unknown == "PAUSED", unknown.done) == ("PAUSED", True, False)
    with pytest.raises(ValueError, match="5"):
        RunStatus(5)


def test_a_run_is_shown_without_its_environment(run_of):
    run = run_of({**RUN, "input_data": "<b>", "user_env_vars": {"TOKEN": "hunter2"}})
    shown = f"Run {RUN['run_id']} RUNNING, submitted 2018-01-01T00:00:00.000000Z>"
    assert repr(run) in (f"<{shown}", f"<Async{shown}")
    assert "&lt;b&gt;" in run._repr_html_()
    assert "hunter2" not in run._repr_html_() + repr(run)


def test_a_failed_run_is_an_error_with_the_run_and_its_last_lines(place, kind):
    place.write("def handler(r, c):\n    for n in range(30): print('line', n)\n    raise SystemExit('the end')")
    with place.platform() as platform:
        target = kind.client(platform.organization_id, platform.credential, transport=platform.transport())
        run = target.deployment(platform.deployment_id).submit(platform.version_id, retry_count=0)
        with pytest.raises(e.RunFailed, match="the end") as caught:
            run.wait(**FAST)
        assert caught.value.run.raw is run.raw
        assert run.status == "FAILED"
        assert len(caught.value.last_lines) == 10
        assert caught.value.last_lines[-2] == "the end"
        assert run.refresh().wait(raise_on_failure=False, **FAST).status == "FAILED"


def test_a_failed_run_without_readable_lines_is_still_told(run_of):
    run = run_of(RUN, script({**RUN, "status": "FAILED"}, Response(404)))
    with pytest.raises(e.RunFailed, match=r"ended FAILED$") as caught:
        run.wait()
    assert caught.value.last_lines == []


def test_waiting_pauses_longer_and_longer_by_the_transports_clock(run_of):
    transport = script(*[RUN] * 12, {**RUN, "status": "SUCCEEDED"})
    run_of(RUN, transport).wait()
    assert transport.waits[:4] == [1, 1.5, 2.25, 3.375]
    assert max(transport.waits) == 15


def test_waiting_bears_faults_in_between(run_of):
    faults = [e.TransportError("lost")] * 6 + [Response(503)] * 6 + [Response(200, body=b"<html>")]
    transport = script(RUN, *faults, {**RUN, "status": "SUCCEEDED"})
    assert run_of(RUN, transport).wait().status == "SUCCEEDED"
    for fatal in (Response(404), Response(401)):
        with pytest.raises(e.HttpError):
            run_of(RUN, script(RUN, fatal)).wait()


def test_waiting_does_not_bear_faults_for_ever(run_of):
    transport = script(RUN, e.TransportError("lost"))
    with pytest.raises(e.TransportError, match="lost"):
        run_of(RUN, transport).wait()
    assert 600 < sum(transport.waits) < 1500


def test_waiting_for_too_long_is_an_error_that_says_what_was_last_seen(run_of):
    transport = script(RUN)
    with pytest.raises(e.WaitTimeout, match="within 60 s; it was last seen RUNNING") as caught:
        run_of(RUN, transport).wait(60)
    assert sum(transport.waits) == pytest.approx(60)
    assert caught.value.result["status"] == "RUNNING"
    once = script(RUN)
    with pytest.raises(e.WaitTimeout):
        run_of(RUN, once).wait(0)
    assert len(once.requests) == 1


@pytest.mark.parametrize("wrong", [{"timeout": -1}, {"interval": 0}, {"max_interval": "x"}, {"timeout": True}])
def test_a_time_that_is_none_is_refused(run_of, wrong):
    with pytest.raises(e.ValidationError, match=next(iter(wrong))):
        run_of(RUN, script(RUN)).wait(**wrong)


def test_a_log_is_followed_while_it_is_written_every_event_once_and_in_order(place, kind):
    place.write(
        """
        import time
        def handler(request, context):
            for n in range(60):
                print(n)
                if n % 7 == 0: time.sleep(0.05)
            return {}
        """
    )
    with place.platform(page_size=4) as platform:
        target = kind.client(platform.organization_id, platform.credential, transport=platform.transport())
        run = target.deployment(platform.deployment_id).submit(platform.version_id)
        events = list(run.logs(follow=True, drain=0.2, **FAST))
    assert [event.message for event in events] == [str(n) for n in range(60)]
    assert all(isinstance(event, LogEvent) and event.timestamp.tzinfo for event in events)


class Flaky(Transport):
    """Fails every so many answers of another transport, in turn in every way; forgets a token once."""

    leaves_process = False

    def __init__(self, inner, every, forget=0):
        self.inner, self.every, self.forget, self.count, self.pages = inner, every, forget, 0, 0

    def send(self, request, timeout):
        self.count += 1
        if self.forget and "next_token" in request.url:
            self.pages += 1
            if self.pages == self.forget:
                return Response(400)
        if self.count % self.every == 0:
            kind = self.count // self.every % 4
            if kind == 0:
                raise e.TransportError("lost")
            return [None, Response(503), Response(200, body=b"<html>"), Response(500)][kind]
        return self.inner.send(request, timeout)

    def sleep(self, seconds):
        self.inner.sleep(min(seconds, 0.01))


@pytest.mark.proof
@pytest.mark.parametrize("forget", [0, 50])
def test_a_hundred_thousand_lines_are_followed_through_faults(place, forget):
    place.write("def handler(r, c):\n    for n in range(100_000): print(n)\n    return {}")
    with place.platform(page_size=1000) as platform:
        transport = Flaky(platform.transport(), 10, forget)
        target = Client(platform.organization_id, platform.credential, transport=transport, max_retry_count=0)
        api = Client(platform.organization_id, platform.credential, transport=platform.transport())
        run = api.deployment(platform.deployment_id).submit(platform.version_id)
        follower = Run(target.api, platform.organization_id, run.raw)
        expected = 0
        for event in follower.logs(follow=True, drain=0.05, **FAST):
            assert event.message == str(expected)
            expected += 1
    assert expected == 100_000
    assert transport.count > 100


def test_following_ends_when_the_caller_has_seen_enough(deployment, platform):
    run = deployment.submit(platform.version_id)
    events = run.logs(follow=True, **FAST)
    assert next(events).message == "line 0"
    events.close()


def test_lines_that_are_alike_are_not_taken_for_one(run_of):
    page = {"events": [{"message": "same", "timestamp": "2018-01-01T00:00:00Z"}] * 3}
    transport = script(page, {**RUN, "status": "SUCCEEDED"}, page)
    assert len(list(run_of(RUN, transport).logs(follow=True))) == 3


def test_an_event_that_is_none_is_an_error_of_the_package(run_of):
    for event in ({"message": "x"}, {"timestamp": "2018-01-01T00:00:00Z", "message": 5}, 7):
        with pytest.raises(e.InvalidResponse, match="event"):
            list(run_of(RUN, script({"events": [event]})).logs())


def test_following_gives_up_on_what_waiting_cannot_mend(run_of):
    page = {"events": [{"message": "m", "timestamp": "2018-01-01T00:00:00Z"}], "next_token": "t"}
    for steps in ((Response(404),), (Response(400),), (page, Response(400), page, Response(400))):
        with pytest.raises(e.HttpError):
            list(run_of(RUN, script(*steps)).logs(follow=True))


def test_a_failed_run_can_be_handed_to_another_process(platform):
    client = Client(platform.organization_id, platform.credential)
    run = Run(client.api, "1", {**RUN, "status": "FAILED"})
    error = pickle.loads(pickle.dumps(e.RunFailed(run, ["last"])))
    assert error.run.run_id == run.run_id
    assert "last" in str(error)


def test_pages_are_asked_for_when_they_are_reached_and_a_repeated_token_ends_them(kind):
    client = kind.client("1", CREDENTIAL, transport=script({"entries": [RUN], "next_page_token": "t"}))
    assert len(list(client.deployment("2").runs())) == 2
    with pytest.raises(e.ValidationError):
        client.api.iter_runs("1", "..")
    with pytest.raises(e.InvalidResponse, match="entries"):
        list(kind.client("1", CREDENTIAL, transport=script({})).deployment("2").runs())


@pytest.mark.parametrize("length", [2, 3, 7])
def test_pages_that_lead_in_a_circle_are_an_error_and_not_asked_for_for_ever(kind, length):
    class Circling(Transport):
        leaves_process = False
        asked = 0

        def send(self, request, timeout):
            self.asked += 1
            page = {"entries": [RUN], "next_page_token": f"t{self.asked % length}"}
            return Response(200, body=json.dumps(page).encode())

    transport = Circling()
    with pytest.raises(e.InvalidResponse, match="circle"):
        list(kind.client("1", CREDENTIAL, transport=transport).deployment("2").runs())
    assert transport.asked <= 6 * length


def test_a_page_of_runs_that_are_none_is_an_error(kind):
    client = kind.client("1", CREDENTIAL, transport=script({"entries": [RUN, 7]}))
    with pytest.raises(e.InvalidResponse, match="no object"):
        list(client.deployment("2").runs())


def test_a_client_needs_an_organization_and_closes_its_connections(monkeypatch, kind):
    with pytest.raises(e.ConfigurationError, match="organization"):
        kind.client()
    monkeypatch.setenv("ABEJA_ORGANIZATION_ID", "77")
    client = kind.client(credential=CREDENTIAL)
    assert "77" in repr(client)
    assert "77" in repr(client.deployment("2"))
    assert CREDENTIAL["auth_token"] not in repr(client)
    client.close()


def test_two_threads_may_wait_for_one_run(platform):
    client = Client(platform.organization_id, platform.credential, transport=platform.transport())
    run = client.deployment(platform.deployment_id).submit(platform.version_id)
    threads = [threading.Thread(target=run.copy().wait, kwargs=FAST) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
        assert not thread.is_alive()


def test_a_client_that_is_left_may_be_used_again(platform):
    with Client(platform.organization_id, platform.credential, base_url=platform.serve().url) as client:
        deployment = client.deployment(platform.deployment_id)
        run = deployment.submit(platform.version_id)
    assert deployment.run(run.run_id).run_id == run.run_id
    client.close()
