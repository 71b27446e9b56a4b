"""Submit once: an ID that travels with the run, by which it is found again when the answer is lost.

What is promised: one submission starts at most one run, and none is lost. A run that was started is returned, or an
error says that none was, or :class:`~abeja_run.exceptions.SubmissionUnknown` says the ID to go on with.

What it rests on:

- A run that the service has started, or is about to start, can be listed within the settling time, with the
  environment that it was submitted with.
- The list of runs is in the order of their submission, and this machine's clock is not ahead of the service's by more
  than the allowance.
- Nobody else submits with the same ID at the same time. Of two who do, both may find no run and both start one; from
  then on everybody who submits with this ID is given the older of the two. One after the other is no harm: the second
  is given the run of the first.
"""

from __future__ import annotations

import logging
import uuid
from collections.abc import Collection, Generator, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any

from abeja_run.exceptions import Error, SubmissionUnknown, ValidationError, unusable
from abeja_run.jobs.script import Call, Handed, Script
from abeja_run.jobs.times import parsed_time
from abeja_run.paging import Circle
from abeja_run.patience import PASSING
from abeja_run.resources.runs import Runs
from abeja_run.retry import is_open
from abeja_run.values import shown

__all__ = [
    "SUBMISSION_VARIABLE",
    "Search",
    "Settling",
    "Submission",
    "carrying",
    "submitting",
]

logger = logging.getLogger("abeja_run")

#: The environment variable of a run that carries its submission's ID.
SUBMISSION_VARIABLE = "ABEJA_RUN_SUBMISSION_ID"


@dataclass(frozen=True, slots=True)
class Settling:
    """How a submission is looked for whose outcome is open.

    Attributes:
        period: Seconds over which it is looked for before it is taken as not carried out.
        looks: How often, with growing pauses; at least 2.
        clock_allowance: Seconds by which this machine's clock may be ahead of the service's.
        rounds: How often it is sent at most.
        lease: Seconds within which a worker elsewhere must begin a request of a batch that was handed to it; one
            that comes to it later is not sent.

    Example:
        >>> list(Settling(period=15, looks=5).pauses())
        [0.0, 1.0, 2.0, 4.0, 8.0]
    """

    period: float = 15.0
    looks: int = 5
    clock_allowance: float = 600.0
    rounds: int = 5
    lease: float = 30.0

    def pauses(self) -> Iterator[float]:
        """The seconds before each look: none before the first, each then twice as long as the one before."""
        parts = [2**look for look in range(self.looks - 1)]
        yield 0.0
        for part in parts:
            yield self.period * part / sum(parts)


class Submission:
    """A submission on its way to its run: every decision of it, and no I/O.

    Until :attr:`run` is there, wait for :attr:`pause` seconds; then look for the run where :attr:`looking` says so and
    tell :meth:`looked`, else send it and tell :meth:`sent`.

    Args:
        submission_id: Its ID.
        settling: How to look for the run.
        reopened: Whether it may have been sent before, by somebody whose end nobody saw; then it is looked for first.
        straggling: Seconds for which a request of that somebody may still arrive.

    Attributes:
        submission_id: Its ID.
        run: The run, as the service tells of it; None until it is there.
        pause: Seconds to wait before the next step.

    Example:
        >>> submission = Submission("an-id", Settling(period=1, looks=2))
        >>> submission.sent(SubmissionUnknown("lost", "an-id"))
        >>> submission.looking, submission.pause
        (True, 0.0)
        >>> submission.looked(None)
        >>> submission.looked(None)
        >>> submission.looking
        False
    """

    __slots__ = ("_ahead", "_cause", "_rounds", "_settling", "_unanswered", "looking", "pause", "run", "submission_id")

    def __init__(
        self, submission_id: str, settling: Settling, *, reopened: bool = False, straggling: float = 0.0
    ) -> None:
        self.submission_id = submission_id
        self.run: dict[str, Any] | None = None
        self.looking = False
        self.pause = 0.0
        self._settling = settling
        self._rounds = 0
        self._cause: Error | None = None
        # The pauses before the looks that are still ahead.
        self._ahead: list[float] = []
        # How often the last look may still go unanswered and be repeated.
        self._unanswered = 0
        if reopened:
            self._look(straggling)

    def sent(self, outcome: Mapping[str, Any] | Error) -> None:
        """What came of sending it.

        Raises:
            SubmissionUnknown: It may have started a run that has not been found.
            Error: The outcome, where it means that there is no run.
        """
        if not isinstance(outcome, Error):
            if isinstance(outcome.get("run_id"), str) and outcome["run_id"]:
                self.run = dict(outcome)
                return
            outcome = unusable("the answer to create_run names no run", outcome, Runs.create_run.template)
        if is_open(outcome):
            told = "submission %s: the outcome is open after %s; looking"
            logger.warning(told, self.submission_id, type(outcome).__name__)
            self._cause = outcome
            self._look()
        elif self._rounds == 0:
            raise outcome
        else:
            # An earlier round may have started the run after all: this error says nothing about that one.
            raise SubmissionUnknown(
                f"an earlier attempt stayed open, the last one ended in {outcome}", self.submission_id
            ) from outcome

    def looked(self, outcome: Mapping[str, Any] | Error | None) -> None:
        """What came of looking for the run: the run, None, or an error that waiting may mend.

        Raises:
            SubmissionUnknown: It may have started a run that has not been found.
        """
        if isinstance(outcome, Mapping):
            self.run = dict(outcome)
        elif self._ahead:
            self.pause = self._ahead.pop(0)
        elif outcome is not None and self._unanswered:
            self._unanswered -= 1
        elif outcome is not None:
            # The last look must have been answered: without it, sending again could start a second run.
            raise SubmissionUnknown(f"the runs could not be listed: {outcome}", self.submission_id) from outcome
        elif self._rounds >= self._settling.rounds:
            raise SubmissionUnknown(
                f"{self._rounds} attempts ended with an open outcome", self.submission_id
            ) from self._cause
        else:
            self.looking, self.pause = False, 0.0

    def _look(self, straggling: float = 0.0) -> None:
        self._rounds += 1
        self.looking = True
        self._ahead = [*self._settling.pauses()]
        self._ahead[-1] += straggling
        self._unanswered = self._settling.looks
        self.pause = self._ahead.pop(0)


class Search:
    """A search of a deployment's runs, newest first, for those that carry submission IDs: no I/O.

    Ask for the page of :attr:`token` and give it to :meth:`read`, until it is :attr:`over`.

    Args:
        submission_ids: What is looked for.
        since: Older runs are not looked at, but for those that share a page with younger ones; None looks at all.

    Attributes:
        found: The runs by their IDs; where several carry one ID, the oldest.
        token: The ``next_page_token`` of the next page.
        over: Whether there is no further page to be read.
    """

    def __init__(self, submission_ids: Collection[str], since: datetime | None) -> None:
        self._submission_ids = submission_ids
        self._since = since
        self.found: dict[str, dict[str, Any]] = {}
        self.token: str | None = None
        self.over = False
        self._circle = Circle()

    def read(self, page: Mapping[str, Any]) -> None:
        """Take in a page.

        Raises:
            InvalidResponse: It is none; or it leads back to an earlier one, and the search is over.
        """
        entries = page.get("entries")
        if not isinstance(entries, list) or not all(isinstance(entry, Mapping) for entry in entries):
            raise unusable("the answer to get_runs has no list 'entries' of runs", page, Runs.get_runs.template)
        for run in entries:
            environment = run.get("user_env_vars")
            submission_id = environment.get(SUBMISSION_VARIABLE) if isinstance(environment, Mapping) else None
            if isinstance(submission_id, str) and submission_id in self._submission_ids:
                self.found[submission_id] = dict(run)
        oldest = parsed_time(entries[-1].get("created_at")) if entries else None
        following = page.get("next_page_token")
        beyond = self._since is not None and oldest is not None and oldest < self._since
        self.over = not following or following == self.token or beyond
        self.token = following
        if not self.over and self._circle.closed_by(following):
            self.over = True
            raise unusable("the pages of get_runs lead in a circle", following, Runs.get_runs.template)


def submitting(
    ids: tuple[str, str], parameters: Mapping[str, Any], submission_id: str | None, settling: Settling
) -> Script[dict[str, Any]]:
    """Submit a run that carries a submission ID, and no second one: hands over the run, as the service tells of it.

    Args:
        ids: Of the organization and the deployment.
        parameters: The further arguments of ``create_run``.
        submission_id: The ID of a submission that may have been made before; None for a new one.
        settling: How to look for the run.

    Raises:
        SubmissionUnknown: It may have started a run that has not been found.
        Error: Whatever ``create_run`` raises before a run can exist.
    """
    given, known = submission_id, submission_id is not None
    submission_id = str(uuid.uuid4()) if given is None else _checked(given)
    parameters = carrying(submission_id, parameters)
    if known:
        found = yield from _found(ids, submission_id, None)
        if found is not None:
            yield Handed(found)
            return
    begun = datetime.now(timezone.utc) - timedelta(seconds=settling.clock_allowance)
    submission = Submission(submission_id, settling)
    while submission.run is None:
        if submission.pause:
            yield submission.pause
        if submission.looking:
            try:
                seen: dict[str, Any] | Error | None = yield from _found(ids, submission_id, begun)
            except PASSING as error:
                seen = error
            submission.looked(seen)
        else:
            outcome: dict[str, Any] | Error
            try:
                outcome = dict((yield Call("create_run", ids, parameters)))
            except Error as error:
                outcome = error
            submission.sent(outcome)
    yield Handed(submission.run)


def _found(
    ids: tuple[str, str], submission_id: str, since: datetime | None
) -> Generator[Call, Any, dict[str, Any] | None]:
    """The run that carries a submission ID, the oldest if there are several; None if there is none."""
    search = Search([submission_id], since)
    while not search.over:
        search.read((yield Call("get_runs", (*ids, search.token))))
    return search.found.get(submission_id)


def carrying(submission_id: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments of ``create_run`` with a submission ID in the environment.

    Raises:
        ValidationError: The environment has another one.
    """
    environment = parameters.get("environment")
    if environment is None:
        environment = {}
    elif not isinstance(environment, Mapping):
        return dict(parameters)  # create_run says what is wrong with it
    if environment.get(SUBMISSION_VARIABLE, submission_id) != submission_id:
        raise ValidationError("submit", {"environment": f"{SUBMISSION_VARIABLE} is another ID than submission_id"})
    return {**parameters, "environment": {**environment, SUBMISSION_VARIABLE: submission_id}}


def _checked(submission_id: object) -> str:
    if isinstance(submission_id, str) and submission_id and submission_id.isprintable() and len(submission_id) <= 200:
        return submission_id
    raise ValidationError(
        "submit", {"submission_id": f"{shown(submission_id)} is not a text of 1 to 200 printable characters"}
    )
