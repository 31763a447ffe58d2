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
    ExitStatus,
    JobStatus,
    ReplicaState,
    ReplicaStatus,
    ResourceStatus,
    RoleStatus,
    timestamp,
)
from trainmaster.api.status import ConditionType as C
from trainmaster.plan.application import orphaned
from trainmaster.plan.case import Case
from trainmaster.plan.conditions import Said, conditions_of, runs
from trainmaster.plan.gang import gang_minimum
from trainmaster.plan.in_force import immutable_problems
from trainmaster.plan.judge import exit_of
from trainmaster.plan.links import container_log, log_url
from trainmaster.plan.memory import Cause, End, Key, LastExit, Memory, PastRun, ReplicaMemory, replace
from trainmaster.plan.values import Container, ContainerState, HeldGpus, Size

GOOD_ENDS = (Cause.STOPPED, Cause.SUCCEEDED)
OVER = (ReplicaState.SUCCEEDED, ReplicaState.FAILED, ReplicaState.STOPPED)
"""states in which no further container is wanted"""
ALWAYS = (C.ACCEPTED, C.READY, C.STALLED, C.RECONCILING)
"""conditions that every job shows; others are shown from when they are True for the first time"""
STATES = (C.FAILED, C.SUCCEEDED, C.SUSPENDED, C.RESTARTING, C.RUNNING, C.STARTING, C.QUEUED)
"""the first that is True gives the word for the State column"""


def project(case: Case, memory: Memory) -> tuple[Memory, JobStatus]:
    """The status as of now, and the memory with the times in it that were first seen now."""
    memory = _all_started(case, memory)
    said = [s for s in conditions_of(case, memory) if _is_shown(s, memory)]
    since = {s.type.value: _since(memory, s, case.now) for s in said}
    memory = memory if since == memory.since else replace(memory, since=since)
    conditions = _conditions(said, since, memory.observed_generation)
    return memory, _status(case, memory, conditions)


def _is_shown(said: Said, memory: Memory) -> bool:
    """What a job has never been isn't said of it: half of the conditions would be about nothing."""
    under_way = said.type is C.SUSPENDED and memory.suspended
    return said.true or under_way or said.type in ALWAYS or said.type.value in memory.since


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
    running = sum(1 for r in memory.replicas if runs(case, memory, r))
    done = sum(1 for r in memory.replicas if r.done)
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
        earlier_application_ids=memory.earlier_applications,
        rerun=memory.rerun,
        earlier_runs=tuple(_run(past, case.limits.web_scheme) for past in memory.past_runs),
        tracking_url=case.seen.job_page,
        queue_position=cluster.queue_position if cluster else 0,
        scheduler_message=cluster.scheduler_words if cluster else "",
        roles={name: _role(case, memory, name) for name in case.job.spec.roles},
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


def _role(case: Case, memory: Memory, name: str) -> RoleStatus:
    ended = {e.container: e for e in memory.pending_ends}
    replicas = tuple(
        _replica(case, memory, r, ended.get(r.container)) for r in memory.replicas if r.key.role == name
    )
    return RoleStatus(
        wanted=case.job.spec.roles[name].replicas,
        running=sum(1 for r in replicas if r.state is ReplicaState.RUNNING),
        succeeded=sum(1 for r in replicas if r.state is ReplicaState.SUCCEEDED),
        failed=sum(1 for r in replicas if r.state is ReplicaState.FAILED),
        restarts=sum(r.restarts for r in replicas),
        asked=ResourceStatus() if case.unread else _resources(case.size(Key(name, 0))),
        replicas=replicas,
    )


def _replica(case: Case, memory: Memory, replica: ReplicaMemory, ended: End | None) -> ReplicaStatus:
    container = case.seen.containers.get(replica.container) or case.granted(replica)
    state = ReplicaState.ENDED if ended else _replica_state(case, memory, replica)
    last = exit_of(replica, ended, Cause.UNJUDGED) if ended else replica.last_exit
    gpus = case.seen.gpus.get(container.id) if container else None
    return _row(replica, container, state, last, gpus, case.limits.web_scheme)


@lru_cache(
    16_384
)  # mostly a pass finds nearly all rows as the one before: then they are the same, and quickly compared
def _row(
    replica: ReplicaMemory,
    container: Container | None,
    state: ReplicaState,
    last: LastExit | None,
    gpus: HeldGpus | None,
    scheme: str,
) -> ReplicaStatus:
    return ReplicaStatus(
        index=replica.key.index,
        state=state,
        run=_shown_run(replica, state),
        container=container.id if container else replica.container,
        node=container.host if container else replica.host if replica.bound else "",
        ports=replica.ports if replica.bound else (),
        granted=_resources(container.size) if container else None,
        gpu_numbers=gpus.minors if gpus else (),
        gpu_percent=gpus.percent if gpus else None,
        restarts=replica.restarts,
        last_exit=_exit(last, scheme) if last else None,
        log_url=_own_log(replica, scheme),
    )


def _shown_run(replica: ReplicaMemory, state: ReplicaState) -> int:
    """That of its container, or of the one it waits for; where no other is wanted, that of its last one."""
    if replica.bound or state not in OVER:
        return replica.run
    last = replica.last_exit
    if last and last.container == replica.previous:
        return last.run
    return replica.run - 1 if replica.previous else 0


def _replica_state(case: Case, memory: Memory, replica: ReplicaMemory) -> ReplicaState:
    if replica.done:
        return ReplicaState.SUCCEEDED
    if replica.bound:
        return _bound_state(case, memory, replica)
    if any(
        c.state in (ContainerState.RUNNING, ContainerState.STARTING) for c in case.by_key.get(replica.key, ())
    ):
        return ReplicaState.STOPPING
    if memory.closing_since:
        return _after_the_end(memory, replica)
    if case.granted(replica):
        return ReplicaState.ALLOCATED
    not_before = memory.gang_not_before if memory.gathering else replica.not_before
    return ReplicaState.BACKING_OFF if case.now < not_before else ReplicaState.WAITING


def _bound_state(case: Case, memory: Memory, replica: ReplicaMemory) -> ReplicaState:
    if case.state_of(replica) is None:
        return ReplicaState.UNSEEN
    if runs(case, memory, replica):
        return ReplicaState.RUNNING
    return ReplicaState.WAITING if memory.gathering else ReplicaState.STARTING


def _after_the_end(memory: Memory, replica: ReplicaMemory) -> ReplicaState:
    last = replica.last_exit
    blamed = memory.verdict is not None and not memory.verdict.succeeded
    own = last is not None and last.container == replica.previous and last.cause not in GOOD_ENDS
    failed = blamed and own
    return ReplicaState.FAILED if failed else ReplicaState.STOPPED


@lru_cache(256)
def _resources(size: Size) -> ResourceStatus:
    return ResourceStatus(memory_mib=size.memory, vcores=size.vcores, gpus=size.gpus)


def _exit(last: LastExit, scheme: str) -> ExitStatus:
    return ExitStatus(
        code=last.code,
        cause=last.cause.value,
        message=last.message,
        node=last.node,
        container=last.container,
        time=timestamp(last.at),
        log_url=log_url(last, scheme),
    )


def _own_log(replica: ReplicaMemory, scheme: str) -> str:
    container, http = (
        (replica.container, replica.http) if replica.bound else (replica.previous, replica.previous_http)
    )
    return container_log(scheme, http, container) if container and http else ""
