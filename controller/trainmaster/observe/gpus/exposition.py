"""The gauges of GPUs, made anew at each scrape from what is known then. Never here: counting, IO. docs/metrics.md lists them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from trainmaster.hadoop.gpus import Gpu
from trainmaster.master.picture import FleetPicture
from trainmaster.observe.gpus.values import Device, GpuPicture

LABELS = ("node", "gpu", "uuid", "job_namespace", "job_name", "role", "index")
_GAUGES: tuple[tuple[str, str, Callable[[Gpu], float | None]], ...] = (
    ("trainmaster_gpu_utilization_ratio", "Time in which a kernel ran on the GPU.", lambda g: g.utilization),
    ("trainmaster_gpu_memory_used_bytes", "Memory of the GPU in use.", lambda g: g.memory_used),
    ("trainmaster_gpu_memory_capacity_bytes", "Memory that the GPU has.", lambda g: g.memory),
    ("trainmaster_gpu_temperature_celsius", "Temperature of the GPU.", lambda g: g.temperature),
)


class GpuCollector(Collector):
    """A node that tells nothing has no series but the one that says so."""

    def __init__(self, fleet: Callable[[], FleetPicture], gpus: Callable[[], GpuPicture]) -> None:
        self._fleet, self._gpus = fleet, gpus

    def describe(self) -> Iterable[Metric]:
        return ()  # else the registry would take a picture at start-up, before there is a fleet

    def collect(self) -> Iterator[Metric]:
        gpus = self._gpus()
        yield from _devices(list(gpus.devices()))
        yield from _nodes(gpus)
        yield _cluster(self._fleet())


def _devices(devices: list[Device]) -> Iterator[Metric]:
    labelled = [(_labels(device), device.gpu) for device in devices]
    for name, text, value in _GAUGES:
        gauge = GaugeMetricFamily(name, text, labels=LABELS)
        for labels, gpu in labelled:
            if (told := value(gpu)) is not None:
                gauge.add_metric(labels, told)
        yield gauge


def _labels(device: Device) -> tuple[str, ...]:
    holder, gpu = device.holder, device.gpu
    whose = (holder.namespace, holder.job, holder.role, str(holder.index)) if holder else ("", "", "", "")
    return device.host, str(gpu.minor), gpu.uuid, *whose


def _nodes(gpus: GpuPicture) -> Iterator[Metric]:
    up = GaugeMetricFamily(
        "trainmaster_gpu_node_up", "1 if the node told of its GPUs when asked last.", labels=["node"]
    )
    trouble = GaugeMetricFamily(
        "trainmaster_gpu_node_trouble", "Always 1: why the node tells nothing.", labels=["node", "reason"]
    )
    for host, said in {said.host: said for said in gpus.said.values()}.items():
        up.add_metric([host], said.trouble is None)
        if said.trouble:
            trouble.add_metric([host, str(said.trouble)], 1)
    yield up
    yield trouble


def _cluster(fleet: FleetPicture) -> Metric:
    gauge = GaugeMetricFamily(
        "trainmaster_cluster_gpus",
        "GPUs that YARN knows of; the sum over the states is all.",
        labels=["node_label", "state"],
    )
    for label, count in sorted(fleet.gpus.by_label.items()):
        gauge.add_metric([label, "allocated"], count.allocated)
        gauge.add_metric([label, "free"], count.free)
        gauge.add_metric([label, "unhealthy"], count.unhealthy)
    return gauge
