"""Which declaration decisions go by: the newest one, unless it can't be read, can't be had, or came after the end.

An edit that YARN could never grant must not stop what trains: then the last good declaration stays in force.
"""

from __future__ import annotations

from pydantic import ValidationError

from trainmaster.api import reasons
from trainmaster.api.declared import Declared
from trainmaster.api.job import TrainingJob
from trainmaster.api.rules import immutable_changes
from trainmaster.api.status import FieldProblem
from trainmaster.plan.admission import Refusal, unfit
from trainmaster.plan.case import Case
from trainmaster.plan.memory import Memory
from trainmaster.plan.values import Limits, Seen


def in_force(declared: Declared, memory: Memory, seen: Seen, now: float, limits: Limits) -> Case | None:
    """The case to decide on; None where nothing readable was ever declared."""
    newest = declared.job
    if newest is None or memory.verdict or declared.deleted:
        job = last_good(memory) or newest
        return Case(declared, job, seen, now, limits) if job else None
    case = Case(declared, newest, seen, now, limits)
    old = last_good(memory) if _edited(memory, newest) else None
    held = _refusal_of_edit(case, memory) if old else None
    return Case(declared, old, seen, now, limits, held) if old and held else case


def _edited(memory: Memory, newest: TrainingJob) -> bool:
    """Whether this is an edit of a job that YARN has an application of; before that, admission judges it anew."""
    return memory.application is not None and document_of(newest) != memory.document


def _refusal_of_edit(case: Case, memory: Memory) -> Refusal | None:
    if case.seen.cluster is None:
        return reasons.YARN_AWAY, "the edit is taken in once YARN can be asked whether it fits"
    if no := unfit(case, memory.role_numbers.keys()):
        return no[0], f"{no[1]}; going on with the declaration before"
    return None


def last_good(memory: Memory) -> TrainingJob | None:
    """The declaration that was last taken in: what runs, and what is started next, is made of it."""
    try:
        return TrainingJob.model_validate_json(memory.document) if memory.document else None
    except ValidationError:  # written by another version of this program
        return None


def document_of(job: TrainingJob) -> str:
    """The job as it is remembered: only what was written, so that defaults stay defaults."""
    return job.model_dump_json(by_alias=True, exclude_unset=True)


def immutable_problems(case: Case, memory: Memory) -> tuple[FieldProblem, ...]:
    """What the declaration now says otherwise of fields that can't change while the application is open."""
    return immutable_changes(memory.begun_with, case.job, case.declared.owner) if memory.application else ()
