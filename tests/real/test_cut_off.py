"""NodeManagers that are cut off while their processes live: nothing of the same identity runs beside them.

A frozen NodeManager (SIGSTOP) answers nobody, and its processes go on: as after a network's failure. The cluster gives a node up
only after a minute and a half, so that what is seen before is the controller's own patience.
"""

from __future__ import annotations

import pytest

from rare import rare
from real.cluster import frozen, node_of, of_its_own, until
from real.reading import message, reason
from real.rooms import Room, eager
from trainer.ledger import Ledger, trainer_role
from trainmaster.api import reasons
from trainmaster.api.status import ConditionType as C
from trainmaster.api.status import JobStatus
from trainmaster.local.cluster import LocalHadoop
from trainmaster.local.options import Options

PATIENT = Options(nodes=3, am_expiry=120, nm_expiry=90, allocation_expiry=60)
NODES = ("nodemanager-1", "nodemanager-2", "nodemanager-3")


hadoop = of_its_own("patient", PATIENT)


@pytest.fixture(scope="module")
def kind() -> str:
    """The engine is the same for every source."""
    return "folder"


def test_a_gang_does_not_start_beside_a_process_whose_node_does_not_answer(
    room: Room, ledger: Ledger, hadoop: LocalHadoop
) -> None:
    room.controller()
    gang = trainer_role(ledger.folder, 2, steps=2000) | {"restartScope": "Job"}
    room.drop(
        "writers", eager(worker=gang | {"resources": {"memory": "5Gi"}})
    )  # one fits on each of three nodes
    replicas = room.until_true("writers", C.RUNNING).roles["worker"].replicas
    silent = until(lambda: ledger.running("worker-1"))[0]

    with frozen(hadoop, node_of(hadoop, replicas[1].node)):
        until(lambda: ledger.running("worker-0"))[0].kill()
        waits = room.until("writers", lambda s: reason(s, C.QUEUED) == reasons.IN_DOUBT)
        assert f"worker-1 may still run in {silent.container}" in message(waits, C.QUEUED)
        assert silent.alive
        assert len(ledger.starts()) == 2

    until(lambda: len(ledger.starts()) == 4)
    assert not silent.alive
    assert ledger.twice() == []
    assert room.until_true("writers", C.RUNNING).restarts == 1
    room.delete("writers")
    until(lambda: not room.names())


def test_resourcemanager_and_controller_killed_together_leave_one_process_of_each(
    room: Room, ledger: Ledger, hadoop: LocalHadoop
) -> None:
    first = room.controller()
    room.drop("both", eager(worker=trainer_role(ledger.folder, 2, steps=0)))
    before = room.until_true("both", C.RUNNING)
    first.end()
    hadoop.kill("resourcemanager")

    with frozen(hadoop, *NODES):
        hadoop.start("resourcemanager")
        room.controller()
        # It has registered, and was told of no container, since no NodeManager has come back.
        room.until("both", lambda s: reason(s, C.RUNNING) == reasons.NODE_UNSEEN)
    status = room.until("both", lambda s: reason(s, C.RUNNING) == reasons.ALL_RUNNING)

    assert containers(status) == containers(before)
    assert len(ledger.starts()) == 2, "what runs is not touched"
    until(lambda: ledger.running("worker-1"))[0].kill()
    until(lambda: len(ledger.starts("worker-1")) == 2)
    assert len(ledger.starts("worker-0")) == 1
    assert ledger.twice() == []
    room.delete("both")
    until(lambda: not ledger.running())


def containers(status: JobStatus) -> list[str]:
    return [replica.container for replica in status.roles["worker"].replicas]


def test_while_the_resourcemanager_is_away_deadlines_pass_and_the_status_says_so(
    room: Room, ledger: Ledger, hadoop: LocalHadoop
) -> None:
    room.controller()
    room.drop("late", eager(worker=trainer_role(ledger.folder, 1, steps=0)))
    room.until_true("late", C.RUNNING)

    hadoop.kill("resourcemanager")
    away = room.until("late", lambda s: reason(s, C.RUNNING) == reasons.YARN_AWAY)
    assert "the ResourceManager can't be asked" in message(away, C.RUNNING)
    room.edit("late", {("spec", "runPolicy", "activeDeadline"): "1s"})
    failed = room.until_true("late", C.FAILED)
    assert reason(failed, C.FAILED) == reasons.ACTIVE_DEADLINE_EXCEEDED
    assert ledger.running(), "nothing can be stopped yet"
    hadoop.start("resourcemanager")
    hadoop.wait_ready(60)
    assert room.until_true("late", C.FINISHED).application_id == away.application_id
    until(lambda: not ledger.running())


@rare("tests/real/test_crashes.py::test_a_process_that_comes_back_with_its_lost_node_is_stopped")
def test_a_process_that_its_lost_node_brings_back_to_another_resourcemanager_is_stopped(
    room: Room, ledger: Ledger, hadoop: LocalHadoop
) -> None:
    """Nobody waits for it any more by then: it was let go by an edit, and forgotten when YARN gave its node up."""
    room.controller()
    role = trainer_role(ledger.folder, 1, steps=0)
    room.drop("again", eager(worker=role))
    replica = room.until_true("again", C.RUNNING).roles["worker"].replicas[0]
    old = until(ledger.running)[0]

    with frozen(hadoop, node_of(hadoop, replica.node)):
        room.edit("again", {("spec", "roles", "worker", "command"): f"EDITED=1 {role['command']}"})
        until(lambda: len(ledger.starts()) == 2, 3 * PATIENT.nm_expiry)  # YARN has given the node up
        room.until("again", lambda s: reason(s, C.RUNNING) == reasons.ALL_RUNNING)
        assert old.alive
        hadoop.kill("resourcemanager")
        hadoop.start("resourcemanager")
        room.until("again", lambda s: reason(s, C.RUNNING) == reasons.ALL_RUNNING)
    until(lambda: not old.alive)

    (new,) = ledger.running()
    status = room.until_true("again", C.RUNNING)
    assert status.roles["worker"].replicas[0].container == new.container
    assert len(ledger.starts()) == 2
    room.delete("again")
    until(lambda: not ledger.running())
