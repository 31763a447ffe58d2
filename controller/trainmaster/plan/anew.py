"""Processes that take others' places in their containers: known to have done so, or given up and replaced.

In a container that is kept, one that only waits comes first, so that all of a generation have gone before any of the next begins
(restart.py); then one of the next generation comes in its place (gang.py). Lives here: what becomes of a replica in between.
"""

from __future__ import annotations

from dataclasses import replace
from math import inf

from trainmaster.api import reasons
from trainmaster.plan.case import Case, Change, normal
from trainmaster.plan.classify import TERMINATED
from trainmaster.plan.memory import Memory, ReplicaMemory
from trainmaster.plan.restart import let_go, whole_job

FOR_EACH = 0.02
"""seconds of patience for each replica of the job: thousands can't be told at once"""


def follow_anew(case: Case, memory: Memory) -> Change:
    """Take note of those that have begun; where one can't, another container is wanted."""
    if memory.closing_since or memory.verdict:
        return Change(memory)
    stuck = [r for r in memory.replicas if _gives_up(case, memory, r)]
    if memory.gathering:
        return _without(case, memory, stuck)
    if not any(r.reinitialising for r in memory.replicas):
        return Change(memory)
    rows = tuple(replace(r, reinitialising=False) if _begun(case, r) else r for r in memory.replicas)
    begun = replace(memory, replicas=rows)
    if not stuck:
        return Change(begun)
    # Its peers were told of it already: all of them are told anew.
    said = f"{stuck[0].key} could not be started anew in its container on {stuck[0].host}"
    anew = whole_job(case, begun, said, in_place=True)
    return Change(anew, (normal(reasons.GANG_RESTART, f"{said} (not charged)"),))


def _without(case: Case, memory: Memory, stuck: list[ReplicaMemory]) -> Change:
    """Nobody was told of them yet: they alone get other containers."""
    if not stuck:
        return Change(memory)
    keys = {r.key for r in stuck}
    rows = tuple(let_go(case, r) if r.key in keys else r for r in memory.replicas)
    said = f"{stuck[0].key} could not be stopped within its container on {stuck[0].host}: it gets another one"
    return Change(replace(memory, replicas=rows), (normal(reasons.REPLICA_RESTART, f"{said} (not charged)"),))


def _begun(case: Case, replica: ReplicaMemory) -> bool:
    return replica.reinitialising and case.has_come(replica)


def awaited(case: Case, memory: Memory, replica: ReplicaMemory) -> bool:
    """Whether a process is to take another's place in its container, and isn't known to have done so."""
    comes = replica.bound if memory.gathering else replica.reinitialising
    return comes and not case.has_come(replica)


def _gives_up(case: Case, memory: Memory, replica: ReplicaMemory) -> bool:
    """What has ended is judged, not given up; and while nobody can be asked for another container, there is no hurry."""
    if not case.registered or not awaited(case, memory, replica):
        return False
    if any(end.container == replica.container for end in memory.pending_ends):
        return False
    container = case.seen.containers.get(replica.container)
    refused = container is not None and container.refuses
    return refused or case.now >= patience_ends(case, memory, replica)


def patience_ends(case: Case, memory: Memory, replica: ReplicaMemory) -> float:
    """When it is given up. A new leader waits as long as the first one: it tells them once more."""
    since = memory.gang_since if memory.gathering else replica.bound_at
    patience = case.limits.reinitialise_patience + len(memory.replicas) * FOR_EACH
    return since + patience if since else inf


def of_before(replica: ReplicaMemory, code: int, gathering: bool) -> bool:
    """Whether it is, or may be, the end of a process whose place another one was to take: it says nothing of the new generation.

    What waits can end in no other way than by being told to go (master/launch.py).
    """
    return gathering or (replica.reinitialising and code in TERMINATED)
