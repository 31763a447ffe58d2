"""Each framework's training on real YARN, with one process killed: at rest, and before its first step.

`make test-frameworks` runs them. TensorFlow's parameter servers, PyTorch's DDP and a template, in test_examples.py, run always.
A framework has nothing to do with where jobs come from: one door is enough.
"""

from __future__ import annotations

import os
import re
import signal
from contextlib import suppress
from pathlib import Path

import pytest

from real.cluster import until
from real.reading import message
from real.rooms import Room
from real.trainings import (
    ENOUGH,
    RunExample,
    accuracy,
    inside,
    kill_while_it_starts,
    log,
    process,
    runner,
    went_on,
)
from trainmaster.api.status import ConditionType as C
from trainmaster.api.status import JobStatus
from trainmaster.local.cluster import LocalHadoop

pytestmark = pytest.mark.skipif(
    not os.environ.get("TRAINMASTER_ALL_FRAMEWORKS"), reason="make test-frameworks runs it"
)


@pytest.fixture(scope="module")
def kind() -> str:
    return "folder"


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
        ("custom-pytorch", "digits-custom-torch", "epoch 3"),
        ("mxnet-kvstore", "digits-mxnet", "epoch 3"),
        ("tensorflow-mirrored", "digits-mirrored", "epoch 3"),
        ("horovod", "digits-horovod", "epoch 3"),
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
    assert any(map(went_on, said)), said
    assert status.restarts == 1, "one death, one restart of all"
    assert left_of(status) == [], "what ran beside the first process is gone with it"


@pytest.mark.parametrize(
    ("example", "name", "victim"),
    [
        ("xgboost", "digits-xgboost", 0),
        ("jax", "digits-jax", 0),
        ("mxnet-kvstore", "digits-mxnet", 1),
        ("tensorflow-mirrored", "digits-mirrored", 1),
        ("horovod", "digits-horovod", 0),
    ],
)
def test_one_that_is_killed_before_its_first_step_costs_one_restart(
    room: Room, run_example: RunExample, example: str, name: str, victim: int
) -> None:
    room.controller()
    run_example(example, name, SLOW="0")
    kill_while_it_starts(room, name, "worker", victim)
    status = room.until_true(name, C.FINISHED, 240)

    said = [log(status, "worker", index) for index in (0, 1)]
    assert status.is_true(C.SUCCEEDED), f"{message(status, C.FAILED)}\n{said}"
    assert max(map(accuracy, said)) > ENOUGH
    assert not any("resumed" in text for text in said), "nobody had come to a checkpoint"
    assert status.restarts == 1, "one death, one restart of all"
    assert left_of(status) == []


@pytest.mark.parametrize("role", ["ps", "worker", "chief"])
def test_tensorflow_heals_what_is_killed_before_the_first_step(
    room: Room, run_example: RunExample, role: str
) -> None:
    room.controller()
    run_example("tensorflow-ps", "digits-tf", SLOW="0")
    kill_while_it_starts(room, "digits-tf", role, 0)
    status = room.until_true("digits-tf", C.FINISHED, 240)

    said = log(status, "chief", 0)
    assert status.is_true(C.SUCCEEDED), f"{message(status, C.FAILED)}\n{said}"
    assert accuracy(said) > ENOUGH
    assert "begun after epoch 0" in said
    assert status.restarts == 1


@pytest.mark.parametrize(("victim", "together"), [("worker", False), ("ps", True), ("evaluator", False)])
def test_an_estimator_goes_on(room: Room, run_example: RunExample, victim: str, together: bool) -> None:
    """TensorFlow 1.15: a worker and an evaluator come back alone, and with a lost server all begin at the newest checkpoint."""
    room.controller()
    run_example("tensorflow-estimator", "digits-estimator", SLOW="2")
    until(lambda: re.search("step [2-5].. of 1000", log(room.status("digits-estimator"), "chief", 0)), 240)

    os.kill(process(room.status("digits-estimator"), victim, 0), signal.SIGKILL)
    status = room.until_true("digits-estimator", C.FINISHED, 300)

    said = log(status, "chief", 0)
    assert status.is_true(C.SUCCEEDED), f"{message(status, C.FAILED)}\n{said}"
    assert accuracy(said) > ENOUGH
    assert bool(re.search("resumed after step [1-9]", said)) is together
    assert status.restarts == 1
    assert status.roles["chief"].replicas[0].run == (2 if together else 1)


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
    assert went_on(said), said
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


STATIC = {"  env:\n": "  env:\n    - {name: PET_RDZV_BACKEND, value: static}\n"}


@pytest.mark.parametrize("instead", [{}, STATIC], ids=["c10d", "static"])
def test_torchruns_agents_restart_a_lost_process_themselves(
    room: Room, run_example: RunExample, instead: dict[str, str]
) -> None:
    room.controller()
    run_example("pytorch-torchrun", "digits-torchrun", instead)
    until(lambda: "epoch 3" in log(room.status("digits-torchrun"), "worker", 0), 240)

    os.kill(process(room.status("digits-torchrun"), "worker", 1, "LOCAL_RANK=1"), signal.SIGKILL)
    status = room.until_true("digits-torchrun", C.FINISHED, 240)

    said = log(status, "worker", 0) + log(status, "worker", 1)  # torchrun gives out ranks itself
    assert status.is_true(C.SUCCEEDED), f"{message(status, C.FAILED)}\n{said}"
    assert accuracy(said) > ENOUGH
    assert went_on(said), said
    assert status.restarts == 0, "torchrun heals it without YARN"


def test_torchruns_agents_train_on_with_fewer_and_make_room_for_who_comes_back(
    room: Room, run_example: RunExample, hadoop: LocalHadoop
) -> None:
    name, one_on_each_node = "digits-elastic", {"{memory: 1Gi}": "{memory: 5Gi}"}
    room.controller()
    run_example("pytorch-elastic", name, one_on_each_node, EPOCHS="2000")
    until(lambda: re.search(r"rank \d of 2[^$]*epoch 3 ", log(room.status(name), "worker", 0)), 240)
    stays, goes = room.status(name).roles["worker"].replicas
    hosts = [node.rpc.partition(":")[0] for node in hadoop.addresses.nodes]
    lost = f"nodemanager-{hosts.index(goes.node) + 1}"

    hadoop.kill(lost)
    for pid, _ in inside(goes.container):  # the whole machine is gone
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    alone = r"rank 0 of 1\b[^$]*resumed after epoch [^$]*epoch \d+ of"
    until(lambda: re.search(alone, log(room.status(name), "worker", 0)), 240)
    room.until(name, lambda s: s.roles["worker"].wanted == 1)

    hadoop.start(lost)
    room.until(name, lambda s: s.roles["worker"].wanted == 2 and s.is_true(C.RUNNING), 240)
    together = alone + r"[^$]*rank \d of 2\b[^$]*resumed after epoch [^$]*epoch \d+ of"
    until(lambda: re.search(together, log(room.status(name), "worker", 0)), 240)
    until(lambda: re.search(r"rank \d of 2\b", log(room.status(name), "worker", 1)), 60)
    status = room.status(name)
    assert status.roles["worker"].replicas[0].container == stays.container, "it never stopped"
    assert status.restarts == 0
    room.delete(name)
    until(lambda: not [*inside(stays.container, status.roles["worker"].replicas[1].container)], 60)


def left_of(status: JobStatus) -> list[int]:
    """Processes that still carry one of the job's containers in their environment."""
    replicas = [r for role in status.roles.values() for r in role.replicas]
    return [pid for pid, _ in inside(*(r.container for r in replicas))]
