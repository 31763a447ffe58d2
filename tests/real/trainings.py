"""Examples brought to a real cluster, and what their processes say and are: for the tests of trainings."""

from __future__ import annotations

import os
import re
import signal
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from types import ModuleType

import requests

from real.cluster import until
from real.rooms import Room
from trainmaster.api.status import JobStatus, ReplicaStatus

EXAMPLES = Path(__file__).parents[2] / "examples"
ENOUGH = 0.9
SHARED = "file:///mnt/shared"
"""as the examples call a folder that all nodes share"""

RunExample = Callable[..., None]
"""the example's folder, the job's name, `instead`: what stands there for which of its words; and variables of the job"""


def stage() -> ModuleType:
    if str(EXAMPLES) not in sys.path:
        sys.path.insert(0, str(EXAMPLES))
    import stage

    return stage


A_ROLE = "      resources: {"
PATIENT = f"      terminationGracePeriod: 10m\n{A_ROLE}"
"""longer than any test waits: so a process that doesn't end when it is told to fails its test"""


def runner(room: Room, store: str) -> RunExample:
    """Brings an example into HDFS and declares it, slow enough to be met in the middle."""

    def run(example: str, name: str, instead: Mapping[str, str] | None = None, **said: str) -> None:
        root, tools, shared = f"{store}/examples", stage(), room.folder / "shared"
        tools.upload(example, root)
        python = str(tools.INTERPRETERS[example]())
        text = replaced((EXAMPLES / example / "job.yaml").read_text(), {**(instead or {}), A_ROLE: PATIENT})
        variables = {"EXAMPLE_PYTHON": python, "SLOW": "0.5"}
        if "HELPER_PYTHON" in text:
            variables["HELPER_PYTHON"] = python
        room.apply(name, tools.render(text, root, variables | said).replace(SHARED, shared.as_uri()))

    return run


def replaced(text: str, instead: Mapping[str, str]) -> str:
    for old, new in instead.items():
        assert old in text
        text = text.replace(old, new)
    return text


def log(status: JobStatus, role: str, index: int) -> str:
    """The end of a replica's output, as its NodeManager serves it."""
    if role not in status.roles or not (replica := status.roles[role].replicas[index]).log_url:
        return ""
    container = container_of(replica)
    node = replica.log_url.split("/")[2]
    url = f"http://{node}/ws/v1/node/containerlogs/{container}/stdout"
    answer = requests.get(url, params={"size": "-65536"}, timeout=10)
    return answer.text if answer.ok else ""


def accuracy(text: str) -> float:
    return max(map(float, re.findall(r"accuracy ([01]\.\d+)", text)), default=0.0)


def went_on(text: str) -> bool:
    """Whether it resumed, and what it trained next is the epoch (or round) after the checkpoint's."""
    number = r"(?:epoch|round) (\d+)"
    found = re.search(rf"resumed after {number}\n(?:.*\n)*?.*?{number} of ", text)
    return found is not None and int(found[2]) == int(found[1]) + 1


def process(status: JobStatus, role: str, index: int, told: str = "") -> int:
    """The training process in a replica's container, or the one of them that was told this."""
    container = status.roles[role].replicas[index].container
    pid = _training(container, told)
    assert pid, f"no training process in {container}"
    return pid


def kill_while_it_starts(room: Room, name: str, role: str, index: int) -> None:
    """End a training process as soon as it is there: long before its framework is imported."""

    def begun() -> int:
        status = room.status(name)
        replicas = status.roles[role].replicas if role in status.roles else ()
        return _training(replicas[index].container) if len(replicas) > index else 0

    os.kill(until(begun, 240, pause=0.02), signal.SIGKILL)


def _training(container: str, told: str = "") -> int:
    """Its pid; 0 where there is none."""
    for pid, environ in inside(container):
        with suppress(OSError):
            command = Path(f"/proc/{pid}/cmdline").read_bytes()
            if f"{told}\0".encode() in environ and re.search(rb"\0-m\0train\0", command):
                return pid
    return 0


def inside(*containers: str) -> Iterator[tuple[int, bytes]]:
    """The processes that carry one of these containers in their environment, and that."""
    names = [f"CONTAINER_ID={container}\0".encode() for container in containers if container]
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            environ = (folder / "environ").read_bytes()
        except OSError:
            continue
        if any(name in environ for name in names):
            yield int(folder.name), environ


def program(container: str, word: str) -> int:
    """The process of a container that has this word in its command line."""
    for pid, _ in inside(container):
        with suppress(OSError):
            if word in Path(f"/proc/{pid}/cmdline").read_text().split("\0"):
                return pid
    raise AssertionError(f"no {word} in {container}")


def gone(*statuses: JobStatus) -> bool:
    """Whether nothing carries one of the job's containers in its environment any more, as these statuses know them."""
    replicas = [r for status in statuses for role in status.roles.values() for r in role.replicas]
    return not [*inside(*map(container_of, replicas))]


def container_of(replica: ReplicaStatus) -> str:
    """The one that it has, or had last."""
    return next(iter(re.findall(r"container_\w+", replica.log_url)), "")
