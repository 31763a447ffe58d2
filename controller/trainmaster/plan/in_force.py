"""Which declaration decisions go by: the newest one, unless it can't be read, can't be had, or came after the end.

An edit that YARN could never grant must not stop what trains: then the last good declaration stays in force.
"""

from __future__ import annotations

from functools import lru_cache
from weakref import WeakValueDictionary

from pydantic import ValidationError

from trainmaster.api import reasons
from trainmaster.api.declared import Declared
from trainmaster.api.job import TrainingJob
from trainmaster.api.once import once_each
from trainmaster.api.rules import immutable_changes
from trainmaster.api.status import FieldProblem
from trainmaster.plan.admission import Refusal, over_quota, unfit
from trainmaster.plan.case import Case
from trainmaster.plan.memory import Memory
from trainmaster.plan.unread import outline
from trainmaster.plan.values import Limits, Seen


def in_force(declared: Declared, memory: Memory, seen: Seen, now: float, limits: Limits) -> Case | None:
    """The case to decide on; None where nothing readable was ever declared, and nothing is remembered."""
    newest, old = declared.job, last_good(memory)
    if newest is None or memory.verdict or declared.deleted:
        # By the roles that it ever had: an expired one has no replicas any more, and nothing else is to change by that.
        job = old or (newest if newest and memory.role_numbers.keys() <= newest.spec.roles.keys() else None)
        if job is None and memory.document:
            return _unread(declared, memory, seen, now, limits)
        return Case(declared, _heeding(declared, memory, job), seen, now, limits) if job else None
    case = Case(declared, _heeding(declared, memory, newest), seen, now, limits, before=old)
    old = old if _edited(memory, case.job) else None
    held = _refusal_of_edit(case, memory) if old else None
    if old is None or held is None:
        return case
    # To be suspended nothing need fit: people must be able to stop what they can't mend.
    return Case(declared, _with_suspend(old, case.job.spec.run_policy.suspend), seen, now, limits, held)


def _unread(declared: Declared, memory: Memory, seen: Seen, now: float, limits: Limits) -> Case:
    job = _with_suspend(outline(memory), declared.suspends or memory.suspended)
    return Case(declared, job, seen, now, limits, unread=True)


def _heeding(declared: Declared, memory: Memory, job: TrainingJob) -> TrainingJob:
    """The job, suspended if the newest declaration asks for that: people must be able to stop what they can't mend."""
    suspends = bool(declared.problems) and (declared.suspends or memory.suspended)
    return _with_suspend(job, suspends) if suspends and not job.spec.run_policy.suspend else job


def _with_suspend(job: TrainingJob, suspend: bool) -> TrainingJob:
    policy = job.spec.run_policy.model_copy(update={"suspend": suspend})
    return job.model_copy(update={"spec": job.spec.model_copy(update={"run_policy": policy})})


def _edited(memory: Memory, newest: TrainingJob) -> bool:
    """Whether this is an edit of a job that YARN has an application of; before that, admission judges it anew."""
    return memory.application is not None and document_of(newest) != memory.document


def _refusal_of_edit(case: Case, memory: Memory) -> Refusal | None:
    if case.seen.cluster is None:
        return reasons.YARN_AWAY, "the edit is taken in once YARN can be asked whether it fits"
    if no := unfit(case, memory.role_numbers.keys()) or over_quota(case) or _no_room_in_quota(case):
        return no[0], f"{no[1]}; going on with the declaration before"
    return None


def _no_room_in_quota(case: Case) -> Refusal | None:
    return None if case.seen.quota.may else (reasons.WAITING_FOR_QUOTA, case.seen.quota.words)


_written: WeakValueDictionary[str, TrainingJob] = WeakValueDictionary()
"""by document: declarations of which it was made, while they are in use, as mostly they are"""


def last_good(memory: Memory) -> TrainingJob | None:
    """The declaration that was last taken in: what runs, and what is started next, is made of it."""
    document = memory.document
    return (_written.get(document) or _read(document)) if document else None


@lru_cache(256)  # each pass of a job asks several times
def _read(document: str) -> TrainingJob | None:
    try:
        return TrainingJob.model_validate_json(document)
    except ValidationError:  # written by another version of this program
        return None


@once_each
def document_of(job: TrainingJob) -> str:
    """The job as it is remembered: only what was written, so that defaults stay defaults."""
    document = job.model_dump_json(by_alias=True, exclude_unset=True)
    _written[document] = job
    return document


def immutable_problems(case: Case, memory: Memory) -> tuple[FieldProblem, ...]:
    """What the declaration now says otherwise of fields that can't change while the application is open."""
    return immutable_changes(memory.begun_with, case.job, case.declared.owner) if memory.application else ()
