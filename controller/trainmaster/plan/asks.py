"""What stands asked for at YARN, as a whole table; the shell sends the difference. And the turn of jobs to gather a gang."""

from __future__ import annotations

from collections.abc import Iterable

from trainmaster.plan.avoidance import avoided
from trainmaster.plan.case import Case
from trainmaster.plan.locality import Nearness, awaits_look, those_near
from trainmaster.plan.memory import Memory, ReplicaMemory
from trainmaster.plan.order import present
from trainmaster.plan.restart import joining
from trainmaster.plan.room import Room
from trainmaster.plan.values import Ask


def asks_of(case: Case, memory: Memory) -> tuple[Ask, ...]:
    """One ask per replica that wants a container and has no grant yet."""
    if memory.closing_since or memory.verdict or not case.registered:
        return ()
    if memory.gathering and not memory.gang_since:
        return ()
    waiting = [
        r
        for r in wanting(case, memory)
        if not case.granted(r) and not awaits_look(case, r, _since(memory, r))
    ]
    hosts = _hosts(case, memory, waiting)
    return tuple(
        Ask(r.key, r.run, memory.role_numbers[r.key.role], case.size(r.key), host)
        for r, host in zip(waiting, hosts, strict=True)
    )


def wanting(case: Case, memory: Memory) -> list[ReplicaMemory]:
    """Replicas for which a container is wanted now: none whose earlier process stays in doubt, nor its gang."""
    if memory.gathering and case.gang_in_doubt(memory):
        return []
    due = [r for r in present(case, memory) if _due(case, memory, r) and not case.in_doubt(r)]
    return [*due, *joining(memory)]


def _due(case: Case, memory: Memory, replica: ReplicaMemory) -> bool:
    due = memory.gathering or case.now >= replica.not_before
    return due and not replica.bound and not replica.done


def _hosts(case: Case, memory: Memory, waiting: list[ReplicaMemory]) -> Iterable[str]:
    """A host for each ask, for a few seconds: YARN then fills several in one node heartbeat instead of one at a time.

    Of many only those that are to be near the input have one, and of these none is spread by room alone.
    """
    many = len(waiting) > case.limits.host_ask_replicas
    named = those_near(case, waiting) if many else waiting
    cluster = case.seen.cluster
    if not named or cluster is None:
        return [""] * len(waiting)
    room = Room(cluster, avoided(case, memory))
    near = Nearness(case, room)
    hosts = {r.key: _host_for(case, memory, r, room, near, many) for r in named}
    return [hosts.get(r.key, "") for r in waiting]


def _host_for(
    case: Case, memory: Memory, replica: ReplicaMemory, room: Room, near: Nearness, many: bool
) -> str:
    if case.now - _since(memory, replica) >= case.limits.host_ask_seconds:
        return ""
    size = case.size(replica.key)
    if room.has(replica.host, size) or (room.knows(replica.host) and not memory.gathering):
        # A replacement's old container may not be counted as free yet, and its peers know this address.
        return room.take(replica.host, size)
    if case.role(replica.key).locality and (host := near.take(size)):
        return host
    freest = "" if many else room.freest(size)
    return room.take(freest, size) if freest else ""


def _since(memory: Memory, replica: ReplicaMemory) -> float:
    """Since when its container is wanted."""
    return memory.gang_since if memory.gathering else max(replica.waits_since, replica.not_before)
