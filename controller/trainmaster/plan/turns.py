"""Whose turn it is to gather a gang. Only the job at the front of a pool may hold a part of one while others wait for room.

A pool is a partition of the cluster and its scarce resource (GPUs or not). Jobs for which there is room beside all that are
in front of them may gather at the same time: they can't starve anybody.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from trainmaster.plan.values import Size


@dataclass(frozen=True, slots=True)
class Waiting:
    """A job that gathers a gang or wants to."""

    uid: str
    since: float
    """when it began to wait: the order of the line"""
    priority: int
    needs: Size
    """what isn't granted yet of its gang"""
    possible: bool = True
    """whether today's nodes would do if they were empty; a job that they can't hold stands in nobody's way"""
    gathers: bool = False
    """it had its turn and may hold a part: whoever would be before it by rank waits, lest each hold what the other lacks"""

    @property
    def pool(self) -> str:
        return "gpu" if self.needs.gpus else "cpu"


def turns(waiting: Iterable[Waiting], free: Size) -> frozenset[str]:
    """The uids that may ask now: in each pool the first that can be had, and as many after it as there is room for."""
    allowed: set[str] = set()
    fronts: set[str] = set()
    room = free
    for job in sorted((w for w in waiting if w.possible), key=_rank):
        if job.pool not in fronts or job.needs.fits(room):
            allowed.add(job.uid)
        fronts.add(job.pool)
        room = room - job.needs
    return frozenset(allowed)


def _rank(job: Waiting) -> tuple[bool, int, float, str]:
    return not job.gathers, -job.priority, job.since, job.uid
