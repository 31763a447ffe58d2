"""Queues: what each may use, the largest container it grants, and its share for masters. As the CapacityScheduler has them."""

from __future__ import annotations

from dataclasses import dataclass, field

from trainmaster.hadoop.values import QueueState, Resource
from yarn.application import Application

NOTHING = Resource()
ENDLESS = Resource(1 << 40, 1 << 30, 1 << 30)


@dataclass
class Queue:
    """A leaf queue."""

    name: str
    maximum: Resource = ENDLESS
    """all that its applications may hold at one time (maximum-capacity, as resources)"""
    largest: Resource = ENDLESS
    """of one container (maximum-allocation of the queue, CSQueue.getMaximumAllocation)"""
    masters: int = 1 << 40
    """MiB for all its masters together (maximum-am-resource-percent, as resources)"""
    state: QueueState = QueueState.RUNNING
    applications: list[Application] = field(default_factory=list)
    """that are not over, in the order of their submission"""
    used: Resource = NOTHING

    def activate(self, master: int) -> None:
        """Let in whoever has room in the share for masters (AbstractLeafQueue.activateApplications).

        An unmanaged master is charged the smallest allocation, though it has no container. One is always let in. Who isn't
        registers and heartbeats like all others.
        """
        for waiting in sorted(self.applications, key=rank):
            active = sum(1 for each in self.applications if each.active)
            if not waiting.active and (not active or (active + 1) * master <= self.masters):
                waiting.active = True

    def has_room(self, size: Resource) -> bool:
        """AbstractCSQueue.canAssignToThisQueue."""
        return fits(plus(self.used, size), self.maximum)


def rank(application: Application) -> int:
    """First come, first served within one priority (FifoOrderingPolicy with PriorityComparator)."""
    return -application.priority


def plus(one: Resource, other: Resource) -> Resource:
    return Resource(one.memory + other.memory, one.vcores + other.vcores, one.gpus + other.gpus)


def minus(one: Resource, other: Resource) -> Resource:
    return Resource(one.memory - other.memory, one.vcores - other.vcores, one.gpus - other.gpus)


def smallest(one: Resource, other: Resource) -> Resource:
    """Resources.componentwiseMin."""
    return Resource(min(one.memory, other.memory), min(one.vcores, other.vcores), min(one.gpus, other.gpus))


def fits(size: Resource, room: Resource) -> bool:
    """By all its parts, as the DominantResourceCalculator compares; the default one looks at memory alone."""
    return size.memory <= room.memory and size.vcores <= room.vcores and size.gpus <= room.gpus
