"""GPUs joined with their holders: the gauges, and the bill."""

from __future__ import annotations

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from hadoop.gpu_answers import CONTAINER
from observe.gpu_pictures import said, training
from observe.pictures import fleet, picture
from trainmaster.hadoop.gpus import GpuTrouble
from trainmaster.hadoop.values import NodeReport, NodeState, Resource
from trainmaster.master.gpus import GpuCount, cluster_gpus
from trainmaster.master.picture import FleetPicture
from trainmaster.observe.gpus.bill import Bill
from trainmaster.observe.gpus.exposition import GpuCollector
from trainmaster.observe.gpus.values import GpuPicture, Holders, Said

HELD = {"job_namespace": "vision", "user": "alice", "queue": "gpu"}


def gpus_of(shown: FleetPicture, *nodes: Said) -> GpuPicture:
    return GpuPicture({f"{node.host}:8042": node for node in nodes}, Holders().of(shown))


def registry_of(shown: FleetPicture, *nodes: Said) -> CollectorRegistry:
    registry, gpus = CollectorRegistry(), gpus_of(shown, *nodes)
    registry.register(GpuCollector(lambda: shown, lambda: gpus))
    return registry


def labels(minor: int, host: str = "n1", **whose: str) -> dict[str, str]:
    free = {"job_namespace": "", "job_name": "", "role": "", "index": ""}
    uuid = f"GPU-00000000-0000-0000-0000-{minor:012d}"
    return {"node": host, "gpu": str(minor), "uuid": uuid, **free, **whose}


def test_a_gpu_carries_the_replica_that_holds_it_and_a_free_one_nobody() -> None:
    registry = registry_of(fleet(training()), said("n1", {1: "c1"}, 0, 87))
    mine = {"job_namespace": "vision", "job_name": "mnist", "role": "worker", "index": "0"}
    assert registry.get_sample_value("trainmaster_gpu_utilization_ratio", labels(1, **mine)) == 0.87
    assert registry.get_sample_value("trainmaster_gpu_memory_used_bytes", labels(1, **mine)) == 1024**3
    assert (
        registry.get_sample_value("trainmaster_gpu_memory_capacity_bytes", labels(1, **mine)) == 16 * 1024**3
    )
    assert registry.get_sample_value("trainmaster_gpu_temperature_celsius", labels(1, **mine)) == 30
    assert registry.get_sample_value("trainmaster_gpu_utilization_ratio", labels(0)) == 0
    assert registry.get_sample_value("trainmaster_gpu_node_up", {"node": "n1"}) == 1


def test_prometheus_own_target_labels_are_left_alone() -> None:
    text = generate_latest(registry_of(fleet(training()), said("n1", {0: "c1"}, 1))).decode()
    for label in ("job=", "namespace=", "instance="):
        assert f"{{{label}" not in text
        assert f",{label}" not in text


def test_what_a_node_says_of_a_container_elsewhere_does_not_count() -> None:
    shown = fleet(training(containers={"c1": "n1", "c2": "n2"}))
    registry = registry_of(shown, said("n2", {0: "c1"}, 99))
    assert registry.get_sample_value("trainmaster_gpu_utilization_ratio", labels(0, "n2")) == 0.99


def test_two_node_managers_of_one_host_make_no_series_twice() -> None:
    shown = fleet(training())
    gpus = GpuPicture({"n1:1": said("n1", {}, 1), "n1:2": said("n1", {}, 2)}, Holders().of(shown))
    assert len(list(gpus.devices())) == 1


def test_a_node_that_tells_nothing_has_no_numbers_and_says_why() -> None:
    silent = Said("n1", None, GpuTrouble.LATCHED, "words")
    registry = registry_of(fleet(training()), silent)
    reason = {"node": "n1", "reason": "Latched"}
    assert registry.get_sample_value("trainmaster_gpu_node_up", {"node": "n1"}) == 0
    assert registry.get_sample_value("trainmaster_gpu_node_trouble", reason) == 1
    assert "utilization_ratio{" not in generate_latest(registry).decode()


def test_jobs_without_gpus_are_not_looked_at() -> None:
    assert Holders().of(fleet(picture(), training("bert", {CONTAINER: "n3"}))).keys() == {CONTAINER}


# --- the cluster


def report(host: str, state: NodeState, total: int, used: int, *labels_: str) -> NodeReport:
    had, has = Resource(1, 1, used), Resource(9, 9, total)
    return NodeReport(f"{host}:1", f"{host}:2", "/r", state, had, has, 1, "", labels_)


def test_gpus_of_the_cluster_add_up_by_label() -> None:
    found = cluster_gpus(
        (
            report("a", NodeState.RUNNING, 4, 3),
            report("b", NodeState.RUNNING, 8, 8, "a100"),
            report("c", NodeState.UNHEALTHY, 8, 0, "a100"),
            report("d", NodeState.LOST, 8, 0, "a100"),
            report("e", NodeState.RUNNING, 0, 0),
        )
    )
    assert found.by_label == {"": GpuCount(3, 1), "a100": GpuCount(8, 0, 8)}
    assert found.nodes == {"a:2": "a", "b:2": "b"}
    registry = registry_of(fleet(gpus=found))
    name, label = "trainmaster_cluster_gpus", {"node_label": "a100"}
    assert registry.get_sample_value(name, label | {"state": "unhealthy"}) == 8
    assert registry.get_sample_value(name, label | {"state": "free"}) == 0


# --- the bill


def billed(*turns: tuple[FleetPicture, GpuPicture, float]) -> tuple[float | None, ...]:
    """GPU seconds held, measured and idle, of alice."""
    registry = CollectorRegistry()
    bill = Bill(registry)
    for turn in turns:
        bill.count(*turn)
    kinds = ("held", "measured", "idle")
    return tuple(registry.get_sample_value(f"trainmaster_gpu_{kind}_seconds_total", HELD) for kind in kinds)


def test_held_counts_whether_or_not_a_node_tells_of_it() -> None:
    shown = fleet(training(gpus=4))
    assert billed((shown, GpuPicture(), 10), (shown, GpuPicture(), 12.5)) == (10, 0, 0)


@pytest.mark.parametrize(("percent", "idle"), [(0, 2), (4.9, 2), (5, 0), (100, 0)])
def test_idle_is_what_was_measured_and_hardly_used(percent: float, idle: float) -> None:
    shown = fleet(training(gpus=2))
    gpus = gpus_of(shown, said("n1", {0: "c1"}, percent, 100))
    assert billed((shown, gpus, 10), (shown, gpus, 12)) == (4, 2, idle)


def test_time_without_leading_is_nobodys() -> None:
    shown, standby = fleet(training()), fleet(training(), leading=False)
    none = GpuPicture()
    assert billed((shown, none, 0), (standby, none, 100), (shown, none, 200), (shown, none, 201)) == (1, 0, 0)
