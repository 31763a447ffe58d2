"""Builders of jobs whose containers use something: `using("mnist", {"c1": "n1"})` reads as a sentence."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from observe.pictures import picture
from trainmaster.api.status import ReplicaState, ReplicaStatus, ResourceStatus, RoleStatus
from trainmaster.hadoop.container_use import Use
from trainmaster.master.picture import Picture
from trainmaster.observe.use.values import Said
from trainmaster.plan.memory import Key, ReplicaMemory

MIB = 1024 * 1024


def training(
    name: str = "mnist", containers: Mapping[str, str] = {"c1": "n1"}, memory: int = 1024, vcores: int = 2
) -> Picture:
    """A job whose workers have these containers on these hosts, of so many MiB and vcores each."""
    shown = picture(name)
    assert shown.memory
    granted = ResourceStatus(memory_mib=memory, vcores=vcores)
    replicas = tuple(
        ReplicaMemory(Key("worker", index), container=container, node=f"{host}:8041", http=f"{host}:8042")
        for index, (container, host) in enumerate(containers.items())
    )
    told = tuple(
        ReplicaStatus(index=i, state=ReplicaState.RUNNING, container=c, node=host, granted=granted)
        for i, (c, host) in enumerate(containers.items())
    )
    role = RoleStatus(wanted=len(replicas), running=len(replicas), asked=granted, replicas=told)
    status = shown.status.model_copy(update={"roles": {"worker": role}})
    return replace(shown, status=status, memory=replace(shown.memory, replicas=replicas))


def uses(memory: float, cores: float, peak: float | None = None) -> Use:
    """In MiB and cores."""
    return Use(int(memory * MIB), int((peak or memory) * MIB), cores, cores)


def told(**nodes: Mapping[str, Use]) -> dict[str, Said]:
    """What these nodes say of containers."""
    return {f"{host}:8042": Said(host, used) for host, used in nodes.items()}
