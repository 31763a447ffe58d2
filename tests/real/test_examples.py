"""The examples on real YARN, each with one process killed on the way: real TensorFlow, real PyTorch, real HDFS."""

from __future__ import annotations

import os
import signal

from rare import at_one_door
from real.cluster import until
from real.rooms import Room
from real.trainings import ENOUGH, RunExample, accuracy, log, process, went_on
from trainmaster.api.status import ConditionType as C


@at_one_door("kubernetes")
def test_tensorflow_goes_on_when_a_worker_is_killed(room: Room, run_example: RunExample) -> None:
    room.controller()
    run_example("tensorflow-ps", "digits-tf")
    until(lambda: "epoch 2" in log(room.status("digits-tf"), "chief", 0), 120)

    os.kill(process(room.status("digits-tf"), "worker", 1), signal.SIGKILL)
    status = room.until_true("digits-tf", C.FINISHED, 180)

    assert status.is_true(C.SUCCEEDED)
    assert accuracy(log(status, "chief", 0)) > ENOUGH
    assert [status.roles["worker"].replicas[i].restarts for i in (0, 1)] == [0, 1]
    assert status.roles["chief"].restarts == status.roles["ps"].restarts == 0


@at_one_door("folder")
def test_pytorch_restarts_as_one_and_resumes(room: Room, run_example: RunExample) -> None:
    room.controller()
    run_example("pytorch-ddp", "digits-torch")
    until(lambda: "epoch 2" in log(room.status("digits-torch"), "master", 0), 120)

    os.kill(process(room.status("digits-torch"), "worker", 0), signal.SIGKILL)
    status = room.until_true("digits-torch", C.FINISHED, 180)

    said = log(status, "master", 0)
    assert status.is_true(C.SUCCEEDED)
    assert accuracy(said) > ENOUGH
    assert went_on(said), said
    assert status.restarts == 1, "one death, one restart of all"
    assert sum(role.restarts for role in status.roles.values()) == 1, "charged once"
    assert status.roles["worker"].replicas[0].run == 2, "what was lost needs another container"
