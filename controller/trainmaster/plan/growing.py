"""When more replicas of an elastic role are wanted again: there has been room for some while, and containers came of it first.

What runs isn't touched before all that is to come with it has been granted: so trying costs a job nothing, and what was seen of
free nodes is judged again by YARN itself. Never here: shrinking, or what restarts when others join (note.py).
"""

from __future__ import annotations

from collections.abc import Iterator, Set
from dataclasses import replace as with_fields
from itertools import takewhile

from trainmaster.api import reasons
from trainmaster.api.job import Role
from trainmaster.plan.avoidance import avoided
from trainmaster.plan.case import Case, Change, normal
from trainmaster.plan.cluster import Cluster, Size, smallest
from trainmaster.plan.memory import Key, Memory, changed, replace
from trainmaster.plan.restart import joining
from trainmaster.plan.shrinking import done_of, numbers_of, total_size
from trainmaster.plan.values import ContainerState
from trainmaster.plan.wanted import Wanted, elastic_roles, patience

SETTLED = 10.0
"""seconds for which there must be room without a gap: whoever else waits for it has taken it by then"""
DOUBLINGS = 5
"""of the pause at most, after growing in vain"""


def grow(case: Case, memory: Memory) -> Change:
    """The memory with more replicas asked for, or joined, where that is due; and since when there is room."""
    if name := _asking(memory):
        return _go_on(case, memory, name)
    room = {name: more for name in _growable(case, memory) if (more := _room_for(case, memory, name))}
    since = (memory.room_since or case.now) if room else 0.0
    noted = memory if since == memory.room_since else replace(memory, room_since=since)
    if not room or case.now - since < SETTLED:
        return Change(noted)
    name, more = next(iter(room.items()))
    one = memory.wanted[name]
    asking = with_fields(one, asking=one.number + more, asking_since=case.now)
    # Each attempt has a run of its own, so that a late grant of an earlier one is known for what it is.
    return Change(_with(replace(noted, room_since=0.0, retired_run=memory.retired_run + 1), name, asking))


def grow_times(case: Case, memory: Memory) -> Iterator[float]:
    """When that may become due. What is free on nodes wakes nobody, so it is looked at now and then."""
    roles = elastic_roles(case.written)
    for name, one in memory.wanted.items():
        role = roles.get(name)
        if role and role.elastic:
            waits = one.asking_since + patience(case.written, name, memory.wanted)
            yield waits if one.asking else one.at + _pause(one, role)
    if memory.room_since:
        yield memory.room_since + SETTLED
    elif not _asking(memory) and _growable(case, memory):
        yield case.now + SETTLED


def _asking(memory: Memory) -> str:
    return next((name for name, one in memory.wanted.items() if one.asking), "")


def _growable(case: Case, memory: Memory) -> list[str]:
    """Roles that may grow: all that is wanted runs, and the last change was long enough ago."""
    if not memory.wanted or not _is_calm(case, memory):
        return []
    roles = elastic_roles(case.written)
    return [
        name
        for name, one in memory.wanted.items()
        if (role := roles.get(name))
        and role.elastic
        and 0 < one.number < role.replicas
        and case.now - one.at >= _pause(one, role)
    ]


def _pause(one: Wanted, role: Role) -> float:
    """Seconds after the last change. Each restart that only gave others its room costs a part of the training."""
    assert role.elastic
    return role.elastic.grow_after * (1 if one.grew else 2.0 ** min(one.vain, DOUBLINGS))


def _is_calm(case: Case, memory: Memory) -> bool:
    """Whether everything is in its place: who has done its part would have to do it again with others."""
    if memory.gathering or memory.pending_ends or any(memory.leaving):
        return False
    return all(not r.reinitialising and case.state_of(r) is ContainerState.RUNNING for r in memory.replicas)


def _room_for(case: Case, memory: Memory, name: str) -> int:
    """How many more of this role today's free nodes and the queue's maximum have room for."""
    cluster, numbers = case.seen.cluster, numbers_of(case)
    if cluster is None:
        return 0
    size, more = case.size(Key(name, 0)), case.written.spec.roles[name].replicas - numbers[name]
    alone = avoided(case, _with(memory, name, with_fields(memory.wanted[name], asking=numbers[name] + more)))
    left = smallest(cluster.total, cluster.queue_maximum) - total_size(case, done_of(memory), numbers)
    return _free_for(cluster, size, alone, min(more, size.goes_into(left)))


def _free_for(cluster: Cluster, size: Size, alone: Set[str], most: int) -> int:
    """How many containers of this size, up to `most`, nodes have room for now, save those that are left alone."""
    found = 0
    for node in cluster.picture.free_for(size, cluster.partition):
        if found >= most:
            break
        found += size.goes_into(node.free) if node.host not in alone else 0
    return min(found, most)


def _go_on(case: Case, memory: Memory, name: str) -> Change:
    """Those that are asked for join once all are granted; at the end of patience, those that were."""
    one, role, asked = memory.wanted[name], elastic_roles(case.written).get(name), joining(memory)
    if role is None or role.elastic is None or not _is_calm(case, memory):
        return _given_up(case, memory, name)
    granted = len(list(takewhile(case.granted, asked)))
    waited = patience(case.written, name, memory.wanted)
    if granted < len(asked) and case.now - one.asking_since < waited:
        return Change(memory)
    if granted:
        return _joined(case, memory, name, one.number + granted)
    return _given_up(case, memory, name, learnt=2 * waited)


def _given_up(case: Case, memory: Memory, name: str, learnt: float = 0.0) -> Change:
    """Where nothing came in time, the next ones are waited for longer: grants may just take that long here."""
    before = memory.wanted[name]
    one = with_fields(before, asking=0, asking_since=0.0, at=case.now, patience=max(learnt, before.patience))
    return Change(_with(memory, name, one))


def _joined(case: Case, memory: Memory, name: str, number: int) -> Change:
    before, declared = memory.wanted[name], case.written.spec.roles[name].replicas
    left, said = (number, before.said) if number < declared else (0, "")
    after = Wanted(left, case.now, said, grew=True, vain=before.vain, patience=before.patience)
    told = f"Going on with {number} of {declared} {name} instead of {before.number}: there is room for them"
    return Change(_with(memory, name, after), (normal(reasons.GROWN, told),))


def _with(memory: Memory, name: str, one: Wanted) -> Memory:
    return changed(memory, wanted={**memory.wanted, name: one})
