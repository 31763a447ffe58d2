"""The command line and environment of each daemon: pure functions of where things are."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from trainmaster.local.daemons import MARKER
from trainmaster.local.services import kind

_MAIN = {
    "namenode": "org.apache.hadoop.hdfs.server.namenode.NameNode",
    "datanode": "org.apache.hadoop.hdfs.server.datanode.DataNode",
    "resourcemanager": "org.apache.hadoop.yarn.server.resourcemanager.ResourceManager",
    "nodemanager": "org.apache.hadoop.yarn.server.nodemanager.NodeManager",
    "kdc": "org.apache.hadoop.minikdc.MiniKdc",
    "logserver": "org.apache.hadoop.yarn.server.applicationhistoryservice.ApplicationHistoryServer",
}
HEAP = {
    "namenode": 256,
    "datanode": 256,
    "resourcemanager": 384,
    "nodemanager": 256,
    "kdc": 64,
    "logserver": 256,
}
"""MiB of Java heap at most, by kind of daemon"""
_JVM = (
    # Short lives on few cores: no compiler threads and collectors that only pay off after minutes.
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",
    "-XX:-UsePerfData",
    "-Djava.net.preferIPv4Stack=true",
    # Guice 4 inside YARN reaches into java.lang.
    "--add-opens=java.base/java.lang=ALL-UNNAMED",
)
PASSED_ON = ("HOME", "LANG", "LC_ALL", "LOGNAME", "PATH", "TZ", "USER")


@dataclass(frozen=True)
class Installation:
    """Where a cluster's parts are on disk."""

    folder: Path
    java: Path
    """home of Java"""
    classpath: tuple[str, ...]
    """folders of jars, and whatever was added to them"""
    kdc_classpath: tuple[str, ...] = ()
    """that of the KDC, whose libraries are its own; empty without Kerberos"""
    principals: tuple[str, ...] = ()
    """who gets a key of it"""

    @property
    def conf(self) -> Path:
        return self.folder / "conf"

    @property
    def keys(self) -> Path:
        """The keytab that the KDC writes at each of its starts, with everybody's keys."""
        return self.home("kdc") / "all.keytab"

    @property
    def classes(self) -> Path:
        """What goes before Hadoop's own classes, where there is Kerberos."""
        return self.folder / "classes"

    def home(self, daemon: str) -> Path:
        return self.folder / daemon

    def log(self, daemon: str) -> Path:
        return self.folder / "logs" / f"{daemon}.log"

    def output(self, daemon: str) -> Path:
        """What the daemon prints before and beside its log."""
        return self.folder / "logs" / f"{daemon}.out"


def command(place: Installation, daemon: str) -> list[str]:
    """The daemon's command line."""
    if daemon == "kdc":
        return _kdc(place)
    java = _java(place, daemon)
    return _formatting(place, java) if daemon == "namenode" else java


def _java(place: Installation, daemon: str) -> list[str]:
    own_conf = [str(place.home(daemon) / "conf")] if kind(daemon) == "nodemanager" else []
    own_conf += [str(place.classes)] if place.principals else []
    classpath = [*own_conf, str(place.conf), str(place.folder / "web"), *place.classpath]
    options = (
        f"-Xmx{HEAP[kind(daemon)]}m",
        f"-Dtrainmaster.log={place.log(daemon)}",
        f"-XX:ErrorFile={place.output(daemon)}",
        # Java doesn't heed KRB5_CONFIG.
        *((f"-Djava.security.krb5.conf={place.conf}/krb5.conf",) if place.principals else ()),
    )
    return [str(place.java / "bin/java"), *_JVM, *options, "-cp", ":".join(classpath), _MAIN[kind(daemon)]]


def _kdc(place: Installation) -> list[str]:
    """Working folder, properties, the keytab that it writes, and whose keys are made. Its log is made of what it prints."""
    home = place.home("kdc")
    heap, classpath = f"-Xmx{HEAP['kdc']}m", ":".join((str(place.conf), *place.kdc_classpath))
    java = [
        str(place.java / "bin/java"),
        *_JVM,
        heap,
        f"-Dtrainmaster.log={place.log('kdc')}",
        "-cp",
        classpath,
    ]
    names = (each.partition("@")[0] for each in place.principals)
    return [*java, _MAIN["kdc"], str(home), f"{home}/kdc.properties", str(place.keys), *names]


def _formatting(place: Installation, java: list[str]) -> list[str]:
    """The NameNode formats its folder before its first start, as the same process, so that all daemons can
    start at once.

    A folder without the VERSION that ends a formatting was never used, so that `-force` loses nothing.
    """
    version, start = place.home("namenode") / "current/VERSION", shlex.join(java)
    script = (
        f"[ -e {shlex.quote(str(version))} ] || {start} -format -force -nonInteractive || exit; exec {start}"
    )
    return ["/bin/sh", "-c", script]


def environment(place: Installation, environ: Mapping[str, str]) -> dict[str, str]:
    """The daemon's environment: few variables, since NodeManagers hand some on to containers."""
    passed_on = {name: environ[name] for name in PASSED_ON if name in environ}
    return {
        **passed_on,
        "JAVA_HOME": str(place.java),
        "HADOOP_CONF_DIR": str(place.conf),
        MARKER: str(place.folder),
        "MALLOC_ARENA_MAX": "2",  # glibc otherwise takes an arena per thread
    }
