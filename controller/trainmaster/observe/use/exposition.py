"""The gauges of what replicas use, made anew at each scrape from what is known then. docs/metrics.md lists them.

Never here: counting, IO.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Set

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from trainmaster.hadoop.container_use import Use
from trainmaster.master.picture import FleetPicture, Picture
from trainmaster.observe.job_gauges import is_live
from trainmaster.observe.use.values import MIB, SaidBy

OF_ROLE = ("job_namespace", "job_name", "role")
OF_REPLICA = (*OF_ROLE, "index")
MOST = 10_000
"""replicas that have series of their own"""


Role = tuple[str, str, str]
"""namespace and name of a job, and a role of it"""
Measured = tuple[Role, int, Use]
"""a replica: its role, its index, and what it uses"""


class UseCollector(Collector):
    """Series of replicas of which their nodes tell; a node that tells nothing is counted alone."""

    def __init__(self, fleet: Callable[[], FleetPicture], said: Callable[[], SaidBy]) -> None:
        self._fleet, self._said = fleet, said

    def describe(self) -> Iterable[Metric]:
        return ()  # else the registry would take a picture at start-up, before there is a fleet

    def collect(self) -> Iterator[Metric]:
        said, fleet = self._said(), self._fleet()
        measured = (
            [each for p in fleet.jobs.values() if is_live(p) for each in used_in(p, said)] if said else []
        )
        yield from _replicas(measured[:MOST])
        yield from _roles(fleet, {role for role, _, _ in measured})
        left_out = _gauge("replica_use_left_out", "Replicas without series of what they use.", ())
        left_out.add_metric([], max(0, len(measured) - MOST))
        yield left_out
        yield _nodes(said)


def used_in(picture: Picture, said: SaidBy) -> Iterator[Measured]:
    """Replicas of a job of which something is told: no more than that, since there are thousands at each scrape."""
    for replica in picture.memory.replicas if picture.memory else ():
        told = said.get(replica.http) if replica.container else None
        if told and (use := told.used.get(replica.container)):
            yield (
                (picture.declared.namespace, picture.declared.name, replica.key.role),
                replica.key.index,
                use,
            )


def _replicas(measured: list[Measured]) -> Iterator[Metric]:
    """Three for each, and no more: each costs."""
    used = _gauge("replica_memory_used_bytes", "Physical memory that its processes use.", OF_REPLICA)
    peak = _gauge("replica_memory_peak_bytes", "The most of it that its NodeManager saw.", OF_REPLICA)
    cores = _gauge("replica_cpu_used_cores", "Cores of CPU that its processes use.", OF_REPLICA)
    for role, index, use in measured:
        labels = (*role, str(index))
        for gauge, value in ((used, use.memory), (peak, use.memory_peak), (cores, use.cores)):
            if value is not None:
                gauge.add_metric(labels, value)
    return iter((used, peak, cores))


def _roles(fleet: FleetPicture, measured: Set[Role]) -> Iterator[Metric]:
    """What each of its replicas asked for."""
    memory = _gauge("role_memory_requested_bytes", "Memory that each of its replicas asked for.", OF_ROLE)
    vcores = _gauge("role_vcores_requested", "Virtual cores that each of its replicas asked for.", OF_ROLE)
    for picture in fleet.jobs.values() if measured else ():
        for name, role in picture.status.roles.items():
            labels = picture.declared.namespace, picture.declared.name, name
            if labels in measured:
                memory.add_metric(labels, role.asked.memory_mib * MIB)
                vcores.add_metric(labels, role.asked.vcores)
    return iter((memory, vcores))


def _gauge(name: str, text: str, labels: tuple[str, ...]) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"trainmaster_{name}", text, labels=labels)


def _nodes(said: SaidBy) -> Metric:
    gauge = GaugeMetricFamily(
        "trainmaster_use_nodes", "Nodes of our containers by what they tell of their use.", labels=["state"]
    )
    for state, number in sorted(Counter(str(each.trouble or "Told") for each in said.values()).items()):
        gauge.add_metric([state], number)
    return gauge
