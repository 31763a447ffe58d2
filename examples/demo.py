"""The quick start, shown: a real training on a real one-machine Hadoop, with a worker killed on the way.

Starts HDFS and YARN, starts the controller, drops the TensorFlow example into HDFS, kills one of its workers, shows how it is
replaced and that the job succeeds all the same, prints some metrics, and takes everything down again. Ctrl-C cleans up too.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import environments
import requests
import stage

from trainmaster.api.status import JobStatus
from trainmaster.local.cluster import LocalHadoop
from trainmaster.local.options import Options
from trainmaster.sources.store import JobStore

EXAMPLE, NAMESPACE, NAME = "tensorflow-ps", "default", "digits-tf"
PATIENCE = 300.0
"""seconds after which a step that doesn't happen counts as failed"""
METRICS = re.compile(
    r"^trainmaster_(jobs|replicas|restarts_total|yarn_up|submit_to_running_seconds_(sum|count))\b.* [^0].*$"
)


def main() -> int:
    started = time.monotonic()
    say("An interpreter with TensorFlow (downloaded once) ...")
    python = environments.tensorflow()
    with (
        tempfile.TemporaryDirectory(prefix="trainmaster-demo-") as folder,
        hadoop(Path(folder) / "hadoop") as cluster,
    ):
        os.environ["HADOOP_CONF_DIR"] = str(cluster.conf_dir)
        store = f"{cluster.addresses.hdfs}/trainmaster"
        with controller(store, Path(folder) / "controller.log") as web:
            say(
                f"Controller: {web}   YARN: http://{cluster.addresses.rm_web}   HDFS: http://{cluster.addresses.namenode_web}"
            )
            succeeded = train(store, cluster, str(python), web)
    say(f"Done in {time.monotonic() - started:.0f} s; everything is taken down.")
    return 0 if succeeded else 1


def train(store: str, cluster: LocalHadoop, python: str, web: str) -> bool:
    root = f"{cluster.addresses.hdfs}/examples"
    stage.upload(EXAMPLE, root)
    text = (stage.HERE / EXAMPLE / "job.yaml").read_text()
    jobs = JobStore(store)
    jobs.apply(stage.render(text, root, {"EXAMPLE_PYTHON": python, "SLOW": "0.5"}), NAMESPACE, NAME)
    say(f"Dropped {NAMESPACE}/{NAME} into {store}/jobs: 1 chief, 2 parameter servers, 2 workers.")
    follow(jobs, lambda status: status.is_true("Running"))
    time.sleep(3)
    victim = worker_process(jobs.get(NAMESPACE, NAME).status)
    say(f"Killing worker-1 (process {victim}) with SIGKILL ...")
    os.kill(victim, signal.SIGKILL)
    status = follow(jobs, lambda status: status.is_true("Finished"))
    say(f"Accuracy, from the chief's log: {accuracy(status) or 'not found'}")
    say("Some of its metrics:")
    for line in requests.get(f"{web}/metrics", timeout=10).text.splitlines():
        if METRICS.match(line):
            print(f"    {line}")
    return status.is_true("Succeeded")


def follow(jobs: JobStore, met: Callable[[JobStatus], object]) -> JobStatus:
    """Print each change of the roles until the status meets this."""
    shown, until = "", time.monotonic() + PATIENCE
    while True:
        status = jobs.get(NAMESPACE, NAME).status or JobStatus()
        line = f"{status.state:10} " + "  ".join(
            f"{n} {r.running}/{r.wanted}" for n, r in status.roles.items()
        )
        if restarts := sum(r.restarts for r in status.roles.values()):
            line += f"  restarts {restarts}"
        if line != shown and status.state:
            say(f"  {line}")
            shown = line
        if met(status):
            return status
        if time.monotonic() > until:
            raise SystemExit(f"gave up waiting: {status.model_dump_json(indent=1)}")
        time.sleep(0.2)


def worker_process(status: JobStatus | None) -> int:
    """The process of worker-1's training, found by the container id in its environment."""
    assert status
    container = status.roles["worker"].replicas[1].container
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            mine = f"CONTAINER_ID={container}\0".encode() in (folder / "environ").read_bytes()
            if mine and b"\0-m\0train\0" in (folder / "cmdline").read_bytes():
                return int(folder.name)
        except OSError:
            continue
    raise SystemExit(f"the process of {container} was not found")


def accuracy(status: JobStatus) -> str:
    chief = status.roles["chief"].replicas[0]
    container = chief.last_exit.container if chief.last_exit else chief.container
    node = chief.log_url.split("/")[2]
    log = requests.get(
        f"http://{node}/ws/v1/node/containerlogs/{container}/stdout?size=-4096", timeout=10
    ).text
    found = re.findall(r"accuracy (0\.\d+)", log)
    return str(found[-1]) if found else ""


@contextmanager
def hadoop(folder: Path) -> Iterator[LocalHadoop]:
    cluster = LocalHadoop(folder, Options(nodes=2))
    say("A real Hadoop on this machine (jars downloaded once) ...")
    try:
        cluster.up(say=lambda line: print(f"    {line}", flush=True))
        yield cluster
    finally:
        say("Taking Hadoop down ...")
        cluster.down(purge=True)


@contextmanager
def controller(store: str, log: Path) -> Iterator[str]:
    """The controller as a process of its own; gives the address of its metrics."""
    env = os.environ | {"TRAINMASTER_WEB_PORT": "0", "TRAINMASTER_METRICS_PORT": "0", "PYTHONUNBUFFERED": "1"}
    with log.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "trainmaster", "controller", "--store", store],
            env=env,
            stdout=out,
            stderr=out,
        )
    try:
        yield address(process, log)
    finally:
        process.terminate()
        process.wait(30)


def address(process: subprocess.Popen[bytes], log: Path) -> str:
    until = time.monotonic() + 60
    while time.monotonic() < until and process.poll() is None:
        if found := re.search(r" metrics=(http\S+)", log.read_text()):
            return found[1]
        time.sleep(0.1)
    raise SystemExit(f"the controller did not start:\n{log.read_text()}")


def say(line: str) -> None:
    print(line, flush=True)


if __name__ == "__main__":
    sys.exit(main())
