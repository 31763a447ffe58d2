"""What others are told of real jobs: what their containers use, as real NodeManagers measure it, and a trace of each run."""

from __future__ import annotations

import sys

import pytest
import requests
from prometheus_client.parser import text_string_to_metric_families

from observe.collector import Collector
from rare import rare
from real.cluster import until
from real.controllers import Controller
from real.rooms import Room, eager
from trainmaster.api.status import ConditionType as C

MIB = 1024 * 1024
TAKES = f"{sys.executable} -c 'import time; held = bytearray(100 << 20); time.sleep(600)'"


@pytest.fixture(scope="module")
def kind() -> str:
    return "folder"


def sample(controller: Controller, name: str) -> float:
    """Of the one replica; 0 while nothing is told."""
    text = requests.get(f"{controller.monitoring}/metrics", timeout=10).text
    found = [s.value for f in text_string_to_metric_families(text) for s in f.samples if s.name == name]
    return found[0] if found else 0.0


@rare("tests/hadoop/test_container_use.py::test_the_last_period_and_the_most_are_told_in_bytes_and_cores")
def test_a_process_that_takes_100_mb_is_seen(room: Room) -> None:
    controller = room.controller(TRAINMASTER_USE__POLL_INTERVAL="5")
    worker = {"command": TAKES, "resources": {"memory": "512Mi", "vcores": 1}}
    room.drop("big", eager(worker=worker))
    room.until_true("big", C.RUNNING)

    until(lambda: sample(controller, "trainmaster_replica_memory_used_bytes") >= 100 * MIB, 60)

    assert sample(controller, "trainmaster_replica_memory_used_bytes") < 200 * MIB
    peak = sample(controller, "trainmaster_replica_memory_peak_bytes")
    assert 100 * MIB <= peak < 200 * MIB
    assert sample(controller, "trainmaster_role_memory_requested_bytes") == 512 * MIB
    assert sample(controller, "trainmaster_use_nodes") == 1
    page = requests.get(f"{controller.web}/jobs/default/big/", timeout=10).text
    assert f"of 0.5 GiB (peak {peak / MIB / 1024:.1f})" in page
    (row,) = requests.get(f"{controller.web}/api/use/replicas", timeout=10).json()["rows"]
    assert (row["job"], row["role"], row["told"]) == ("big", "worker", 1)


def test_a_run_that_is_over_leaves_one_trace_that_adds_up(room: Room) -> None:
    collector = Collector()
    with collector.served() as url:
        controller = room.controller(TRAINMASTER_TRACES__ENDPOINT=url)
        room.drop("short", eager(worker={"replicas": 2, "command": "sleep 1"}))
        room.until_true("short", C.FINISHED)
        until(lambda: collector.taken)
    (resource,) = collector.taken[0]["resourceSpans"]
    root, *others = resource["scopeSpans"][0]["spans"]
    phases = [span for span in others if not span["name"].startswith("worker-")]
    assert [span["name"] for span in phases][-3:] == ["Localising", "Running", "Stopping"]
    assert {span["name"] for span in others} > {"worker-0", "worker-1"}
    lengths = [int(span["endTimeUnixNano"]) - int(span["startTimeUnixNano"]) for span in (root, *phases)]
    assert lengths[0] == sum(lengths[1:])
    until(lambda: controller.metric('trainmaster_traces_total{result="sent"}') == 1)
