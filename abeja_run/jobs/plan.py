"""What the submissions of a batch have in common, and what comes of each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic

from abeja_run.exceptions import Error, ValidationError
from abeja_run.jobs.journal import digest
from abeja_run.jobs.run import Run, RunFacts
from abeja_run.jobs.submission import SUBMISSION_VARIABLE, Settling
from abeja_run.values import shown

if TYPE_CHECKING:
    # A type checker knows it without that it is installed, and ``BatchResult`` alone is that of a ``Run``.
    from typing_extensions import TypeVar

    AnyRun = TypeVar("AnyRun", bound=RunFacts, default=Run)
else:
    from typing import TypeVar

    AnyRun = TypeVar("AnyRun", bound=RunFacts)

__all__ = ["AnyRun", "BatchResult", "Plan", "check"]


@dataclass(frozen=True, slots=True)
class BatchResult(Generic[AnyRun]):
    """What came of one input of a batch.

    Attributes:
        index: Which input, counted from 0.
        input_data: The input.
        submission_id: What it was submitted with; with it, :meth:`Deployment.submit` finds or starts its run.
        run (Run | AsyncRun | None): Its run, of the kind of the client; None if there is none, or none that is known.
        error: Why there is no run, or how waiting for it has ended; None if all is well.
    """

    index: int
    input_data: Any
    submission_id: str
    run: AnyRun | None
    error: Error | None


@dataclass(frozen=True, slots=True)
class Plan:
    """What all submissions of a batch have in common.

    Attributes:
        organization_id: The ID of the organization.
        deployment_id: The ID of the deployment.
        parameters: The further arguments of ``create_run``, but for the input.
        settling: How a run is looked for.
        max_in_flight: How many requests are under way at a time; with ``wait``, how many runs are unfinished.
        wait: Whether to wait for the end of the runs.
        interval: Seconds of the first pause of waiting.
        max_interval: Seconds of the longest pause.
    """

    organization_id: str
    deployment_id: str
    parameters: Mapping[str, Any]
    settling: Settling
    max_in_flight: int
    wait: bool
    interval: float
    max_interval: float

    def identity(self) -> dict[str, str]:
        """What makes a batch this one, for its journal. The environment may be secret, so only its digest."""
        others = {name: value for name, value in self.parameters.items() if name != "version_id"}
        return {
            "organization_id": self.organization_id,
            "deployment_id": self.deployment_id,
            "version_id": self.parameters["version_id"],
            "other_arguments": digest(others),
        }


def check(
    inputs: object, kinds: tuple[type, ...], max_in_flight: object, parameters: Mapping[str, Any], **pauses: object
) -> None:
    """Refuse what cannot be right for any input of a batch.

    Args:
        inputs: The inputs.
        kinds: What they may be.
        max_in_flight: How many requests are under way at a time.
        parameters: The further arguments of ``create_run``.
        pauses: Seconds by name.

    Raises:
        ValidationError: There is such a thing.
    """
    version_id, environment = parameters["version_id"], parameters["environment"]
    errors = {}
    if not isinstance(version_id, str) or not version_id:
        errors["version_id"] = f"{shown(version_id)} is not the ID of a version"
    if isinstance(inputs, (str, bytes, Mapping)) or not isinstance(inputs, kinds):
        errors["inputs"] = f"{shown(inputs)} is not a number of inputs to iterate over"
    if isinstance(max_in_flight, bool) or not isinstance(max_in_flight, int) or max_in_flight < 1:
        errors["max_in_flight"] = f"{shown(max_in_flight)} is not a whole number from 1"
    if isinstance(environment, Mapping) and SUBMISSION_VARIABLE in environment:
        errors["environment"] = f"{SUBMISSION_VARIABLE} is another one for each input"
    for name, value in pauses.items():
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value < 1e9:
            errors[name] = f"{shown(value)} is not a number of seconds above 0"
    if errors:
        raise ValidationError("submit_many", errors)
