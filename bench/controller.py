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
from bench.yarn import Late, until
from bench.zookeeper import free_port
from trainmaster.local import processes
from trainmaster.local.cluster import LocalHadoop
from trainmaster.sources.files import Files, open_files
from trainmaster.sources.layout import DELETE, Layout


class Trainmaster:
    """One controller and its store."""

    name = REFERENCE

    def __init__(self, files: Files, layout: Layout, pid: int, port: int, log: Path) -> None:
        self.files, self.layout = files, layout
        self.pid = pid
        self._metrics = f"http://127.0.0.1:{port}/metrics"
        self._log = log

    def declare(self, job: Job) -> None:
        text = yaml.safe_dump(declaration(job)).encode()
        self.files.replace(self.layout.job(f"{job.name}.yaml"), text)

    def remove(self, job: Job) -> None:
        """As `trainmaster delete` does: a mark, so that nothing has to be waited for."""
        self.files.create(self.layout.mark(f"{job.name}.yaml", DELETE), b"{}")

    def seen(self, job: Job) -> float:
        """When the controller first logged something of the job, seconds since the epoch; raises Late if never."""
        for line in self._log.read_text().splitlines():
            entry = json.loads(line)
            if entry.get("job") == job.name:
                return datetime.fromisoformat(entry["time"]).timestamp()
        raise Late(f"{self._log} says nothing of {job.name}")

    def rename(self, path: str, to: str) -> None:
        """Move a file or folder of the store, in one step."""
        filesystem, _ = fsspec.core.url_to_fs(self.files.base)
        filesystem.mv(path, to)

    def leading(self) -> bool:
        try:
            return self.metrics().get("trainmaster_leader") == 1
        except requests.ConnectionError:
            return False

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
def running(hadoop: LocalHadoop, store: str, log: Path) -> Iterator[Trainmaster]:
    """A controller that leads; `store` is a folder in HDFS that it has to itself."""
    port = free_port()
    environ = os.environ | hadoop.environment
    environ |= {"TRAINMASTER_STORE": f"{hadoop.addresses.hdfs}{store}", "TRAINMASTER_PORT": str(port)}
    environ |= {"TRAINMASTER_LOG_FORMAT": "json"}
    files, root = open_files(environ["TRAINMASTER_STORE"], hadoop.conf_dir)
    files.make_folder(Layout(root).jobs)
    process = processes.spawn([sys.executable, "-m", "trainmaster", "controller"], environ, log)
    ours = Trainmaster(files, Layout(root), process.pid, port, log)
    try:
        until("the controller to lead", ours.leading, 30, every=0.1)
        yield ours
    finally:
        processes.end([process], 10)
        files.close()


def declaration(job: Job) -> dict[str, object]:
    """The job as a person would write it."""
    role = {"replicas": REPLICAS, "resources": {"memory": f"{MEMORY}Mi"}}
    spec = {
        "framework": "TensorFlow",
        "runPolicy": {"backoff": {"base": "0s"}, "backoffLimit": 5},
        "roles": {name: {**role, "command": job.line(name)} for name in ROLES},
    }
    return {
        "apiVersion": "trainmaster.io/v1alpha1",
        "kind": "TrainingJob",
        "metadata": {"name": job.name},
        "spec": spec,
    }
