"""Near to the input: on which nodes the containers of roles with `locality: Input` are asked for first, and how that turned out.

Whoever looks is waited for shortly, and never is it a reason not to start: where nothing is known, or no such node has room,
containers are taken anywhere. Never here: the look itself (hadoop/blocks.py).
"""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import islice

from trainmaster.api import reasons
from trainmaster.api.job import TrainingJob
from trainmaster.plan.case import Case, normal, warning
from trainmaster.plan.cluster import Node, Size
from trainmaster.plan.input_look import InputLook
from trainmaster.plan.memory import Memory, ReplicaMemory
from trainmaster.plan.room import Room
from trainmaster.plan.values import Event

PATIENCE = 3.0
"""seconds for which the first asks wait for the look"""
MOST = 1000
"""containers of a job that are near at one time: each of thousands would take long, in every decision"""
UNTIMELY = "it wasn't told in time"


def wants_input(job: TrainingJob, roles: Iterable[str] | None = None) -> bool:
    """Whether one of these roles, or of all, is to be near the input."""
    names = job.spec.roles.keys() if roles is None else roles
    return any(job.spec.roles[name].locality for name in names)


def look_of(case: Case) -> InputLook | None:
    """What is known of today's inputPath; None while nothing is."""
    look = case.seen.input
    return look if look is not None and look.path == case.job.spec.input_path else None


def awaits_look(case: Case, replica: ReplicaMemory, since: float) -> bool:
    """Whether its container, wanted since then, isn't asked for yet, as where to ask is just being looked up."""
    near = case.role(replica.key).locality is not None
    return near and look_of(case) is None and case.now < since + PATIENCE


def those_near(case: Case, waiting: Iterable[ReplicaMemory]) -> list[ReplicaMemory]:
    """Those that are to be near the input, as long as it is known where that is: the first of them, where there are thousands."""
    look = look_of(case)
    if look is None or look.words:
        return []
    return list(islice((r for r in waiting if case.role(r.key).locality), MOST))


class Nearness:
    """The nodes with some of the input, and then those of their racks. Replicas are spread by how much each node holds."""

    def __init__(self, case: Case, room: Room) -> None:
        self._room, self._look = room, look_of(case)
        self._given = Counter(c.host for c in case.seen.containers.values())
        """by host: containers of this job"""
        self._heaps: dict[Size, list[tuple[float, int, str]]] = {}

    def take(self, size: Size) -> str:
        """The host to ask first, with its room taken; empty where none of them has any."""
        heap = self._heaps.get(size)
        if heap is None:
            heap = self._heaps[size] = [self._place(node.host) for node in self._nodes()]
            heapq.heapify(heap)
        while heap:
            *_, host = heap[0]
            if not self._room.has(host, size):
                heapq.heappop(heap)
            elif heap[0] != self._place(host):  # something was taken there since
                heapq.heapreplace(heap, self._place(host))
            else:
                self._given[host] += 1
                return self._room.take(host, size)
        return ""

    def _place(self, host: str) -> tuple[float, int, str]:
        """What is smallest comes first: who holds the most for each container of the job there, that one included."""
        held = self._look.hosts.get(host, 0) if self._look else 0
        return -held / (self._given[host] + 1), self._given[host], host

    def _nodes(self) -> Iterator[Node]:
        nodes = self._room.nodes
        held = (
            [nodes.by_host[host] for host in self._look.hosts if host in nodes.by_host] if self._look else []
        )
        yield from held
        racks, known = {node.rack for node in held}, {node.host for node in held}
        if held and len(nodes.racks) > 1:
            yield from (node for node in nodes if node.rack in racks and node.host not in known)


def near_input(case: Case, memory: Memory, role: str) -> int | None:
    """How many of its replicas hold a container on a node that holds some of the input; None where none does, or that can't be
    told."""
    look = look_of(case)
    if case.unread or not case.job.spec.roles[role].locality or look is None or look.words:
        return None
    placed = _placed(memory, role)
    return sum(1 for r in placed if r.host in look.hosts) if placed else None


def told(case: Case, memory: Memory) -> Iterator[Event]:
    """How near the processes of a gang that begins are, once for each role that cares."""
    near = [name for name, role in case.job.spec.roles.items() if role.locality and _placed(memory, name)]
    look = look_of(case)
    if near and (look is None or look.words):
        why = look.words if look else UNTIMELY
        yield warning(
            reasons.INPUT_UNKNOWN,
            f"{' and '.join(near)}: containers were asked for anywhere, since where {case.job.spec.input_path} lies isn't"
            f" known: {why}",
        )
    elif look:
        yield from (_said(look, name, _placed(memory, name)) for name in near)


def _placed(memory: Memory, role: str) -> list[ReplicaMemory]:
    return [r for r in memory.replicas if r.key.role == role and r.bound]


def _said(look: InputLook, role: str, placed: list[ReplicaMemory]) -> Event:
    local = sum(1 for r in placed if r.host in look.hosts)
    share = sum(look.share(r.host) for r in placed) / len(placed)
    return normal(
        reasons.INPUT_LOCALITY,
        f"{role}: {local} of {len(placed)} containers are on nodes that hold some of {look.path}; on average {share:.0%} of it"
        " is read locally",
    )
