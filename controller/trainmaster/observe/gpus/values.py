"""Which containers hold GPUs, what nodes said of theirs, and both joined. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from trainmaster.hadoop.gpus import Gpu, GpuTrouble, NodeGpus
from trainmaster.master.picture import FleetPicture, Picture


@dataclass(frozen=True, slots=True)
class Holder:
    """A replica whose container holds GPUs."""

    uid: str
    namespace: str
    job: str
    role: str
    index: int
    container: str
    http: str
    """web address of its NodeManager, host:port"""
    host: str


@dataclass(frozen=True, slots=True)
class Said:
    """What one node answered last."""

    host: str
    gpus: NodeGpus | None = None
    """None where it told nothing"""
    trouble: GpuTrouble | None = None
    words: str = ""
    """the trouble, for a person"""


@dataclass(frozen=True, slots=True)
class Device:
    """One GPU with whoever holds it."""

    host: str
    gpu: Gpu
    holder: Holder | None = None
    """None for one that is free, or another's"""


@dataclass(frozen=True)
class GpuPicture:
    """All that is known of GPUs at this moment."""

    said: Mapping[str, Said] = field(default_factory=dict)
    """by the web address of the node"""
    holders: Mapping[str, Holder] = field(default_factory=dict)
    """by container"""

    def devices(self) -> Iterator[Device]:
        """Every GPU of the nodes that answer, each once."""
        seen: set[tuple[str, int]] = set()
        for http, said in sorted(self.said.items()):
            for gpu in said.gpus.gpus if said.gpus else ():
                if (said.host, gpu.minor) not in seen:
                    seen.add((said.host, gpu.minor))
                    yield Device(said.host, gpu, self._holder(http, said.gpus, gpu.minor))

    def of_container(self, container: str) -> tuple[Gpu, ...]:
        """The GPUs that its NodeManager says it has; none where it says nothing."""
        told = self._told(container)
        return tuple(g for g in told.gpus if told.owners.get(g.minor) == container) if told else ()

    def minors(self, container: str) -> tuple[int, ...] | None:
        """Their minor numbers; None where its NodeManager says nothing."""
        told = self._told(container)
        return None if told is None else tuple(gpu.minor for gpu in self.of_container(container))

    def _told(self, container: str) -> NodeGpus | None:
        holder = self.holders.get(container)
        said = self.said.get(holder.http) if holder else None
        return said.gpus if said else None

    def trouble(self, container: str) -> str:
        """Why the node of this container tells nothing of its GPUs, for a person; empty where it does, or wasn't asked."""
        holder = self.holders.get(container)
        said = self.said.get(holder.http) if holder else None
        return f"{said.trouble}: {said.words}" if said and said.trouble else ""

    def _holder(self, http: str, told: NodeGpus | None, minor: int) -> Holder | None:
        """Only of a container that runs there: what a node says of those of others doesn't count."""
        holder = self.holders.get(told.owners.get(minor, "")) if told else None
        return holder if holder and holder.http == http else None


def holders(fleet: FleetPicture) -> dict[str, Holder]:
    """By container: the replicas that have one, of roles that were granted GPUs."""
    found: dict[str, Holder] = {}
    for picture in fleet.jobs.values():
        if picture.status.gpus:
            found.update((holder.container, holder) for holder in _of_job(picture))
    return found


def _of_job(picture: Picture) -> Iterator[Holder]:
    declared = picture.declared
    with_gpus = {name for name, role in picture.status.roles.items() if role.asked.gpus}
    for replica in picture.memory.replicas if picture.memory else ():
        if replica.bound and replica.http and replica.key.role in with_gpus:
            yield Holder(
                declared.uid,
                declared.namespace,
                declared.name,
                replica.key.role,
                replica.key.index,
                replica.container,
                replica.http,
                replica.node.rpartition(":")[0],
            )
