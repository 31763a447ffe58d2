"""What nodes said of their containers, and that joined with the replicas whose containers they are. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass, field

from trainmaster.api.status import ResourceStatus
from trainmaster.hadoop.container_use import HOW, Use, UseTrouble
from trainmaster.master.picture import FleetPicture, Picture
from trainmaster.plan.memory import Memory

MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Said:
    """What one node answered last."""

    host: str
    used: Mapping[str, Use] = field(default_factory=dict)
    """by container"""
    trouble: UseTrouble | None = None
    words: str = ""
    """the trouble, for a person"""


SaidBy = Mapping[str, Said]
"""by the web address of the node"""


def heard(host: str, used: Mapping[str, Use], before: Said | None, ours: Set[str]) -> Said:
    """What a node said of our containers, in an answer that is one; `before`: what it had said until then. It doesn't measure
    where the same container has no number in two answers: one that has just begun has none yet, and of one whose files are
    still brought nothing is told. Others' containers show it as well that it does, but aren't kept: there may be many."""
    kept = {container: use for container, use in used.items() if container in ours}
    if before is None or any(used.values()) or any(before.used.values()):
        return Said(host, kept)
    off = before.trouble is UseTrouble.OFF or kept.keys() & before.used.keys()
    return Said(host, kept, UseTrouble.OFF, HOW) if off else Said(host, kept)


@dataclass(frozen=True, slots=True)
class ReplicaUse:
    """A replica that has a container, and what that uses."""

    role: str
    index: int
    host: str
    container: str
    asked: ResourceStatus
    """what YARN granted it"""
    use: Use | None = None
    """None where its node tells nothing of it"""
    trouble: str = ""
    """why its node tells nothing, for a person; empty where it does, or wasn't asked yet"""

    @property
    def memory_asked(self) -> int:
        """Bytes."""
        return self.asked.memory_mib * MIB

    @property
    def peak_ratio(self) -> float | None:
        """The most memory that it used, of what it has."""
        peak = self.use.memory_peak if self.use else None
        return peak / self.memory_asked if peak is not None and self.memory_asked else None


def uses_of(picture: Picture, said: SaidBy) -> Iterator[ReplicaUse]:
    """All replicas of a job that have a container."""
    granted = _granted(picture)
    for replica in picture.memory.replicas if picture.memory else ():
        if replica.bound:
            key, told = replica.key, said.get(replica.http)
            asked = granted.get((key.role, key.index)) or ResourceStatus()
            trouble = f"{told.trouble}: {told.words}" if told and told.trouble else ""
            use = told.used.get(replica.container) if told else None
            host = replica.node.rpartition(":")[0]
            yield ReplicaUse(key.role, key.index, host, replica.container, asked, use or None, trouble)


def _granted(picture: Picture) -> dict[tuple[str, int], ResourceStatus]:
    return {
        (name, replica.index): replica.granted or role.asked
        for name, role in picture.status.roles.items()
        for replica in role.replicas
    }


class Nodes:
    """Where our containers are, worked out anew only for jobs of which something is new: this is asked every few seconds."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[Memory, dict[str, str]]] = {}
        self.containers: Set[str] = frozenset()
        """ours, as at the last question; frozen"""

    def of(self, fleet: FleetPicture) -> dict[str, str]:
        """Web address -> host of each node."""
        before, self._known = self._known, {}
        for uid, picture in fleet.jobs.items():
            if (memory := picture.memory) and memory.application:
                known = before.get(uid)
                self._known[uid] = known if known and known[0] is memory else (memory, _nodes(memory))
        memories = (memory for memory, _ in self._known.values())
        self.containers = frozenset(r.container for memory in memories for r in memory.replicas if r.bound)
        return {http: host for _, nodes in self._known.values() for http, host in nodes.items()}


def _nodes(memory: Memory) -> dict[str, str]:
    return {r.http: r.node.rpartition(":")[0] for r in memory.replicas if r.bound and r.http}
