"""One ZooKeeper on loopback, which YARN Services keeps its registry in."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from trainmaster.local import processes
from trainmaster.local.services import LOOPBACK

MAIN = "org.apache.zookeeper.server.ZooKeeperServerMain"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def running(folder: Path, java: Path, jars: Path, port: int) -> Iterator[None]:
    """A ZooKeeper with its data in `folder`; it may take a second to answer after this begins."""
    folder.mkdir(parents=True, exist_ok=True)
    configuration = folder / "zoo.cfg"
    configuration.write_text(
        f"dataDir={folder}/data\nclientPort={port}\nclientPortAddress={LOOPBACK}\n"
        "admin.enableServer=false\nmaxClientCnxns=0\n"
    )
    options = ["-Xmx128m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"]
    command = [str(java / "bin/java"), *options, "-cp", f"{jars}/*", MAIN, str(configuration)]
    process = processes.spawn(command, dict(os.environ), folder / "zookeeper.log")
    try:
        yield
    finally:
        processes.end([process], 5)


def wait_ready(port: int, timeout: float = 30) -> None:
    """Wait until it listens."""
    deadline = time.monotonic() + timeout
    while True:
        try:
            socket.create_connection((LOOPBACK, port), timeout=1).close()
            return
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)
