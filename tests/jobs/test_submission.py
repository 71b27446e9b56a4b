"""Submit once: what is found again, what is sent again, and what is told when neither is possible."""

from datetime import datetime, timedelta, timezone

import pytest
from servers import CREDENTIAL, Scripted
from services import Service

from abeja_run import exceptions as e
from abeja_run.jobs.submission import SUBMISSION_VARIABLE, Settling
from abeja_run.messages import Response

LOST = e.TransportError("lost")
OPEN = [LOST, e.Timeout("late"), *map(Response, (500, 502, 503, 504)), Response(200, body=b"<html>")]


@pytest.fixture
def deployment(kind):
    def made(service, **settings):
        return kind.client("1", CREDENTIAL, transport=service, **settings).deployment("2")

    return made


def test_a_submission_carries_its_id_in_the_runs_environment(deployment):
    service = Service()
    given = {"A": "b"}
    run = deployment(service).submit("ver-1", environment=given)
    assert given == {"A": "b"}
    assert run.environment == {"A": "b", SUBMISSION_VARIABLE: run.submission_id}
    assert len(run.submission_id) == 36
    assert deployment(service).submit("ver-1").submission_id != run.submission_id
    assert service.looks == 0


@pytest.mark.parametrize("answer", OPEN, ids=str)
def test_a_run_whose_answer_was_lost_is_found_and_not_submitted_again(deployment, answer):
    service = Service(("after", answer))
    run = deployment(service).submit("ver-1")
    assert (service.posts, len(service.runs)) == (1, 1)
    assert run.run_id == service.runs[0]["run_id"]


@pytest.mark.parametrize("answer", OPEN, ids=str)
def test_a_run_that_was_not_started_is_submitted_again_with_the_same_id(deployment, answer):
    service = Service(("before", answer), ("before", answer))
    run = deployment(service).submit("ver-1", submission_id="mine")
    assert (service.posts, len(service.runs)) == (3, 1)
    assert run.submission_id == "mine"
    assert service.waited >= 30


def test_a_run_that_shows_up_late_is_waited_for(deployment):
    service = Service(("after", LOST), late=14)
    deployment(service).submit("ver-1")
    assert (service.posts, len(service.runs)) == (1, 1)


def test_it_is_looked_for_over_the_settling_period_with_growing_pauses(deployment):
    pauses = list(Settling(period=15, looks=5).pauses())
    assert pauses == [0, 1, 2, 4, 8]
    service = Service(("before", LOST))
    target = deployment(service)
    target.settling = Settling(period=6, looks=3)
    target.submit("ver-1")
    assert service.waited == 6
    assert service.looks == 3


def test_a_used_id_gives_the_run_that_exists_however_many_came_after(deployment):
    service = Service()
    target = deployment(service)
    first = target.submit("ver-1", submission_id="mine")
    for _ in range(9):
        target.submit("ver-1")
    again = target.submit("ver-other", submission_id="mine")
    assert again.run_id == first.run_id
    assert service.posts == 10


def test_of_two_runs_with_one_id_the_older_is_meant(deployment):
    service = Service()
    for _ in range(2):
        service._add({"environment": {SUBMISSION_VARIABLE: "mine"}})
    assert deployment(service).submit("ver-1", submission_id="mine").run_id == "run-0000000000000000"


def test_runs_from_before_the_submission_are_not_all_looked_through(deployment):
    service = Service(("before", LOST))
    for _ in range(100):
        service._add({"environment": {}})
        service.runs[-1]["created_at"] = (datetime.now(timezone.utc) - timedelta(hours=2)).isoformat()
    target = deployment(service)
    target.settling = Settling(period=1, looks=2)
    target.submit("ver-1")
    assert service.looks == 2


def test_while_the_runs_cannot_be_listed_nothing_is_submitted_again(deployment):
    service = Service(("after", LOST))
    service.listing_fails = 1_000
    with pytest.raises(e.SubmissionUnknown, match="could not be listed"):
        deployment(service).submit("ver-1")
    assert service.posts == 1


def test_a_last_look_that_is_not_answered_is_repeated(deployment):
    service = Service(("after", LOST))
    target = deployment(service)
    target.settling = Settling(period=1, looks=2)
    service.listing_fails = 3
    assert target.submit("ver-1").run_id == service.runs[0]["run_id"]
    assert (service.posts, service.looks) == (1, 4)


@pytest.mark.parametrize("answer", [LOST, Response(503)], ids=str)
def test_what_stays_open_says_the_id_to_go_on_with(deployment, answer):
    service = Service(*[("before", answer)] * 5)
    with pytest.raises(e.SubmissionUnknown, match="submission_id='mine'") as caught:
        deployment(service).submit("ver-1", submission_id="mine")
    assert service.posts == 5
    assert caught.value.submission_id == "mine"
    assert deployment(service).submit("ver-1", submission_id="mine").submission_id == "mine"


def test_an_error_after_an_open_outcome_does_not_pass_for_the_whole_truth(deployment):
    service = Service(("before", LOST), ("before", Response(404)))
    with pytest.raises(e.SubmissionUnknown, match="404"):
        deployment(service).submit("ver-1")


@pytest.mark.parametrize(
    "answer", [Response(400), Response(404), Response(401), e.ConnectError("refused"), Response(429)], ids=str
)
def test_an_error_that_means_no_run_is_handed_over(deployment, answer):
    service = Service(*[("before", answer)] * 10)
    with pytest.raises(e.Error) as caught:
        deployment(service).submit("ver-1")
    assert not isinstance(caught.value, e.SubmissionUnknown)
    assert service.looks == 0


@pytest.mark.parametrize("wrong", ["", "a\nb", 5, "x" * 201])
def test_an_id_that_is_none_is_refused(deployment, wrong):
    service = Service()
    with pytest.raises(e.ValidationError, match="submission_id"):
        deployment(service).submit("ver-1", submission_id=wrong)
    assert service.posts == 0


def test_an_environment_with_another_id_or_that_is_none_is_refused(deployment):
    for environment in ({SUBMISSION_VARIABLE: "other"}, ["A=1"]):
        with pytest.raises(e.ValidationError, match="environment"):
            deployment(Service()).submit("ver-1", environment=environment, submission_id="mine")


def test_a_list_of_runs_that_is_none_is_an_error_of_the_package(deployment):
    with pytest.raises(e.InvalidResponse, match="entries"):
        deployment(Scripted(Response(200, body=b"{}"))).submit("ver-1", submission_id="mine")


def test_a_plain_submission_is_one_request(deployment):
    service = Service(("after", LOST))
    with pytest.raises(e.OutcomeUnknown):
        deployment(service).create("ver-1")
    assert deployment(service).create("ver-1").status == "RUNNING"
    assert (service.posts, service.looks) == (2, 0)
