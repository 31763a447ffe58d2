"""The rows of a status: each role with its replicas, where they run and how they ended last. A pure view.

Never here: conditions (conditions.py), and what the job is as a whole (projection.py).
"""

from __future__ import annotations

from functools import lru_cache

from trainmaster.api.status import (
    ExitStatus,
    ReplicaState,
    ReplicaStatus,
    ResourceStatus,
    RoleStatus,
    timestamp,
)
from trainmaster.plan.case import Case
from trainmaster.plan.conditions import runs
from trainmaster.plan.ends import GOOD_ENDS, Cause, End, LastExit
from trainmaster.plan.judge import exit_of
from trainmaster.plan.links import container_log, log_url
from trainmaster.plan.locality import near_input
from trainmaster.plan.memory import Key, Memory, ReplicaMemory
from trainmaster.plan.values import LIVELY, Container, ContainerState, HeldGpus, Size

OVER = (ReplicaState.SUCCEEDED, ReplicaState.FAILED, ReplicaState.STOPPED)
"""states in which no further container is wanted"""


def role_status(case: Case, memory: Memory, name: str, waits: str = "") -> RoleStatus:
    """The role's row; `waits` is what its start waits for."""
    ended = {e.container: e for e in memory.pending_ends}
    replicas = tuple(
        _replica(case, memory, r, ended.get(r.container), bool(waits))
        for r in memory.replicas
        if r.key.role == name
    )
    return RoleStatus(
        wanted=case.job.spec.roles[name].replicas,
        resized=_resized(case, memory, name),
        running=sum(1 for r in replicas if r.state is ReplicaState.RUNNING),
        succeeded=sum(1 for r in replicas if r.state is ReplicaState.SUCCEEDED),
        failed=sum(1 for r in replicas if r.state is ReplicaState.FAILED),
        restarts=sum(r.restarts for r in replicas),
        waits_for=waits,
        asked=ResourceStatus() if case.unread else _resources(case.size(Key(name, 0))),
        near_input=near_input(case, memory, name),
        replicas=replicas,
    )


def _resized(case: Case, memory: Memory, name: str) -> str:
    one, now = memory.wanted.get(name), case.job.spec.roles[name].replicas
    declared = case.written.spec.roles[name].replicas
    return f"{now} of {declared}: {one.said}" if one and now < declared else ""


def _replica(
    case: Case, memory: Memory, replica: ReplicaMemory, ended: End | None, held: bool
) -> ReplicaStatus:
    container = case.seen.containers.get(replica.container) or case.granted(replica)
    state = ReplicaState.ENDED if ended else _replica_state(case, memory, replica, held)
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


def _replica_state(case: Case, memory: Memory, replica: ReplicaMemory, held: bool) -> ReplicaState:
    if replica.done:
        return ReplicaState.SUCCEEDED
    if replica.bound:
        return _bound_state(case, memory, replica, held)
    if any(c.state in LIVELY for c in case.by_key.get(replica.key, ())):
        return ReplicaState.STOPPING
    if memory.closing_since:
        return _after_the_end(memory, replica)
    if case.granted(replica):
        return ReplicaState.ALLOCATED
    not_before = memory.gang_not_before if memory.gathering else replica.not_before
    return ReplicaState.BACKING_OFF if case.now < not_before else ReplicaState.WAITING


def _bound_state(case: Case, memory: Memory, replica: ReplicaMemory, held: bool) -> ReplicaState:
    if case.state_of(replica) is None:
        return ReplicaState.UNSEEN
    if held and case.state_of(replica) is ContainerState.ALLOCATED:
        return ReplicaState.ALLOCATED
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
