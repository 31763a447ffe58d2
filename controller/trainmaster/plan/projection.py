"""Status, made whole from memory and sight, with the times of condition changes. It says only what was seen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache

from trainmaster.api import reasons
from trainmaster.api.declared import Declared
from trainmaster.api.job import GROUP
from trainmaster.api.status import (
    Condition,
    EarlierLog,
    EarlierRun,
    JobStatus,
    timestamp,
)
from trainmaster.api.status import ConditionType as C
from trainmaster.plan.application import orphaned
from trainmaster.plan.case import Case
from trainmaster.plan.conditions import conditions_of, runs
from trainmaster.plan.gang import gang_minimum
from trainmaster.plan.goodput import with_goodput
from trainmaster.plan.in_force import immutable_problems
from trainmaster.plan.kstatus import Said
from trainmaster.plan.links import container_log
from trainmaster.plan.memory import Memory, PastRun, replace
from trainmaster.plan.order import held, present
from trainmaster.plan.rows import role_status

ALWAYS = (C.ACCEPTED, C.READY, C.STALLED, C.RECONCILING)
"""conditions that every job shows; others are shown from when they are True for the first time"""
STATES = (C.FAILED, C.SUCCEEDED, C.SUSPENDED, C.RESTARTING, C.RUNNING, C.STARTING, C.QUEUED)
"""the first that is True gives the word for the State column"""


def project(case: Case, memory: Memory) -> tuple[Memory, JobStatus]:
    """The status as of now, and the memory with the times in it that were first seen now."""
    memory = with_goodput(_all_started(case, memory), case.now)
    said = [s for s in conditions_of(case, memory) if _is_shown(s, memory)]
    since = {s.type.value: _since(memory, s, case.now) for s in said}
    memory = memory if since == memory.since else replace(memory, since=since)
    conditions = _conditions(said, since, memory.observed_generation)
    return memory, _status(case, memory, conditions)


def _is_shown(said: Said, memory: Memory) -> bool:
    """What a job has never been isn't said of it: half of the conditions would be about nothing."""
    shown = said.type in ALWAYS or said.type.value in memory.since
    return said.true or shown or _has_been(said.type, memory)


def _has_been(type_: C, memory: Memory) -> bool:
    """Told from what is written before it counts: `since` may be lost with a controller, and what was shown must not vanish."""
    match type_:
        case C.QUEUED:
            return memory.application is not None
        case C.STARTING | C.RUNNING:
            return memory.started_generation > 0
        case C.RESTARTING:
            return memory.restarts > 0
        case C.SUSPENDED:
            return memory.suspended
    return False


def refused(declared: Declared, memory: Memory, now: float, words: str = "") -> tuple[Memory, JobStatus]:
    """The same for a declaration that could not be read, or came second under its name; `words` are about its application."""
    reason, message = _refusal(declared)
    if lost := orphaned(memory, words):
        reason, message = reasons.TOKEN_LOST, f"{lost}; {message}"
    said = (
        Said(C.ACCEPTED, False, reason, message),
        Said(C.READY, False, reason, message),
        Said(C.STALLED, True, reason, message),
    )
    since = {s.type.value: _since(memory, s, now) for s in said}
    conditions = _conditions(said, since, declared.generation)
    status = JobStatus(
        observed_generation=declared.generation,
        conditions=conditions,
        framework=declared.job.spec.framework.value if declared.job else "",
        state="Refused",
        application_id=memory.application.id if memory.application else "",
        errors=declared.problems,
    )
    return replace(memory, since=since), status


def _refusal(declared: Declared) -> tuple[str, str]:
    if declared.duplicate_of:
        return (
            reasons.DUPLICATE_NAME,
            f"{declared.namespace}/{declared.name} is already declared by {declared.duplicate_of}",
        )
    first = declared.problems[0] if declared.problems else "nothing is declared"
    more = f" (and {len(declared.problems) - 1} more)" if len(declared.problems) > 1 else ""
    return reasons.INVALID, f"{first}{more}"


def _all_started(case: Case, memory: Memory) -> Memory:
    """Started is a job once its gang's minimum runs; what has ended with success did run."""
    if memory.started_at or memory.gathering or memory.closing_since:
        return memory
    running = sum(1 for r in present(case, memory) if runs(case, memory, r))
    done = sum(1 for r in present(case, memory) if r.done)
    enough = running and running + done >= gang_minimum(case, memory)
    return replace(memory, started_at=case.now) if enough else memory


def _since(memory: Memory, said: Said, now: float) -> tuple[str, float]:
    status = str(said.true)
    before = memory.since.get(said.type.value)
    return before if before and before[0] == status else (status, now)


def _conditions(
    said: Sequence[Said], since: Mapping[str, tuple[str, float]], generation: int
) -> tuple[Condition, ...]:
    return tuple(_condition(s, *_shown(since[s.type.value]), generation) for s in said)


def _shown(since: tuple[str, float]) -> tuple[str, int]:
    """In whole seconds, as it is shown: jobs that come together have the same."""
    status, at = since
    return status, int(at)


@lru_cache(4096)  # as with rows: a pass changes one or two of a dozen
def _condition(said: Said, status: str, at: int, generation: int) -> Condition:
    return Condition(
        type=said.type,
        status=status,
        reason=said.reason,
        message=said.message,
        last_transition_time=timestamp(at),
        observed_generation=generation,
    )


def _status(case: Case, memory: Memory, conditions: tuple[Condition, ...]) -> JobStatus:
    application = memory.application
    ended = memory.verdict.at if memory.verdict else 0.0
    started = memory.active_since
    workers = [r for r in memory.replicas if r.key.role == "worker"] or list(memory.replicas)
    ready = sum(1 for r in workers if r.done or runs(case, memory, r))
    cluster = case.seen.cluster
    waits = {} if case.unread or memory.closing_since else held(case, memory)
    return JobStatus(
        observed_generation=memory.observed_generation,
        conditions=conditions,
        framework="" if case.unread else case.job.spec.framework.value,
        user=application.user if application else "",
        queue=memory.begun_with.get("spec.queue", "") if application else "",
        selector=f"{GROUP}/job={memory.name}",
        state=_state(conditions),
        workers_summary=f"{ready}/{len(workers)}",
        gpus=sum(c.size.gpus for c in case.seen.containers.values()),
        restarts=memory.charged,
        application_id=application.id if application else "",
        progress=memory.progress,
        goodput=memory.ledger.shown,
        checkpoint=memory.checkpoint,
        saved_model=memory.saved_model,
        earlier_application_ids=memory.earlier_applications,
        rerun=memory.rerun,
        earlier_runs=tuple(_run(past, case.limits.web_scheme) for past in memory.past_runs),
        tracking_url=case.seen.job_page,
        queue_position=cluster.queue_position if cluster else 0,
        scheduler_message=cluster.scheduler_words if cluster else "",
        roles={name: role_status(case, memory, name, waits.get(name, "")) for name in case.job.spec.roles},
        start_time=timestamp(started) if started else None,
        completion_time=timestamp(ended) if ended else None,
        running_time=round(ended - started, 1) if ended and started else None,
        errors=(*case.declared.problems, *immutable_problems(case, memory)),
    )


@lru_cache(256)
def _run(past: PastRun, scheme: str) -> EarlierRun:
    verdict = past.verdict
    return EarlierRun(
        rerun=past.number,
        state=(C.SUCCEEDED if verdict.succeeded else C.FAILED).value,
        reason=verdict.reason,
        message=verdict.message,
        application_ids=past.applications,
        start_time=timestamp(past.started_at) if past.started_at else None,
        completion_time=timestamp(verdict.at),
        restarts=past.charged,
        logs=tuple(
            EarlierLog(
                role=log.key.role,
                index=log.key.index,
                code=log.code,
                log_url=container_log(scheme, log.http, log.container),
            )
            for log in past.logs
        ),
    )


def _state(conditions: Sequence[Condition]) -> str:
    true = {c.type for c in conditions if c.status == "True"}
    if C.ACCEPTED not in true and not true & set(STATES):
        return "Refused"
    return next((t.value for t in STATES if t in true), "Accepted")
