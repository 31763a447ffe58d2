"""The real controller as a process of its own, and a store to drop jobs into: what the engine's tests are made of."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

import yaml

from real.cluster import Rest
from trainmaster.api.status import ConditionType, JobStatus
from trainmaster.local.cluster import LocalHadoop
from trainmaster.sources.store import JobStore, StoredJob

QUICK = {
    "TRAINMASTER_LOOK_INTERVAL": "0.3",
    "TRAINMASTER_DELETION_GRACE": "1.5",
    "TRAINMASTER_LEASE_DURATION": "4",
    "TRAINMASTER_PORT": "0",
}
"""settings that let tests wait for seconds where people wait for longer"""


class Controller:
    """`trainmaster controller` on a store. Used as a context it surely ends."""

    def __init__(self, store: str, log: Path, **settings: str) -> None:
        self._store, self.log, self._settings = store, log, settings
        self.process: subprocess.Popen[bytes] | None = None

    def start(self, kill_at: str = "") -> Controller:
        """Start it; with `kill_at` it ends itself with SIGKILL at that named point (master/points.py)."""
        env = os.environ | QUICK | self._settings
        if kill_at:
            env["TRAINMASTER_KILL_AT"] = kill_at
        command = [sys.executable, "-m", "trainmaster", "controller", "--store", self._store]
        with self.log.open("ab") as out:
            self.process = subprocess.Popen(
                command, env=env, stdout=out, stderr=out, stdin=subprocess.DEVNULL, start_new_session=True
            )
        return self

    def end(self, signal_: int = signal.SIGKILL) -> None:
        """End it: as a power cut would, or cleanly with SIGTERM."""
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal_)
            self.process.wait(30)

    def wait_for_death(self, timeout: float = 60) -> int:
        assert self.process
        return self.process.wait(timeout)

    @property
    def words(self) -> str:
        return self.log.read_text() if self.log.exists() else ""

    def __enter__(self) -> Controller:
        return self if self.process else self.start()

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self.end()


class Room:
    """One test's store: jobs go in, statuses come out."""

    def __init__(self, url: str, hadoop: LocalHadoop, folder: Path) -> None:
        self.url, self.hadoop, self.folder = url, hadoop, folder
        self.jobs = JobStore(url)
        self.rest = Rest(hadoop)
        self._controllers: list[Controller] = []

    def controller(self, kill_at: str = "", **settings: str) -> Controller:
        log = self.folder / f"controller-{len(self._controllers)}.log"
        controller = Controller(self.url, log, **settings).start(kill_at)
        self._controllers.append(controller)
        return controller

    def close(self) -> None:
        for controller in self._controllers:
            controller.end()
        for job in self.jobs.list():
            if job.status and job.status.application_id:
                self.kill(job.status.application_id)

    def kill(self, application: str) -> None:
        """End an application that a failed test left behind."""
        import requests

        url = f"http://{self.hadoop.addresses.rm_web}/ws/v1/cluster/apps/{application}/state"
        requests.put(url, json={"state": "KILLED"}, timeout=10)

    def drop(self, name: str, spec: Mapping[str, Any]) -> None:
        """Declare a job, or edit it, as a person would with a file."""
        self.jobs.apply(document(name, spec), "default", name)

    def job(self, name: str) -> StoredJob:
        return self.jobs.get("default", name)

    def status(self, name: str) -> JobStatus:
        return self.job(name).status or JobStatus()

    def until(self, name: str, met: Callable[[JobStatus], object], timeout: float = 60) -> JobStatus:
        """Wait until the job's published status meets this."""
        deadline = time.monotonic() + timeout
        while not met(status := self.status(name)):
            assert time.monotonic() < deadline, self._complaint(name, status)
            time.sleep(0.1)
        return status

    def until_true(self, name: str, condition: ConditionType, timeout: float = 60) -> JobStatus:
        return self.until(name, lambda status: status.is_true(condition), timeout)

    def _complaint(self, name: str, status: JobStatus) -> str:
        said = "\n".join(f"  {c.type} {c.status} {c.reason}: {c.message}" for c in status.conditions)
        replicas = "\n".join(
            f"  {role}-{r.index} {r.state} run {r.run} {r.container} {r.last_exit.message if r.last_exit else ''}"
            for role, of in status.roles.items()
            for r in of.replicas
        )
        logs = "\n".join(c.words[-3000:] for c in self._controllers)
        return f"{name} did not get there: {status.state} {status.application_id}\n{said}\n{replicas}\n{logs}"


def document(name: str, spec: Mapping[str, Any]) -> str:
    head = {"apiVersion": "trainmaster.io/v1alpha1", "kind": "TrainingJob", "metadata": {"name": name}}
    return yaml.safe_dump({**head, "spec": dict(spec)}, sort_keys=False)


def eager(**roles: Mapping[str, Any]) -> dict[str, Any]:
    """A Generic job of these roles whose restarts don't wait."""
    return {"runPolicy": {"backoff": {"base": "0s"}}, "roles": roles}
