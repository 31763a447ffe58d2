"""The examples on real YARN, each with one process killed on the way: real TensorFlow, real PyTorch, real HDFS."""

from __future__ import annotations

import os
import re
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest
import requests

from real.cluster import until
from real.rooms import Room
from trainmaster.api.status import ConditionType as C
from trainmaster.api.status import JobStatus
from trainmaster.local.cluster import LocalHadoop

EXAMPLES = Path(__file__).parents[2] / "examples"
ENOUGH = 0.9


@pytest.fixture
def stage() -> ModuleType:
    sys.path.insert(0, str(EXAMPLES))
    import stage

    return stage


@pytest.fixture
def run_example(room: Room, hadoop: LocalHadoop, stage: ModuleType, store: str) -> Callable[[str, str], None]:
    """Bring an example into HDFS and declare it, slow enough to be met in the middle."""

    def run(example: str, name: str) -> None:
        root = f"{store}/examples"
        stage.upload(example, root)
        python = str(stage.INTERPRETERS[example]())
        text = (EXAMPLES / example / "job.yaml").read_text()
        room.apply(name, stage.render(text, root, {"EXAMPLE_PYTHON": python, "SLOW": "0.5"}))

    return run


def test_tensorflow_goes_on_when_a_worker_is_killed(
    room: Room, run_example: Callable[[str, str], None]
) -> None:
    room.controller()
    run_example("tensorflow-ps", "digits-tf")
    until(lambda: "epoch 2" in log(room.status("digits-tf"), "chief", 0), 120)

    os.kill(process(room.status("digits-tf"), "worker", 1), signal.SIGKILL)
    status = room.until_true("digits-tf", C.FINISHED, 180)

    assert status.is_true(C.SUCCEEDED)
    assert accuracy(log(status, "chief", 0)) > ENOUGH
    assert [status.roles["worker"].replicas[i].restarts for i in (0, 1)] == [0, 1]
    assert status.roles["chief"].restarts == status.roles["ps"].restarts == 0


def test_pytorch_restarts_as_one_and_resumes(room: Room, run_example: Callable[[str, str], None]) -> None:
    room.controller()
    run_example("pytorch-ddp", "digits-torch")
    until(lambda: "epoch 2" in log(room.status("digits-torch"), "master", 0), 120)

    os.kill(process(room.status("digits-torch"), "worker", 0), signal.SIGKILL)
    status = room.until_true("digits-torch", C.FINISHED, 180)

    said = log(status, "master", 0)
    assert status.is_true(C.SUCCEEDED)
    assert accuracy(said) > ENOUGH
    assert "resumed" in said
    assert status.restarts == 1, "one death, one restart of all"
    assert sum(role.restarts for role in status.roles.values()) == 1, "charged once"
    runs = {replica.run for role in status.roles.values() for replica in role.replicas}
    assert len(runs) == 1, "all of them are of one generation"


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


def process(status: JobStatus, role: str, index: int) -> int:
    """The training process in a replica's container."""
    container = status.roles[role].replicas[index].container
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            ours = f"CONTAINER_ID={container}\0".encode() in (folder / "environ").read_bytes()
            if ours and b"\0-m\0train\0" in (folder / "cmdline").read_bytes():
                return int(folder.name)
        except OSError:
            continue
    raise AssertionError(f"no training process in {container}")
