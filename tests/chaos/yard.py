"""Where it all happens: a cluster, a source of jobs, two controllers, a bad network, and the jobs themselves.

Never here: which faults there are (`faults`), or when they strike (`run`).
"""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

from chaos.people import People
from chaos.proxy import Network, Weather
from real.controllers import Controller
from real.rooms import Room
from trainmaster.local import processes
from trainmaster.local.cluster import LocalHadoop
from trainmaster.local.daemons import Daemons
from trainmaster.local.options import Options

CONTROLLERS = 2
"""one leads, the other stands by"""
SICK = "sick"
"""folder below the cluster's: a NodeManager whose name is a file in it calls itself unhealthy"""


def options(folder: Path) -> Options:
    """Three nodes that ask a script of ours for their health; the secrets that tokens are made with change all the time.

    Intervals are the shortest that Hadoop takes with these expiries (AMRMTokenSecretManager, NMTokenSecretManagerInRM and
    RMContainerTokenSecretManager want more than three times the expiry).
    """
    script = folder / "health.sh"
    (folder / SICK).mkdir(parents=True)
    script.write_text(_HEALTH.format(folder=folder / SICK))
    script.chmod(0o755)
    rolling = "master-key-rolling-interval-secs"
    return Options(
        nodes=3,
        am_expiry=60,
        nm_expiry=30,
        allocation_expiry=40,
        hadoop={
            f"yarn.resourcemanager.am-rm-tokens.{rolling}": "185",
            f"yarn.resourcemanager.nm-tokens.{rolling}": "95",
            f"yarn.resourcemanager.container-tokens.{rolling}": "95",
            "yarn.nodemanager.health-checker.scripts": "script",
            "yarn.nodemanager.health-checker.script.path": str(script),
            "yarn.nodemanager.health-checker.script.interval-ms": "1000",
            "yarn.nodemanager.health-checker.interval-ms": "1000",
        },
    )


_HEALTH = """#!/bin/sh
# A NodeManager starts this; which one it is stands in its class path.
for sick in {folder}/*; do
  [ -e "$sick" ] && tr '\\0' ' ' <"/proc/$PPID/cmdline" | grep -q "/${{sick##*/}}/" && echo "ERROR its disks are said to be full"
done
exit 0
"""


class Yard:
    """One run. `room` is where jobs are declared; whoever opened it closes it."""

    def __init__(
        self,
        hadoop: LocalHadoop,
        room: Room,
        network: Network,
        folder: Path,
        chance: Random,
        **settings: str,
    ) -> None:
        """`settings`: of the controllers, as environment variables."""
        self.hadoop, self.room, self.network, self.chance = hadoop, room, network, chance
        self.people = People(room, folder, Random(chance.random()))
        self._folder = folder
        self._settings = {"TRAINMASTER_REPORTS__PORT": "0", **settings}
        """with a door for reports, for which each process is given a token"""
        self._conf = network.configuration(hadoop.conf_dir, folder / "conf")
        self._controllers: list[Controller] = []
        kubernetes = getattr(room, "kubernetes", None)
        self.store: Daemons[Any] = kubernetes or hadoop
        self.store_daemons = ("kube-apiserver", "etcd") if kubernetes else ("namenode", "datanode")

    # --- controllers

    def start_controllers(self) -> None:
        """Have as many as there should be."""
        self._controllers = [each for each in self._controllers if _lives(each)]
        while len(self._controllers) < CONTROLLERS:
            self._controllers.append(self.room.controller(HADOOP_CONF_DIR=str(self._conf), **self._settings))

    def controller(self) -> Controller | None:
        """One of those that live, by chance."""
        living = [each for each in self._controllers if _lives(each)]
        return self.chance.choice(living) if living else None

    # --- machines

    def containers(self, node: str) -> list[processes.Process]:
        """All processes of a node's containers."""
        return processes.with_environment(f"LOCAL_DIRS={self.hadoop.folder}/{node}/".encode())

    def sick(self, node: str) -> Path:
        """The file that makes a node call itself unhealthy."""
        return self.hadoop.folder.parent / SICK / node

    def whole(self) -> None:
        """All that was broken is there again."""
        self.network.weather = Weather()
        for file in (self.hadoop.folder.parent / SICK).iterdir():
            file.unlink()
        for daemon in self.hadoop.status():
            if daemon.pid is not None:
                self.hadoop.kill(daemon.name, signal.SIGCONT)
        for entry in self.people.processes():
            entry.send(signal.SIGCONT)
        for controller in self._controllers:
            if controller.process and _lives(controller):
                controller.process.send_signal(signal.SIGCONT)
        self.hadoop.up()
        self.store.up()
        self.start_controllers()

    def words(self) -> Iterator[tuple[str, str]]:
        """(name, content) of all that controllers and daemons have written."""
        for log in [*self._folder.glob("controller-*.log"), *self.hadoop.folder.glob("logs/*")]:
            if log.is_file():
                yield str(log), log.read_text(errors="replace")


def _lives(controller: Controller) -> bool:
    return controller.process is not None and controller.process.poll() is None
