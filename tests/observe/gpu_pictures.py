"""Builders of jobs that hold GPUs: `training("mnist", containers={"c1": "n1"})` reads as a sentence."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from hadoop.gpu_answers import answer, device
from observe.pictures import picture
from trainmaster.api.status import JobStatus, ResourceStatus, RoleStatus
from trainmaster.hadoop.gpus import read
from trainmaster.master.picture import Picture
from trainmaster.observe.gpus.values import Said, heard
from trainmaster.plan.memory import Key, ReplicaMemory

GPU = ResourceStatus(memory_mib=1024, vcores=1, gpus=1)


def training(name: str = "mnist", containers: Mapping[str, str] = {"c1": "n1"}, gpus: int = 1) -> Picture:
    """A job whose workers hold these containers on these hosts, with so many GPUs each."""
    shown = picture(name)
    assert shown.memory
    assert shown.memory.application
    replicas = tuple(
        ReplicaMemory(Key("worker", index), container=container, node=f"{host}:8041", http=f"{host}:8042")
        for index, (container, host) in enumerate(containers.items())
    )
    asked = GPU.model_copy(update={"gpus": gpus})
    status = JobStatus(
        state="Running",
        user="alice",
        gpus=gpus * len(containers),
        roles={"worker": RoleStatus(wanted=len(replicas), asked=asked)},
    )
    application = replace(shown.memory.application, queue="gpu")
    return replace(
        shown, status=status, memory=replace(shown.memory, replicas=replicas, application=application)
    )


def said(host: str, owners: Mapping[int, str], *percents: float) -> Said:
    """That node's GPUs are as busy as that."""
    devices = [device(minor, percent, 1024) for minor, percent in enumerate(percents)]
    return heard(host, read(answer(*devices, owners=dict(owners)).encode()))
