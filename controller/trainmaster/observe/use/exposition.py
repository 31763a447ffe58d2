"""The gauges of what replicas use, made anew at each scrape from what is known then. docs/metrics.md lists them.

Never here: counting, IO.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from trainmaster.master.picture import FleetPicture
from trainmaster.observe.job_gauges import is_live
from trainmaster.observe.use.values import ReplicaUse, SaidBy, uses_of

LABELS = ("job_namespace", "job_name", "role", "index")
MOST = 10_000
"""replicas that have series of their own"""
Told = Callable[[ReplicaUse], float | None]
_GAUGES: tuple[tuple[str, str, Told], ...] = (
    (
        "trainmaster_replica_memory_requested_bytes",
        "Memory granted to a replica.",
        lambda r: r.memory_asked or None,
    ),
    (
        "trainmaster_replica_memory_used_bytes",
        "Physical memory that its processes use.",
        lambda r: r.use.memory if r.use else None,
    ),
    (
        "trainmaster_replica_memory_peak_bytes",
        "The most of it that its NodeManager saw.",
        lambda r: r.use.memory_peak if r.use else None,
    ),
    (
        "trainmaster_replica_vcores_requested",
        "Virtual cores granted to it.",
        lambda r: r.asked.vcores or None,
    ),
    (
        "trainmaster_replica_cpu_used_cores",
        "Cores of CPU that its processes use.",
        lambda r: r.use.cores if r.use else None,
    ),
    (
        "trainmaster_replica_cpu_peak_cores",
        "The most of it that its NodeManager saw.",
        lambda r: r.use.cores_peak if r.use else None,
    ),
)


class UseCollector(Collector):
    """Series of replicas of which their nodes tell; a node that tells nothing is counted alone."""

    def __init__(self, fleet: Callable[[], FleetPicture], said: Callable[[], SaidBy]) -> None:
        self._fleet, self._said = fleet, said

    def describe(self) -> Iterable[Metric]:
        return ()  # else the registry would take a picture at start-up, before there is a fleet

    def collect(self) -> Iterator[Metric]:
        said = self._said()
        measured = list(_measured(self._fleet(), said)) if said else []
        labelled = measured[:MOST]
        for name, text, value in _GAUGES:
            gauge = GaugeMetricFamily(name, text, labels=LABELS)
            for labels, replica in labelled:
                if (told := value(replica)) is not None:
                    gauge.add_metric(labels, told)
            yield gauge
        left_out = GaugeMetricFamily(
            "trainmaster_replica_use_left_out", "Replicas without series of what they use."
        )
        left_out.add_metric([], len(measured) - len(labelled))
        yield left_out
        yield _nodes(said)


def _measured(fleet: FleetPicture, said: SaidBy) -> Iterator[tuple[tuple[str, ...], ReplicaUse]]:
    for picture in fleet.jobs.values():
        if is_live(picture):
            job = picture.declared.namespace, picture.declared.name
            yield from (((*job, r.role, str(r.index)), r) for r in uses_of(picture, said) if r.use)


def _nodes(said: SaidBy) -> Metric:
    gauge = GaugeMetricFamily(
        "trainmaster_use_nodes", "Nodes of our containers by what they tell of their use.", labels=["state"]
    )
    for state, number in sorted(Counter(str(each.trouble or "Told") for each in said.values()).items()):
        gauge.add_metric([state], number)
    return gauge
