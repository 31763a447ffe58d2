"""Files that were moved to where they mean another job: nothing of it begins while the job that they were still lives. Pure.

A file that names no namespace belongs to that of its folder, so moving it makes another job of it, and its old one is missed only
after a grace. Never here: when a job counts as deleted (absences.py).
"""

from __future__ import annotations

from collections.abc import Container, Iterable
from dataclasses import dataclass, field
from typing import Self

from trainmaster.api.job import TrainingJob
from trainmaster.api.status import FieldProblem
from trainmaster.sources.reading import FileRead, problem
from trainmaster.sources.sightings import JobState

Owned = tuple[str, str]
"""owner, and what is his"""


@dataclass(frozen=True, slots=True)
class LeftBehind:
    """The jobs that live, and whose file isn't where it was: missed, hidden, not read yet or just deleted."""

    by_text: dict[Owned, JobState] = field(default_factory=dict)
    by_checkpoints: dict[Owned, JobState] = field(default_factory=dict)

    @classmethod
    def of(cls, states: Iterable[JobState], there: Container[str]) -> Self:
        """`there` are the paths of what was read."""
        found = cls()
        for state in states:
            record = state.record
            if is_left(state, there):
                found.by_text.setdefault((record.owner, _said(record.text)), state)
                if checkpoints := _writes_to(state.job):
                    found.by_checkpoints.setdefault((record.owner, checkpoints), state)
        return found

    def was(self, read: FileRead) -> JobState | None:
        """The job that this file was a moment ago, as far as can be told: the same owner's, with its text or its checkpoints."""
        owner = read.entry.owner
        same = self.by_text.get((owner, _said(read.text)))
        return same or self.by_checkpoints.get((owner, _writes_to(read.job)))


def is_left(state: JobState, there: Container[str]) -> bool:
    """Whether nothing of it is where it was; `there` are the paths of what was read."""
    return bool(state.record.path) and (state.deleting or state.record.path not in there)


def why_waiting(left: JobState) -> FieldProblem:
    record = left.record
    return problem(
        f"this file was {record.path}, which declared {record.namespace}/{record.name}: it begins once nothing of that "
        "is left"
    )


def _said(text: str) -> str:
    """The text of a document, wherever it stands: alone in a file, or among others between ---."""
    return text.strip().removeprefix("---").strip()


def _writes_to(job: TrainingJob | None) -> str:
    return job.spec.checkpoint_path.rstrip("/") if job else ""
