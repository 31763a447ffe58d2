"""What is shown of GPUs: those of the cluster in sums, and those of each container as others found them. No decision."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from trainmaster.hadoop.values import NodeReport, NodeState
from trainmaster.plan.values import HeldGpus


@dataclass(frozen=True, slots=True)
class GpuCount:
    """GPUs of the nodes of one label; the sum of the three is all that are known."""

    allocated: int = 0
    free: int = 0
    unhealthy: int = 0
    """of nodes that the ResourceManager gives nothing of, because they call themselves unhealthy"""

    def __add__(self, other: GpuCount) -> GpuCount:
        return GpuCount(
            self.allocated + other.allocated, self.free + other.free, self.unhealthy + other.unhealthy
        )


@dataclass(frozen=True)
class ClusterGpus:
    """One look at the cluster."""

    by_label: Mapping[str, GpuCount]
    """by node label; empty for nodes without one"""
    nodes: Mapping[str, str]
    """web address (host:port) of each usable NodeManager with GPUs -> its host"""


NO_GPUS = ClusterGpus({}, {})


def cluster_gpus(reports: Iterable[NodeReport]) -> ClusterGpus:
    """From the ResourceManager's reports. Lost and decommissioned nodes are no part of the cluster."""
    counts: dict[str, GpuCount] = {}
    nodes: dict[str, str] = {}
    for report in reports:
        if report.total.gpus and (count := _count(report)):
            label = next(iter(report.labels), "")
            counts[label] = counts.get(label, GpuCount()) + count
            if report.state.usable and report.http:
                nodes[report.http] = report.host
    return ClusterGpus(counts, nodes)


def _count(report: NodeReport) -> GpuCount | None:
    total, used = report.total.gpus, report.used.gpus
    if report.state.usable:
        return GpuCount(allocated=used, free=max(0, total - used))
    return GpuCount(unhealthy=total) if report.state is NodeState.UNHEALTHY else None


class FoundGpus:
    """By job: its containers' GPUs, as their NodeManagers told whoever asked them (observe/gpus)."""

    def __init__(self) -> None:
        self._found: dict[str, Mapping[str, HeldGpus]] = {}

    def of(self, uid: str) -> Mapping[str, HeldGpus]:
        """By container; empty where nothing is known."""
        return self._found.get(uid, {})

    def put(self, uid: str, found: Mapping[str, HeldGpus]) -> None:
        self._found[uid] = found

    def keep_only(self, uids: Iterable[str]) -> None:
        """Forget the others: they hold none any more."""
        self._found = {uid: self._found[uid] for uid in uids if uid in self._found}
