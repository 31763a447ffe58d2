"""torchrun on real YARN, with its agents meeting in each of its ways: a process lost, an agent lost, a machine lost.

`make test-frameworks` runs them.
"""

from __future__ import annotations

import os
import re
import signal
from contextlib import suppress

import pytest

from rare import ALL_FRAMEWORKS
from real.cluster import until
from real.reading import message
from real.rooms import Room
from real.trainings import (
    ENOUGH,
    RunExample,
    accuracy,
    gone,
    inside,
    log,
    process,
    program,
    went_on,
)
from trainmaster.api.status import ConditionType as C
from trainmaster.api.status import JobStatus
from trainmaster.local.cluster import LocalHadoop

pytestmark = ALL_FRAMEWORKS


@pytest.fixture(scope="module")
def kind() -> str:
    return "folder"


STATIC = {"  env:\n": "  env:\n    - {name: PET_RDZV_BACKEND, value: static}\n"}


@pytest.mark.parametrize("instead", [{}, STATIC], ids=["c10d", "static"])
def test_torchruns_agents_restart_a_lost_process_themselves(
    room: Room, run_example: RunExample, instead: dict[str, str]
) -> None:
    room.controller()
    run_example("pytorch-torchrun", "digits-torchrun", instead)
    until(lambda: "epoch 3" in log(room.status("digits-torchrun"), "worker", 0), 240)

    os.kill(process(room.status("digits-torchrun"), "worker", 1, "LOCAL_RANK=1"), signal.SIGKILL)
    assert ends_well(room, "digits-torchrun").restarts == 0, "torchrun heals it without YARN"


@pytest.mark.parametrize("instead", [{}, STATIC], ids=["c10d", "static"])
@pytest.mark.parametrize("victim", [0, 1])
def test_torchruns_agents_restart_as_one_and_resume(
    room: Room, run_example: RunExample, instead: dict[str, str], victim: int
) -> None:
    room.controller()
    run_example("pytorch-torchrun", "digits-torchrun", instead)
    until(lambda: "epoch 3" in log(room.status("digits-torchrun"), "worker", 0), 240)

    before = room.status("digits-torchrun")
    container = before.roles["worker"].replicas[victim].container
    os.kill(program(container, "torch.distributed.run"), signal.SIGKILL)
    status = ends_well(room, "digits-torchrun")
    assert status.restarts == 1, "an agent is a whole replica: all restart"
    until(lambda: gone(before, status), 30)  # nothing outlives its agent


def ends_well(room: Room, name: str) -> JobStatus:
    """It has succeeded, and went on from its checkpoint."""
    status = room.until_true(name, C.FINISHED, 240)
    said = log(status, "worker", 0) + log(status, "worker", 1)  # torchrun gives out ranks itself
    assert status.is_true(C.SUCCEEDED), f"{message(status, C.FAILED)}\n{said}"
    assert accuracy(said) > ENOUGH
    assert went_on(said), said
    return status


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
