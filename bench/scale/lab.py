"""The stand-in from outside: its process, the Hadoop configuration that leads a controller to it, its orders and counts."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests

from bench import controller
from bench.yarn import until
from trainmaster.local import processes

COMMAND = (sys.executable, "-m", "bench.scale.standin")


@dataclass(frozen=True)
class StandIn:
    pid: int
    conf_dir: Path
    web: str

    def counts(self) -> dict[str, int]:
        """Calls that it heard, by method, its live applications, and what runs in them."""
        return self._said(requests.get(f"{self.web}/stand-in/counts", timeout=30, proxies={"http": ""}))

    def lose(self, job: str) -> int:
        """The nodes under one job are lost; how many containers went with them."""
        return self._ordered("lose", job)["lost"]

    def succeed(self, group: str) -> int:
        """Processes that run in jobs whose names begin so end with 0; how many did."""
        return self._ordered("succeed", group)["ended"]

    def _ordered(self, order: str, whom: str) -> dict[str, int]:
        url = f"{self.web}/stand-in/{order}/{whom}"
        return self._said(requests.post(url, timeout=30, proxies={"http": ""}))

    def _said(self, response: requests.Response) -> dict[str, int]:
        response.raise_for_status()
        found: dict[str, int] = response.json()
        return found


@contextmanager
def running(folder: Path, nodes: int, *options: str) -> Iterator[StandIn]:
    """One that listens; ended by its process on the way out."""
    folder.mkdir(parents=True)
    output = folder / "standin.log"
    process = processes.spawn((*COMMAND, "--nodes", str(nodes), *options), os.environ, output)
    try:
        until("the stand-in to listen", lambda: output.exists() and output.read_text().endswith("\n"), 30)
        ports: dict[str, int] = json.loads(output.read_text())
        yield StandIn(process.pid, _configure(folder / "conf", ports), f"http://127.0.0.1:{ports['web']}")
    finally:
        processes.end([process], 10)


@contextmanager
def driven(
    folder: Path, stand_in: StandIn, log: Path, store: str = "store", **settings: str
) -> Iterator[controller.Trainmaster]:
    """A controller that leads, with a folder of this machine as its store."""
    environment = {"HADOOP_CONF_DIR": str(stand_in.conf_dir)} | settings
    with controller.leading(environment, stand_in.conf_dir, f"file://{folder}/{store}", log) as ours:
        yield ours


def _configure(folder: Path, ports: dict[str, int]) -> Path:
    folder.mkdir()
    values: dict[str, Any] = {
        "yarn.resourcemanager.address": f"127.0.0.1:{ports['clients']}",
        "yarn.resourcemanager.scheduler.address": f"127.0.0.1:{ports['schedulers']}",
        "yarn.resourcemanager.webapp.address": f"127.0.0.1:{ports['web']}",
    }
    properties = (f"<property><name>{n}</name><value>{v}</value></property>" for n, v in values.items())
    (folder / "yarn-site.xml").write_text(f"<configuration>{''.join(properties)}</configuration>")
    return folder
