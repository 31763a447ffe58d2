"""Processes that are started anew in their containers: known to have begun, or given up and replaced.

Lives here: what becomes of a replica between the two. How it comes to be started anew is gang.py's.
"""

from __future__ import annotations

from dataclasses import replace

from trainmaster.api import reasons
from trainmaster.plan.case import Case, Change, normal
from trainmaster.plan.classify import TERMINATED
from trainmaster.plan.ends import End
from trainmaster.plan.memory import Memory, ReplicaMemory
from trainmaster.plan.restart import whole_job
from trainmaster.plan.values import Container, ContainerState


def follow_anew(case: Case, memory: Memory) -> Change:
    """Take note of those that have begun; where one can't, the others are told of another container."""
    if memory.closing_since or memory.verdict or not any(r.reinitialising for r in memory.replicas):
        return Change(memory)
    rows = tuple(replace(r, reinitialising=False) if _begun(case, r) else r for r in memory.replicas)
    begun = replace(memory, replicas=rows)
    stuck = [r for r in rows if _gives_up(case, memory, r)]
    if not stuck:
        return Change(begun)
    said = f"{stuck[0].key} could not be started anew in its container on {stuck[0].host}"
    anew = whole_job(case, begun, said, in_place=True)
    return Change(anew, (normal(reasons.GANG_RESTART, f"{said} (not charged)"),))


def _begun(case: Case, replica: ReplicaMemory) -> bool:
    container = case.seen.containers.get(replica.container)
    return replica.reinitialising and container is not None and _holds(container, replica.generation)


def _holds(container: Container, generation: int) -> bool:
    return container.generation == generation and container.state is ContainerState.RUNNING


def _gives_up(case: Case, memory: Memory, replica: ReplicaMemory) -> bool:
    """What has ended is judged, not given up; and while nobody can be asked for another container, there is no hurry."""
    if not replica.reinitialising or not case.registered:
        return False
    if any(end.container == replica.container for end in memory.pending_ends):
        return False
    container = case.seen.containers.get(replica.container)
    return (container is not None and container.refuses) or case.now >= patience_ends(case, replica)


def patience_ends(case: Case, replica: ReplicaMemory) -> float:
    """When it is given up."""
    return replica.bound_at + case.limits.reinitialise_patience


def of_before(replica: ReplicaMemory, end: End, gathering: bool) -> bool:
    """Whether it is the end of a process whose place another one was to take: it says nothing of the new generation.

    Where its NodeManager was told already it may be either's, and what can't be the new one's fault isn't counted: one that was
    told to go ends its container if its NodeManager was restarted in between, and a success must be nobody else's.
    """
    told = replica.reinitialising and end.generation == replica.generation
    return gathering or (replica.reinitialising and not told) or (told and end.code in (0, *TERMINATED))
