"""Metrics as a real Prometheus sees them: of a real controller with real jobs on GPUs, declared on a real API server.

Every metric of docs/metrics.md is served, and no other; every query of every dashboard finds something.
"""

from __future__ import annotations

import json
import math
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from observe.documented import differences
from real.cluster import of_its_own, until
from real.controllers import Controller
from real.kubernetes_rooms import KubernetesRoom
from real.prometheus import JOB, Prometheus
from real.rooms import eager
from trainmaster.api.status import ConditionType as C
from trainmaster.local.cluster import LocalHadoop
from trainmaster.local.kubernetes.controlplane import LocalKubernetes
from trainmaster.local.options import Options

ROOT = Path(__file__).parents[2]
DASHBOARDS = sorted((ROOT / "manifests/dashboards").glob("*.json"))
SETTINGS = {
    "TRAINMASTER_GPU__POLL_INTERVAL": "5",
    "TRAINMASTER_USE__POLL_INTERVAL": "5",
    "TRAINMASTER_METRICS__KUBEFLOW": "true",
}
SLEEPS = "exec sleep 600"
ONCE = f'[ "$TRAINMASTER_RUN" != 1 ] || exit 3; {SLEEPS}'
"""fails the first time, and runs from then on"""

hadoop = of_its_own("metrics", Options(nodes=2, gpus=4, gpu_isolation=True, am_expiry=60, nm_expiry=60))


@pytest.fixture(scope="module")
def room(kubernetes: LocalKubernetes, hadoop: LocalHadoop, tmp_path_factory: Any) -> Iterator[KubernetesRoom]:
    made = KubernetesRoom(kubernetes, hadoop, tmp_path_factory.mktemp("room"))
    yield made
    made.close()


@pytest.fixture(scope="module")
def controller(room: KubernetesRoom) -> Controller:
    return room.controller(**SETTINGS)


@pytest.fixture(scope="module")
def prometheus(controller: Controller, room: KubernetesRoom, tmp_path_factory: Any) -> Iterator[Prometheus]:
    """One that has seen a little of everything: jobs that run, wait, restart, fail and succeed."""
    address = controller.monitoring.removeprefix("http://")
    with Prometheus(tmp_path_factory.mktemp("prometheus"), address) as watching:
        until(lambda: watching.query("trainmaster_leader == 1"))
        _live(room, watching)
        yield watching


def worker(command: str, replicas: int = 1, gpus: int = 0) -> dict[str, object]:
    resources = {"memory": "64Mi", "vcores": 1, "gpus": gpus}
    return {"replicas": replicas, "command": command, "resources": resources}


def _live(room: KubernetesRoom, watching: Prometheus) -> None:
    """In order: each of these has been scraped before it goes on."""
    room.drop("runs", eager(worker=worker(SLEEPS, 2, 1)))
    room.drop("again", eager(worker=worker(ONCE)))
    room.drop("fails", {**eager(worker=worker("sleep 3; exit 3")), "runPolicy": {"backoffLimit": 0}})
    room.drop("succeeds", eager(worker=worker("sleep 3")))
    for name in ("runs", "again"):
        room.until_true(name, C.RUNNING)
    room.until_true("fails", C.FAILED)
    room.until_true("succeeds", C.SUCCEEDED)
    room.drop("waits", eager(worker=worker(SLEEPS, 4, 2)))  # 8 GPUs, of which 6 are free
    until(lambda: watching.query("trainmaster_gangs_waiting == 1"))
    until(lambda: watching.query('trainmaster_gpu_utilization_ratio{job_name="runs"}'))
    until(lambda: watching.query('trainmaster_replica_memory_peak_bytes{job_name="runs"}'))
    until(lambda: watching.query("increase(trainmaster_replacement_seconds_count[5m]) > 0"))
    time.sleep(5)  # a few scrapes more, so that every rate has two samples


def test_the_table_in_the_docs_is_what_the_controller_serves(
    controller: Controller, prometheus: Prometheus
) -> None:
    text = requests.get(f"{controller.monitoring}/metrics", timeout=10).text
    assert differences(text) == []


def test_prometheus_own_labels_are_left_to_it(prometheus: Prometheus) -> None:
    """Without honor_labels, what collides comes with `exported_` before it."""
    names = requests.get(f"{prometheus.url}/api/v1/labels", timeout=10).json()["data"]
    assert [name for name in names if name.startswith("exported_")] == []


@pytest.mark.parametrize("path", DASHBOARDS, ids=lambda path: path.stem)
def test_every_query_of_a_dashboard_finds_something(
    path: Path, room: KubernetesRoom, prometheus: Prometheus
) -> None:
    nothing = [expr for expr in _queries(path, room) if not _finds(prometheus, expr)]
    assert nothing == []


@pytest.mark.parametrize("path", DASHBOARDS, ids=lambda path: path.stem)
def test_every_variable_of_a_dashboard_has_values(
    path: Path, room: KubernetesRoom, prometheus: Prometheus
) -> None:
    for variable in json.loads(path.read_text())["templating"]["list"]:
        if variable["type"] == "query":
            asked = _filled(variable["query"]["query"], room)
            found = re.fullmatch(r"label_values\((.+), (\w+)\)", asked)
            assert found, asked
            assert prometheus.values(found[1], found[2]), asked


def _queries(path: Path, room: KubernetesRoom) -> Iterator[str]:
    for panel in json.loads(path.read_text())["panels"]:
        for target in panel.get("targets", ()):
            yield _filled(target["expr"], room)


def _filled(text: str, room: KubernetesRoom) -> str:
    """As Grafana fills in the variables: all that may be chosen, and the job that runs."""
    values = {
        "__rate_interval": "5m",
        "__range": "5m",
        "scrape": JOB,
        "queue": ".*",
        "user": ".*",
        "job_namespace": room.namespace,
        "job_name": "runs",
        "price": "2.5",
    }
    return re.sub(r"\$(\w+)", lambda found: values[found[1]], text)


def _finds(prometheus: Prometheus, expr: str) -> bool:
    """A number: what has no observation is NaN, and draws nothing."""
    return any(not math.isnan(float(series["value"][1])) for series in prometheus.query(expr))
