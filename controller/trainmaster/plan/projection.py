"""Status, made whole from memory and sight, with the times of condition changes. It says only what was seen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache

from trainmaster.api import reasons
from trainmaster.api.declared import Declared
from trainmaster.api.job import GROUP
from trainmaster.api.status import (
    Condition,
    ExitStatus,
    JobStatus,
    ReplicaState,
    ReplicaStatus,
    ResourceStatus,
    RoleStatus,
    timestamp,
)
from trainmaster.api.status import ConditionType as C
from trainmaster.plan.case import Case
from trainmaster.plan.conditions import Said, conditions_of
from trainmaster.plan.gang import gang_minimum
from trainmaster.plan.in_force import immutable_problems
from trainmaster.plan.judge import exit_of, log_url
from trainmaster.plan.memory import Cause, End, Key, LastExit, Memory, ReplicaMemory, replace
from trainmaster.plan.values import Container, ContainerState, Size

GOOD_ENDS = (Cause.STOPPED, Cause.SUCCEEDED)
STATES = (C.FAILED, C.SUCCEEDED, C.SUSPENDED, C.RESTARTING, C.RUNNING, C.STARTING, C.QUEUED)
"""the first that is True gives the word for the State column"""


def project(case: Case, memory: Memory) -> tuple[Memory, JobStatus]:
    """The status as of now, and the memory with the times in it that were first seen now."""
    memory = _all_started(case, memory)
    said = conditions_of(case, memory)
    since = {s.type.value: _since(memory, s, case.now) for s in said}
    memory = memory if since == memory.since else replace(memory, since=since)
    conditions = _conditions(said, since, memory.observed_generation)
    return memory, _status(case, memory, conditions)


def refused(declared: Declared, memory: Memory, now: float) -> tuple[Memory, JobStatus]:
    """The same for a declaration that could not be read, or came second under its name."""
    reason, message = _refusal(declared)
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
    running = sum(1 for r in memory.replicas if case.state_of(r) is ContainerState.RUNNING)
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
    ready = sum(1 for r in workers if r.done or case.state_of(r) is ContainerState.RUNNING)
    cluster = case.seen.cluster
    return JobStatus(
        observed_generation=memory.observed_generation,
        conditions=conditions,
        framework="" if case.unread else case.job.spec.framework.value,
        user=application.user if application else "",
        selector=f"{GROUP}/job={memory.name}",
        state=_state(conditions),
        workers_summary=f"{ready}/{len(workers)}",
        gpus=sum(c.size.gpus for c in case.seen.containers.values()),
        restarts=memory.charged,
        application_id=application.id if application else "",
        earlier_application_ids=memory.earlier_applications,
        tracking_url=case.seen.job_page,
        queue_position=cluster.queue_position if cluster else 0,
        scheduler_message=cluster.scheduler_words if cluster else "",
        roles={name: _role(case, memory, name) for name in case.job.spec.roles},
        start_time=timestamp(started) if started else None,
        completion_time=timestamp(ended) if ended else None,
        running_time=round(ended - started, 1) if ended and started else None,
        errors=(*case.declared.problems, *immutable_problems(case, memory)),
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
    return _row(replica, container, state, last, case.limits.web_scheme)


@lru_cache(
    16_384
)  # mostly a pass finds nearly all rows as the one before: then they are the same, and quickly compared
def _row(
    replica: ReplicaMemory,
    container: Container | None,
    state: ReplicaState,
    last: LastExit | None,
    scheme: str,
) -> ReplicaStatus:
    return ReplicaStatus(
        index=replica.key.index,
        state=state,
        run=replica.run,
        container=container.id if container else replica.container,
        node=container.host if container else replica.host if replica.bound else "",
        ports=replica.ports if replica.bound else (),
        granted=_resources(container.size) if container else None,
        restarts=replica.restarts,
        last_exit=_exit(last, scheme) if last else None,
        log_url=_own_log(replica, scheme),
    )


def _replica_state(case: Case, memory: Memory, replica: ReplicaMemory) -> ReplicaState:
    if replica.done:
        return ReplicaState.SUCCEEDED
    if replica.bound:
        return _bound_state(case.state_of(replica))
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


def _bound_state(state: ContainerState | None) -> ReplicaState:
    if state is None:
        return ReplicaState.UNSEEN
    if state is ContainerState.RUNNING:
        return ReplicaState.RUNNING
    return ReplicaState.STARTING


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
    return f"{scheme}://{http}/ws/v1/node/containers/{container}/logs" if container and http else ""
