"""trainmaster as a system under test: its controller in a process of its own, and jobs as files put into its store in HDFS."""

from __future__ import annotations

import json
import os
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from types import MappingProxyType

import fsspec
import requests
import yaml
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

from bench.figures import REFERENCE
from bench.systems import MEMORY, REPLICAS, ROLES, Job
from bench.yarn import until
from bench.zookeeper import free_port
from trainmaster.local import processes
from trainmaster.local.cluster import LocalHadoop
from trainmaster.sources.layout import Layout
from trainmaster.sources.store import JobStore
from trainmaster.sources.stores import open_files

Spec = dict[str, object]
"""a declaration's spec, as YAML and JSON have it"""
COMMAND = (sys.executable, "-m", "trainmaster", "controller")


class Controller:
    """One controller in a process of its own, asked from outside."""

    def __init__(self, pid: int, port: int, log: Path) -> None:
        """`pid` is its process, `port` that of its metrics, `log` its output."""
        self.pid = pid
        self._metrics = f"http://127.0.0.1:{port}/metrics"
        self._log = log

    def seen(self, job: Job) -> float | None:
        """When the controller logged that there is a new job."""
        entries = map(json.loads, self._log.read_text().splitlines())
        times = (entry["time"] for entry in entries if entry.get("job") == job.name)
        return next((datetime.fromisoformat(time).timestamp() for time in times), None)

    def leading(self) -> bool:
        try:
            return self.metrics().get("trainmaster_leader") == 1
        except requests.ConnectionError:
            return False

    def metrics(self) -> dict[str, float]:
        """Every series that has no label but the bound of a bucket, as `name` or `name le`."""
        return {
            " ".join((s.name, *s.labels.values())): s.value
            for s in self._scrape()
            if not s.labels.keys() - {"le"}
        }

    def scraped(self) -> int:
        """Bytes of what Prometheus fetches."""
        return len(requests.get(self._metrics, timeout=30, proxies={"http": ""}).content)

    @property
    def pages(self) -> str:
        """Where it serves pages, by its own log."""
        entries = map(json.loads, self._log.read_text().splitlines())
        return str(next(entry["web"] for entry in entries if "web" in entry))

    def jobs(self) -> Counter[str]:
        """How many jobs the controller knows, by their state."""
        found: Counter[str] = Counter()
        for sample in self._scrape():
            if sample.name == "trainmaster_jobs":
                found[sample.labels["state"]] += int(sample.value)
        return found

    def _scrape(self) -> Iterator[Sample]:
        response = requests.get(self._metrics, timeout=10, proxies={"http": ""})
        response.raise_for_status()
        for family in text_string_to_metric_families(response.text):
            yield from family.samples


class Trainmaster(Controller):
    """A controller whose jobs are files in HDFS."""

    name = REFERENCE

    def __init__(self, conf_dir: Path, store: str, pid: int, port: int, log: Path) -> None:
        """`conf_dir` holds Hadoop's configuration, `store` is a URL."""
        super().__init__(pid, port, log)
        self.files, root = open_files(store, conf_dir)
        self.layout = Layout(root)
        self._store = JobStore(store, conf_dir)

    def declare(self, job: Job) -> None:
        text = yaml.safe_dump(declaration(job)).encode()
        self.files.replace(self.layout.job(f"{job.name}.yaml"), text)

    def declare_all(self, group: str, specs: Mapping[str, Spec]) -> float:
        """All at once: the folder that holds the files appears by one rename."""
        hidden, shown = self.layout.job(f".{group}"), self.layout.job(group)
        self.files.make_folder(hidden)
        texts = {f"{hidden}/{name}.yaml": _text(spec) for name, spec in specs.items()}
        with ThreadPoolExecutor(16) as pool:
            list(pool.map(self.files.replace, texts, texts.values()))
        declared = time.time()
        filesystem, _ = fsspec.core.url_to_fs(self.files.base)
        filesystem.mv(hidden, shown)
        return declared

    def remove(self, job: Job) -> None:
        self._store.delete("default", job.name)

    def has_folders(self) -> bool:
        try:
            return self.files.stat(self.layout.jobs).folder
        except FileNotFoundError:
            return False

    def close(self) -> None:
        """Wait for writes under way."""
        self.files.close()
        self._store.close()


def buckets(metrics: Mapping[str, float], name: str) -> dict[float, float]:
    """The cumulated counts of one histogram by upper bound."""
    prefix = f"{name}_bucket "
    found = ((key.removeprefix(prefix), value) for key, value in metrics.items() if key.startswith(prefix))
    return {float(bound): value for bound, value in found}


@contextmanager
def running(
    hadoop: LocalHadoop, folder: str, log: Path, settings: Mapping[str, str] = MappingProxyType({})
) -> Iterator[Trainmaster]:
    """A controller that leads; `folder` in HDFS is its own store."""
    store = f"{hadoop.addresses.hdfs}{folder}"
    with leading(hadoop.environment | dict(settings), hadoop.conf_dir, store, log) as ours:
        yield ours


@contextmanager
def leading(environment: Mapping[str, str], conf_dir: Path, store: str, log: Path) -> Iterator[Trainmaster]:
    """A controller that leads, for a folder at any URL."""
    with started(environment, {"TRAINMASTER_STORE": store}, log) as (pid, port):
        ours = Trainmaster(conf_dir, store, pid, port, log)
        try:
            until("the controller to lead", ours.leading, 30, every=0.1)
            until("the controller to make its folders", ours.has_folders, 30, every=0.1)
            yield ours
        finally:
            ours.close()


@contextmanager
def started(
    environment: Mapping[str, str], variables: Mapping[str, str], log: Path
) -> Iterator[tuple[int, int]]:
    """A controller with these settings, as its process and the port of its metrics. It may take a moment to answer.

    `environment` is that of its Hadoop.
    """
    port = free_port()
    environ = os.environ | dict(environment) | dict(variables)
    environ |= {
        "TRAINMASTER_WEB_PORT": "0",
        "TRAINMASTER_METRICS_PORT": str(port),
        "TRAINMASTER_LOG_FORMAT": "json",
    }
    process = processes.spawn(COMMAND, environ, log)
    try:
        yield process.pid, port
    finally:
        processes.end([process], 10)


def declaration(job: Job) -> dict[str, object]:
    """The job as a person would write it."""
    return whole(spec_of(job)) | {"metadata": {"name": job.name}}


def spec_of(job: Job) -> Spec:
    return {
        "framework": "TensorFlow",
        "runPolicy": {"backoff": {"base": "0s"}, "backoffLimit": 5},
        "roles": {role: _role(job.line(role)) for role in ROLES},
    }


def whole(spec: Spec) -> dict[str, object]:
    """A declaration without a name: in a folder it is the file's."""
    return {"apiVersion": "trainmaster.io/v1alpha1", "kind": "TrainingJob", "spec": spec}


def _text(spec: Spec) -> bytes:
    return yaml.safe_dump(whole(spec)).encode()


def _role(command: str) -> dict[str, object]:
    return {"replicas": REPLICAS, "resources": {"memory": f"{MEMORY}Mi"}, "command": command}
