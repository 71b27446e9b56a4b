"""A batch: many submissions side by side, each made once, taken up again by its journal after a crash.

All decisions are made here, where the results are asked for; what is executed elsewhere is one request at a time. So
one pause slows all requests, nobody else writes the journal, and a worker that dies leaves one outcome open. Whatever
takes time is a step that :mod:`abeja_run.jobs.many` carries out, or its twin with ``await``.
"""

from __future__ import annotations

import contextlib
import heapq
import itertools
import logging
import time
from collections import deque
from collections.abc import Callable, Generator, Iterator, Mapping
from datetime import datetime, timedelta, timezone
from typing import Any, Generic, TypeAlias

from abeja_run.exceptions import (
    BatchStopped,
    ConfigurationError,
    ConnectError,
    Error,
    HttpError,
    JournalError,
    JournalMismatch,
    RunFailed,
    SubmissionUnknown,
    TransportError,
    Unauthorized,
    ValidationError,
)
from abeja_run.jobs.errand import Held, NotBegun
from abeja_run.jobs.journal import Journal, Unwritten
from abeja_run.jobs.pace import Pace
from abeja_run.jobs.plan import AnyRun, BatchResult, Plan
from abeja_run.jobs.run import RunStatus, last_lines
from abeja_run.jobs.script import Handed
from abeja_run.jobs.steps import END, LATER, Await, Done, Intend, Requests, TakeIn
from abeja_run.jobs.submission import SUBMISSION_VARIABLE, Search, Submission, carrying
from abeja_run.jobs.times import parsed_time
from abeja_run.patience import Patience, grown
from abeja_run.retry import TOO_MANY, is_passing, jittered

__all__ = ["Batch"]

logger = logging.getLogger("abeja_run")

#: How often a request is sent again that did not arrive, or that may be repeated.
_RETRIES = 5
#: How often a request is handed over again to which a worker came too late.
_DELAYS = 20
#: Seconds after which inputs that come slowly are not waited for any longer before the first of them is submitted.
_GATHERING = 0.01
#: Seconds by which the clocks of the service's machines may differ.
_SERVICE_CLOCKS = 60.0
#: No run is older, whatever the service says.
_EARLIEST = datetime(2000, 1, 1, tzinfo=timezone.utc)

#: What a batch asks for; seconds are waited by the clock of the transport.
Script: TypeAlias = Generator[TakeIn | Intend | Await | float | Handed[BatchResult[AnyRun]], Any, None]


class _Item:
    """An input that is being worked on, and how far it has come."""

    __slots__ = ("failures", "index", "input_data", "patience", "pause", "run", "sent", "since", "submission")

    def __init__(self, index: int, input_data: Any, submission: Submission, since: datetime) -> None:
        self.index = index
        self.input_data = input_data
        self.submission = submission
        self.since = since
        self.run: dict[str, Any] | None = None
        self.sent = submission.looking
        self.pause = 0.0
        self.failures = 0
        self.patience: Patience | None = None


class _Look:
    """A search for the runs of all inputs whose outcome is open at that time."""

    def __init__(self, items: list[_Item], search: Search) -> None:
        self.items = items
        self.search = search
        self.failures = 0


class Batch(Generic[AnyRun]):
    """The results of a batch, in the order of their completion: every decision, and nothing that takes time.

    As many inputs as are being worked on are held, and as many are taken in ahead.

    Args:
        plan: What all submissions have in common.
        journal: What is begun and what came of it; it stays the caller's to close.
        crew: What carries out the requests, once each, sending again is decided here; likewise.
        made: Makes a run of what the service told of it.
    """

    def __init__(
        self,
        plan: Plan,
        journal: Journal | Unwritten,
        crew: Requests,
        made: Callable[[Mapping[str, Any]], AnyRun],
    ) -> None:
        self._plan = plan
        self._journal = journal
        self._crew = crew
        self._run = made
        self._pace = Pace()
        self._patience = Patience(self._pace)
        self._taken = 0
        self._exhausted = False
        # Whether an input is on its way that was not there yet.
        self._expecting = False
        self._working: dict[int, _Item] = {}
        # What is waited for takes a place and sends nothing, so nothing is handed over ahead of it.
        self._places = plan.max_in_flight + (0 if plan.wait else crew.ahead)
        self._ready: deque[_Item] = deque()
        self._results: deque[BatchResult[AnyRun]] = deque()
        # What is to be done next at which time; the number keeps entries of the same time in their order.
        self._due: list[tuple[float, int, _Item | _Look]] = []
        self._numbers = itertools.count()
        self._lookers: list[_Item] = []
        self._looking = False
        # By the service's clock: what is submitted from now on is not older.
        self._newest: datetime | None = None

    def script(self) -> Script[AnyRun]:
        """Work on the inputs, and hand over each result once it is there.

        Raises:
            JournalError: The journal cannot be written, or is not that of these inputs.
            BatchStopped: What carries out the requests is gone.
            Error: One that is not about an input but about all of them.
        """
        try:
            while True:
                yield from self._take_in()
                self._send()
                if self._results:
                    yield Handed(self._results.popleft())
                elif self._crew.busy or self._expecting:
                    yield from self._await()
                elif (moment := self._next_moment()) is not None:
                    yield from self._pace.until(moment)
                elif self._exhausted:
                    return
        except BatchStopped as stopped:
            yield from self._stop()
            for result in itertools.chain(self._results, self._left_open(stopped)):
                yield Handed(result)
            raise
        except Error as error:
            # What came together with it is told first: without a journal nobody else knows of these runs.
            yield from self._stop()
            started = (result for result in self._left_open(error) if result.run is not None)
            for result in itertools.chain(self._results, started):
                yield Handed(result)
            raise
        finally:
            yield from self._stop()

    def _take_in(self) -> Script[AnyRun]:
        """Let inputs take the places that are free."""
        if len(self._working) >= self._places or self._results:
            return
        if not self._ready and not self._exhausted:
            yield from self._gather()
        while self._ready and len(self._working) < self._places:
            item = self._ready.popleft()
            self._working[item.index] = item
            self._schedule(item, item.submission.pause)

    def _gather(self) -> Script[AnyRun]:
        """Take in some inputs, and put on the disk that they are about to be submitted, all at once."""
        began, since = time.monotonic(), self._now()
        fresh: list[_Item] = []
        most = self._plan.max_in_flight
        while len(self._ready) + len(fresh) < most and len(self._results) < most:
            input_data = yield TakeIn()
            self._expecting = input_data is LATER
            if self._expecting:
                break
            if input_data is END:
                self._exhausted = True
                if self._taken < self._journal.known:
                    raise JournalMismatch(
                        f"there are only {self._taken} inputs, and the journal was begun with {self._journal.known}; "
                        "give the same inputs in the same order, or name another file for these"
                    )
                break
            index = self._taken
            self._taken += 1
            if index >= self._journal.known or not self._take_up(index, input_data):
                submission = Submission(self._submission_id(index), self._plan.settling)
                fresh.append(_Item(index, input_data, submission, since))
            if time.monotonic() - began > _GATHERING:
                break
        if fresh:
            given = {item.index: item.input_data for item in fresh}
            try:
                yield Intend(given, since, self._crew.straggling)
            except BaseException:
                # Broken off when it is on the disk already: that they are not sent after all is to be noted there too.
                self._ready.extend(item for item in fresh if item.index in self._journal.open)
                raise
            self._ready.extend(fresh)

    def _take_up(self, index: int, input_data: Any) -> bool:
        """Go on with an input that the journal knows; whether it has a run, or may have one."""
        journal, settling = self._journal, self._plan.settling
        journal.check(index, input_data)
        kept = journal.run(index)
        if kept is None and index not in journal.open:
            return False
        submission_id = self._submission_id(index)
        if kept is None:
            before = journal.open[index]
            submission = Submission(submission_id, settling, reopened=True, straggling=before.straggling)
            self._ready.append(_Item(index, input_data, submission, before.since))
            return True
        item = _Item(index, input_data, Submission(submission_id, settling), self._now())
        item.run = {
            **kept,
            "deployment_id": self._plan.deployment_id,
            "model_version_id": self._plan.parameters["version_id"],
            "input_data": input_data,
            "user_env_vars": {SUBMISSION_VARIABLE: submission_id},
        }
        if self._plan.wait and not _ended(item.run):
            self._ready.append(item)
        else:
            failed = self._plan.wait and item.run.get("status") == RunStatus.FAILED
            self._results.append(self._result(item, RunFailed(self._run(item.run), []) if failed else None))
        return True

    def _send(self) -> None:
        """Send whatever is due, unless the service has asked for a pause."""
        now = self._pace.elapsed
        if now < self._pace.free:
            return
        self._crew.release()
        while self._due and self._due[0][0] <= now:
            self._step(heapq.heappop(self._due)[2], now)
        if self._lookers and not self._looking:
            self._looking = True
            self._step(self._look(), now)

    def _step(self, step: _Item | _Look, now: float) -> None:
        ids = self._plan.organization_id, self._plan.deployment_id
        if isinstance(step, _Look):
            self._crew.send(step, now, "get_runs", *ids, step.search.token)
        elif step.run is not None:
            method = "get_run_recent_logs" if _ended(step.run) else "get_run"
            self._crew.send(step, now, method, *ids, step.run["run_id"])
        elif step.submission.looking:
            self._lookers.append(step)
        else:
            step.sent = True
            parameters = carrying(step.submission.submission_id, self._plan.parameters)
            self._crew.send(step, now, "create_run", *ids, once=True, **parameters, input_data=step.input_data)

    def _look(self) -> _Look:
        """A search for the runs of all whose next step that is, and of those that the journal has still ahead."""
        items, self._lookers = self._lookers, []
        ahead = {index: opened.since for index, opened in self._journal.open.items() if index >= self._taken}
        since = min(itertools.chain((item.since for item in items), ahead.values()))
        submission_ids = {item.submission.submission_id for item in items} | set(map(self._submission_id, ahead))
        return _Look(items, Search(submission_ids, since))

    def _next_moment(self) -> float | None:
        """When there is something to send again; None if it depends on what is under way, or there is nothing."""
        if self._lookers and not self._looking:
            return self._pace.free
        return max(self._due[0][0], self._pace.free) if self._due else None

    def _await(self) -> Script[AnyRun]:
        """Wait until a request is done or another one is due, and take in all that is done."""
        moment = self._next_moment()
        done = yield Await(None if moment is None else max(0.0, moment - self._pace.elapsed))
        while done is not None:
            self._take_in_answer(done)
            done = (yield Await(0.0)) if self._crew.busy else None
        self._journal.flush()

    def _take_in_answer(self, done: Done) -> None:
        step, outcome = done.purpose, done.outcome
        if isinstance(outcome, Held):
            self._schedule(step, 0.0)
            return
        if isinstance(outcome, NotBegun) and step.failures < _DELAYS:
            self._again(step)
            return
        if isinstance(outcome, HttpError) and outcome.status_code == TOO_MANY:
            self._pace.refused(outcome, done.sent)
            try:
                self._patience.bear(outcome, "a batch")
            except HttpError:
                pass  # for too long: it is what came of this request
            else:
                self._schedule(step, 0.0)
                return
        elif not isinstance(outcome, TransportError):
            self._pace.heard()
            self._patience.heard()
        if isinstance(outcome, Error) and _about_all(outcome, step):
            self._refused(step, outcome)
            raise outcome
        if isinstance(step, _Look):
            self._looked(step, outcome)
        elif step.run is None:
            self._submitted(step, outcome)
        elif _ended(step.run):
            self._failed(step, outcome)
        else:
            self._asked(step, outcome)

    def _submitted(self, item: _Item, outcome: dict[str, Any] | Error) -> None:
        if isinstance(outcome, ConnectError) and item.failures < _RETRIES:
            self._again(item)
            return
        try:
            item.submission.sent(outcome)
        except SubmissionUnknown as error:
            self._finish(item, error)
            return
        except Error as error:
            self._refused(item, error)
            self._finish(item, error)
            return
        item.failures = 0
        if isinstance(outcome, dict) and item.submission.run is not None:
            created = parsed_time(outcome.get("created_at"))
            if created is not None and (self._newest is None or created > self._newest):
                self._newest = created
        self._go_on(item)

    def _go_on(self, item: _Item) -> None:
        """What follows a step of a submission."""
        run = item.submission.run
        if run is None:
            self._schedule(item, item.submission.pause)
            return
        self._journal.submitted(item.index, run)
        item.run = run
        if not self._plan.wait:
            self._finish(item, None)
            return
        item.pause = self._plan.interval
        item.patience = Patience(self._pace)
        self._schedule(item, item.pause)

    def _looked(self, look: _Look, outcome: dict[str, Any] | Error) -> None:
        failed: Error | None = None
        try:
            if isinstance(outcome, Error):
                raise outcome
            look.search.read(outcome)
            look.failures = 0
            if not look.search.over:
                self._schedule(look, 0.0)
                return
        except Error as error:
            if is_passing(error) and not look.search.over and look.failures < _RETRIES:
                self._again(look)
                return
            failed = error
        self._looking = False
        for item in look.items:
            found = look.search.found.pop(item.submission.submission_id, None)
            try:
                item.submission.looked(failed if failed is not None else found)
            except SubmissionUnknown as error:
                self._finish(item, error)
            else:
                self._go_on(item)
        if failed is None:
            for submission_id, run in look.search.found.items():
                self._journal.submitted(int(submission_id.rpartition("-")[2]), run)

    def _asked(self, item: _Item, outcome: dict[str, Any] | Error) -> None:
        """How far a run has come that is waited for."""
        assert item.run is not None  # noqa: S101 - only those are asked for
        if item.patience is None:
            item.patience = Patience(self._pace)
        if isinstance(outcome, Error):
            try:
                item.patience.bear(outcome, "a batch")
            except Error as error:
                self._finish(item, error)
                return
        else:
            item.patience.heard()
            if outcome.get("status") != item.run.get("status"):
                item.pause = self._plan.interval
            item.run = {**outcome, "run_id": item.run["run_id"]}
            if _ended(item.run):
                self._journal.submitted(item.index, item.run)
                if item.run["status"] == RunStatus.FAILED:
                    self._schedule(item, 0.0)
                else:
                    self._finish(item, None)
                return
        item.pause = item.pause or self._plan.interval
        self._schedule(item, item.pause)
        item.pause = grown(item.pause, self._plan.max_interval)

    def _failed(self, item: _Item, outcome: dict[str, Any] | Error) -> None:
        """The last lines of a run that has failed."""
        assert item.run is not None  # noqa: S101 - only those are asked for
        if isinstance(outcome, Error) and is_passing(outcome) and item.failures < _RETRIES:
            self._again(item)
            return
        lines = [] if isinstance(outcome, Error) else last_lines(outcome)
        self._finish(item, RunFailed(self._run(item.run), lines))

    def _again(self, step: _Item | _Look) -> None:
        pause = jittered(step.failures)
        step.failures += 1
        self._schedule(step, pause)

    def _schedule(self, step: _Item | _Look, pause: float) -> None:
        heapq.heappush(self._due, (self._pace.elapsed + pause, next(self._numbers), step))

    def _refused(self, step: _Item | _Look, error: Error) -> None:
        if isinstance(step, _Item) and step.run is None and not step.submission.looking:
            self._journal.refused(step.index, error)

    def _finish(self, item: _Item, error: Error | None) -> None:
        del self._working[item.index]
        self._results.append(self._result(item, error))

    def _result(self, item: _Item, error: Error | None) -> BatchResult[AnyRun]:
        run = None if item.run is None else self._run(item.run)
        return BatchResult(item.index, item.input_data, item.submission.submission_id, run, error)

    def _submission_id(self, index: int) -> str:
        return f"{self._journal.batch_id}-{index}"

    def _now(self) -> datetime:
        """A time that no run has been submitted before that is submitted from now on, by the service's clock."""
        now, spread = datetime.now(timezone.utc), timedelta(seconds=_SERVICE_CLOCKS)
        if self._newest is None or self._newest > now + spread:
            # A time to come, told once, would have every run after it taken as too old to be looked at.
            return now - timedelta(seconds=self._plan.settling.clock_allowance)
        return max(self._newest, _EARLIEST) - spread

    def _left_open(self, stopped: Error) -> Iterator[BatchResult[AnyRun]]:
        """What is known of the inputs that were being worked on when the batch was ended."""
        for item in self._working.values():
            if item.submission.run is not None or item.run is not None:
                item.run = item.run or item.submission.run
                yield self._result(item, stopped if self._plan.wait else None)
            elif item.sent:
                yield self._result(item, SubmissionUnknown(str(stopped), item.submission.submission_id))

    def _stop(self) -> Script[AnyRun]:
        """Note what came of the requests that are under way, and what was not sent at all."""
        self._crew.give_up()
        end = time.monotonic() + self._crew.grace
        try:
            while self._crew.busy and (left := end - time.monotonic()) > 0:
                try:
                    done = yield Await(left)
                except Exception:  # noqa: BLE001, S112 - it ends anyway, and this one stays open
                    continue
                if done is not None and isinstance(done.purpose, _Item) and done.purpose.run is None:
                    self._note(done.purpose, done.outcome)
        finally:
            with contextlib.suppress(JournalError):
                self._leave()

    def _leave(self) -> None:
        """Note what was not sent at all, and what is still under way when nobody waits for it any longer."""
        for item in itertools.chain(self._working.values(), self._ready):
            if not item.sent and item.run is None:
                self._journal.refused(item.index, NotBegun("it was not sent"))
        straggling = max(self._crew.straggling, self._crew.grace)
        if self._crew.busy:
            # Whoever takes the batch up, even in this process and at once, is to wait for these requests too.
            for item in self._working.values():
                if item.index in self._journal.open:
                    self._journal.intend({item.index: item.input_data}, item.since, straggling)
        self._journal.flush()

    def _note(self, item: _Item, outcome: dict[str, Any] | Error) -> None:
        """Note what came of a submission when nobody asks for results any more."""
        try:
            item.submission.sent(outcome)
        except SubmissionUnknown:
            return
        except Error as error:
            self._journal.refused(item.index, error)
            return
        if item.submission.run is not None:
            run_id = item.submission.run["run_id"]
            logger.warning("the batch was stopped; input %d has been submitted as %s", item.index, run_id)
            self._journal.submitted(item.index, item.submission.run)


def _ended(run: Mapping[str, Any]) -> bool:
    return run.get("status") in (RunStatus.SUCCEEDED, RunStatus.FAILED)


def _about_all(error: Error, step: _Item | _Look) -> bool:
    """Whether an error would be that of every input."""
    if isinstance(error, ValidationError):
        # Once there is a run, its ID is all that is sent.
        return set(error.errors) != {"input_data"} and not (isinstance(step, _Item) and step.run is not None)
    return isinstance(error, (ConfigurationError, Unauthorized))
