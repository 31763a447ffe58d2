"""Stopping gently: a process that is to go is told once, has its time to end in, and is stopped when that is over.

That it is to go, and until when, stands in memory with the container that was let go (`Survivor`) before anybody is told. So the
next controller goes on where this one was. Never here: the telling (actions.py), or what ends whatever outlives its time where
no controller is there (master/launch.py).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from trainmaster.api.quantities import format_duration
from trainmaster.plan.case import Case, Change
from trainmaster.plan.ends import Survivor
from trainmaster.plan.memory import Memory, ReplicaMemory, changed
from trainmaster.plan.values import ContainerState


def leaving(memory: Memory) -> Iterator[Survivor]:
    """All containers that were let go and may live."""
    return (one for _, one in memory.leaving)


def has_time(case: Case, memory: Memory) -> Mapping[str, Survivor]:
    """By container: those that may still end by themselves."""
    return {one.container: one for one in leaving(memory) if case.now < one.grace_until}


def last_grace(memory: Memory) -> float:
    """When the last of them has had its time; 0 where none has any."""
    return max((one.grace_until for one in leaving(memory)), default=0.0)


def note_told(case: Case, memory: Memory) -> Change:
    """Write down whom a NodeManager has taken on to tell: a second SIGTERM could break off the very checkpoint that the first
    asked for."""
    told = {c.id for c in case.seen.containers.values() if c.leaving}
    if not told or all(one.told for one in leaving(memory) if one.container in told):
        return Change(memory)
    rows = tuple(_row(r, told) for r in memory.replicas)
    retired = tuple((key, _one(one, told)) for key, one in memory.retired_survivors)
    return Change(changed(memory, replicas=rows, retired_survivors=retired))


def _row(replica: ReplicaMemory, told: set[str]) -> ReplicaMemory:
    if not any(one.container in told for one in replica.survivors):
        return replica
    return replace(replica, survivors=tuple(_one(one, told) for one in replica.survivors))


def _one(survivor: Survivor, told: set[str]) -> Survivor:
    return replace(survivor, told=True) if survivor.container in told else survivor


def said(case: Case, memory: Memory, before: str = "") -> str:
    """2 processes have 30s to end in; behind other words where there are any. Only those where none has any time."""
    running = {c.id for c in case.seen.containers.values() if c.state is ContainerState.RUNNING}
    left = [one for one in has_time(case, memory).values() if one.container in running]
    if not left:
        return before
    longest = format_duration(max(one.grace_until - one.since for one in left))
    words = f"{len(left)} process{'es have' if len(left) > 1 else ' has'} {longest} to end in"
    return f"{before}; {words}" if before else words
