"""What is known of nodes, as the JSON of the API: what each holds of ours, its GPUs, who leaves it alone and why. Pure.

Whoever looks is told of jobs that he may see by name, and of all others only how many there are.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from trainmaster.api.status import timestamp
from trainmaster.hadoop.gpus import Gpu
from trainmaster.master.picture import FleetPicture, Picture
from trainmaster.observe.gpus.values import Device, GpuPicture
from trainmaster.plan.avoidance import still
from trainmaster.plan.cluster import NO_LIMIT, Size
from trainmaster.plan.health import CalledBad, Told
from trainmaster.plan.suspects import Suspect
from trainmaster.web.access import Viewer

Json = dict[str, Any]


@dataclass(slots=True)
class Ours:
    """What the jobs of this controller have on one node."""

    containers: int = 0
    memory: int = 0
    vcores: int = 0
    gpus: int = 0
    jobs: dict[str, int] = field(default_factory=dict)
    """by namespace/name: containers, of jobs that the viewer may see"""
    avoided_by: list[Json] = field(default_factory=list)
    """those of these jobs that ask for nothing there"""
    avoiding: int = 0
    """of all jobs"""


def nodes_json(fleet: FleetPicture, viewer: Viewer, gpus: GpuPicture, now: float) -> Json:
    """All nodes of the cluster, and those that are gone and still matter, by name. `now` is in seconds since the epoch."""
    names = {
        uid: f"{p.declared.namespace}/{p.declared.name}" for uid, p in viewer.seen_of(fleet).jobs.items()
    }
    return {
        "nodes": list(_rows(fleet, _ours(fleet, names, now), set(names.values()), gpus)),
        "sources": [_source(name, told) for name, told in sorted(fleet.node_sources.items())],
    }


def _rows(
    fleet: FleetPicture, ours: Mapping[str, Ours], seen: Collection[str], gpus: GpuPicture
) -> Iterator[Json]:
    nodes = {node.host: node for node in fleet.nodes}
    suspects, devices = {each.host: each for each in fleet.suspects}, defaultdict[str, list[Device]](list)
    called = defaultdict[str, list[CalledBad]](list)
    for device in gpus.devices():
        devices[device.host].append(device)
    for each in fleet.called_bad:
        called[each.host].append(each)
    for host in sorted({*nodes, *suspects, *ours}):
        row: Json = {"host": host, "inCluster": host in nodes}
        if node := nodes.get(host):
            row |= {"rack": node.rack, "label": node.partition}
            row |= {"total": _size(node.total), "free": _size(node.free)}
        row |= _of_ours(ours.get(host) or Ours())
        row["gpus"] = [_gpu(each, seen) for each in devices[host]]
        if suspect := suspects.get(host):
            row["suspect"] = _suspect(suspect, seen)
        row["calledBad"] = [_called(each) for each in called[host]]
        if cleared := fleet.cleared.get(host):
            row["cleared"] = timestamp(cleared)
        yield row


def _ours(fleet: FleetPicture, names: Mapping[str, str], now: float) -> dict[str, Ours]:
    """`names`: of the jobs that the viewer may see, by uid."""
    found = defaultdict[str, Ours](Ours)
    for uid, picture in fleet.jobs.items():
        _add_held(found, picture, names.get(uid))
        _add_avoided(found, picture, names.get(uid), fleet.cleared, now)
    return found


def _add_held(found: dict[str, Ours], picture: Picture, name: str | None) -> None:
    for role in picture.status.roles.values():
        for replica in role.replicas:
            if replica.granted and replica.node:
                ours = found[replica.node]
                ours.containers += 1
                ours.memory += replica.granted.memory_mib
                ours.vcores += replica.granted.vcores
                ours.gpus += replica.granted.gpus
                if name:
                    ours.jobs[name] = ours.jobs.get(name, 0) + 1


def _add_avoided(
    found: dict[str, Ours], picture: Picture, name: str | None, cleared: Mapping[str, float], now: float
) -> None:
    """Of jobs that may still ask for something."""
    memory = picture.memory
    if memory is None or memory.closing_since or memory.verdict:
        return
    for one in still(memory.avoided, now, cleared):
        if one.until <= now:
            continue
        found[one.host].avoiding += 1
        if name:
            about = {"job": name, "cause": one.cause, "times": one.times, "until": timestamp(one.until)}
            found[one.host].avoided_by.append(about)


def _of_ours(ours: Ours) -> Json:
    held = {"containers": ours.containers, "memoryMiB": ours.memory, "vcores": ours.vcores, "gpus": ours.gpus}
    jobs = [{"job": name, "containers": number} for name, number in sorted(ours.jobs.items())]
    return {"ours": held, "jobs": jobs, "avoidedBy": ours.avoided_by, "avoidingJobs": ours.avoiding}


def _size(size: Size) -> Json:
    """Vcores are left out where the scheduler doesn't heed them."""
    heeded = abs(size.vcores) < NO_LIMIT // 2
    return {"memoryMiB": size.memory, **({"vcores": size.vcores} if heeded else {}), "gpus": size.gpus}


def _gpu(device: Device, seen: Collection[str]) -> Json:
    gpu: Gpu = device.gpu
    holder = device.holder
    name = f"{holder.namespace}/{holder.job}" if holder else ""
    told = {"minor": gpu.minor, "utilization": gpu.utilization, "temperature": gpu.temperature}
    return {**told, **({"job": name} if name in seen else {}), "ours": holder is not None}


def _suspect(suspect: Suspect, seen: Collection[str]) -> Json:
    witnesses = [w for w in suspect.witnesses if w.job in seen]
    return {
        "jobs": suspect.jobs,
        "avoided": suspect.avoided,
        **({} if suspect.avoided else {"whyNot": suspect.why_not}),
        "causes": suspect.causes,
        "evidence": [
            {"job": w.job, "cause": w.cause, "times": w.times, "at": timestamp(w.at)} for w in witnesses
        ],
    }


def _called(each: CalledBad) -> Json:
    return {**asdict(each), "since": timestamp(each.since)}


def _source(name: str, told: Told) -> Json:
    answered = {"answered": timestamp(told.at)} if told.at else {}
    return {"name": name, "nodes": len(told.bad), **answered, "trouble": told.trouble}
