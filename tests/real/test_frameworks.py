"""Each framework's training on real YARN, with one process killed: at rest, and before its first step.

`make test-frameworks` runs them. XGBoost and JAX run always with one of them, as TensorFlow's parameter servers and PyTorch's DDP
do in test_examples.py. A framework has nothing to do with where jobs come from: one door is enough.
"""

from __future__ import annotations

import os
import re
import signal

import pytest

from rare import ALL_FRAMEWORKS
from real.cluster import until
from real.reading import message
from real.rooms import Room
from real.trainings import (
    ENOUGH,
    RunExample,
    accuracy,
    container_of,
    gone,
    kill_while_it_starts,
    log,
    process,
    program,
    went_on,
)
from trainmaster.api.status import ConditionType as C

AS_ONE = (
    ("xgboost", "digits-xgboost", "round 7"),
    ("jax", "digits-jax", "epoch 3"),
    ("pytorch-processes", "digits-torch-processes", "epoch 3"),
    ("custom-template", "digits-custom", "epoch 3"),
    ("custom-pytorch", "digits-custom-torch", "epoch 3"),
    ("mxnet-kvstore", "digits-mxnet", "epoch 3"),
    ("tensorflow-mirrored", "digits-mirrored", "epoch 3"),
    ("horovod", "digits-horovod", "epoch 3"),
)
"""examples whose processes can't go on without each other: folder, name, and what a worker says when there is a checkpoint"""
ALWAYS = {("xgboost", 1), ("jax", 0)}
"""the quick ones, and who of them is killed"""


@pytest.fixture(scope="module")
def kind() -> str:
    return "folder"


@pytest.mark.parametrize(
    ("example", "name", "step", "victim"),
    [
        pytest.param(*row, victim, marks=() if (row[0], victim) in ALWAYS else ALL_FRAMEWORKS)
        for row in AS_ONE
        for victim in (0, 1)
    ],
)
def test_all_restart_as_one_and_resume(
    room: Room, run_example: RunExample, example: str, name: str, step: str, victim: int
) -> None:
    room.controller()
    run_example(example, name)
    until(lambda: step in log(room.status(name), "worker", 1), 240)

    before = room.status(name)
    assert not gone(before)
    os.kill(process(before, "worker", victim), signal.SIGKILL)
    status = room.until_true(name, C.FINISHED, 240)

    said = [log(status, "worker", index) for index in (0, 1)]
    assert status.is_true(C.SUCCEEDED), f"{message(status, C.FAILED)}\n{said}"
    assert max(map(accuracy, said)) > ENOUGH
    assert any(map(went_on, said)), said
    assert status.restarts == 1, "one death, one restart of all"
    until(lambda: gone(before, status), 30)  # what ran beside the first process, too


@ALL_FRAMEWORKS
@pytest.mark.parametrize(
    ("example", "name", "step"), [row for row in AS_ONE if row[0] != "pytorch-processes"]
)
def test_those_that_are_left_meet_anew_in_their_own_containers(
    room: Room, run_example: RunExample, example: str, name: str, step: str
) -> None:
    """`restart_in_place`: the first, at which all meet, keeps its container and gets another process there."""
    room.controller(TRAINMASTER_RESTART_IN_PLACE="true")
    run_example(example, name)
    until(lambda: step in log(room.status(name), "worker", 1), 240)

    before = room.status(name)
    os.kill(process(before, "worker", 1), signal.SIGKILL)
    status = room.until_true(name, C.FINISHED, 240)

    said = [log(status, "worker", index) for index in (0, 1)]
    assert status.is_true(C.SUCCEEDED), f"{message(status, C.FAILED)}\n{said}"
    assert max(map(accuracy, said)) > ENOUGH
    assert any(map(went_on, said)), said
    kept = [container_of(s.roles["worker"].replicas[i]) for i in (0, 1) for s in (before, status)]
    assert (kept[0] == kept[1], kept[2] == kept[3]) == (True, False)
    assert status.restarts == 1
    until(lambda: gone(before, status), 30)


@ALL_FRAMEWORKS
@pytest.mark.parametrize(
    ("example", "name", "victim"),
    [
        ("xgboost", "digits-xgboost", 0),
        ("jax", "digits-jax", 0),
        ("pytorch-processes", "digits-torch-processes", 1),
        ("custom-template", "digits-custom", 1),
        ("custom-pytorch", "digits-custom-torch", 1),
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
    until(lambda: gone(status), 30)


@ALL_FRAMEWORKS
@pytest.mark.parametrize(
    ("example", "name", "victim", "first"),
    [
        ("tensorflow-ps", "digits-tf", "ps", "chief"),
        ("tensorflow-ps", "digits-tf", "chief", "chief"),
        ("pytorch-ddp", "digits-torch", "master", "master"),
    ],
)
def test_without_its_first_or_its_server_all_restart_as_one_and_resume(
    room: Room, run_example: RunExample, example: str, name: str, victim: str, first: str
) -> None:
    room.controller()
    run_example(example, name)
    until(lambda: "epoch 3" in log(room.status(name), first, 0), 240)

    before = room.status(name)
    os.kill(process(before, victim, 0), signal.SIGKILL)
    status = room.until_true(name, C.FINISHED, 240)

    said = log(status, first, 0)
    assert status.is_true(C.SUCCEEDED), f"{message(status, C.FAILED)}\n{said}"
    assert accuracy(said) > ENOUGH
    assert went_on(said), said
    assert status.restarts == 1, "one death, one restart of all"
    until(lambda: gone(before, status), 30)


@ALL_FRAMEWORKS
@pytest.mark.parametrize(
    ("example", "name", "role"),
    [
        ("tensorflow-ps", "digits-tf", "ps"),
        ("tensorflow-ps", "digits-tf", "worker"),
        ("tensorflow-ps", "digits-tf", "chief"),
        ("tensorflow-estimator", "digits-estimator", "ps"),
        ("tensorflow-estimator", "digits-estimator", "worker"),
        ("tensorflow-estimator", "digits-estimator", "chief"),
        ("pytorch-ddp", "digits-torch", "master"),
        ("mpi", "digits-mpi", "worker"),
    ],
)
def test_one_of_several_roles_that_is_killed_before_its_first_step_costs_one_restart(
    room: Room, run_example: RunExample, example: str, name: str, role: str
) -> None:
    room.controller()
    run_example(example, name, SLOW="0")
    kill_while_it_starts(room, name, role, 0)
    status = room.until_true(name, C.FINISHED, 240)

    said = "".join(log(status, first, 0) for first in ("chief", "master", "launcher"))
    assert status.is_true(C.SUCCEEDED), f"{message(status, C.FAILED)}\n{said}"
    assert accuracy(said) > ENOUGH
    assert "resumed" not in said, "nobody had come to a checkpoint"
    assert status.restarts == 1
    until(lambda: gone(status), 30)


@ALL_FRAMEWORKS
@pytest.mark.parametrize(
    ("victim", "together"), [("worker", False), ("ps", True), ("chief", True), ("evaluator", False)]
)
def test_an_estimator_goes_on(room: Room, run_example: RunExample, victim: str, together: bool) -> None:
    """TensorFlow 1.15: worker and evaluator come back alone; with a lost server or chief all begin at the newest checkpoint."""
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


@ALL_FRAMEWORKS
@pytest.mark.parametrize("victim", ["rank", "launcher"])
def test_mpi_restarts_as_one_and_resumes(room: Room, run_example: RunExample, victim: str) -> None:
    room.controller()
    run_example("mpi", "digits-mpi")
    until(lambda: "epoch 3" in log(room.status("digits-mpi"), "launcher", 0), 240)

    before = room.status("digits-mpi")
    rank = process(before, "worker", 1, "OMPI_COMM_WORLD_RANK=1")
    launcher = before.roles["launcher"].replicas[0].container
    os.kill(rank if victim == "rank" else program(launcher, "mpirun"), signal.SIGKILL)
    status = room.until_true("digits-mpi", C.FINISHED, 240)

    said = log(status, "launcher", 0)
    assert status.is_true(C.SUCCEEDED), f"{message(status, C.FAILED)}\n{said}"
    assert accuracy(said) > ENOUGH
    assert went_on(said), said
    assert status.restarts == 1, "one death, one restart of all"
    until(lambda: gone(before, status), 30)  # no rank outlives its launcher
