"""The fleet at a glance: GPUs of the cluster, and what the jobs of each queue hold and wait for. Pure sums over a picture."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from trainmaster.master.gpus import GpuCount
from trainmaster.master.picture import FleetPicture, Picture
from trainmaster.observe.holdings import held_by
from trainmaster.plan.health import CalledBad
from trainmaster.plan.suspects import Suspect
from trainmaster.web.listing import queue_of

MOST: Final = 12
"""queues that are shown, those with most containers, and nodes that failed several jobs"""
OVER: Final = frozenset({"Succeeded", "Failed", "Refused", "Suspended"})
"""states of jobs that neither run nor wait"""


@dataclass
class Queue:
    """What the jobs of one queue come to."""

    name: str
    running: int = 0
    waiting: int = 0
    containers: int = 0
    gpus: int = 0
    memory_mib: int = 0


@dataclass(frozen=True, slots=True)
class Glance:
    gpus: tuple[tuple[str, GpuCount], ...]
    """by node label"""
    queues: tuple[Queue, ...]
    suspects: tuple[BadNode, ...] = ()
    called_bad: tuple[CalledBad, ...] = ()


@dataclass(frozen=True, slots=True)
class BadNode:
    """A node that failed several jobs. Which they are isn't told: whoever looks may not see all of them."""

    host: str
    jobs: int
    causes: str
    """those of their last failures there"""
    why_not: str
    """why it isn't left alone all the same; empty where it is"""

    @property
    def avoided(self) -> bool:
        return not self.why_not


def glance(fleet: FleetPicture) -> Glance:
    gpus = tuple(sorted(fleet.gpus.by_label.items()))
    bad = tuple(_bad(each) for each in fleet.suspects[:MOST])
    called = tuple(sorted(fleet.called_bad, key=lambda each: not each.avoided)[:MOST])
    return Glance(gpus, tuple(_queues(fleet.jobs.values())), bad, called)


def _bad(suspect: Suspect) -> BadNode:
    return BadNode(suspect.host, suspect.jobs, ", ".join(suspect.causes), suspect.why_not)


def _queues(jobs: Iterable[Picture]) -> list[Queue]:
    queues: dict[str, Queue] = {}
    for job in jobs:
        if job.status.state not in OVER and (name := queue_of(job)):
            _add(queues.setdefault(name, Queue(name)), job)
    return sorted(queues.values(), key=lambda queue: (-queue.containers, queue.name))[:MOST]


def _add(queue: Queue, job: Picture) -> None:
    held = held_by(job.status)
    queue.running += job.status.state == "Running"
    queue.waiting += job.status.state != "Running"
    queue.containers += held.containers
    queue.gpus += held.gpus
    queue.memory_mib += held.memory_mib
