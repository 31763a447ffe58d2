"""What a test of the engine is made of: a room into which jobs are declared and from which statuses come, whatever the source.

A room is one source with its controllers. The scenarios speak to a `Room`; which kind it is, they don't know.
"""

from __future__ import annotations

import signal
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from real.cluster import Rest
from real.controllers import Controller
from trainmaster.api.status import ConditionType, JobStatus
from trainmaster.local.cluster import LocalHadoop
from trainmaster.sources.store import JobStore, StoredJob

Fields = Mapping[tuple[str, ...], object]
"""path of a field -> its new value, such as ("spec", "runPolicy", "suspend") -> True"""


class Room(ABC):
    """One test's source of jobs, and the controllers that drive them."""

    def __init__(self, hadoop: LocalHadoop, folder: Path) -> None:
        """`folder` is for the controllers' words."""
        self.hadoop, self.folder = hadoop, folder
        self.rest = Rest(hadoop)
        self._controllers: list[Controller] = []

    # --- what each source does in its own way

    @abstractmethod
    def settings(self) -> dict[str, str]:
        """The variables by which a controller finds this room's jobs."""

    @abstractmethod
    def apply(self, name: str, text: str) -> None:
        """Declare a job, or edit it, as a person would."""

    @abstractmethod
    def edit(self, name: str, fields: Fields) -> None:
        """Change single fields of a job."""

    @abstractmethod
    def delete(self, name: str) -> None:
        """Take a declaration back; returns at once."""

    @abstractmethod
    def names(self) -> list[str]:
        """The jobs that are declared; one that is being deleted stays until it is cleaned up."""

    @abstractmethod
    def status(self, name: str) -> JobStatus:
        """What is shown of a job; an empty status while nothing is."""

    @abstractmethod
    def take_away(self) -> None:
        """The store of jobs, journal and lease dies."""

    @abstractmethod
    def bring_back(self) -> None:
        """It is there again, with all that it had."""

    # --- what is the same for all

    def controller(self, kill_at: str = "", **settings: str) -> Controller:
        log = self.folder / f"controller-{len(self._controllers)}.log"
        controller = Controller(log, self.settings() | settings).start(kill_at)
        self._controllers.append(controller)
        return controller

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """Meanwhile no controller of the room does anything, nor hears anything."""
        processes = [c.process for c in self._controllers if c.process and c.process.poll() is None]
        for process in processes:
            process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            for process in processes:
                process.send_signal(signal.SIGCONT)

    def close(self) -> None:
        """End the controllers, and what a failed test left on YARN."""
        for controller in self._controllers:
            controller.end()
        for application in filter(None, (self.status(name).application_id for name in self.names())):
            self.kill(application)

    def kill(self, application: str) -> None:
        """End an application, as an administrator of YARN would."""
        self.rest.kill(application)

    def drop(self, name: str, spec: Mapping[str, Any]) -> None:
        """Declare a job, or edit it."""
        self.apply(name, document(name, spec))

    def until(self, name: str, met: Callable[[JobStatus], object], timeout: float = 180) -> JobStatus:
        """Wait until the job's published status meets this."""
        deadline = time.monotonic() + timeout
        while not met(status := self.status(name)):
            assert time.monotonic() < deadline, self._complaint(name, status)
            time.sleep(0.1)
        return status

    def until_true(self, name: str, condition: ConditionType, timeout: float = 180) -> JobStatus:
        return self.until(name, lambda status: status.is_true(condition), timeout)

    def _complaint(self, name: str, status: JobStatus) -> str:
        said = "\n".join(f"  {c.type} {c.status} {c.reason}: {c.message}" for c in status.conditions)
        replicas = "\n".join(
            f"  {role}-{r.index} {r.state} run {r.run} {r.container} {r.last_exit.message if r.last_exit else ''}"
            for role, of in status.roles.items()
            for r in of.replicas
        )
        return f"{name} did not get there: {status.state} {status.application_id}\n{said}\n{replicas}\n{self.words}"

    @property
    def words(self) -> str:
        """The last words of all controllers."""
        return "\n".join(c.words[-3000:] for c in self._controllers)


class FolderRoom(Room):
    """Jobs as files in HDFS."""

    def __init__(self, url: str, hadoop: LocalHadoop, folder: Path) -> None:
        super().__init__(hadoop, folder)
        self.url = url
        self.jobs = JobStore(url)

    def settings(self) -> dict[str, str]:
        return {"TRAINMASTER_STORE": self.url}

    def apply(self, name: str, text: str) -> None:
        self.jobs.apply(text, "default", name)

    def edit(self, name: str, fields: Fields) -> None:
        self.jobs.edit("default", name, fields)

    def delete(self, name: str) -> None:
        self.jobs.delete("default", name)

    def names(self) -> list[str]:
        return [job.name for job in self.jobs.list("default")]

    def job(self, name: str) -> StoredJob:
        return self.jobs.get("default", name)

    def status(self, name: str) -> JobStatus:
        return self.job(name).status or JobStatus()

    def take_away(self) -> None:
        self.hadoop.kill("namenode")

    def bring_back(self) -> None:
        self.hadoop.start("namenode")
        self.hadoop.wait_ready(60)


OpenRoom = Callable[[LocalHadoop, Path], Room]
"""Makes a room with an empty source, for jobs on that cluster; the folder is for the controllers' words."""


def document(name: str, spec: Mapping[str, Any]) -> str:
    head = {"apiVersion": "trainmaster.io/v1alpha1", "kind": "TrainingJob", "metadata": {"name": name}}
    return yaml.safe_dump({**head, "spec": dict(spec)}, sort_keys=False)


def eager(**roles: Mapping[str, Any]) -> dict[str, Any]:
    """A Generic job of these roles whose restarts don't wait."""
    return {"runPolicy": {"backoff": {"base": "0s"}}, "roles": roles}
