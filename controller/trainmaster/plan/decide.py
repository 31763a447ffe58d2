"""The decision itself, on one screen: memory goes through the steps in order, and the rest is read off it.

Each step is an ordinary function (Case, Memory) -> Change. A decision cannot fail, and never waits.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from trainmaster.api.declared import Declared
from trainmaster.api.job import TrainingJob
from trainmaster.plan.actions import actions_of
from trainmaster.plan.application import follow_application
from trainmaster.plan.asks import asks_of, avoided
from trainmaster.plan.case import Case, Change
from trainmaster.plan.close import close
from trainmaster.plan.gang import gather
from trainmaster.plan.judge import judge_failures, judge_successes
from trainmaster.plan.memory import Memory
from trainmaster.plan.note import note
from trainmaster.plan.projection import project, refused_status
from trainmaster.plan.sight import look_for
from trainmaster.plan.success import check_deadlines, succeed
from trainmaster.plan.values import Forget, Limits, Plan, Seen
from trainmaster.plan.waits import wake_of

STEPS: tuple[Callable[[Case, Memory], Change], ...] = (
    note,
    follow_application,
    judge_successes,
    succeed,
    judge_failures,
    look_for,
    check_deadlines,
    close,
    gather,
)


def decide(declared: Declared, memory: Memory, seen: Seen, now: float, limits: Limits = Limits()) -> Plan:  # noqa: B008 - frozen
    """What to remember, show, ask and do for one job, from what is declared, remembered and seen at `now`.

    `now` is in seconds since the epoch. The plan's memory must be durable before its actions are carried out.
    """
    job = declared.job or last_good(memory)
    if job is None or declared.duplicate_of:
        forget = (Forget(),) if declared.deleted else ()
        return Plan(memory, refused_status(declared, memory, now), actions=forget)
    case = Case(declared, job, seen, now, limits)
    change = Change(memory)
    for step in STEPS:
        after = step(case, change.memory)
        change = change.then(after.memory, *after.events)
    memory, status = project(case, change.memory)
    return Plan(
        memory=memory,
        status=status,
        asks=asks_of(case, memory),
        avoid=avoided(case, memory),
        actions=actions_of(case, memory),
        events=change.events,
        wake_at=wake_of(case, memory),
    )


def last_good(memory: Memory) -> TrainingJob | None:
    """The declaration that was last taken in, for as long as the present one can't be read."""
    return TrainingJob.model_validate_json(memory.document) if memory.document else None


def fresh(declared: Declared) -> Memory:
    """What is remembered of a job that was never seen before."""
    return Memory(uid=declared.uid, namespace=declared.namespace, name=declared.name)


def raised(memory: Memory, epoch: int) -> Memory:
    """The memory as a new leader takes it over: how long something was waited for or unseen, only an eye-witness can tell."""
    seen_anew = tuple(replace(r, unseen_since=0.0) for r in memory.replicas)
    return replace(memory, epoch=epoch, replicas=seen_anew, gang_since=0.0)
