"""The cluster as a decision sees it: sizes, today's nodes, and what YARN says of a queue.

Lives here: one picture per look, shared by all jobs, with its sums and its index of free nodes worked out once. Never here:
whose turn it is (turns.py), or what stands asked for (asks.py).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

NO_LIMIT = 2**62
"""YARN says Long.MAX_VALUE where a resource has no configured limit; and so do we of vcores that its scheduler doesn't heed"""


SHAPES_TOLD = 3
"""of the different largest nodes, none of which has all that another one has"""


@dataclass(frozen=True, slots=True, order=True)
class Size:
    """One container's resources: MiB, virtual cores, GPUs (yarn.io/gpu)."""

    memory: int = 0
    vcores: int = 0
    gpus: int = 0

    def __add__(self, other: Size) -> Size:
        return Size(self.memory + other.memory, self.vcores + other.vcores, self.gpus + other.gpus)

    def __sub__(self, other: Size) -> Size:
        return Size(self.memory - other.memory, self.vcores - other.vcores, self.gpus - other.gpus)

    def times(self, n: int) -> Size:
        return Size(self.memory * n, self.vcores * n, self.gpus * n)

    def goes_into(self, room: Size) -> int:
        """How often it fits."""
        pairs = ((room.memory, self.memory), (room.vcores, self.vcores), (room.gpus, self.gpus))
        return max(0, min((have // each for have, each in pairs if each), default=0))

    def goes_into_all(self, rooms: Mapping[Size, int]) -> int:
        """How often it fits into so many rooms of each size, none of which is shared by two of them."""
        return sum(self.goes_into(room) * number for room, number in rooms.items())

    def fits(self, room: Size) -> bool:
        return self.memory <= room.memory and self.vcores <= room.vcores and self.gpus <= room.gpus

    def __str__(self) -> str:
        vcores = f", {self.vcores} vcores" if self.vcores < NO_LIMIT else ""
        gpus = f", {self.gpus} GPU" if 0 < self.gpus < NO_LIMIT else ""
        return f"{self.memory} MiB{vcores}{gpus}"

    def beside(self, wanted: Size) -> str:
        """What there is, beside what is wanted: that there is no GPU is told to whom it matters."""
        return f"{self}, no GPU" if wanted.gpus and not self.gpus else str(self)


NOTHING = Size()


def smallest(a: Size, b: Size | None) -> Size:
    """The least of both in each resource."""
    return a if b is None else Size(min(a.memory, b.memory), min(a.vcores, b.vcores), min(a.gpus, b.gpus))


def largest(a: Size, b: Size) -> Size:
    """The most of both in each resource."""
    return Size(max(a.memory, b.memory), max(a.vcores, b.vcores), max(a.gpus, b.gpus))


@dataclass(frozen=True, slots=True)
class Node:
    host: str
    rack: str
    free: Size
    total: Size
    partition: str = ""
    """the label that sets it apart for the queues that may use it; empty for most nodes"""


class Nodes(tuple[Node, ...]):  # noqa: SLOT001 - what is worked out once is kept in its __dict__
    """Today's nodes. What is asked of them by every job is worked out when it is first asked, and then known."""

    @cached_property
    def totals(self) -> Mapping[str, Size]:
        """By partition: all that its nodes have."""
        return _sums((n.partition, n.total) for n in self)

    @cached_property
    def frees(self) -> Mapping[str, Size]:
        """By partition: what is free. A node that gave out more than it has takes nothing from the others."""
        return _sums(
            (n.partition, n.free if NOTHING.fits(n.free) else largest(n.free, NOTHING)) for n in self
        )

    @cached_property
    def shapes(self) -> Mapping[str, tuple[Size, ...]]:
        """By partition: the different sizes of its nodes, largest first; there are few of them."""
        return {partition: tuple(sorted(of, reverse=True)) for partition, of in self.alike.items()}

    @cached_property
    def alike(self) -> Mapping[str, Mapping[Size, int]]:
        """By partition: how many of its nodes have which size."""
        alike: dict[str, Counter[Size]] = {}
        for node in self:
            alike.setdefault(node.partition, Counter())[node.total] += 1
        return alike

    def largest_shapes(self, partition: str) -> tuple[Size, ...]:
        """Those of the shapes that no other has all of."""
        shapes = self.shapes.get(partition, ())
        return tuple(s for s in shapes if not any(s.fits(other) for other in shapes if other is not s))

    @cached_property
    def by_host(self) -> Mapping[str, Node]:
        return {node.host: node for node in self}

    @cached_property
    def racks(self) -> frozenset[str]:
        return frozenset(node.rack for node in self)

    @cached_property
    def roomiest(self) -> Mapping[tuple[str, bool], tuple[Node, ...]]:
        """By partition and whether it has free GPUs: its nodes with anything free, the freest first."""
        found: dict[tuple[str, bool], list[Node]] = {}
        for node in sorted(self, key=lambda n: n.free, reverse=True):
            if node.free.memory > 0:
                found.setdefault((node.partition, node.free.gpus > 0), []).append(node)
        return {key: tuple(nodes) for key, nodes in found.items()}

    @cached_property
    def shortest_host(self) -> int:
        """Letters in the shortest host name; 1 where there are no nodes."""
        return min((len(node.host) for node in self), default=1)

    def free_for(self, size: Size, partition: str) -> Iterator[Node]:
        """Nodes with room for a container of this size, the freest first; those with GPUs last, unless it wants some."""
        for gpus in (True,) if size.gpus else (False, True):
            for node in self.roomiest.get((partition, gpus), ()):
                if node.free.memory < size.memory:
                    break
                if size.fits(node.free):
                    yield node

    def holds(self, size: Size, partition: str) -> bool:
        """Whether some node could hold a container of this size if it were empty."""
        return any(size.fits(shape) for shape in self.shapes.get(partition, ()))

    def worked_out(self) -> Nodes:
        """Ask for everything once, so that whoever asks next needs not wait."""
        _ = self.totals, self.frees, self.shapes, self.by_host, self.racks, self.roomiest, self.shortest_host
        return self


def _sums(of: Iterable[tuple[str, Size]]) -> dict[str, Size]:
    """Sums by key; made of plain numbers, since there are thousands of nodes."""
    sums: dict[str, list[int]] = {}
    for key, size in of:
        total = sums.setdefault(key, [0, 0, 0])
        total[0] += size.memory
        total[1] += size.vcores
        total[2] += size.gpus
    return {key: Size(*total) for key, total in sums.items()}


@dataclass(frozen=True, slots=True)
class Cluster:
    """What YARN says of itself to a job in one queue, a few seconds old at most."""

    largest: Size
    """largest single allocation that the configuration allows (getNewApplicationResponse.maximumCapability)"""
    queue_found: bool = True
    queue_running: bool = True
    queue_maximum: Size | None = None
    """the queue's absolute maximum in the cluster as it is now; None where not known"""
    nodes: tuple[Node, ...] = ()
    queue_position: int = 0
    """place among the queue's waiting applications; 0 when it doesn't wait or isn't known"""
    scheduler_words: str = ""
    """the scheduler's own diagnostics for the application"""
    queue: str = ""
    """the queue's full path; empty where not known"""
    partition: str = ""
    """where containers of this queue are placed unless they ask for another label"""

    @property
    def picture(self) -> Nodes:
        """The nodes with their sums; the shell hands them over with all of it worked out."""
        return self.nodes if isinstance(self.nodes, Nodes) else Nodes(self.nodes)

    @property
    def total(self) -> Size:
        """All that the nodes have where this queue's containers are placed."""
        return self.picture.totals.get(self.partition, NOTHING)

    @property
    def configured_maximum(self) -> Size | None:
        """The queue's maximum, where it is a limit of its own and not just all that today's nodes have: nodes come and go."""
        limit = self.queue_maximum
        return None if limit is None or self.total.fits(limit) else limit

    @property
    def terms(self) -> tuple[object, ...]:
        """What taking a job in depends on; what is free changes all the time and isn't among it."""
        limits = (self.largest, self.configured_maximum, self.partition)
        return self.queue_found, self.queue_running, bool(self.nodes), *limits

    def lacks(self, gang: Size, containers: Iterable[Size]) -> str:
        """What today's nodes lack for a gang even when empty; empty when they'd do."""
        lacking = (no for size in containers if (no := self.no_node_for(size)))
        return next(lacking, "") or self.too_few_for(gang)

    def no_node_for(self, size: Size) -> str:
        """What today's nodes have, when none could hold one container of this size; empty when some could."""
        if not self.nodes:
            return "YARN has no running nodes"
        if self.picture.holds(size, self.partition):
            return ""
        where = f" in partition {self.partition!r}" if self.partition else ""
        shapes = [shape.beside(size) for shape in self.picture.largest_shapes(self.partition)[:SHAPES_TOLD]]
        if not shapes:
            return f"today there is no node{where}"
        have = "has" if len(shapes) == 1 else "have"
        return f"the largest of today's nodes{where} {have} {', or '.join(shapes)}"

    def too_few_for(self, gang: Size) -> str:
        """What all of today's nodes have, when that is less than a gang needs; empty when it would do."""
        have = smallest(self.total, self.queue_maximum)
        return "" if gang.fits(have) else f"all of today's nodes have {have.beside(gang)}"
