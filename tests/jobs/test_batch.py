"""Batches without a journal: what each input gets, what faults do to all and to one, and how a batch ends."""

import functools
import itertools
import json
import operator
import random
import re
import sys
import threading

import pytest
from servers import CREDENTIAL
from services import RUN, Service

from abeja_run import exceptions as e
from abeja_run.jobs import BatchResult, Client, Settling
from abeja_run.messages import Response
from abeja_run.transports import Transport

LOST = e.TransportError("lost")
OPEN = [LOST, e.Timeout("late"), *map(Response, (500, 502, 503, 504)), Response(200, body=b"<html>")]
REFUSED = e.ConnectError("refused")


def over(made, service, **settings):
    target = made("1", CREDENTIAL, transport=service, **settings).deployment("2")
    target.settling = Settling(period=3, looks=3)
    return target


@pytest.fixture
def deployment(kind):
    """A deployment of either kind of client, called as if it were not awaited."""
    return functools.partial(over, kind.client)


def numbered(count):
    return [{"number": number} for number in range(count)]


def by_index(results):
    return sorted(results, key=lambda result: result.index)


def test_every_input_gets_a_run_of_its_own_and_every_result_tells_which(deployment):
    service = Service(page_size=100)
    results = by_index(deployment(service).submit_many("ver-1", iter(numbered(50)), environment={"A": "b"}))
    assert [result.input_data for result in results] == numbered(50)
    assert sorted(result.run.input_data["number"] for result in results) == list(range(50))
    for index, result in enumerate(results):
        assert isinstance(result, BatchResult)
        assert (result.index, result.error) == (index, None)
        assert result.run.input_data == result.input_data
        assert result.run.submission_id == result.submission_id
        assert result.run.environment["A"] == "b"
    assert len(set(service.submission_ids)) == service.posts == 50
    assert service.looks == 0


def test_no_input_is_no_result(deployment):
    assert list(deployment(Service()).submit_many("ver-1", [])) == []


def test_results_come_in_the_order_of_completion():
    gate = threading.Event()

    class Slow(Service):
        def send(self, request, timeout):
            if request.method == "POST" and b'"number": 0' in request.body:
                gate.wait(20)
            return super().send(request, timeout)

    results = over(Client, Slow()).submit_many("ver-1", numbered(5), max_in_flight=2)
    seen = [next(results).index for _ in range(4)]
    gate.set()
    assert sorted(seen) == [1, 2, 3, 4]
    assert next(results).index == 0


@pytest.mark.parametrize("max_in_flight", [1, 3])
def test_inputs_are_taken_in_no_further_ahead_than_thrice_what_is_in_flight(deployment, max_in_flight):
    taken = 0

    def inputs():
        nonlocal taken
        for taken in range(1, 201):
            yield {"number": taken}

    for given, _ in enumerate(deployment(Service()).submit_many("ver-1", inputs(), max_in_flight=max_in_flight), 1):
        assert taken - given <= 3 * max_in_flight
    assert taken == 200


def test_inputs_that_come_slowly_are_submitted_as_they_come():
    service = Service()
    posted = threading.Event()

    class Telling(Service):
        def send(self, request, timeout):
            posted.set()
            return service.send(request, timeout)

    def inputs():
        for number in range(3):
            yield {"number": number}
            # Nobody asks for the next input before this one is under way.
            assert posted.wait(20)
            posted.clear()

    assert len(list(over(Client, Telling()).submit_many("ver-1", slowly(inputs())))) == 3


def slowly(inputs):
    pause = threading.Event()
    for given in inputs:
        pause.wait(0.02)
        yield given


@pytest.mark.parametrize("bad", ["text", 5, [1], {"a": object()}, {"a": {1, 2}}], ids=range(5))
def test_one_bad_input_does_not_stop_the_rest(deployment, bad):
    service = Service()
    first, second, third = by_index(deployment(service).submit_many("ver-1", [{"a": 1}, bad, {"a": 3}]))
    assert first.run
    assert third.run
    assert second.run is None
    assert second.input_data is bad
    assert isinstance(second.error, e.ValidationError)
    assert service.posts == 2


def test_an_input_that_the_service_refuses_does_not_stop_the_rest(deployment):
    service = Service(None, ("before", Response(400, body=b'{"error_description": "no"}')))
    results = list(deployment(service).submit_many("ver-1", numbered(6), max_in_flight=1))
    assert [type(result.error) for result in results] == [type(None), e.BadRequest, *[type(None)] * 4]


@pytest.mark.parametrize("answer", OPEN, ids=str)
def test_runs_whose_answers_were_lost_are_found_and_not_submitted_again(deployment, answer):
    service = Service(*[("after", answer)] * 8, page_size=100)
    results = list(deployment(service).submit_many("ver-1", numbered(20)))
    assert all(result.run.input_data == result.input_data for result in results)
    assert (service.posts, len(service.runs)) == (20, 20)


@pytest.mark.parametrize("answer", OPEN, ids=str)
def test_what_was_not_started_is_submitted_again_with_the_same_id(deployment, answer):
    service = Service(*[("before", answer)] * 4)
    results = list(deployment(service).submit_many("ver-1", numbered(4), max_in_flight=4))
    assert [result.error for result in results] == [None] * 4
    assert (service.posts, len(service.runs)) == (8, 4)
    assert sorted(service.submission_ids) == sorted(result.submission_id for result in results)
    assert service.waited == pytest.approx(3, abs=0.1)


def test_many_open_outcomes_are_looked_for_in_one_list(deployment):
    service = Service(*[("after", LOST)] * 8, page_size=100)
    list(deployment(service).submit_many("ver-1", numbered(8), max_in_flight=8))
    assert service.looks < 8


def test_what_stays_open_says_its_id_and_does_not_stop_the_rest(deployment):
    class Losing(Service):
        def _post(self, body):
            return LOST if body["input_data"]["number"] == 0 else super()._post(body)

    results = by_index(deployment(Losing()).submit_many("ver-1", numbered(3)))
    assert isinstance(results[0].error, e.SubmissionUnknown)
    assert results[0].error.submission_id == results[0].submission_id
    assert [bool(result.run) for result in results] == [False, True, True]
    again = deployment(Service()).submit("ver-1", {"number": 0}, submission_id=results[0].submission_id)
    assert again.input_data == {"number": 0}


def test_while_the_runs_cannot_be_listed_nothing_is_submitted_again(deployment):
    service = Service(("after", LOST))
    service.listing_fails = 1_000
    (result,) = deployment(service).submit_many("ver-1", numbered(1))
    assert isinstance(result.error, e.SubmissionUnknown)
    assert service.posts == 1


class Flaky(Service):
    """Does to every third request, of whatever kind, one of all that can happen to it."""

    def __init__(self, seed):
        super().__init__(page_size=50)
        self.random = random.Random(seed)

    def send(self, request, timeout):
        with self.lock:
            if self.random.random() < 0.7:
                return super().send(request, timeout)
            answer = self.random.choice([*OPEN, REFUSED, Response(429, {"Retry-After": "1"})])
            carried_out = self.random.random() < 0.5
            unseen = answer is REFUSED or (isinstance(answer, Response) and answer.status == 429)
            if carried_out and not unseen:
                super().send(request, timeout)
        if isinstance(answer, Exception):
            raise answer
        return answer


@pytest.mark.parametrize("seed", range(3))
def test_through_all_kinds_of_faults_every_input_gets_exactly_one_run(deployment, seed):
    service = Flaky(seed)
    target = deployment(service)
    target.settling = Settling(period=3, looks=5, rounds=20)
    results = list(target.submit_many("ver-1", numbered(300), max_in_flight=16))
    assert [result.error for result in results] == [None] * 300
    assert len(service.runs) == len(set(service.submission_ids)) == 300
    assert sorted(run["input_data"]["number"] for run in service.runs) == list(range(300))


def test_a_service_that_is_too_busy_slows_all_requests_not_one(deployment):
    busy = Response(429, {"Retry-After": "7"})
    service = Service(*[None] * 4, *[("before", busy)] * 4)
    results = list(deployment(service).submit_many("ver-1", numbered(40), max_in_flight=4))
    assert [result.error for result in results] == [None] * 40
    # What arrived before the pause was over, had been sent before the first thread knew of it.
    assert sum(when < 6.9 for when, _ in service.arrivals) <= 8
    assert len(service.runs) == 40


def test_a_service_that_is_too_busy_for_ten_minutes_is_an_error(deployment):
    service = Service(*[("before", Response(429))] * 10_000)
    (result,) = deployment(service).submit_many("ver-1", numbered(1))
    assert result.error.status_code == 429
    # The time that the test itself takes counts too.
    assert 590 < service.waited < 900


def test_a_service_that_cannot_be_reached_is_tried_again_and_then_an_error_of_the_input(deployment):
    class Unreachable(Service):
        def _post(self, body):
            self.tries = getattr(self, "tries", 0) + (body["input_data"]["number"] == 0)
            return REFUSED if body["input_data"]["number"] == 0 else super()._post(body)

    service = Unreachable()
    results = by_index(deployment(service).submit_many("ver-1", numbered(3)))
    assert [type(result.error) for result in results] == [e.ConnectError, type(None), type(None)]
    assert service.tries == 6
    assert service.waited > 0
    again = Service(*[("before", REFUSED)] * 5)
    assert [result.error for result in deployment(again).submit_many("ver-1", numbered(1))] == [None]


def test_with_wait_a_result_is_there_when_its_run_has_ended(deployment):
    service = Service(looks_until_end=3)
    given = [{"fail": False}, {"fail": True}, {"fail": False}]
    results = by_index(deployment(service).submit_many("ver-1", given, wait=True))
    assert [str(result.run.status) for result in results] == ["SUCCEEDED", "FAILED", "SUCCEEDED"]
    assert isinstance(results[1].error, e.RunFailed)
    assert results[1].error.run is not None
    assert results[1].error.last_lines == ["line 1", "line 2"]
    assert results[0].error is results[2].error is None
    assert service.waited >= 2.5


def test_with_wait_no_more_runs_are_unfinished_than_are_in_flight(deployment):
    most = 0

    class Counting(Service):
        def send(self, request, timeout):
            nonlocal most
            answer = super().send(request, timeout)
            most = max(most, sum(run["status"] == "RUNNING" for run in self.runs))
            return answer

    assert len(list(deployment(Counting()).submit_many("ver-1", numbered(20), max_in_flight=3, wait=True))) == 20
    assert most == 3


def test_waiting_bears_faults_in_between_but_not_what_it_cannot_mend(deployment):
    class Broken(Service):
        def _one(self, path):
            answers = [LOST, Response(503), Response(429), super()._one(path)]
            self.turn = getattr(self, "turn", -1) + 1
            return answers[self.turn % 4]

    results = list(deployment(Broken()).submit_many("ver-1", numbered(4), wait=True))
    assert [result.run.status for result in results] == ["SUCCEEDED"] * 4

    class Gone(Service):
        def _one(self, path):
            return Response(404)

    (result,) = deployment(Gone()).submit_many("ver-1", numbered(1), wait=True)
    assert isinstance(result.error, e.NotFound)
    assert result.run is not None


@pytest.mark.parametrize("told", ["0001-01-01T00:00:00Z", "2999-01-01T00:00:00Z"])
def test_a_time_of_creation_that_cannot_be_hides_no_later_run(deployment, told):
    def wrong(body):
        return Response(200, body=json.dumps({"run_id": "run-0000000000000000", "created_at": told}).encode())

    lost = ("after", e.TransportError("lost"))
    service = Service(("after", wrong), *[None] * 11, *[lost] * 8)
    results = list(deployment(service).submit_many("ver-1", numbered(40), max_in_flight=4))
    assert [result.error for result in results] == [None] * 40
    assert len(service.runs) == len(set(service.submission_ids)) == 40


def test_a_list_of_runs_that_leads_in_a_circle_starts_no_second_run(deployment):
    class Circling(Service):
        def _answer(self, request):
            if request.method == "GET":
                self.looks += 1
                page = {"entries": [], "next_page_token": f"t{self.looks % 3}"}
                return Response(200, body=json.dumps(page).encode())
            return super()._answer(request)

    service = Circling(*[("after", LOST)] * 4)
    results = list(deployment(service).submit_many("ver-1", numbered(4)))
    assert [type(result.error) for result in results] == [e.SubmissionUnknown] * 4
    assert (service.posts, len(service.runs)) == (4, 4)


def test_a_run_whose_id_cannot_be_asked_for_is_an_error_of_its_input_alone(deployment):
    def odd(body):
        return Response(200, body=json.dumps({**RUN, "run_id": "run-\n"}).encode())

    service = Service(None, ("after", odd))
    results = by_index(deployment(service).submit_many("ver-1", numbered(3), max_in_flight=1, wait=True))
    assert [type(result.error) for result in results] == [type(None), e.ValidationError, type(None)]


def test_runs_that_were_started_are_told_of_before_an_error_that_ends_the_batch(deployment):
    service = Service(*[None] * 5, ("before", Response(401)))
    told, run_id = [], operator.attrgetter("run.run_id")
    with pytest.raises(e.Unauthorized):
        told.extend(map(run_id, deployment(service).submit_many("ver-1", numbered(6), max_in_flight=6)))
    assert sorted(told) == [run["run_id"] for run in service.runs]


@pytest.mark.parametrize(
    ("wrong", "error"),
    [({"retry_count": 10}, e.ValidationError), ({"environment": ["A=1"]}, e.ValidationError)],
    ids=str,
)
def test_what_would_be_wrong_with_every_input_is_raised(deployment, wrong, error):
    service = Service()
    with pytest.raises(error, match=next(iter(wrong))):
        next(deployment(service).submit_many("ver-1", numbered(10), **wrong))
    assert service.posts == 0


def test_a_credential_that_is_refused_or_missing_ends_the_batch(deployment, kind):
    service = Service(*[("before", Response(401))] * 100)
    with pytest.raises(e.Unauthorized):
        list(deployment(service).submit_many("ver-1", numbered(100), max_in_flight=2))
    assert service.posts <= 2
    nobody = kind.client("1", transport=Service()).deployment("2")
    with pytest.raises(e.CredentialError):
        list(nobody.submit_many("ver-1", numbered(3)))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("version_id", ""),
        ("version_id", 5),
        ("inputs", {"a": 1}),
        ("inputs", "text"),
        ("inputs", 5),
        ("max_in_flight", 0),
        ("max_in_flight", True),
        ("max_in_flight", 2.0),
        ("interval", 0),
        ("max_interval", "x"),
        ("environment", {"ABEJA_RUN_SUBMISSION_ID": "mine"}),
    ],
)
def test_arguments_that_cannot_be_right_are_refused_at_once(deployment, name, value):
    arguments = {"version_id": "ver-1", "inputs": numbered(1), name: value}
    with pytest.raises(e.ValidationError, match=f"^submit_many: {name}: "):
        deployment(Service()).submit_many(**arguments)


def test_an_executor_that_is_none_is_refused():
    with pytest.raises(e.ConfigurationError, match="executor is of type int"):
        next(over(Client, Service()).submit_many("ver-1", numbered(1), executor=5))


def test_an_error_of_the_inputs_is_handed_over_when_what_is_under_way_has_ended(deployment):
    def inputs():
        yield {"number": 0}
        raise OSError("the file is gone")

    service = Service()
    with pytest.raises(OSError, match="the file is gone"):
        list(deployment(service).submit_many("ver-1", slowly(inputs())))
    assert len(service.runs) <= 1


def test_whoever_asks_for_no_further_result_waits_only_for_what_is_under_way(deployment, caplog):
    service = Service()
    results = deployment(service).submit_many("ver-1", itertools.cycle(numbered(3)), max_in_flight=4)
    next(results)
    results.close()
    posts = service.posts
    assert posts <= 8
    assert not [thread for thread in threading.enumerate() if re.match("abeja-run-batch", thread.name) and busy(thread)]
    assert service.posts == posts


def busy(thread):
    thread.join(5)
    return thread.is_alive()


def test_a_fault_of_a_transport_that_is_no_error_of_the_package_is_not_hidden(deployment):
    class Wrong(Transport):
        leaves_process = False

        def send(self, request, timeout):
            raise KeyError("a mistake of the transport's author")

    with pytest.raises(KeyError, match="mistake"):
        list(deployment(Wrong()).submit_many("ver-1", numbered(3)))


def test_a_bar_shows_how_far_a_batch_has_come(deployment, capsys):
    given = [{"a": 1}, "bad", {"a": 3}]
    assert len(list(deployment(Service()).submit_many("ver-1", given, progress=True))) == 3
    told = capsys.readouterr().err
    assert "3/3" in told
    assert "failed=1" in told
    list(deployment(Service()).submit_many("ver-1", iter(given), progress=True))
    assert "3input" in capsys.readouterr().err
    list(deployment(Service()).submit_many("ver-1", given))
    assert capsys.readouterr().err == ""


def test_a_bar_without_its_extra_says_at_once_what_to_install(deployment, monkeypatch):
    monkeypatch.setitem(sys.modules, "tqdm.auto", None)
    with pytest.raises(e.MissingExtra, match=r"pip install 'abeja-run\[progress\]'"):
        deployment(Service()).submit_many("ver-1", numbered(1), progress=True)
