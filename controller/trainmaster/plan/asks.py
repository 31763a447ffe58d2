"""What stands asked for at YARN, as a whole table; the shell sends the difference. And the turn of jobs to gather a gang."""

from __future__ import annotations

from collections.abc import Iterable

from trainmaster.plan.case import Case
from trainmaster.plan.memory import Memory, ReplicaMemory
from trainmaster.plan.values import Ask, Node, Size


def asks_of(case: Case, memory: Memory) -> tuple[Ask, ...]:
    """One ask per replica that wants a container and has no grant yet."""
    if memory.closing_since or memory.verdict or not case.registered:
        return ()
    if memory.gathering and not memory.gang_since:
        return ()
    waiting = [r for r in wanting(case, memory) if not case.granted(r)]
    hosts = _hosts(case, memory, waiting)
    return tuple(
        Ask(r.key, r.run, memory.role_numbers[r.key.role], case.size(r.key), host)
        for r, host in zip(waiting, hosts, strict=True)
    )


def wanting(case: Case, memory: Memory) -> list[ReplicaMemory]:
    """Replicas for which a container is wanted now: none whose earlier process stays in doubt, nor its gang."""
    if memory.gathering and any(map(case.in_doubt, memory.replicas)):
        return []
    return [r for r in memory.replicas if _due(case, memory, r) and not case.in_doubt(r)]


def _due(case: Case, memory: Memory, replica: ReplicaMemory) -> bool:
    due = memory.gathering or case.now >= replica.not_before
    return due and not replica.bound and not replica.done


def avoided(case: Case, memory: Memory) -> frozenset[str]:
    """Hosts that failed to start something that waits now; only while enough other nodes are left."""
    hosts = frozenset(h for r in memory.replicas if not r.bound and not r.done for h in r.avoid)
    nodes = case.seen.cluster.nodes if case.seen.cluster else ()
    others = [n for n in nodes if n.host not in hosts]
    return hosts if len(others) * 2 >= len(nodes) > 0 else frozenset()


def _hosts(case: Case, memory: Memory, waiting: list[ReplicaMemory]) -> Iterable[str]:
    """A host for each ask, for a few seconds: YARN then fills several in one node heartbeat instead of one at a time."""
    cluster, limits = case.seen.cluster, case.limits
    if len(waiting) > limits.host_ask_replicas or cluster is None:
        return [""] * len(waiting)
    room = {node.host: node.free for node in _usable(case, memory)}
    return [_host_for(case, memory, replica, room) for replica in waiting]


def _usable(case: Case, memory: Memory) -> list[Node]:
    avoid = avoided(case, memory)
    return [n for n in case.seen.cluster.nodes if n.host not in avoid] if case.seen.cluster else []


def _host_for(case: Case, memory: Memory, replica: ReplicaMemory, room: dict[str, Size]) -> str:
    since = memory.gang_since if memory.gathering else max(replica.waits_since, replica.not_before)
    if case.now - since >= case.limits.host_ask_seconds:
        return ""
    size = case.size(replica.key)
    fitting = [host for host, free in room.items() if size.fits(free)]
    if replica.host in room and (replica.host in fitting or not memory.gathering):
        # A replacement's old container may not be counted as free yet, and its peers know this address.
        chosen = replica.host
    elif fitting:
        chosen = max(fitting, key=lambda host: room[host])
    else:
        return ""
    room[chosen] = room[chosen] - size
    return chosen
