"""Carries out a batch: its steps in the thread that asks for the results, its requests by a crew."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Generator, Iterable
from concurrent.futures import Executor
from typing import Any

from abeja_run.client import APIClient
from abeja_run.jobs.batch import Batch
from abeja_run.jobs.crew import Crew
from abeja_run.jobs.journal import Journal, Unwritten
from abeja_run.jobs.plan import BatchResult, Plan
from abeja_run.jobs.progress import Bar
from abeja_run.jobs.run import Run
from abeja_run.jobs.script import driven
from abeja_run.jobs.steps import END, Await, Intend, TakeIn

__all__ = ["submitted"]


def submitted(
    api: APIClient,
    plan: Plan,
    inputs: Iterable[Any],
    *,
    journal: str | os.PathLike[str] | None,
    executor: Executor | None,
    bar: Bar | None,
) -> Generator[BatchResult, None, None]:
    """The results of a batch, in the order of their completion.

    Args:
        api: The client.
        plan: What all submissions have in common.
        inputs: The inputs.
        journal: The file that remembers the batch, or None.
        executor: What carries out the requests; None for threads of its own.
        bar: What shows how far it has come, or None.

    Raises:
        ConfigurationError: The executor is none, or the client cannot be handed to it.
        Error: Whatever the batch raises.
    """
    with contextlib.ExitStack() as stack:
        kept: Journal | Unwritten = Unwritten()
        if journal is not None:
            kept = stack.enter_context(Journal(journal, plan.identity()))
        crew = Crew(api.with_options(max_retry_count=0), executor, plan.max_in_flight, plan.settling.lease)
        stack.callback(crew.close)
        if bar is not None:
            stack.enter_context(bar)
        source = iter(inputs)

        def perform(step: TakeIn | Intend | Await | float) -> Any:
            if isinstance(step, Await):
                return crew.next(step.seconds)
            if isinstance(step, TakeIn):
                return next(source, END)
            if isinstance(step, Intend):
                return kept.intend(step.inputs, step.since, step.straggling)
            return api.transport.sleep(step)

        batch = Batch(plan, kept, crew, lambda raw: Run(api, plan.organization_id, raw))
        for result in stack.enter_context(contextlib.closing(driven(batch.script(), perform))):
            if bar is not None:
                bar.count(result)
            yield result
