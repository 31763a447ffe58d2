"""The daemons of a local Hadoop and the addresses they serve: names, hosts, ports. Pure, but for asking which
ports are free.

Every service has a name such as `resourcemanager.client`; its part before the dot is the daemon's.
"""

from __future__ import annotations

import hashlib
import socket
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from trainmaster.errors import UnavailableError

LOOPBACK = "127.0.0.1"
FIRST_PORT, LAST_PORT = 10000, 19999
"""below the ports that replicas get (20000-29999) and the kernel's ephemeral ones (32768 and up)"""
SERVICES: Mapping[str, tuple[str, ...]] = {
    "namenode": ("rpc", "web"),
    "datanode": ("data", "ipc", "web"),
    "resourcemanager": ("client", "scheduler", "tracker", "admin", "web"),
    "nodemanager": ("rpc", "localizer", "web"),
    "kdc": ("kerberos",),
    "logserver": ("rpc", "web"),
}


def daemons(nodes: int, kerberos: bool = False, log_server: bool = False) -> tuple[str, ...]:
    """The names of all daemons of a cluster with that many NodeManagers, in the order in which they are
    started; with a KDC where there is Kerberos, and the server of aggregated logs where one is wanted.
    """
    managers = (f"nodemanager-{number}" for number in range(1, nodes + 1))
    first, last = ("kdc",) if kerberos else (), ("logserver",) if log_server else ()
    return (*first, "namenode", "resourcemanager", "datanode", *managers, *last)


def services(nodes: int, kerberos: bool = False, log_server: bool = False) -> tuple[str, ...]:
    named = daemons(nodes, kerberos, log_server)
    return tuple(f"{daemon}.{name}" for daemon in named for name in SERVICES[kind(daemon)])


def kind(daemon: str) -> str:
    """`nodemanager` for `nodemanager-2`; the name itself for the others."""
    return daemon.partition("-")[0]


def daemon_of(service: str) -> str:
    """`namenode` for `namenode.rpc`."""
    return service.partition(".")[0]


def host(service: str) -> str:
    """The loopback address of a service or daemon: 127.0.0.11 and up for NodeManagers.

    Not 127.0.0.2, which some resolvers (nss-myhostname) call by the machine's name; YARN would then name the
    node so.
    """
    number = daemon_of(service).rpartition("-")[2]
    return f"127.0.0.{10 + int(number)}" if number.isdigit() else LOOPBACK


def free(address: str, port: int) -> bool:
    """Whether a server could listen there now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
        except OSError:
            return False
    return True


def choose_ports(folder: Path, wanted: Iterable[str], kept: Mapping[str, int]) -> dict[str, int]:
    """A port for each wanted service: the kept one, or the next free one.

    The search begins at a place derived from the folder, so that clusters that start side by side don't meet.
    """
    candidates = _candidates(folder, set(kept.values()))
    return {service: kept.get(service) or _next_free(host(service), candidates) for service in wanted}


def _candidates(folder: Path, used: set[int]) -> Iterator[int]:
    span = LAST_PORT - FIRST_PORT + 1
    start = int.from_bytes(hashlib.sha256(str(folder).encode()).digest()[:4], "big") % span
    return (port for port in (FIRST_PORT + (start + step) % span for step in range(span)) if port not in used)


def _next_free(address: str, candidates: Iterator[int]) -> int:
    for port in candidates:
        if free(address, port):
            return port
    raise UnavailableError(f"no free port between {FIRST_PORT} and {LAST_PORT} on {address}")


@dataclass(frozen=True)
class Node:
    """Addresses of one NodeManager, each `host:port`; `rpc` is also its name in YARN."""

    rpc: str
    web: str


@dataclass(frozen=True)
class Addresses:
    """Where a local Hadoop is reached, each `host:port`."""

    client: str
    """ResourceManager, ApplicationClientProtocol"""
    scheduler: str
    """ResourceManager, ApplicationMasterProtocol"""
    rm_web: str
    """ResourceManager, web pages and REST"""
    namenode: str
    """NameNode, RPC: the authority of hdfs:// URLs"""
    namenode_web: str
    """NameNode, JMX and WebHDFS"""
    datanode_web: str
    """DataNode, JMX and the data side of WebHDFS"""
    nodes: tuple[Node, ...]
    log_server: str = ""
    """the server of aggregated logs; empty where there is none"""

    @property
    def hdfs(self) -> str:
        """The root of HDFS as a URL, without a slash at its end."""
        return f"hdfs://{self.namenode}"


def addresses(ports: Mapping[str, int], nodes: int) -> Addresses:
    at = {service: f"{host(service)}:{port}" for service, port in ports.items()}
    return Addresses(
        client=at["resourcemanager.client"],
        scheduler=at["resourcemanager.scheduler"],
        rm_web=at["resourcemanager.web"],
        namenode=at["namenode.rpc"],
        namenode_web=at["namenode.web"],
        datanode_web=at["datanode.web"],
        nodes=tuple(
            Node(at[f"nodemanager-{n}.rpc"], at[f"nodemanager-{n}.web"]) for n in range(1, nodes + 1)
        ),
        log_server=at.get("logserver.web", ""),
    )
