"""A local Hadoop as one thing: up, down, status, and for tests the death and restart of a single daemon.

Everything about a cluster is in its folder, so that any process may take it over from any other. Never here:
what the files say (`configuration`), what is run (`commands`), or jobs.
"""

from __future__ import annotations

import getpass
import os
import shutil
import signal
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from trainmaster.errors import InvalidError, UnavailableError
from trainmaster.local import commands, configuration, gpus, jars, machine, processes
from trainmaster.local.options import Options, Remembered, cache_folder
from trainmaster.local.processes import Process
from trainmaster.local.readiness import Probe
from trainmaster.local.registry import Registry, write
from trainmaster.local.services import (
    Addresses,
    addresses,
    choose_ports,
    daemon_of,
    daemons,
    free,
    host,
    kind,
    services,
)

_GRACE = 4.0
"""seconds that daemons and containers get to end by themselves.

Most take one. A NodeManager that still has old logs to delete would take ten; its state is on disk at any time.
"""


@dataclass(frozen=True)
class DaemonStatus:
    name: str
    pid: int | None
    """None when it doesn't run"""
    waiting_for: str | None
    """what it still lacks, for a person; None when it works"""

    @property
    def ready(self) -> bool:
        return self.pid is not None and self.waiting_for is None


def _silent(line: str) -> None:
    """Hears nothing of what takes long."""


class LocalHadoop:
    """A Hadoop of real daemons on loopback addresses, in one folder."""

    def __init__(self, folder: Path, options: Options | None = None) -> None:
        """`options` None: those of the cluster that is in the folder, else the defaults."""
        self.folder = folder.absolute()
        self._registry = Registry(self.folder / "run")
        remembered = self._remembered()
        self.options = options or (remembered.options if remembered else Options())

    @property
    def conf_dir(self) -> Path:
        """What HADOOP_CONF_DIR must be for clients of this cluster."""
        return self.folder / "conf"

    @property
    def addresses(self) -> Addresses:
        """Where the daemons are reached; UnavailableError before the first `up`."""
        return addresses(self._known().ports, self._known().options.nodes)

    @property
    def environment(self) -> dict[str, str]:
        """The variables with which Hadoop's own clients and trainmaster find this cluster; as `addresses`."""
        self._known()
        java = machine.find_java()
        return {"HADOOP_CONF_DIR": str(self.conf_dir)} | ({"JAVA_HOME": str(java)} if java else {})

    def up(self, timeout: float = 180, say: Callable[[str], None] = _silent) -> None:
        """Start what doesn't run, and wait until all of it works. `say` hears of what takes long.

        Raises InvalidError when the machine lacks something, the folder holds other files, or the cluster runs with
        other options; UnavailableError when a daemon ends or isn't ready in time (seconds).
        """
        self._refuse_foreign_folder()
        with self._locked():
            missing = self._registry.missing(daemons(self.options.nodes))
            place = self._place(len(missing), say)
            self._prepare(place, missing)
            say(f"starting {', '.join(missing)}" if missing else "all daemons run already")
            for daemon in missing:
                self._spawn(place, daemon)
        self.wait_ready(timeout)

    def down(self, purge: bool = False) -> None:
        """End every daemon and every container of this cluster.

        With `purge` remove its folder with all data.
        """
        remembered = self._remembered()
        if remembered is None:
            return
        with self._locked():
            running = self._registry.running(daemons(remembered.options.nodes))
            stubborn = processes.end(running, _GRACE) + self._end_strays()
            if stubborn:
                pids = ", ".join(str(process.pid) for process in stubborn)
                raise UnavailableError(f"these processes could not be ended: {pids}")
            if purge:
                shutil.rmtree(self.folder)

    def status(self) -> list[DaemonStatus]:
        """Every daemon, asked now; UnavailableError before the first `up`."""
        with Probe(self.addresses) as probe:
            return [self._status(probe, daemon) for daemon in daemons(self._known().options.nodes)]

    def kill(self, daemon: str, number: int = signal.SIGKILL) -> None:
        """Signal one daemon, such as `nodemanager-1`; after SIGKILL it is gone when this returns."""
        process = self._registry.process(daemon)
        if process is None or not processes.send(process, number):
            raise UnavailableError(f"{daemon} does not run")
        if number == signal.SIGKILL and processes.wait_gone([process], 10):
            raise UnavailableError(f"{daemon} (process {process.pid}) does not die")

    def start(self, daemon: str) -> None:
        """Start one daemon on its old ports with its old state, unless it runs.

        Doesn't wait until it works.
        """
        with self._locked():
            if self._registry.process(daemon) is None:
                self._spawn(self._place(1, _silent), daemon)

    def wait_ready(self, timeout: float = 180) -> None:
        """Wait until all daemons work; UnavailableError once one has ended, or after `timeout` seconds."""
        deadline = time.monotonic() + timeout
        while unready := [daemon for daemon in self.status() if not daemon.ready]:
            self._refuse_ended(unready)
            if time.monotonic() > deadline:
                late = unready[0]
                log = self.folder / "logs" / f"{late.name}.log"
                raise UnavailableError(f"waited {timeout:g} s for {late.waiting_for}; see {log}")
            time.sleep(0.1)

    def _refuse_foreign_folder(self) -> None:
        """What isn't ours must not come near a `down --purge`, which removes the whole folder."""
        found = {path.name for path in self.folder.iterdir()} if self.folder.exists() else set()
        if found - {"lock"} and self._remembered() is None:
            raise InvalidError(
                f"{self.folder} holds other files: choose a folder of its own for the local Hadoop"
            )

    def _refuse_ended(self, unready: Iterable[DaemonStatus]) -> None:
        for daemon in unready:
            if daemon.pid is None:
                output = self.folder / "logs" / f"{daemon.name}.out"
                words = output.read_text(errors="replace").splitlines()[-3:] if output.exists() else []
                raise UnavailableError(
                    " ".join((f"{daemon.name} has ended; see {output.with_suffix('.log')}", *words))
                )

    def _status(self, probe: Probe, daemon: str) -> DaemonStatus:
        process = self._registry.process(daemon)
        if process is None:
            return DaemonStatus(daemon, None, f"{daemon} to be started")
        return DaemonStatus(daemon, process.pid, self._waiting_for(probe, daemon))

    def _waiting_for(self, probe: Probe, daemon: str) -> str | None:
        if kind(daemon) == "nodemanager":
            return probe.nodemanager(int(daemon.partition("-")[2]), self._registry.since(daemon))
        ask = {
            "namenode": probe.namenode,
            "datanode": probe.datanode,
            "resourcemanager": probe.resourcemanager,
        }
        return ask[daemon]()

    def _remembered(self) -> Remembered | None:
        try:
            return Remembered.from_json((self.folder / "cluster.json").read_text())
        except FileNotFoundError:
            return None

    def _known(self) -> Remembered:
        remembered = self._remembered()
        if remembered is None:
            raise UnavailableError(f"there is no local Hadoop in {self.folder}: trainmaster local up")
        return remembered

    def _place(self, starting: int, say: Callable[[str], None]) -> commands.Installation:
        """Where all parts are, for a start of so many daemons; fetches what isn't there."""
        fetching = not jars.folder_of(jars.HADOOP, cache_folder()).is_dir()
        java = machine.require(machine.Needs(self.folder, starting, fetching))
        if fetching:
            say("fetching Hadoop's jars (90 MB, once)")
        lib = jars.fetch(jars.HADOOP, cache_folder(), os.environ | {"JAVA_HOME": str(java)})
        return commands.Installation(self.folder, java, (f"{lib}/*", *self.options.classpath))

    def _prepare(self, place: commands.Installation, missing: list[str]) -> None:
        """Choose ports and write the files, before anything starts."""
        remembered = self._remembered()
        idle = not (remembered and self._registry.running(daemons(remembered.options.nodes)))
        if remembered and remembered.options != self.options and not idle:
            raise InvalidError("the cluster runs with other options: trainmaster local down, then up")
        ports = self._ports(remembered.ports if remembered else {}, missing, idle)
        write(self.folder / "cluster.json", Remembered(self.options, ports).to_json())
        self._write_configuration(place, ports)
        for page in ("hdfs", "datanode"):  # the NameNode and DataNode insist on a folder of web pages
            (self.folder / "web/webapps" / page).mkdir(parents=True, exist_ok=True)
        if self.options.gpus:
            gpus.install(self.folder / "gpu", self.options.gpus)

    def _ports(self, kept: Mapping[str, int], missing: list[str], idle: bool) -> dict[str, int]:
        """The remembered ports, and free ones for what is new.

        All anew if one was taken while nothing ran.
        """
        taken = [name for name in kept if daemon_of(name) in missing and not free(host(name), kept[name])]
        if taken and not idle:
            where = f"{host(taken[0])}:{kept[taken[0]]}"
            raise UnavailableError(
                f"another program has taken {where}, the port of {taken[0]}: local down, then up"
            )
        return choose_ports(self.folder, services(self.options.nodes), {} if taken else kept)

    def _write_configuration(self, place: commands.Installation, ports: Mapping[str, int]) -> None:
        files = configuration.shared_files(self.folder, self.options, ports, getpass.getuser())
        for name, text in files.items():
            write(place.conf / name, text)
        for daemon in daemons(self.options.nodes):
            if kind(daemon) == "nodemanager":
                text = configuration.node_file(self.folder, self.options, ports, daemon)
                write(place.home(daemon) / "conf/yarn-site.xml", text)

    def _spawn(self, place: commands.Installation, daemon: str) -> None:
        place.log(daemon).parent.mkdir(exist_ok=True)
        command, environ = commands.command(place, daemon), commands.environment(place, os.environ)
        self._registry.note(daemon, processes.spawn(command, environ, place.output(daemon)))

    def _end_strays(self) -> list[Process]:
        """End containers, which outlive their NodeManager by design, and daemons whose record was lost.

        YARN gives each container the folders of its node in LOCAL_DIRS.
        """
        containers, strays = f"LOCAL_DIRS={self.folder}/nodemanager-", f"{commands.MARKER}={self.folder}\0"
        return processes.end(processes.with_environment(containers.encode(), strays.encode()), _GRACE)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """One `up` or `down` of a folder at a time."""
        with jars.locked(self.folder / "lock"):
            yield
