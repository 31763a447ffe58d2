"""Which containers hold GPUs, what nodes said of theirs, and both joined. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from trainmaster.api.status import JobStatus
from trainmaster.hadoop.gpus import Gpu, GpuTrouble, NodeGpus
from trainmaster.master.picture import FleetPicture, Picture
from trainmaster.plan.memory import Memory


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
    held: Mapping[str, tuple[Gpu, ...]] = field(default_factory=dict)
    """by container: the GPUs that are assigned to it"""


def heard(host: str, gpus: NodeGpus) -> Said:
    """What a node said, in an answer that is one."""
    held: dict[str, tuple[Gpu, ...]] = {}
    for gpu in gpus.gpus:
        if owner := gpus.owners.get(gpu.minor):
            held[owner] = (*held.get(owner, ()), gpu)
    return Said(host, gpus, held=held)


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
        said = self._said(container)
        return said.held.get(container, ()) if said else ()

    def minors(self, container: str) -> tuple[int, ...] | None:
        """Their minor numbers; None where its NodeManager says nothing."""
        said = self._said(container)
        return tuple(gpu.minor for gpu in said.held.get(container, ())) if said and said.gpus else None

    def trouble(self, container: str) -> str:
        """Why the node of this container tells nothing of its GPUs, for a person; empty where it does, or wasn't asked."""
        said = self._said(container)
        return f"{said.trouble}: {said.words}" if said and said.trouble else ""

    def busy(self) -> dict[str, float]:
        """By container: how busy its GPUs are on the average, 0 to 1; of those of which that is known."""
        loads = {container: self.busy_of(container) for container in self.holders}
        return {container: load for container, load in loads.items() if load is not None}

    def busy_of(self, container: str) -> float | None:
        """How busy its GPUs are on the average; None where that isn't known."""
        loads = [gpu.utilization for gpu in self.of_container(container) if gpu.utilization is not None]
        return sum(loads) / len(loads) if loads else None

    def _said(self, container: str) -> Said | None:
        holder = self.holders.get(container)
        return self.said.get(holder.http) if holder else None

    def _holder(self, http: str, told: NodeGpus | None, minor: int) -> Holder | None:
        """Only of a container that runs there: what a node says of those of others doesn't count."""
        holder = self.holders.get(told.owners.get(minor, "")) if told else None
        return holder if holder and holder.http == http else None


class Holders:
    """Who holds GPUs, worked out anew only for jobs of which something is new: this is asked every other second."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[Memory, JobStatus, tuple[Holder, ...]]] = {}

    def of(self, fleet: FleetPicture) -> dict[str, Holder]:
        """By container: the replicas that have one, of roles that were granted GPUs."""
        before, self._known = self._known, {}
        for uid, picture in fleet.jobs.items():
            if picture.status.gpus and picture.memory:
                known = before.get(uid)
                same = known and known[0] is picture.memory and known[1] is picture.status
                self._known[uid] = (
                    known if known and same else (picture.memory, picture.status, tuple(_of_job(picture)))
                )
        return {holder.container: holder for _, _, found in self._known.values() for holder in found}


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
