"""A local Hadoop as one thing: which daemons it has, and what they need before they start.

Never here: what the files say (`configuration`), what is run (`commands`), or jobs.
"""

from __future__ import annotations

import getpass
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from trainmaster.errors import InvalidError, UnavailableError
from trainmaster.local import (
    commands,
    configuration,
    gpus,
    jars,
    machine,
    processes,
    realm,
    secure_io,
    security,
)
from trainmaster.local.daemons import Daemons
from trainmaster.local.files import write
from trainmaster.local.options import Options, Remembered, cache_folder
from trainmaster.local.processes import Process
from trainmaster.local.readiness import Probe
from trainmaster.local.services import Addresses, addresses, daemons, kind, services


class LocalHadoop(Daemons[commands.Installation]):
    """A Hadoop of real daemons on loopback addresses, in one folder."""

    title = "the local Hadoop"
    words = ".out"

    def __init__(self, folder: Path, options: Options | None = None) -> None:
        """`options` None: those of the cluster that is in the folder, else the defaults."""
        super().__init__(folder)
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
        java = machine.find_java()
        found = {"HADOOP_CONF_DIR": str(self.conf_dir)} | ({"JAVA_HOME": str(java)} if java else {})
        return found | self._of_realm()

    def _of_realm(self) -> dict[str, str]:
        kerberos = self._known().options.kerberos
        return security.environment(self.folder, getpass.getuser()) if kerberos else {}

    def _wanted(self) -> Sequence[str]:
        return daemons(self.options.nodes, self.options.kerberos, self.options.log_server)

    def _present(self) -> Sequence[str]:
        known = self._known().options
        return daemons(known.nodes, known.kerberos, known.log_server)

    @contextmanager
    def _asking(self) -> Iterator[Callable[[str], str | None]]:
        with realm.entered(self._of_realm()), Probe(self.addresses, self._known().options) as probe:
            yield partial(self._waiting_for, probe)

    def _waiting_for(self, probe: Probe, daemon: str) -> str | None:
        if kind(daemon) == "nodemanager":
            return probe.nodemanager(int(daemon.partition("-")[2]), self._registry.since(daemon))
        if daemon == "kdc":
            return None if realm.answers(self._known().ports["kdc.kerberos"]) else "the KDC to listen"
        ask = {
            "namenode": probe.namenode,
            "datanode": probe.datanode,
            "resourcemanager": probe.resourcemanager,
            "logserver": probe.logserver,
        }
        return ask[daemon]()

    def _remembered(self) -> Remembered | None:
        try:
            return Remembered.from_json(self._memory.read_text())
        except FileNotFoundError:
            return None

    def _known(self) -> Remembered:
        remembered = self._remembered()
        if remembered is None:
            raise UnavailableError(f"there is no local Hadoop in {self.folder}: trainmaster local up")
        return remembered

    def _place(self, starting: int, say: Callable[[str], None]) -> commands.Installation:
        lists = [jars.hadoop(self.options.version), *([jars.minikdc()] if self.options.kerberos else [])]
        fetching = not all(jars.folder_of(each, cache_folder()).is_dir() for each in lists)
        java = machine.require(machine.Needs(self.folder, starting, fetching))
        if fetching:
            say(f"fetching the jars of Hadoop {self.options.version} (90 MB, once)")
        environ = os.environ | {"JAVA_HOME": str(java)}
        lib, *kdc = (f"{jars.fetch(each, cache_folder(), environ)}/*" for each in lists)
        principals = security.principals(self.options, getpass.getuser()) if kdc else ()
        return commands.Installation(
            self.folder, java, (lib, *self.options.classpath), tuple(kdc), principals
        )

    def _prepare(self, place: commands.Installation, missing: Sequence[str]) -> None:
        remembered = self._remembered()
        if remembered and remembered.options.version != self.options.version:
            raise InvalidError(
                f"{self.folder} holds the data of Hadoop {remembered.options.version}, which {self.options.version} may not "
                "read: choose another --dir, or lose it by trainmaster local down --purge"
            )
        idle = not (remembered and self._registry.running(self._present()))
        if remembered and remembered.options != self.options and not idle:
            raise InvalidError("the cluster runs with other options: trainmaster local down, then up")
        if "kdc" in missing and not idle:
            raise UnavailableError(
                "the KDC has ended, and another one makes other keys: trainmaster local down, then up"
            )
        wanted = services(self.options.nodes, self.options.kerberos, self.options.log_server)
        ports = self._ports(wanted, remembered.ports if remembered else {}, missing, idle)
        write(self._memory, Remembered(self.options, ports).to_json())
        self._write_configuration(place, ports)
        for page in ("hdfs", "datanode"):  # the NameNode and DataNode insist on a folder of web pages
            (self.folder / "web/webapps" / page).mkdir(parents=True, exist_ok=True)
        if self.options.kerberos:
            realm.prepare(self.folder, self.options, ports, starting="kdc" in missing)
            secure_io.install(place.classes, place.java)
        if self.options.gpus:
            gpus.install(self.folder / "gpu", self.options.gpus)

    def _write_configuration(self, place: commands.Installation, ports: Mapping[str, int]) -> None:
        user = getpass.getuser()
        files = configuration.shared_files(self.folder, self.options, ports, user)
        for name, text in files.items():
            write(place.conf / name, text)
        for daemon in daemons(self.options.nodes):
            if kind(daemon) == "nodemanager":
                text = configuration.node_file(self.folder, self.options, ports, user, daemon)
                write(place.home(daemon) / "conf/yarn-site.xml", text)
                if self.options.gpu_isolation:
                    gpus.install_executor(place.home(daemon))

    def _spawn(self, place: commands.Installation, daemon: str) -> None:
        place.log(daemon).parent.mkdir(exist_ok=True)
        command, environ = commands.command(place, daemon), commands.environment(place, os.environ)
        process = processes.spawn(command, environ, place.output(daemon))
        self._registry.note(daemon, process)
        if daemon == "kdc":
            ended = lambda: not processes.alive(process)  # noqa: E731
            realm.hand_out(self.folder, place.keys, self.options, getpass.getuser(), ended)

    def _strays(self) -> list[Process]:
        """Containers too, which outlive their NodeManager by design.

        YARN gives each container the folders of its node in LOCAL_DIRS.
        """
        containers = f"LOCAL_DIRS={self.folder}/nodemanager-"
        return super()._strays() + processes.with_environment(containers.encode())
