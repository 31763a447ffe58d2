"""Examples brought to a real cluster, and what their processes say and are: for the tests of trainings."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import requests

from real.rooms import Room
from trainmaster.api.status import JobStatus

EXAMPLES = Path(__file__).parents[2] / "examples"
ENOUGH = 0.9

RunExample = Callable[[str, str], None]


def stage() -> ModuleType:
    if str(EXAMPLES) not in sys.path:
        sys.path.insert(0, str(EXAMPLES))
    import stage

    return stage


def runner(room: Room, store: str) -> RunExample:
    """Brings an example into HDFS and declares it, slow enough to be met in the middle."""

    def run(example: str, name: str) -> None:
        root, tools = f"{store}/examples", stage()
        tools.upload(example, root)
        python = str(tools.INTERPRETERS[example]())
        text = (EXAMPLES / example / "job.yaml").read_text()
        variables = {"EXAMPLE_PYTHON": python, "SLOW": "0.5"}
        if "HELPER_PYTHON" in text:
            variables["HELPER_PYTHON"] = python
        room.apply(name, tools.render(text, root, variables))

    return run


def log(status: JobStatus, role: str, index: int) -> str:
    """The end of a replica's output, as its NodeManager serves it."""
    if role not in status.roles or not (replica := status.roles[role].replicas[index]).log_url:
        return ""
    container = re.findall(r"container_\w+", replica.log_url)[0]
    node = replica.log_url.split("/")[2]
    url = f"http://{node}/ws/v1/node/containerlogs/{container}/stdout"
    answer = requests.get(url, params={"size": "-65536"}, timeout=10)
    return answer.text if answer.ok else ""


def accuracy(text: str) -> float:
    return max(map(float, re.findall(r"accuracy ([01]\.\d+)", text)), default=0.0)


def process(status: JobStatus, role: str, index: int, told: str = "") -> int:
    """The training process in a replica's container, or the one of them that was told this."""
    container = status.roles[role].replicas[index].container
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            environ = (folder / "environ").read_bytes()
            ours = f"CONTAINER_ID={container}\0".encode() in environ and f"{told}\0".encode() in environ
            if ours and re.search(rb"\0-m\0train\0", (folder / "cmdline").read_bytes()):
                return int(folder.name)
        except OSError:
            continue
    raise AssertionError(f"no training process in {container}")
