"""YARN Services as a system under test: the engine under Apache Submarine on YARN, spoken to over its REST API.

Treated as well as its documentation allows: its jars lie in HDFS beforehand (`yarn.service.framework.path`), its
ApplicationMaster is small and compiles quickly, and what ends is replaced without an interval. API and settings:
"YARN Service API" and "YARN Service Configurations" of Hadoop 3.4.2.
"""

from __future__ import annotations

import getpass
import tarfile
from pathlib import Path

import requests

from bench.systems import MEMORY, REPLICAS, ROLES, Job

FRAMEWORK = "/bench/service-dep.tar.gz"
"""where its jars lie in HDFS"""
MASTER_MEMORY = 256
"""MiB of its ApplicationMaster's container"""
_JVM = (
    "-Xmx200m -XX:+UseSerialGC -XX:TieredStopAtLevel=1 --add-opens=java.base/java.lang=ALL-UNNAMED"  # Java 17
)


def settings(zookeeper_port: int) -> dict[str, str]:
    """The Hadoop settings that it needs."""
    return {
        "yarn.webapp.api-service.enable": "true",
        "hadoop.registry.zk.quorum": f"127.0.0.1:{zookeeper_port}",
        "yarn.service.framework.path": FRAMEWORK,
    }


def pack(jars: Path, target: Path) -> Path:
    """The archive of its jars, as `yarn app -enableFastLaunch` makes it; made once, since it takes seconds."""
    if not target.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        arriving = target.with_suffix(".new")
        with tarfile.open(arriving, "w:gz", compresslevel=1) as archive:
            for jar in sorted(jars.glob("*.jar")):
                archive.add(jar, jar.name)
        arriving.rename(target)
    return target


class YarnServices:
    """The REST API inside the ResourceManager."""

    name = "YARN Services"

    def __init__(self, address: str) -> None:
        """`address` is that of the ResourceManager's web server, host:port."""
        self._url = f"http://{address}/app/v1/services"
        self._web = requests.Session()
        self._web.trust_env = False
        self._web.params = {"user.name": getpass.getuser()}

    def declare(self, job: Job) -> None:
        self._web.post(self._url, json=specification(job), timeout=60).raise_for_status()

    def seen(self, job: Job) -> None:  # noqa: ARG002 - it is told by the request itself
        return None

    def remove(self, job: Job) -> None:
        self._web.delete(f"{self._url}/{job.name}", timeout=60).raise_for_status()


def specification(job: Job) -> dict[str, object]:
    """The service as its REST API takes it."""
    properties = {
        "yarn.service.am-resource.memory": str(MASTER_MEMORY),
        "yarn.service.am.java.opts": _JVM,
        "yarn.service.container-failure.retry.max": "5",
        "yarn.service.container-failure.retry-interval-ms": "0",
    }
    return {
        "name": job.name,
        "version": "1.0",
        "queue": "default",
        "lifetime": 600,
        "configuration": {"properties": properties},
        "components": [_component(job, role) for role in ROLES],
    }


def _component(job: Job, role: str) -> dict[str, object]:
    return {
        "name": role,
        "number_of_containers": REPLICAS,
        "launch_command": job.line(role),
        "restart_policy": "ALWAYS" if job.healed else "NEVER",
        "resource": {"cpus": 1, "memory": str(MEMORY)},
    }
