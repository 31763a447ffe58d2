"""Each framework's training on real YARN, with one process killed at rest: all begin again, and go on from the checkpoint.

`make test-frameworks` runs them; TensorFlow's and PyTorch's DDP, in test_examples.py, run always.
"""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from real.cluster import until
from real.reading import message
from real.rooms import Room
from real.trainings import ENOUGH, RunExample, accuracy, log, process, runner
from trainmaster.api.status import ConditionType as C
from trainmaster.api.status import JobStatus
from trainmaster.local.cluster import LocalHadoop

pytestmark = pytest.mark.skipif(
    not os.environ.get("TRAINMASTER_ALL_FRAMEWORKS"), reason="make test-frameworks runs it"
)


@pytest.fixture
def run_example(room: Room, hadoop: LocalHadoop, store: str) -> RunExample:
    return runner(room, store)


@pytest.mark.parametrize(
    ("example", "name", "step"),
    [
        ("xgboost", "digits-xgboost", "round 7"),
        ("jax", "digits-jax", "epoch 3"),
        ("pytorch-processes", "digits-torch-processes", "epoch 3"),
        ("custom-template", "digits-custom", "epoch 3"),
        ("mxnet-kvstore", "digits-mxnet", "epoch 3"),
    ],
)
@pytest.mark.parametrize("victim", [0, 1])
def test_all_restart_as_one_and_resume(
    room: Room, run_example: RunExample, example: str, name: str, step: str, victim: int
) -> None:
    room.controller()
    run_example(example, name)
    until(lambda: step in log(room.status(name), "worker", 1), 240)

    os.kill(process(room.status(name), "worker", victim), signal.SIGKILL)
    status = room.until_true(name, C.FINISHED, 240)

    said = [log(status, "worker", index) for index in (0, 1)]
    assert status.is_true(C.SUCCEEDED), f"{message(status, C.FAILED)}\n{said}"
    assert max(map(accuracy, said)) > ENOUGH
    assert any("resumed" in text for text in said)
    assert status.restarts == 1, "one death, one restart of all"
    assert left_of(status) == [], "what ran beside the first process is gone with it"


@pytest.mark.parametrize("victim", ["rank", "launcher"])
def test_mpi_restarts_as_one_and_resumes(room: Room, run_example: RunExample, victim: str) -> None:
    room.controller()
    run_example("mpi", "digits-mpi")
    until(lambda: "epoch 3" in log(room.status("digits-mpi"), "launcher", 0), 240)

    status = room.status("digits-mpi")
    rank = process(status, "worker", 1, "OMPI_COMM_WORLD_RANK=1")
    os.kill(rank if victim == "rank" else mpirun(status), signal.SIGKILL)
    status = room.until_true("digits-mpi", C.FINISHED, 240)

    said = log(status, "launcher", 0)
    assert status.is_true(C.SUCCEEDED), f"{message(status, C.FAILED)}\n{said}"
    assert accuracy(said) > ENOUGH
    assert "resumed" in said
    assert status.restarts == 1, "one death, one restart of all"
    assert left_of(status) == [], "no rank outlives its launcher"


def mpirun(status: JobStatus) -> int:
    container = status.roles["launcher"].replicas[0].container
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            ours = f"CONTAINER_ID={container}\0".encode() in (folder / "environ").read_bytes()
            if ours and Path((folder / "cmdline").read_text().split("\0")[0]).name == "mpirun":
                return int(folder.name)
        except OSError:
            continue
    raise AssertionError(f"no mpirun in {container}")


def test_torchruns_agents_restart_a_lost_process_themselves(room: Room, run_example: RunExample) -> None:
    room.controller()
    run_example("pytorch-torchrun", "digits-torchrun")
    until(lambda: "epoch 3" in log(room.status("digits-torchrun"), "worker", 0), 240)

    os.kill(process(room.status("digits-torchrun"), "worker", 1, "LOCAL_RANK=1"), signal.SIGKILL)
    status = room.until_true("digits-torchrun", C.FINISHED, 240)

    assert status.is_true(C.SUCCEEDED)
    assert accuracy(log(status, "worker", 0)) > ENOUGH
    assert "resumed" in log(status, "worker", 0)
    assert status.restarts == 0, "torchrun heals it without YARN"


def left_of(status: JobStatus) -> list[int]:
    """Processes that still carry one of the job's containers in their environment."""
    names = [
        f"CONTAINER_ID={r.container}\0"
        for role in status.roles.values()
        for r in role.replicas
        if r.container
    ]
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            environ = (folder / "environ").read_bytes().decode(errors="replace")
        except OSError:
            continue
        found += [int(folder.name)] * any(name in environ for name in names)
    return found
