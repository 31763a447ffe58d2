"""What the command line is shown of one job in the store. Values only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from trainmaster.api.job import TrainingJob
from trainmaster.api.status import ConditionType, FieldProblem, JobStatus


@dataclass(frozen=True, slots=True)
class StoredJob:
    """One job file with the status that was last shown beside it."""

    path: str
    """below jobs/"""
    text: str
    namespace: str
    name: str
    job: TrainingJob | None
    problems: tuple[FieldProblem, ...]
    owner: str
    mtime: float
    """of the file; seconds since the epoch, by the store's clock"""
    status: JobStatus | None = None
    """None while no controller has shown any"""
    uid: str = ""
    generation: int = 0
    """of the declaration that the status is about"""
    created: str = ""
    """when a controller first saw the job, RFC 3339; empty while none has, or where it wasn't noted"""

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


@dataclass(frozen=True, slots=True)
class Applied:
    """What became of a file that was applied."""

    outcome: Literal["created", "configured", "unchanged"]
    namespace: str
    name: str
    path: str
