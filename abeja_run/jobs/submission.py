"""Submit once: an ID that travels with the run, by which it is found again when the answer is lost.

What is promised: one submission starts at most one run, as long as a run that the service started, or is about
to start, can be listed within the settling time. Nothing is lost either: what stays open says its ID.
"""

from __future__ import annotations

import logging
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any

from abeja_run.client import APIClient
from abeja_run.exceptions import Error, SubmissionUnknown, ValidationError, unusable
from abeja_run.jobs.times import parsed_time
from abeja_run.patience import PASSING
from abeja_run.resources.runs import Runs
from abeja_run.retry import is_open
from abeja_run.transports.base import Stopwatch
from abeja_run.values import shown

__all__ = ["SUBMISSION_VARIABLE", "Settling", "find_submission", "new_submission_id", "submit_once"]

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
    """

    period: float = 15.0
    looks: int = 5
    clock_allowance: float = 600.0
    rounds: int = 5

    def pauses(self) -> Iterator[float]:
        """The seconds before each look: none before the first, each then twice as long as the one before."""
        parts = [2**look for look in range(self.looks - 1)]
        yield 0.0
        for part in parts:
            yield self.period * part / sum(parts)


def new_submission_id() -> str:
    """A fresh submission ID."""
    return str(uuid.uuid4())


def submit_once(
    api: APIClient,
    organization_id: str,
    deployment_id: str,
    parameters: Mapping[str, Any],
    submission_id: str | None,
    settling: Settling,
    since: datetime | None = None,
) -> dict[str, Any]:
    """Submit a run that carries a submission ID, and no second one: the run, as the service tells of it.

    Args:
        api: What to ask.
        organization_id: The ID of the organization.
        deployment_id: The ID of the deployment.
        parameters: The further arguments of ``create_run``.
        submission_id: The ID of a submission that may have been made before; None for a new one.
        settling: How to look for the run.
        since: A time before which that submission was certainly not made; None to look through all runs.

    Raises:
        SubmissionUnknown: It may have started a run that has not been found.
        Error: Whatever ``create_run`` raises before a run can exist.
    """
    given, known = submission_id, submission_id is not None
    submission_id = new_submission_id() if given is None else _checked(given)
    parameters = {**parameters, "environment": _environment(parameters.get("environment"), submission_id)}
    if known:
        found = find_submission(api, organization_id, deployment_id, submission_id, since)
        if found is not None:
            return found
    watch = Stopwatch(api.transport)
    begun = datetime.now(timezone.utc) - timedelta(seconds=settling.clock_allowance)
    for sent in range(1, settling.rounds + 1):
        try:
            return dict(api.create_run(organization_id, deployment_id, **parameters))
        except Error as error:
            if not is_open(error):
                if sent == 1:
                    raise
                # An earlier round may have started the run after all: this error says nothing about that one.
                raise SubmissionUnknown(
                    f"an earlier attempt stayed open, the last one ended in {error}", submission_id
                ) from error
            logger.warning("submission %s: the outcome is open after %s; looking", submission_id, type(error).__name__)
            cause = error
        found = _settled(api, organization_id, deployment_id, submission_id, begun, settling, watch)
        if found is not None:
            return found
    raise SubmissionUnknown(f"{settling.rounds} attempts ended with an open outcome", submission_id) from cause


def _settled(
    api: APIClient,
    organization_id: str,
    deployment_id: str,
    submission_id: str,
    begun: datetime,
    settling: Settling,
    watch: Stopwatch,
) -> dict[str, Any] | None:
    """The run, looked for a few times; None when every look was answered and found none."""
    for pause in settling.pauses():
        watch.sleep(pause)
        try:
            found = find_submission(api, organization_id, deployment_id, submission_id, begun)
            failed = None
        except PASSING as error:
            failed = error
            continue
        if found is not None:
            return found
    if failed is not None:
        # The last look must have been answered: without it, sending again could start a second run.
        raise SubmissionUnknown(f"the runs could not be listed: {failed}", submission_id) from failed
    return None


def find_submission(
    api: APIClient, organization_id: str, deployment_id: str, submission_id: str, since: datetime | None
) -> dict[str, Any] | None:
    """The run that carries a submission ID, the oldest if there are several; None if there is none.

    Args:
        api: What to ask.
        organization_id: The ID of the organization.
        deployment_id: The ID of the deployment.
        submission_id: The ID.
        since: Older runs are not looked at, but for those that share a page with younger ones.

    Raises:
        Error: Whatever ``get_runs`` raises.
    """
    found, token = None, None
    while True:
        page = api.get_runs(organization_id, deployment_id, token)
        entries = page.get("entries")
        if not isinstance(entries, list):
            raise unusable("the answer to get_runs has no list 'entries'", page, Runs.get_runs.template)
        for run in entries:
            environment = run.get("user_env_vars")
            if isinstance(environment, Mapping) and environment.get(SUBMISSION_VARIABLE) == submission_id:
                found = dict(run)
        oldest = parsed_time(entries[-1].get("created_at")) if entries else None
        following = page.get("next_page_token")
        if not following or following == token or (since and oldest and oldest < since):
            return found
        token = following


def _environment(environment: Any, submission_id: str) -> Any:
    if environment is None:
        return {SUBMISSION_VARIABLE: submission_id}
    if not isinstance(environment, Mapping):
        return environment  # create_run says what is wrong with it
    if environment.get(SUBMISSION_VARIABLE, submission_id) != submission_id:
        raise ValidationError("submit", {"environment": f"{SUBMISSION_VARIABLE} is another ID than submission_id"})
    return {**environment, SUBMISSION_VARIABLE: submission_id}


def _checked(submission_id: object) -> str:
    if isinstance(submission_id, str) and submission_id and submission_id.isprintable() and len(submission_id) <= 200:
        return submission_id
    raise ValidationError(
        "submit", {"submission_id": f"{shown(submission_id)} is not a text of 1 to 200 printable characters"}
    )
