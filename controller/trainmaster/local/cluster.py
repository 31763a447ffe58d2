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
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from trainmaster.errors import InvalidError, UnavailableError
from trainmaster.local import commands, configuration, gpus, jars, machine, processes
from trainmaster.local.options import Options, Remembered, cache_folder
from trainmaster.local.processes import Process
from trainmaster.local.readiness import Probe
from trainmaster.local.services import Addresses, addresses, choose_ports, daemons, free, host, kind, services

_STOPPING = 8.0
"""seconds that daemons and containers get to end by themselves"""


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
        self._memory = self.folder / "cluster.json"
        remembered = self._remembered()
        self.options = options or (remembered.options if remembered else Options())

    @property
    def conf_dir(self) -> Path:
        """What HADOOP_CONF_DIR must be for clients of this cluster."""
        return self.folder / "conf"

    @property
    def addresses(self) -> Addresses:
        """Where the daemons are reached; UnavailableError before the first `up`."""
        remembered = self._remembered()
        if remembered is None:
            raise UnavailableError(f"there is no local Hadoop in {self.folder}: trainmaster local up")
        return addresses(remembered.ports, remembered.options.nodes)

    @property
    def environment(self) -> dict[str, str]:
        """The variables with which Hadoop's own clients and trainmaster find this cluster."""
        java = machine.find_java()
        return {"HADOOP_CONF_DIR": str(self.conf_dir)} | ({"JAVA_HOME": str(java)} if java else {})

    def up(self, timeout: float = 180, say: Callable[[str], None] = _silent) -> None:
        """Start what doesn't run, wait until all of it works. `say` hears of what takes long.

        Raises InvalidError when the machine lacks something, or the cluster runs with other options;
        UnavailableError when a daemon ends or isn't ready in time.
        """
        java = machine.require(self._needs())
        with self._locked():
            place = self._place(java, say)
            missing = self._missing()
            self._prepare(place, missing)
            for daemon in missing:
                self._spawn(place, daemon)
            say(f"starting {', '.join(missing)}" if missing else "all daemons run already")
        self.wait_ready(timeout)

    def down(self, purge: bool = False) -> None:
        """End every daemon and every container of this cluster.

        With `purge` remove its folder with all data.
        """
        if not self._memory.exists():
            return
        with self._locked():
            stubborn = processes.end(self._running(), _STOPPING) + self._end_containers()
            if stubborn:
                raise UnavailableError(
                    f"could not end processes {', '.join(str(process.pid) for process in stubborn)}"
                )
            for record in self._records().values():
                record.unlink(missing_ok=True)
            if purge:
                shutil.rmtree(self.folder)

    def status(self) -> list[DaemonStatus]:
        """Every daemon, asked now."""
        self.addresses  # noqa: B018 - raises when there is nothing to ask
        with Probe(self.addresses) as probe:
            return [self._status(probe, daemon) for daemon in self._records()]

    def kill(self, daemon: str, number: int = signal.SIGKILL) -> None:
        """Signal one daemon, such as `nodemanager-1`; after SIGKILL it is gone when this returns."""
        process = self._process(daemon)
        if process is None or not processes.send(process, number):
            raise UnavailableError(f"{daemon} does not run")
        if number == signal.SIGKILL and processes.wait_gone([process], 10):
            raise UnavailableError(f"{daemon} (process {process.pid}) does not die")

    def start(self, daemon: str) -> None:
        """Start one daemon again, on its old ports with its old state, unless it runs.

        Doesn't wait for it.
        """
        java = machine.require(machine.Needs(self.folder, 1, jars=False))
        with self._locked():
            if self._process(daemon) is None:
                self._spawn(self._place(java), daemon)

    def wait_ready(self, timeout: float = 180) -> None:
        """Wait until all daemons work.

        UnavailableError as soon as one has ended, or after `timeout` seconds.
        """
        deadline = time.monotonic() + timeout
        while unready := [daemon for daemon in self.status() if not daemon.ready]:
            self._refuse_ended(unready)
            if time.monotonic() > deadline:
                waits = f"waited {timeout:g} s for {unready[0].waiting_for}"
                raise UnavailableError(f"{waits}; see {self.folder}/logs/{unready[0].name}.log")
            time.sleep(0.1)

    def _refuse_ended(self, unready: Iterable[DaemonStatus]) -> None:
        for daemon in unready:
            if daemon.pid is None:
                output = self.folder / "logs" / f"{daemon.name}.out"
                words = output.read_text(errors="replace").splitlines()[-3:] if output.exists() else []
                raise UnavailableError(
                    f"{daemon.name} has ended; see {output.with_suffix('.log')}. " + " ".join(words)
                )

    def _status(self, probe: Probe, daemon: str) -> DaemonStatus:
        process = self._process(daemon)
        if process is None:
            return DaemonStatus(daemon, None, f"{daemon} to be started")
        return DaemonStatus(daemon, process.pid, self._waiting_for(probe, daemon))

    def _waiting_for(self, probe: Probe, daemon: str) -> str | None:
        if kind(daemon) == "nodemanager":
            node = self.addresses.nodes[int(daemon.partition("-")[2]) - 1]
            return probe.nodemanager(node, since=self._record(daemon).stat().st_mtime)
        return probe.resourcemanager() if daemon == "resourcemanager" else probe.namenode()

    def _remembered(self) -> Remembered | None:
        try:
            return Remembered.from_json(self._memory.read_text())
        except FileNotFoundError:
            return None

    def _needs(self) -> machine.Needs:
        fetching = not jars.folder_of(jars.HADOOP, cache_folder()).is_dir()
        return machine.Needs(self.folder, len(self._missing()), jars=fetching)

    def _place(self, java: Path, say: Callable[[str], None] = _silent) -> commands.Installation:
        if not jars.folder_of(jars.HADOOP, cache_folder()).is_dir():
            say("fetching Hadoop's jars (90 MB, once)")
        lib = jars.fetch(jars.HADOOP, cache_folder(), os.environ | {"JAVA_HOME": str(java)})
        return commands.Installation(self.folder, java, (f"{lib}/*", *self.options.classpath))

    def _prepare(self, place: commands.Installation, missing: list[str]) -> None:
        """Choose ports and write the files, before anything of it starts."""
        ports = self._ports(missing)
        self._remember(Remembered(self.options, ports))
        files = configuration.shared_files(self.folder, self.options, ports, getpass.getuser())
        for name, text in files.items():
            _write(place.conf / name, text)
        for daemon in daemons(self.options.nodes):
            if kind(daemon) == "nodemanager":
                text = configuration.node_file(self.folder, self.options, ports, daemon)
                _write(place.home(daemon) / "conf/yarn-site.xml", text)
        for page in ("hdfs", "datanode"):  # the NameNode and DataNode insist on a folder of web pages
            (self.folder / "web/webapps" / page).mkdir(parents=True, exist_ok=True)
        if self.options.gpus:
            gpus.install(self.folder / "gpu", self.options.gpus)

    def _ports(self, missing: list[str]) -> dict[str, int]:
        """The remembered ports, and free ones for what is new.

        All anew if nothing runs and one was taken meanwhile.
        """
        remembered = self._remembered()
        kept = dict(remembered.ports) if remembered else {}
        taken = [
            name for name in kept if name.partition(".")[0] in missing and not free(host(name), kept[name])
        ]
        if taken and self._running():
            where = f"{host(taken[0])}:{kept[taken[0]]}"
            raise UnavailableError(
                f"{where}, the port of {taken[0]}, is taken by another program: trainmaster local down, up"
            )
        return choose_ports(self.folder, services(self.options.nodes), {} if taken else kept)

    def _remember(self, what: Remembered) -> None:
        before = self._remembered()
        if before and before.options != what.options and self._running():
            raise InvalidError("the cluster runs with other options: trainmaster local down, then up")
        _write(self._memory, what.to_json())

    def _spawn(self, place: commands.Installation, daemon: str) -> None:
        place.log(daemon).parent.mkdir(exist_ok=True)
        command, environ = commands.command(place, daemon), commands.environment(place, os.environ)
        process = processes.spawn(command, environ, place.output(daemon))
        _write(self._record(daemon), process.to_line())

    def _end_containers(self) -> list[Process]:
        """Containers outlive their NodeManager by design.

        YARN gives each the folders of its node in LOCAL_DIRS.
        """
        marker = f"LOCAL_DIRS={self.folder}/nodemanager-".encode()
        return processes.end(processes.with_environment(marker), _STOPPING)

    def _record(self, daemon: str) -> Path:
        return self.folder / "run" / daemon

    def _records(self) -> dict[str, Path]:
        """Of the daemons that belong to the cluster as it was last started."""
        remembered = self._remembered()
        names = daemons(remembered.options.nodes) if remembered else ()
        return {daemon: self._record(daemon) for daemon in names}

    def _process(self, daemon: str) -> Process | None:
        """The daemon's process, None if it doesn't run."""
        try:
            process = Process.from_line(self._record(daemon).read_text())
        except FileNotFoundError:
            return None
        return process if processes.alive(process) else None

    def _running(self) -> list[Process]:
        return [process for daemon in self._records() if (process := self._process(daemon))]

    def _missing(self) -> list[str]:
        return [daemon for daemon in daemons(self.options.nodes) if self._process(daemon) is None]

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """One `up` or `down` of a folder at a time."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with jars.locked(self.folder / "lock"):
            yield


def _write(path: Path, text: str) -> None:
    """Write a file whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_name(f".{path.name}.new")
    new.write_text(text)
    new.replace(path)
