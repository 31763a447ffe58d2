"""What a person may choose about the local Hadoop, and its one place on disk.

Values only: nothing here opens or starts anything.
"""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from trainmaster.errors import InvalidError

PROTECTIONS = ("authentication", "integrity", "privacy")
"""what hadoop.rpc.protection may ask for"""
VERSIONS = ("3.4.2", "3.3.6")
"""releases of Hadoop that can be had here, the usual one first"""


@dataclass(frozen=True)
class Options:
    """The shape of one local Hadoop; the defaults suit a laptop."""

    version: str = VERSIONS[0]
    """of Hadoop"""
    nodes: int = 1
    """NodeManagers, each on its own loopback address"""
    memory: int = 8192
    """MiB that each NodeManager offers; a book-keeping figure, it may exceed what the machine has"""
    vcores: int = 64
    """virtual cores that each NodeManager offers"""
    gpus: int = 0
    """pretended GPUs of each NodeManager"""
    gpu_isolation: bool = False
    """whether the NodeManagers give containers their GPUs by number, as on a cluster that isolates devices"""
    kerberos: bool = False
    """whether HDFS and YARN ask for tickets, of a KDC of their own"""
    log_server: bool = False
    """whether logs are aggregated into HDFS once an application is over, and served from there"""
    protection: str = PROTECTIONS[0]
    """what is done to RPC under Kerberos (hadoop.rpc.protection)"""
    ticket_life: float = 86400
    """seconds that a ticket of the KDC is good for"""
    am_expiry: float = 600
    """seconds of silence after which the ResourceManager ends an application"""
    nm_expiry: float = 600
    """seconds of silence after which the ResourceManager calls a node lost"""
    allocation_expiry: float = 600
    """seconds after which an allocated container that wasn't started is taken back"""
    hadoop: Mapping[str, str] = field(default_factory=dict)
    """overrides of single Hadoop settings, by Hadoop's names"""
    classpath: tuple[str, ...] = ()
    """further class path entries of every daemon, for extensions such as YARN Services, or for the folder of ssl-server.xml"""
    ca_file: str = ""
    """who signed the certificates of the web servers, where `hadoop` has them speak HTTPS"""

    def __post_init__(self) -> None:
        if self.version not in VERSIONS:
            raise InvalidError(f"version: {self.version} is not one of {', '.join(VERSIONS)}")
        if not 1 <= self.nodes <= 200:
            raise InvalidError(
                f"nodes: {self.nodes} is not between 1 and 200, the loopback addresses set aside for them"
            )
        for name in ("memory", "vcores"):
            if getattr(self, name) < 1:
                raise InvalidError(f"{name}: {getattr(self, name)} is not positive")
        if self.gpus < 0:
            raise InvalidError(f"gpus: {self.gpus} is negative")
        if self.gpu_isolation and not self.gpus:
            raise InvalidError("gpu_isolation: there are no GPUs to give; --gpus says how many")
        self._check_kerberos()

    def _check_kerberos(self) -> None:
        if self.protection not in PROTECTIONS:
            raise InvalidError(f"protection: {self.protection} is not one of {', '.join(PROTECTIONS)}")
        if self.protection != PROTECTIONS[0] and not self.kerberos:
            raise InvalidError("protection: without --kerberos there are no keys to protect anything with")
        if self.kerberos and self.log_server:
            raise InvalidError("log_server: the one of here has no key of the KDC; leave one of both")
        if self.kerberos and self.gpu_isolation:
            raise InvalidError(
                "kerberos: the stand-in that gives out GPUs by number runs all as one user; leave one of both"
            )

    @property
    def yarn_scheme(self) -> str:
        """How the web servers of YARN are spoken to."""
        return self._scheme("yarn.http.policy")

    @property
    def hdfs_scheme(self) -> str:
        """How those of HDFS are."""
        return self._scheme("dfs.http.policy")

    def _scheme(self, policy: str) -> str:
        return "https" if self.hadoop.get(policy) == "HTTPS_ONLY" else "http"

    def dump(self) -> dict[str, object]:
        return dataclasses.asdict(self)

    @classmethod
    def load(cls, values: Mapping[str, object]) -> Options:
        known = {name: value for name, value in values.items() if name in cls.__dataclass_fields__}
        known["classpath"] = tuple(known.get("classpath", ()))  # type: ignore[arg-type] # JSON knows no tuples
        return cls(**known)  # type: ignore[arg-type] # written by dump, checked by __post_init__


@dataclass(frozen=True)
class Remembered:
    """What a stopped cluster keeps for its next start: its options, and the port of each service by name."""

    options: Options
    ports: Mapping[str, int]

    def to_json(self) -> str:
        return json.dumps({"options": self.options.dump(), "ports": dict(self.ports)}, indent=2) + "\n"

    @classmethod
    def from_json(cls, text: str) -> Remembered:
        values = json.loads(text)
        return cls(Options.load(values["options"]), values["ports"])


def default_folder(environ: Mapping[str, str] = os.environ) -> Path:
    """Where a local Hadoop lives unless told otherwise (XDG base directories)."""
    base = environ.get("XDG_DATA_HOME") or str(Path.home() / ".local" / "share")
    return Path(base) / "trainmaster" / "local"


def cache_folder(environ: Mapping[str, str] = os.environ) -> Path:
    """Where the jars are kept, once per user."""
    base = environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base) / "trainmaster"
