"""What jobs, replicas, nodes and GPUs use against what they asked for, as the JSON of the API. Pure.

Here and not in a job's status: numbers that change with each look would be a write of each job every half a minute. Whoever looks
is told of jobs that he may see; of what else is on a node only what the ResourceManager says of it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import islice
from typing import Any, Final

from trainmaster.api.selectors import selector
from trainmaster.hadoop.gpus import Gpu
from trainmaster.master.picture import FleetPicture, Picture
from trainmaster.observe.gpus.values import GpuPicture
from trainmaster.observe.job_gauges import is_live
from trainmaster.observe.use.curves import UsePicture
from trainmaster.observe.use.values import MIB, ReplicaUse, uses_of
from trainmaster.plan.cluster import Node
from trainmaster.web.listing import queue_of, state_of, user_of

Json = dict[str, Any]
Told = tuple[Picture, ReplicaUse]
MOST: Final = 10_000
"""rows of one answer"""
UNASKED: Final = "nobody is asked: the controller's setting use.poll_interval is 0"


def use_json(
    fleet: FleetPicture,
    nodes: Sequence[Node],
    gpus: GpuPicture,
    use: UsePicture,
    of: str,
    words: Mapping[str, str],
) -> Json:
    """Rows of `of` (jobs, replicas, nodes or gpus) of the live jobs that `namespace`, `job` and `selector` choose, MOST at most,
    and how many there are besides. `fleet` has the jobs that the viewer may see. InvalidError for what is no selector."""
    told = [(p, r) for p in _chosen(fleet, words) for r in uses_of(p, use.said)]
    make: dict[str, Callable[[], Iterable[Json]]] = {
        "jobs": lambda: _jobs(told, gpus.busy()),
        "replicas": lambda: (_replica(p, r, gpus.busy_of(r.container)) for p, r in told),
        "nodes": lambda: _nodes(told, nodes),
        "gpus": lambda: _gpus(told, gpus),
    }
    rows = iter(make[of]())
    shown = list(islice(rows, MOST))
    why = (r if use.asked else replace(r, trouble=UNASKED) for _, r in told)
    return {"rows": shown, "leftOut": sum(1 for _ in rows), "troubles": troubles(why)}


def _chosen(fleet: FleetPicture, words: Mapping[str, str]) -> list[Picture]:
    namespace, name, selects = words.get("namespace"), words.get("job"), selector(words.get("selector", ""))
    chosen = (
        p
        for p in fleet.jobs.values()
        if is_live(p)
        and namespace in {None, p.declared.namespace}
        and name in {None, p.declared.name}
        and selects(p.declared.job.metadata.labels if p.declared.job else {})
    )
    return sorted(chosen, key=lambda p: (p.declared.namespace, p.declared.name))


def troubles(replicas: Iterable[ReplicaUse]) -> list[Json]:
    """Why nodes tell nothing, each reason once."""
    hosts: dict[str, set[str]] = defaultdict(set)
    for replica in replicas:
        if replica.trouble:
            hosts[replica.trouble].add(replica.host)
    return [
        {"trouble": why, "nodes": len(which), "first": min(which)} for why, which in sorted(hosts.items())
    ]


def _jobs(told: list[Told], busy: Mapping[str, float]) -> Iterator[Json]:
    by_job: dict[str, list[Told]] = defaultdict(list)
    for picture, replica in told:
        by_job[picture.declared.uid].append((picture, replica))
    for several in by_job.values():
        picture, replicas = several[0][0], [r for _, r in several]
        loads = [busy[r.container] for r in replicas if r.container in busy]
        yield {
            **_name(picture),
            "state": state_of(picture),
            "user": user_of(picture),
            "queue": queue_of(picture),
            "replicas": len(replicas),
            **_sums(replicas),
            **_load(sum(loads) / len(loads) if loads else None),
        }


def _replica(picture: Picture, replica: ReplicaUse, load: float | None) -> Json:
    return {
        **_name(picture),
        "role": replica.role,
        "index": replica.index,
        "node": replica.host,
        "container": replica.container,
        **_sums([replica]),
        **_load(load),
    }


def _nodes(told: list[Told], nodes: Sequence[Node]) -> Iterator[Json]:
    by_host: dict[str, list[ReplicaUse]] = defaultdict(list)
    for _, replica in told:
        by_host[replica.host].append(replica)
    known = {node.host: node for node in nodes}
    for host, replicas in sorted(by_host.items()):
        total = known[host].total if host in known else None
        room = {"memory": total.memory * MIB, "vcores": total.vcores, "gpus": total.gpus} if total else {}
        yield {"node": host, "replicas": len(replicas), **_sums(replicas), "total": room}


def _gpus(told: list[Told], gpus: GpuPicture) -> Iterator[Json]:
    for picture, replica in told:
        for gpu in gpus.of_container(replica.container):
            whose = {"role": replica.role, "index": replica.index, "node": replica.host}
            yield {**_name(picture), **whose, **_gpu(gpu)}


def _gpu(gpu: Gpu) -> Json:
    memory = {"used": gpu.memory_used, "total": gpu.memory}
    return {"gpu": gpu.minor, "uuid": gpu.uuid, **_load(gpu.utilization), "memory": _known(memory)} | _known(
        {"celsius": gpu.temperature}
    )


def _name(picture: Picture) -> Json:
    return {"namespace": picture.declared.namespace, "job": picture.declared.name}


def _sums(replicas: list[ReplicaUse]) -> Json:
    """Sums over replicas: of what is used over those that are told of, whose number stands beside it. `peakRatio` is the most
    that any of them used of what it has."""
    used = [r.use for r in replicas if r.use]
    memory = [u.memory for u in used if u.memory is not None]
    cores = [u.cores for u in used if u.cores is not None]
    peaks = [r.peak_ratio for r in replicas if r.peak_ratio is not None]
    told = {
        "requested": sum(r.memory_asked for r in replicas),
        "used": sum(memory) if memory else None,
        "peak": sum(u.memory_peak or 0 for u in used) if memory else None,
        "peakRatio": round(max(peaks), 4) if peaks else None,
    }
    cpu = {
        "requestedVcores": sum(r.asked.vcores for r in replicas),
        "usedCores": round(sum(cores), 3) if cores else None,
        "peakCores": round(sum(u.cores_peak or 0.0 for u in used), 3) if cores else None,
    }
    gpus = sum(r.asked.gpus for r in replicas)
    return {"told": len(used), "memory": _known(told), "cpu": _known(cpu), "gpus": gpus}


def _load(ratio: float | None) -> Json:
    return {} if ratio is None else {"utilization": round(ratio, 4)}


def _known(values: Json) -> Json:
    """Without what isn't: absent is not the same as none."""
    return {name: value for name, value in values.items() if value is not None}
