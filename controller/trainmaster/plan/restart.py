"""How a replica or a whole job is prepared to run again: runs rise, containers are let go, waits are set.

Only memory is changed here. What the old containers are told, and what is asked anew, follows from it (actions.py, asks.py).
"""

from __future__ import annotations

from collections.abc import Callable, Set

from trainmaster.api.job import DEFAULT_GRACE, RestartScope
from trainmaster.api.order import holds_back, stages
from trainmaster.api.policies import Backoff
from trainmaster.plan.case import Case
from trainmaster.plan.ends import Survivor
from trainmaster.plan.memory import Key, Memory, ReplicaMemory, changed, replace
from trainmaster.plan.values import ContainerState

INFRA_WINDOW = 600.0
"""seconds in which infrastructure ends of one replica are counted together"""
INFRA_FREE = 5
"""from the next one within the window they're charged: something is wrong that replacing doesn't mend"""
KEPT_WAIT = 60.0
"""seconds for which containers are kept while something is waited for; before a longer wait they're given back"""
STAYS = (ContainerState.RUNNING, ContainerState.UNKNOWN)
"""states in which a container is kept; after a take-up its node has not been asked yet, and will be before anything begins"""
INFRA_BACKOFF = 5.0
"""seconds before the second infrastructure replacement in the window; doubles"""


def delay(backoff: Backoff, attempt: int) -> float:
    """Seconds before the attempt-th charged restart (from 1): base, doubled each time, up to max."""
    if backoff.base <= 0:
        return 0.0
    return float(min(backoff.max, backoff.base * 2 ** min(attempt - 1, 60)))


def infra_delay(ends_in_window: int) -> float:
    """The first infrastructure end in ten minutes is replaced at once; from the second it backs off."""
    return 0.0 if ends_in_window <= 1 else float(min(300.0, INFRA_BACKOFF * 2 ** min(ends_in_window - 2, 20)))


def unbound(replica: ReplicaMemory, now: float) -> ReplicaMemory:
    """The replica without its container, which is over, wanting a new one."""
    return replace(
        replica,
        run=replica.run + 1,
        container="",
        node="",
        http="",
        bound_at=0.0,
        process=1,
        reinitialising=False,
        unseen_since=0.0,
        waits_since=now,
        previous=replica.container or replica.previous,
        previous_http=replica.http or replica.previous_http,
    )


def _grace(case: Case, replica: ReplicaMemory) -> float:
    """Seconds that its process has to end in. One that hasn't begun, or only waits for its place, needs none.

    One that isn't seen may run: a new leader, or a ResourceManager that was restarted, sees none for a moment.
    """
    waits = replica.process > 1 and (replica.reinitialising or not case.has_come(replica))
    state = case.state_of(replica)
    if waits or (state is not None and state not in STAYS):
        return 0.0
    grace = case.grace(replica.key.role)
    return DEFAULT_GRACE if grace is None else grace


def let_go(case: Case, replica: ReplicaMemory, end_is_heard: bool = False) -> ReplicaMemory:
    """The same of a container whose process may still live: a stray from now on, and for as long a survivor.

    It has its time to end in, unless YARN gave it away already (`end_is_heard`).
    """
    gone, now = unbound(replica, case.now), case.now
    if not replica.bound:
        return gone
    grace = 0.0 if end_is_heard else _grace(case, replica)
    until = now + grace
    left = Survivor(
        replica.container,
        replica.node,
        now,
        until + case.limits.node_expiry,
        replica.http,
        until if grace else 0.0,
    )
    return replace(gone, survivors=(*replica.survivors, left))


def without_survivor(replica: ReplicaMemory, container: str) -> ReplicaMemory:
    """The replica once it is known that this container of it is over."""
    if all(s.container != container for s in replica.survivors):
        return replica
    return replace(replica, survivors=tuple(s for s in replica.survivors if s.container != container))


def all_let_go(case: Case, memory: Memory) -> Memory:
    """Every replica without a container: for suspension, a lost application, or the end. What is done stays done."""
    replicas = tuple(let_go(case, r) for r in memory.replicas)
    return replace(memory, replicas=replicas, gang_since=0.0, started_at=0.0)


def whole_job(
    case: Case,
    memory: Memory,
    cause: str,
    wait: float = 0.0,
    in_place: bool = False,
    again: Set[str] | None = None,
    gently: bool = False,
) -> Memory:
    """A job-wide restart: all processes go, done ones run again too, and a new generation is gathered.

    `in_place`, whoever runs keeps its container, and a process that only waits takes the place of its own at once. `gently`,
    who has time to end in is told to go and gets another container: in its own it would have none. Preparations that are over
    are spared: those of earlier stages, or where it is said which roles run `again`, all others.
    """
    timed = {r.key: _grace(case, r) for r in memory.replicas if r.bound} if gently else {}
    idle = max(wait, max(timed.values(), default=0.0))
    keeps = in_place and case.limits.in_place and idle <= KEPT_WAIT and case.registered
    keeps = keeps and not holds_back(
        case.job.spec
    )  # who may wait for long in a kept container would be given up
    over = _prepared(case, memory) if again is None else _spared(memory, again)
    replicas = tuple(
        r
        if over(r)
        else replace(
            _to_wait(r) if keeps and not timed.get(r.key) and _may_stay(case, r) else let_go(case, r),
            done=False,
            not_before=0.0,
        )
        for r in memory.replicas
    )
    return replace(
        memory,
        replicas=replicas,
        gang_since=0.0,
        started_at=0.0,
        generation=memory.generation + 1,
        restarts=memory.restarts + 1,
        restart_cause=cause,
        gang_not_before=case.now + wait,
    )


def present_stage(case: Case, memory: Memory) -> int:
    """The first stage of which something has not ended with success; the last one where all has."""
    numbers = stages(case.job.spec)
    last = max(numbers.values(), default=0)
    if not last:
        return 0
    return min((numbers.get(r.key.role, last) for r in memory.replicas if not r.done), default=last)


def _prepared(case: Case, memory: Memory) -> Callable[[ReplicaMemory], bool]:
    """Whose role is a preparation that is over: it isn't run again with the rest."""
    numbers, now = stages(case.job.spec), present_stage(case, memory)
    return lambda replica: replica.done and numbers.get(replica.key.role, now) < now


def _spared(memory: Memory, again: Set[str]) -> Callable[[ReplicaMemory], bool]:
    """Whose role is over with all of its replicas, and none of those that run again."""
    others = again | {r.key.role for r in memory.replicas if not r.done}
    return lambda replica: replica.key.role not in others


def not_yet_over(case: Case, memory: Memory, again: Set[str]) -> Memory:
    """The same with these roles to be done over, where the job has several stages."""
    if not max(stages(case.job.spec).values(), default=0):
        return memory
    rows = tuple(replace(r, done=False) if r.done and r.key.role in again else r for r in memory.replicas)
    return changed(memory, replicas=rows)


def _may_stay(case: Case, replica: ReplicaMemory) -> bool:
    """Whether its container lives, as far as is known, and no call hangs in the air that could start something in it."""
    return replica.bound and not replica.reinitialising and case.state_of(replica) in STAYS


def _to_wait(replica: ReplicaMemory) -> ReplicaMemory:
    """The same with another process to come, which does nothing: all must have gone before any begins."""
    return replace(replica, process=replica.process + 1, reinitialising=False)


def joining(memory: Memory) -> list[ReplicaMemory]:
    """Replicas that are to join those that run: containers are asked for, and they are none of the job's before all have come."""
    if memory.gathering:
        return []
    return [
        ReplicaMemory(Key(name, index), run=memory.retired_run + 1, waits_since=one.asking_since)
        for name, one in memory.wanted.items()
        for index in range(one.number, one.asking)
    ]


def kept(memory: Memory) -> list[ReplicaMemory]:
    """Those whose containers are kept for the generation that is being gathered: until it is there, a process waits in each."""
    return [r for r in memory.replicas if r.bound] if memory.gathering else []


def kept_let_go(case: Case, memory: Memory) -> Memory:
    """The memory without them: what is missing doesn't come, and others could use what they hold."""
    if not kept(memory):
        return memory
    return replace(memory, replicas=tuple(let_go(case, r) if r.bound else r for r in memory.replicas))


def once_more(memory: Memory) -> Memory:
    """What a new leader makes of a generation that was being started anew in place.

    Nobody knows any more which of its processes have begun, and one that began twice would be another than its peers know. So
    all of them go once more, and are gathered as the next generation.
    """
    if not any(r.reinitialising for r in memory.replicas):
        return memory
    rows = tuple(_to_wait(r) if r.bound else r for r in memory.replicas)
    return replace(memory, replicas=rows, generation=memory.generation + 1, started_at=0.0)


def fresh_gang(case: Case, memory: Memory) -> Memory:
    """After all was given back (resume, new application): a new generation, uncharged.

    Replicas that were done run again only where the gang can't miss them. The end of an application reaches
    only the nodes that YARN can reach, so what it ran may live on as long as any other.
    """
    gone, over = all_let_go(case, memory), _prepared(case, memory)
    replicas = tuple(
        replace(r, done=r.done and (over(r) or case.scope(r.key) is not RestartScope.JOB), not_before=0.0)
        for r in gone.replicas
    )
    rises = 1 if memory.started_generation == memory.generation else 0
    return replace(gone, replicas=replicas, generation=memory.generation + rises, active_since=0.0, root=None)
