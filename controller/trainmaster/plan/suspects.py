"""Nodes that failed several jobs: what each job remembers of its own, put together. Pure.

One job can't tell a broken node from a program that breaks; several that don't know of each other can. So where they agree, all
jobs leave the node alone, for as long as at least two of them remember (avoidance.py: what is remembered fades). Jobs of one
owner know of each other: alone they name a node to people, and take it from nobody else. Never here: what of a failure lies at
a node (ruling.py), or where that leaves a job no room (avoidance.py).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from trainmaster.plan.avoidance import NOBODY, still
from trainmaster.plan.memory import Memory

AGREE = 2
"""jobs that must have failed on a node before others leave it alone, too"""
BELIEVED = 2
"""nodes of which one job may complain at one time, and still be believed; of a large one as many as a twentieth of its replicas.
Whoever finds more of them broken is likelier broken itself"""
LARGE = 20
PART = 4
"""one node in so many may be left alone by all, but at least one. What is wrong with more of them is no node's fault"""
SHOWN = 20
"""witnesses of one node that are shown, the newest"""


Owner = tuple[str, str]
"""namespace and user"""


@dataclass(frozen=True, slots=True)
class Witness:
    """What one job says of a node."""

    job: str
    """its namespace and name"""
    cause: str
    """of its last failure there"""
    times: int
    at: float
    """of the last one; seconds since the epoch"""
    owner: Owner = ("", "")


@dataclass(frozen=True, slots=True)
class Suspect:
    """A node that failed several jobs."""

    host: str
    jobs: int
    witnesses: tuple[Witness, ...]
    """some of these jobs, the newest failure first"""
    avoided: bool
    """whether all jobs leave it alone; not where there are too many such nodes, or only one owner of several says so"""


def suspects(
    jobs: Iterable[Memory], nodes: int, now: float, cleared: Mapping[str, float] = NOBODY
) -> tuple[Suspect, ...]:
    """The nodes that several of these jobs complain of, by name, on a cluster of so many. What they say of one that was `cleared`
    since counts no more."""
    said: dict[str, list[Witness]] = {}
    owners: set[Owner] = set()
    for memory in jobs:
        owners.add(_owner(memory))
        for host, witness in _complaints(memory, now, cleared):
            said.setdefault(host, []).append(witness)
    agreed = {host: found for host, found in sorted(said.items()) if len(found) >= AGREE}
    few, enough = len(agreed) <= max(1, nodes // PART), min(AGREE, len(owners))
    return tuple(_suspect(host, found, few and _owners(found) >= enough) for host, found in agreed.items())


def _owner(memory: Memory) -> Owner:
    return memory.namespace, memory.application.user if memory.application else ""


def _owners(found: Iterable[Witness]) -> int:
    return len({each.owner for each in found})


def _complaints(memory: Memory, now: float, cleared: Mapping[str, float]) -> Iterable[tuple[str, Witness]]:
    """Empty of a job that complains of too many."""
    known = still(memory.avoided, now, cleared) if memory.avoided else ()
    if len(known) > max(BELIEVED, len(memory.replicas) // LARGE):
        return ()
    job = f"{memory.namespace}/{memory.name}"
    return [(one.host, Witness(job, one.cause, one.times, one.at, _owner(memory))) for one in known]


def _suspect(host: str, found: list[Witness], avoided: bool) -> Suspect:
    newest = sorted(found, key=lambda each: (-each.at, each.job))
    return Suspect(host, len(found), tuple(newest[:SHOWN]), avoided)


def avoided_by_all(found: Iterable[Suspect]) -> frozenset[str]:
    """The hosts of which no job is to ask for anything."""
    return frozenset(each.host for each in found if each.avoided)
