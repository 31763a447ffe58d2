"""Nodes that failed several jobs: what each job remembers of its own, put together. Pure.

One job can't tell a broken node from a program that breaks; several that don't know of each other can. So where they agree, all
jobs leave the node alone, for as long as at least two of them remember (avoidance.py: what is remembered fades). Jobs of one
owner know of each other: alone they name a node to people, and neither take it from anybody else nor keep others from being
believed. Never here: what of a failure lies at a node (ruling.py), or where that leaves a job no room (avoidance.py).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from trainmaster.plan.avoidance import NOBODY, still
from trainmaster.plan.exclusions import Exclusions
from trainmaster.plan.memory import Memory

AGREE = 2
"""jobs that must have failed on a node before others leave it alone, too"""
BELIEVED = 2
"""nodes of which one job may complain at one time, and still be believed; of a large one as many as a twentieth of its replicas
that have or had a container.
Whoever finds more of them broken is likelier broken itself"""
LARGE = 20
PART = 4
"""one node in so many may be left alone by all, but at least one. What is wrong with more of them is no node's fault"""
SHOWN = 20
"""witnesses of one node that are shown, the newest"""


ONE_OWNER = "all of these jobs are one owner's"
TOO_MANY = "too many nodes failed"
NOT_YET = "it is looked at once more first"
SPENT = "in the last hour as many nodes came to be left alone as nodes.exclusions_per_hour allows"

Owner = str
"""whom the source of a job vouches for: the owner of its file, or on Kubernetes its namespace. Neither the namespace that a file
names nor the user that it runs as, of which one person may write several"""


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
    owner: Owner = ""


@dataclass(frozen=True, slots=True)
class Suspect:
    """A node that failed several jobs."""

    host: str
    jobs: int
    witnesses: tuple[Witness, ...]
    """some of these jobs, the newest failure first"""
    why_not: str = ""
    """why others do not leave it alone all the same (ONE_OWNER, TOO_MANY); empty where they do"""

    @property
    def avoided(self) -> bool:
        """Whether all jobs leave it alone."""
        return not self.why_not

    @property
    def causes(self) -> list[str]:
        """Those of their last failures there, each once."""
        return sorted({witness.cause for witness in self.witnesses if witness.cause})


def suspects(
    jobs: Iterable[tuple[Owner, Memory]], nodes: int, now: float, cleared: Mapping[str, float] = NOBODY
) -> tuple[Suspect, ...]:
    """The nodes that several of these jobs complain of, by name, on a cluster of so many. What they say of one that was `cleared`
    since counts no more."""
    said: dict[str, list[Witness]] = {}
    owners: set[Owner] = set()
    for owner, memory in jobs:
        owners.add(owner)
        for host, witness in _complaints(owner, memory, now, cleared):
            said.setdefault(host, []).append(witness)
    named = {host: found for host, found in sorted(said.items()) if len(found) >= AGREE}
    enough = min(AGREE, len(owners))
    agreed = {host for host, found in named.items() if _owners(found) >= enough}
    heeded = "" if len(agreed) <= max(1, nodes // PART) else TOO_MANY
    return tuple(
        _suspect(host, found, heeded if host in agreed else ONE_OWNER) for host, found in named.items()
    )


def _owners(found: Iterable[Witness]) -> int:
    return len({each.owner for each in found})


def _complaints(
    owner: Owner, memory: Memory, now: float, cleared: Mapping[str, float]
) -> Iterable[tuple[str, Witness]]:
    """Empty of a job that complains of too many."""
    known = still(memory.avoided, now, cleared) if memory.avoided else ()
    if len(known) > BELIEVED and len(known) > _placed(memory) // LARGE:
        return ()
    job = f"{memory.namespace}/{memory.name}"
    return [(one.host, Witness(job, one.cause, one.times, one.at, owner)) for one in known]


def _placed(memory: Memory) -> int:
    """Replicas that have or had a container: declaring many makes nobody believed."""
    return sum(bool(replica.host) for replica in memory.replicas)


def _suspect(host: str, found: list[Witness], why_not: str) -> Suspect:
    newest = sorted(found, key=lambda each: (-each.at, each.job))
    return Suspect(host, len(found), tuple(newest[:SHOWN]), why_not)


def as_judged(found: Iterable[Suspect], judged: Exclusions) -> tuple[Suspect, ...]:
    """The same where those that would be left alone, and aren't for now, say so."""
    return tuple(
        each
        if each.why_not or each.host in judged.allowed
        else replace(each, why_not=SPENT if each.host in judged.late else NOT_YET)
        for each in found
    )


def avoided_by_all(found: Iterable[Suspect]) -> frozenset[str]:
    """The hosts of which no job is to ask for anything."""
    return frozenset(each.host for each in found if each.avoided)
