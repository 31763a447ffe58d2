"""What the command line is shown of one job, wherever it is declared. Values only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from trainmaster.api.job import TrainingJob
from trainmaster.api.status import ConditionType, FieldProblem, JobStatus
from trainmaster.errors import InvalidError


@dataclass(frozen=True, slots=True)
class StoredJob:
    """One declaration with the status that was last shown of it."""

    path: str
    """of its file, below jobs/; of an object, the kubeconfig and context that lead to it"""
    text: str
    """of its file; empty of an object"""
    namespace: str
    name: str
    job: TrainingJob | None
    problems: tuple[FieldProblem, ...]
    owner: str
    mtime: float
    """when it was written; seconds since the epoch, by the clock of where it lies"""
    status: JobStatus | None = None
    """None while no controller has shown any"""
    uid: str = ""
    generation: int = 0
    """of the declaration: in a folder of the one that a controller has seen, on Kubernetes of the newest"""
    created: str = ""
    """when a controller first saw the job, or the object was made, RFC 3339; empty where that wasn't noted"""
    object: Mapping[str, Any] | None = field(default=None, compare=False)
    """as the API server has it, without managedFields; None of a file"""

    @property
    def labels(self) -> Mapping[str, str]:
        """Of its metadata; none of a file that can't be read."""
        if self.object is not None:
            return self.object["metadata"].get("labels") or {}
        return self.job.metadata.labels if self.job else {}

    @property
    def judged(self) -> bool:
        """Whether the status is about this declaration, and none before it."""
        return self.status is not None and self.status.observed_generation >= self.generation

    @property
    def finished(self) -> bool:
        """Whether the run that is wanted has ended: one that was asked for again hasn't, though no controller has heard of it."""
        ended = self.status is not None and self.status.is_true(ConditionType.FINISHED)
        return ended and not self.runs_again

    @property
    def runs_again(self) -> bool:
        """Whether the status is of a run before the one that is wanted: all that it says of an end is past."""
        if self.status is None or self.job is None or not self.status.is_true(ConditionType.FINISHED):
            return False
        return self.job.spec.run_policy.rerun > self.status.rerun

    @property
    def next_rerun(self) -> int:
        """The number of the run that comes after this one. InvalidError while this isn't over."""
        if not self.finished or self.job is None or self.status is None:
            raise InvalidError(
                f"{self.namespace}/{self.name} has not finished: there is nothing to run again"
            )
        return max(self.job.spec.run_policy.rerun, self.status.rerun) + 1


@dataclass(frozen=True, slots=True)
class Applied:
    """What became of a file that was applied."""

    outcome: Literal["created", "configured", "unchanged"]
    namespace: str
    name: str
    path: str
    before: StoredJob | None = None
    """the job that was configured, as it was"""


@dataclass(frozen=True, slots=True)
class Told:
    """Something that was told of a job's past, as far as a person reads it."""

    at: str
    """when it was last seen, RFC 3339"""
    reason: str
    note: str
    count: int
    """how often it was seen"""


@dataclass(frozen=True, slots=True)
class Past:
    """What is known of one job's past."""

    created: str
    """RFC 3339; empty where that isn't known: not seen yet, or gone, with only `told` left"""
    how: str
    """what happened then, such as `first seen in mnist.yaml`"""
    status: JobStatus | None
    """None before the first, and where it is of a version that we can't read"""
    told: tuple[Told, ...] = ()
    """the Events of the API server; none in a folder"""
