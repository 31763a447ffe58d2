"""The place where it is measured: one Hadoop with one NodeManager and the peer's jars, a ZooKeeper and a Kubernetes beside it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench import kubernetes, yarn_services, zookeeper
from trainmaster.local import jars, machine
from trainmaster.local.cluster import LocalHadoop
from trainmaster.local.kubernetes.controlplane import LocalKubernetes
from trainmaster.local.options import Options, cache_folder
from trainmaster.sources.stores import open_files

JARS = Path(__file__).with_name("services-jars.lock")
MEMORY = 65_536
"""MiB that the NodeManager offers: real memory isn't set aside, and 200 jobs must fit"""
VCORES = 512


@dataclass(frozen=True)
class Lab:
    hadoop: LocalHadoop
    kubernetes: LocalKubernetes
    folder: Path
    """for what the systems and their jobs write"""


@contextmanager
def running(folder: Path, say: Callable[[str], None]) -> Iterator[Lab]:
    """Everything up and ready; ended by process id on the way out, whatever happened."""
    lib = jars.fetch(JARS, cache_folder())
    archive = yarn_services.pack(lib, lib.with_suffix(".tar.gz"))
    port = zookeeper.free_port()
    hadoop = LocalHadoop(folder / "hadoop", _options(lib, port))
    with ExitStack() as stack:
        stack.enter_context(zookeeper.running(folder / "zookeeper", _java(folder), lib, port))
        stack.callback(hadoop.down, purge=True)
        hadoop.up(say=say)
        zookeeper.wait_ready(port)
        say("uploading the peer's jars")
        _upload(hadoop, archive)
        say("starting Kubernetes")
        yield Lab(hadoop, stack.enter_context(kubernetes.plane(folder / "kubernetes")), folder)


def _options(lib: Path, zookeeper_port: int) -> Options:
    return Options(
        nodes=1,
        memory=MEMORY,
        vcores=VCORES,
        hadoop=yarn_services.settings(zookeeper_port),
        classpath=(f"{lib}/*",),
    )


def _upload(hadoop: LocalHadoop, archive: Path) -> None:
    files, path = open_files(f"{hadoop.addresses.hdfs}{yarn_services.FRAMEWORK}", hadoop.conf_dir)
    files.make_folder(str(Path(path).parent))
    files.upload(archive, path)
    files.close()


def _java(folder: Path) -> Path:
    return machine.require(machine.Needs(folder, daemons=5, jars=False))
