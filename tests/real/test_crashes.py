"""Kill the controller, the ResourceManager or a NodeManager at any moment: nothing is lost, nothing runs twice."""

from __future__ import annotations

import signal
import time

import pytest

from rare import at_one_door
from real.cluster import until
from real.rooms import Room, eager
from trainer.ledger import Ledger, trainer_role
from trainmaster.api.status import ConditionType as C
from trainmaster.local.cluster import LocalHadoop
from trainmaster.master.points import POINTS

PATIENT = {"TRAINMASTER_LEASE_DURATION": "12"}
"""where a standby waits: so that a leader on a slow machine isn't taken for a dead one"""
MORE_PATIENT = {"TRAINMASTER_LEASE_DURATION": "120"}
"""longer than a test waits: who leads sooner has not waited for the lease to run out"""
BEFORE_ANY_END = ("id", "submit", "token", "register", "ask", "allocated", "half-started", "running")


@pytest.mark.parametrize("point", BEFORE_ANY_END)
def test_a_controller_killed_while_starting_is_taken_up_again(point: str, room: Room, ledger: Ledger) -> None:
    first = room.controller(kill_at=point)
    room.drop("crash", eager(worker=trainer_role(ledger.folder, 3, steps=30)))
    assert first.wait_for_death() == -signal.SIGKILL

    room.controller()
    status = room.until_true("crash", C.FINISHED)

    assert status.is_true(C.SUCCEEDED)
    assert ledger.twice() == []
    assert [len(ledger.entries("end", f"worker-{i}")) for i in range(3)] == [1, 1, 1]
    assert status.restarts == 0, "the controller's death is no failure of the job"
    assert status.earlier_application_ids == (), "the same application goes on"


@pytest.mark.parametrize("point", ["pulled", "written"])
def test_an_exit_at_the_moment_of_a_crash_is_counted_once(point: str, room: Room, ledger: Ledger) -> None:
    first = room.controller(kill_at=point)
    acts = [{"who": "worker-0", "run": 1, "step": 5, "do": "exit", "with": 41}]
    room.drop("once", eager(worker=trainer_role(ledger.folder, 2, acts=acts, steps=60)))
    assert first.wait_for_death() == -signal.SIGKILL

    room.controller()
    status = room.until_true("once", C.FINISHED)

    assert status.is_true(C.SUCCEEDED)
    assert status.roles["worker"].replicas[0].restarts == 1
    assert len(ledger.starts("worker-0")) == 2
    assert len(ledger.starts("worker-1")) == 1
    assert ledger.twice() == []


def test_every_named_point_is_tried() -> None:
    elsewhere = {"half-anew", "told-to-go"}  # test_in_place.py, test_gentle.py
    assert {*BEFORE_ANY_END, *elsewhere, "pulled", "written"} == set(POINTS)


def test_an_exit_while_no_controller_lives_is_heard_later(room: Room, ledger: Ledger) -> None:
    first = room.controller()
    room.drop("alone", eager(worker=trainer_role(ledger.folder, 2, steps=100)))
    room.until_true("alone", C.RUNNING)
    first.end()

    until(lambda: ledger.running("worker-1"))[0].kill()
    time.sleep(2)
    room.controller()
    status = room.until_true("alone", C.FINISHED)

    assert status.is_true(C.SUCCEEDED)
    assert status.roles["worker"].replicas[1].restarts == 1
    assert len(ledger.starts("worker-0")) == 1
    assert ledger.twice() == []


def test_a_standby_takes_over(room: Room, ledger: Ledger) -> None:
    leader = room.controller(**PATIENT)
    room.drop("led", eager(worker=trainer_role(ledger.folder, 2, steps=400)))
    room.until_true("led", C.RUNNING)
    standby = room.controller(**PATIENT)
    time.sleep(3)
    assert "leading" not in standby.words

    leader.end()
    until(lambda: "leading" in standby.words)
    until(lambda: ledger.running("worker-0"))[0].kill()
    status = room.until_true("led", C.FINISHED)

    assert status.is_true(C.SUCCEEDED)
    assert status.restarts == 1
    assert ledger.twice() == []


def test_a_clean_stop_hands_over_at_once(room: Room, ledger: Ledger) -> None:
    leader = room.controller(**MORE_PATIENT)
    room.drop("handed", eager(worker=trainer_role(ledger.folder, 1, steps=60)))
    room.until_true("handed", C.RUNNING)
    standby = room.controller(**MORE_PATIENT)
    time.sleep(3)

    leader.end(signal.SIGTERM)
    until(lambda: "leading" in standby.words)

    assert room.until_true("handed", C.FINISHED).restarts == 0
    assert len(ledger.starts()) == 1


@at_one_door("kubernetes")
def test_the_resourcemanager_restarts_under_a_running_job(
    room: Room, ledger: Ledger, hadoop: LocalHadoop
) -> None:
    room.controller()
    room.drop("steady", eager(worker=trainer_role(ledger.folder, 2, steps=250)))
    application = room.until_true("steady", C.RUNNING).application_id

    hadoop.kill("resourcemanager")
    victim = until(lambda: ledger.running("worker-1"))[0]
    victim.kill()  # an exit that nobody hears for now
    hadoop.start("resourcemanager")
    hadoop.wait_ready(60)
    status = room.until_true("steady", C.FINISHED, 120)

    assert status.is_true(C.SUCCEEDED)
    assert status.application_id == application
    assert len(ledger.starts("worker-0")) == 1, "what runs is not touched"
    assert len(ledger.starts("worker-1")) == 2
    assert status.roles["worker"].replicas[1].restarts == 1
    assert ledger.twice() == []


@at_one_door("kubernetes")
def test_a_nodemanager_restarts_under_a_running_job(room: Room, ledger: Ledger, hadoop: LocalHadoop) -> None:
    room.controller()
    room.drop("kept", eager(worker=trainer_role(ledger.folder, 2, steps=150)))
    room.until_true("kept", C.RUNNING)

    for node in ("nodemanager-1", "nodemanager-2"):
        hadoop.kill(node)
        hadoop.start(node)  # at once: the test cluster gives a node up after a quarter of a minute
    hadoop.wait_ready(60)
    status = room.until_true("kept", C.FINISHED, 120)

    assert status.is_true(C.SUCCEEDED)
    assert len(ledger.starts()) == 2
    assert status.restarts == 0


@at_one_door("kubernetes")
def test_a_lost_node_is_replaced_uncharged(room: Room, ledger: Ledger, hadoop: LocalHadoop) -> None:
    room.controller()
    room.drop("moved", eager(worker=trainer_role(ledger.folder, 1, steps=100)))
    node = room.until_true("moved", C.RUNNING).roles["worker"].replicas[0].node
    number = next(i for i, n in enumerate(hadoop.addresses.nodes, 1) if n.rpc.startswith(f"{node}:"))
    victim = until(lambda: ledger.running("worker-0"))[0]

    hadoop.kill(f"nodemanager-{number}")
    victim.kill()  # the whole machine is gone, its processes too
    moved = room.until("moved", lambda s: s.roles["worker"].replicas[0].last_exit, 120)
    last = moved.roles["worker"].replicas[0].last_exit
    assert last
    assert (last.code, last.cause) == (-100, "NodeLost")
    status = room.until_true("moved", C.FINISHED, 120)

    first, second = ledger.starts("worker-0")
    assert second.container != first.container
    assert status.is_true(C.SUCCEEDED)
    assert status.roles["worker"].replicas[0].restarts == 0
    assert status.restarts == 0, "a lost node is not the user's doing"


@at_one_door("folder")
def test_a_controller_frozen_beyond_the_expiry_submits_anew(
    room: Room, ledger: Ledger, hadoop: LocalHadoop
) -> None:
    frozen = room.controller()
    room.drop("thawed", eager(worker=trainer_role(ledger.folder, 2, steps=60)))
    first = room.until_true("thawed", C.RUNNING).application_id
    assert frozen.process

    frozen.process.send_signal(signal.SIGSTOP)
    until(lambda: room.rest.application(first)["state"] in ("FAILED", "KILLED"), 3 * hadoop.options.am_expiry)
    frozen.process.send_signal(signal.SIGCONT)
    status = room.until_true("thawed", C.FINISHED, 90)

    assert status.is_true(C.SUCCEEDED)
    assert status.earlier_application_ids == (first,)
    assert status.restarts == 0, "YARN's loss is not charged"
    assert ledger.twice() == []


@at_one_door("kubernetes")
def test_an_application_that_nobody_registered_in_time_is_submitted_anew(
    room: Room, ledger: Ledger, hadoop: LocalHadoop
) -> None:
    first = room.controller(kill_at="submit")
    room.drop("missed", eager(worker=trainer_role(ledger.folder, 1, steps=5)))
    assert first.wait_for_death() == -signal.SIGKILL

    until(lambda: "missed" not in room.rest.live(), 3 * hadoop.options.am_expiry)
    room.controller()
    status = room.until_true("missed", C.FINISHED)

    assert status.is_true(C.SUCCEEDED)
    assert len(status.earlier_application_ids) == 1
    assert status.restarts == 0, "nobody's absence is charged"
    assert len(ledger.starts()) == 1
