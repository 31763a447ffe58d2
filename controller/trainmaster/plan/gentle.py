"""Stopping gently: a process that is to go is told once, has its time to end in, and is stopped when that is over.

That it is to go, and until when, stands in memory with the container that was let go (`Survivor`) before anybody is told. So the
next controller goes on where this one was. Never here: the telling (actions.py), or what ends whatever outlives its time where
no controller is there (master/launch.py).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

from trainmaster.api.quantities import format_duration
from trainmaster.plan.case import Case, Change
from trainmaster.plan.ends import Survivor
from trainmaster.plan.memory import UNCOUNTED, Key, Memory, ReplicaMemory, changed
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
    return Change(_each(memory, lambda _, one: replace(one, told=True) if one.container in told else one))


def hurry(case: Case, memory: Memory) -> Change:
    """Who has time to end in has no more of it than its role grants by now: people can cut it short while they wait for it.

    What a declaration grants that can't be read isn't known, only that it is to go at once.
    """
    if not has_time(case, memory) or (case.unread and not case.declared.at_once):
        return Change(memory)
    return Change(_each(memory, lambda key, one: _hurried(case, key, one)))


def _hurried(case: Case, key: Key, survivor: Survivor) -> Survivor:
    grace = case.grace(key.role)
    if grace is None or case.now >= survivor.grace_until or survivor.since + grace >= survivor.grace_until:
        return survivor
    until = survivor.since + grace
    gone = survivor.until if survivor.until == UNCOUNTED else max(case.now, until) + case.limits.node_expiry
    return replace(survivor, grace_until=until, until=gone)


def _each(memory: Memory, make: Callable[[Key, Survivor], Survivor]) -> Memory:
    """The memory with another in place of each of them; itself where all are the same."""
    rows = tuple(_row(r, make) if r.survivors else r for r in memory.replicas)
    retired = tuple((key, make(key, one)) for key, one in memory.retired_survivors)
    return changed(memory, replicas=rows, retired_survivors=retired)


def _row(replica: ReplicaMemory, make: Callable[[Key, Survivor], Survivor]) -> ReplicaMemory:
    made = tuple(make(replica.key, one) for one in replica.survivors)
    return replica if made == replica.survivors else replace(replica, survivors=made)


def said(case: Case, memory: Memory, before: str = "") -> str:
    """2 processes have 30s to end in; behind other words where there are any. Only those where none has any time."""
    running = {c.id for c in case.seen.containers.values() if c.state is ContainerState.RUNNING}
    left = [one for one in has_time(case, memory).values() if one.container in running]
    if not left:
        return before
    longest = format_duration(max(one.grace_until - one.since for one in left))
    words = f"{len(left)} process{'es have' if len(left) > 1 else ' has'} {longest} to end in"
    return f"{before}; {words}" if before else words
