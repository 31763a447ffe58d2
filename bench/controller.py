"""trainmaster as a system under test: its controller in a process of its own, and files put into its store in HDFS."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import fsspec
import requests
import yaml
from prometheus_client.parser import text_string_to_metric_families

from bench.figures import REFERENCE
from bench.systems import MEMORY, REPLICAS, ROLES, Job
from bench.yarn import until
from bench.zookeeper import free_port
from trainmaster.local import processes
from trainmaster.local.cluster import LocalHadoop
from trainmaster.sources.layout import Layout
from trainmaster.sources.store import JobStore
from trainmaster.sources.stores import open_files

COMMAND = (sys.executable, "-m", "trainmaster", "controller")


class Trainmaster:
    """One controller and its store."""

    name = REFERENCE

    def __init__(self, hadoop: LocalHadoop, store: str, pid: int, port: int, log: Path) -> None:
        """`store` is its URL, `pid` the controller's process, `port` that of its web server, `log` its output."""
        self.files, root = open_files(store, hadoop.conf_dir)
        self.layout = Layout(root)
        self.pid = pid
        self._store = JobStore(store, hadoop.conf_dir)
        self._metrics = f"http://127.0.0.1:{port}/metrics"
        self._log = log

    def declare(self, job: Job) -> None:
        text = yaml.safe_dump(declaration(job)).encode()
        self.files.replace(self.layout.job(f"{job.name}.yaml"), text)

    def remove(self, job: Job) -> None:
        self._store.delete("default", job.name)

    def seen(self, job: Job) -> float | None:
        """When the controller logged that there is a new job."""
        entries = map(json.loads, self._log.read_text().splitlines())
        times = (entry["time"] for entry in entries if entry.get("job") == job.name)
        return next((datetime.fromisoformat(time).timestamp() for time in times), None)

    def rename(self, path: str, to: str) -> None:
        """Move a file or folder of the store, in one step."""
        filesystem, _ = fsspec.core.url_to_fs(self.files.base)
        filesystem.mv(path, to)

    def leading(self) -> bool:
        try:
            return self.metrics().get("trainmaster_leader") == 1
        except requests.ConnectionError:
            return False

    def has_folders(self) -> bool:
        try:
            return self.files.stat(self.layout.jobs).folder
        except FileNotFoundError:
            return False

    def close(self) -> None:
        """Wait for writes under way."""
        self.files.close()
        self._store.close()

    def metrics(self) -> dict[str, float]:
        """Every series that has no label but the bound of a bucket, as `name` or `name le`."""
        response = requests.get(self._metrics, timeout=10, proxies={"http": ""})
        response.raise_for_status()
        samples = (s for family in text_string_to_metric_families(response.text) for s in family.samples)
        return {
            " ".join((s.name, *s.labels.values())): s.value for s in samples if not s.labels.keys() - {"le"}
        }


def buckets(metrics: Mapping[str, float], name: str) -> dict[float, float]:
    """The cumulated counts of one histogram by upper bound."""
    prefix = f"{name}_bucket "
    found = ((key.removeprefix(prefix), value) for key, value in metrics.items() if key.startswith(prefix))
    return {float(bound): value for bound, value in found}


@contextmanager
def running(hadoop: LocalHadoop, folder: str, log: Path) -> Iterator[Trainmaster]:
    """A controller that leads; `folder` in HDFS is its own store."""
    store, port = f"{hadoop.addresses.hdfs}{folder}", free_port()
    environ = os.environ | hadoop.environment
    environ |= {"TRAINMASTER_STORE": store, "TRAINMASTER_PORT": str(port), "TRAINMASTER_LOG_FORMAT": "json"}
    process = processes.spawn(COMMAND, environ, log)
    ours = Trainmaster(hadoop, store, process.pid, port, log)
    try:
        until("the controller to lead", ours.leading, 30, every=0.1)
        until("the controller to make its folders", ours.has_folders, 30, every=0.1)
        yield ours
    finally:
        processes.end([process], 10)
        ours.close()


def declaration(job: Job) -> dict[str, object]:
    """The job as a person would write it."""
    return {
        "apiVersion": "trainmaster.io/v1alpha1",
        "kind": "TrainingJob",
        "metadata": {"name": job.name},
        "spec": {
            "framework": "TensorFlow",
            "runPolicy": {"backoff": {"base": "0s"}, "backoffLimit": 5},
            "roles": {role: _role(job.line(role)) for role in ROLES},
        },
    }


def _role(command: str) -> dict[str, object]:
    return {"replicas": REPLICAS, "resources": {"memory": f"{MEMORY}Mi"}, "command": command}
