"""The scheduler: the table of asks, and what a node's heartbeat lets it grant. As the CapacityScheduler does it.

Never here: a reservation on a node that is too full (RegularContainerAllocator makes some), preemption of one's own accord.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from trainmaster.errors import RefusedError
from trainmaster.hadoop import refusals
from trainmaster.hadoop.containers import ResourceAsk
from trainmaster.hadoop.values import Resource
from yarn.application import Application, Container, Key
from yarn.queues import NOTHING, Queue, fits, minus, plus, rank, smallest

ANY = "*"


@dataclass
class Place:
    """A node as the scheduler has it (FiCaSchedulerNode)."""

    host: str
    node: str
    http: str
    rack: str
    total: Resource
    containers: dict[str, Container] = field(default_factory=dict)
    used: Resource = NOTHING

    @property
    def free(self) -> Resource:
        return minus(self.total, self.used)


@dataclass
class Scheduler:
    """Grants what is asked for, as nodes come by."""

    configured: Resource
    """the largest allocation that the configuration allows (yarn.scheduler.maximum-allocation-mb and its like)"""
    minimum: Resource
    off_switch: int | None
    """grants without a wish for a host or rack, of one heartbeat (per-node-heartbeat.maximum-offswitch-assignments, by
    default 1); None for as many as there is room for"""
    strict: bool
    """whether an unknown queue is refused; if not, each is made when it is first named"""
    queues: dict[str, Queue] = field(default_factory=dict)
    places: dict[str, Place] = field(default_factory=dict)
    """by host"""
    numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def queue(self, name: str) -> Queue | None:
        if name not in self.queues and not self.strict:
            self.queues[name] = Queue(name)
        return self.queues.get(name)

    def largest(self, queue: str = "") -> Resource:
        """The component-wise least of what is configured, what the queue allows, and what today's largest nodes have.

        CapacityScheduler.getMaximumResourceCapability(queue), ClusterNodeTracker.getMaxAllowedAllocation: each part is the
        largest of any node, not of one; without any node it is what is configured.
        """
        found = self.configured
        if self.places:
            totals = [place.total for place in self.places.values()]
            most = Resource(*(max(getattr(t, part) for t in totals) for part in ("memory", "vcores", "gpus")))
            found = smallest(found, most)
        known = self.queues.get(queue)
        return smallest(found, known.largest) if known else found

    def validate(self, asks: Sequence[ResourceAsk], queue: str) -> None:
        """One impossible line throws out the whole call (RMServerUtils.normalizeAndValidateRequests).

        Lines that take an ask back are no exception (SchedulerUtils.validateResourceRequest looks at the size alone).
        """
        largest = self.largest(queue)
        for ask in asks:
            if not fits(ask.size, largest):
                said = "requested resource is greater than maximum allowed allocation"
                words = (
                    f"Invalid resource request! Cannot allocate containers as {said}. {ask.size}, {largest}"
                )
                raise RefusedError(refusals.INVALID_ASK, words)

    def ask(self, application: Application, asks: Sequence[ResourceAsk]) -> None:
        """Numbers are absolute, one per (priority, allocation request id, where) (AppSchedulingInfo.updateResourceRequests)."""
        for ask in asks:
            key = (ask.priority, ask.allocation_request_id)
            lines = application.asks.setdefault(key, {})
            lines.pop(ask.where, None)
            if ask.count:
                lines[ask.where] = replace(ask, size=self._normal(ask.size))
            application.missed.pop(key, None)
            if not lines:
                del application.asks[key]

    def _normal(self, size: Resource) -> Resource:
        """A multiple of the smallest allocation (ResourceCalculator.normalize)."""
        least = self.minimum
        return Resource(_up(size.memory, least.memory), _up(size.vcores, least.vcores), size.gpus)

    @property
    def wanted(self) -> bool:
        """Whether anything is asked for."""
        return any(a.active and a.asks for q in self.queues.values() for a in q.applications)

    # --- a node comes by

    def comes_by(self, place: Place) -> None:
        """CapacityScheduler.allocateContainersToNode: the queue that uses least is served first."""
        left = [1 << 30 if self.off_switch is None else self.off_switch]
        for queue in sorted(self.queues.values(), key=lambda q: q.used.memory / max(1, q.maximum.memory)):
            for application in sorted(queue.applications, key=rank):
                if application.active and application.asks and place.host not in application.blacklist:
                    self._serve(queue, application, place, left)

    def _serve(self, queue: Queue, application: Application, place: Place, left: list[int]) -> None:
        """Its keys in the order of their priorities; one that can't be served holds up none after it."""
        for key in sorted(application.asks):
            while ask := self._next(application, key, place, left):
                if not (fits(ask.size, place.free) and queue.has_room(ask.size)):
                    break
                self._grant(application, key, ask, place)
                left[0] -= ask.where == ANY

    def _next(self, application: Application, key: Key, place: Place, left: list[int]) -> ResourceAsk | None:
        """The line that this node may serve now (RegularContainerAllocator.canAssign).

        A key that names a host is served there, and elsewhere only when as many nodes came by in vain as there are.
        """
        lines = application.asks.get(key, {})
        if ANY not in lines or place.host in lines:
            return lines.get(place.host) if ANY in lines else None
        if lines.keys() & self.places.keys():
            application.missed[key] = application.missed.get(key, 0) + 1
            if application.missed[key] <= len(self.places):
                return None
        return lines[ANY] if left[0] > 0 else None

    def _grant(self, application: Application, key: Key, ask: ResourceAsk, place: Place) -> None:
        """LocalityAppPlacementAllocator.decrementOutstanding: the bare line's number is that of the key."""
        lines = application.asks[key]
        served = {ANY} if ask.where == ANY else {ask.where, place.rack, ANY} & lines.keys()
        asked = tuple(replace(lines[where], count=1) for where in sorted(served))
        for where in served:
            lines[where] = replace(lines[where], count=lines[where].count - 1)
        if not lines[ANY].count:
            del application.asks[key]
            application.missed.pop(key, None)
        self._allocate(application, ask, place, asked)

    def _allocate(
        self, application: Application, ask: ResourceAsk, place: Place, asked: tuple[ResourceAsk, ...]
    ) -> None:
        id_ = f"container_{application.id.removeprefix('application_')}_01_{next(self.numbers):06d}"
        key = (ask.priority, ask.allocation_request_id)
        made = Container(id_, application.id, place.node, place.http, ask.size, *key, asked=asked)
        self.hold(application, made, place)
        application.fresh.append(made)

    def _ask_again(self, application: Application, container: Container) -> None:
        """AbstractYarnScheduler.recoverResourceRequestForContainer."""
        for ask in container.asked:
            lines = application.asks.setdefault((ask.priority, ask.allocation_request_id), {})
            count = lines[ask.where].count if ask.where in lines else 0
            lines[ask.where] = replace(ask, count=count + 1)

    def hold(self, application: Application, container: Container, place: Place) -> None:
        """It uses room from now on."""
        application.live[container.id] = place.containers[container.id] = container
        self._count(application, place, container.size)

    def let_go(self, application: Application, container: Container) -> None:
        """Its room is free again (AbstractYarnScheduler.completedContainer)."""
        if application.live.pop(container.id, None) is None:
            return
        if container in application.fresh:
            application.fresh.remove(container)
            self._ask_again(application, container)
        place = self.places.get(host_of(container.node))
        back = minus(NOTHING, container.size)
        if place and place.containers.pop(container.id, None):
            self._count(application, place, back)

    def _count(self, application: Application, place: Place, size: Resource) -> None:
        place.used = plus(place.used, size)
        queue = self.queue(application.queue)
        assert queue is not None
        queue.used = plus(queue.used, size)


def host_of(node: str) -> str:
    return node.partition(":")[0]


def _up(value: int, step: int) -> int:
    return -(-value // step) * step if step else value
