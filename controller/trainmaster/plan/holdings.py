"""What one job holds and wants as quotas count it, read off its declaration and its memory. Pure.

It is what was declared, not what YARN makes of it; only where more is held for a while (an edit took something away that
still ends), that counts. Never here: how much is allowed, or whose turn it is (quotas.py).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase
from math import ceil

from trainmaster.api.declared import Declared
from trainmaster.api.job import Role, TrainingJob
from trainmaster.api.once import once_each
from trainmaster.api.order import by_stage
from trainmaster.api.quantities import parse_memory
from trainmaster.errors import InvalidError
from trainmaster.plan.in_force import last_good
from trainmaster.plan.memory import Memory
from trainmaster.plan.quotas import (
    FREE,
    NO_LIMIT,
    NOTHING,
    Amount,
    Claim,
    QuotaTurn,
    Share,
    beyond,
    most_of,
    plus,
)
from trainmaster.plan.unread import outline
from trainmaster.settings import Quota


@once_each
def demand(job: TrainingJob) -> Amount:
    """What the job holds when all of it runs: the most of its stages, of which one gives its containers back before the next."""
    most = NOTHING
    for roles in by_stage(job.spec):
        stage = NOTHING
        for name in roles:
            stage = plus(stage, _of(job.spec.roles[name]))
        most = most_of(most, stage)
    return most._replace(declared=1, jobs=1)


def _of(role: Role) -> Amount:
    each, n = role.resources, role.replicas
    return Amount(replicas=n, gpus=n * each.gpus, vcores=n * each.vcores, memory=n * each.memory)


def held_by(memory: Memory) -> Amount:
    """What stands in memory: a job holds all that it declares until its application is over."""
    if memory.application is None or memory.closed_at:
        begun = memory.application or memory.earlier_applications or memory.past_runs or memory.verdict
        return Amount(declared=1) if begun else NOTHING
    now = memory.account.now
    seen = Amount(gpus=ceil(now.gpus), vcores=ceil(now.vcores), memory=ceil(now.memory))
    return most_of(demand(last_good(memory) or outline(memory)), seen)


def wanted_of(declared: Declared, memory: Memory) -> TrainingJob | None:
    """The job as it is to run next, or to run on; None of one that isn't to."""
    job = declared.job or last_good(memory)
    if job is None or declared.deleted or (declared.duplicate_of and not memory.document):
        return None
    if job.spec.run_policy.suspend or (declared.problems and (declared.suspends or memory.suspended)):
        return None
    again = declared.job is not None and job.spec.run_policy.rerun > memory.rerun
    return job if memory.verdict is None or again else None


def queue_of(declared: Declared, memory: Memory) -> str:
    """As it is named: where its application is, or is to be; empty where nothing readable was ever declared."""
    job = declared.job or last_good(memory)
    return memory.application.queue if memory.application else job.spec.queue if job else ""


def came_at(declared: Declared, memory: Memory) -> float:
    """Since when it waits: known to every controller. A job that was never let in has no record, so its declaration tells."""
    begun = memory.application or memory.earlier_applications or memory.past_runs
    return memory.queued_at if begun and memory.queued_at else declared.created or memory.queued_at


def shares_of(quotas: Sequence[Quota], namespace: str, user: str, queue: str) -> tuple[Share, ...]:
    """The shares that such a job counts in, in the order of the settings."""
    return tuple(_shares(quotas, namespace, user, queue))


def _shares(quotas: Sequence[Quota], namespace: str, user: str, queue: str) -> Iterator[Share]:
    for number, quota in enumerate(quotas):
        pairs = ((quota.namespace, namespace), (quota.user, user), (quota.queue, queue))
        if all(fnmatchcase(one, pattern) for pattern, one in pairs if pattern):
            whose = [one if pattern else "" for pattern, one in pairs]
            yield Share((number, *whose), _name(*whose), limits_of(quota))


def hopeless(quotas: Sequence[Quota], job: TrainingJob, queue: str) -> QuotaTurn:
    """That a new job wants more than quotas allow in all, as far as can be told: of one that names no user only the source knows
    as whom it runs."""
    known = [quota for quota in quotas if job.spec.user or not quota.user]
    shares = shares_of(known, job.metadata.namespace, job.spec.user or "", queue or job.spec.queue)
    return beyond(Claim("", "", "", 0.0, shares, NOTHING, demand(job))) or FREE


def _name(namespace: str, user: str, queue: str) -> str:
    kinds = (("user", user), ("namespace", namespace), ("queue", queue))
    return " in ".join(f"{kind} {one}" for kind, one in kinds if one) or "this controller"


def limits_of(quota: Quota) -> Amount:
    """Raises InvalidError for a size that can't be meant."""
    try:
        memory = parse_memory(quota.memory) if quota.memory else None
    except ValueError as error:
        raise InvalidError(f"quotas: memory: {error}") from None
    limits = (quota.declared, quota.jobs, quota.replicas, quota.gpus, quota.vcores, memory)
    return Amount(*(NO_LIMIT if limit is None else int(str(limit)) for limit in limits))
