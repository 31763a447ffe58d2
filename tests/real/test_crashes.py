"""Kill the controller, the ResourceManager or a NodeManager at any moment: nothing is lost, nothing runs twice."""

from __future__ import annotations

import signal
import time

import pytest
from _pytest.mark import ParameterSet

from rare import at_one_door, rare
from real.cluster import frozen, node_of, until
from real.reading import held, reason
from real.rooms import Room, eager
from trainer.ledger import Ledger, trainer_role
from trainmaster.api import reasons
from trainmaster.api.status import ConditionType as C
from trainmaster.local.cluster import LocalHadoop
from trainmaster.master.points import POINTS

PATIENT = {"TRAINMASTER_LEASE_DURATION": "12"}
"""where a standby waits: so that a leader on a slow machine isn't taken for a dead one"""
MORE_PATIENT = {"TRAINMASTER_LEASE_DURATION": "120"}
"""longer than a test waits: who leads sooner has not waited for the lease to run out"""
AT_BOTH_DOORS = ("token", "half-started", "written")
"""around a write of the record; that the others are the same at both is what these show"""
BEFORE_ANY_END = ("id", "submit", "token", "register", "ask", "allocated", "half-started", "running")


def tried(*points: str) -> list[ParameterSet]:
    """Each, at one door."""
    marks = {point: () if point in AT_BOTH_DOORS else at_one_door("kubernetes") for point in points}
    return [pytest.param(point, marks=mark) for point, mark in marks.items()]


@pytest.mark.parametrize("point", tried(*BEFORE_ANY_END))
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


@pytest.mark.parametrize("point", tried("pulled", "written"))
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


@at_one_door("kubernetes")
def test_an_exit_while_no_controller_lives_is_heard_later(room: Room, ledger: Ledger) -> None:
    first = room.controller()
    room.drop("alone", eager(worker=held(ledger, 2)))
    room.until_true("alone", C.RUNNING)
    first.end()

    until(lambda: ledger.running("worker-1"))[0].kill()
    time.sleep(2)
    room.controller()
    until(lambda: len(ledger.starts("worker-1")) == 2)
    ledger.go()
    status = room.until_true("alone", C.FINISHED)

    assert status.is_true(C.SUCCEEDED)
    assert status.roles["worker"].replicas[1].restarts == 1
    assert len(ledger.starts("worker-0")) == 1
    assert ledger.twice() == []


def test_a_standby_takes_over(room: Room, ledger: Ledger) -> None:
    leader = room.controller(**PATIENT)
    room.drop("led", eager(worker=held(ledger, 2)))
    room.until_true("led", C.RUNNING)
    standby = room.controller(**PATIENT)
    time.sleep(3)
    assert "leading" not in standby.words

    leader.end()
    until(lambda: "leading" in standby.words)
    until(lambda: ledger.running("worker-0"))[0].kill()
    until(lambda: len(ledger.starts("worker-0")) == 2)
    ledger.go()
    status = room.until_true("led", C.FINISHED)

    assert status.is_true(C.SUCCEEDED)
    assert status.restarts == 1
    assert ledger.twice() == []


def test_a_clean_stop_hands_over_at_once(room: Room, ledger: Ledger) -> None:
    leader = room.controller(**MORE_PATIENT)
    room.drop("handed", eager(worker=held(ledger)))
    room.until_true("handed", C.RUNNING)
    standby = room.controller(**MORE_PATIENT)
    time.sleep(3)

    leader.end(signal.SIGTERM)
    until(lambda: "leading" in standby.words)
    ledger.go()

    assert room.until_true("handed", C.FINISHED).restarts == 0
    assert len(ledger.starts()) == 1


@at_one_door("kubernetes")
def test_the_resourcemanager_restarts_under_a_running_job(
    room: Room, ledger: Ledger, hadoop: LocalHadoop
) -> None:
    room.controller()
    room.drop("steady", eager(worker=held(ledger, 2)))
    application = room.until_true("steady", C.RUNNING).application_id

    hadoop.kill("resourcemanager")
    victim = until(lambda: ledger.running("worker-1"))[0]
    victim.kill()  # an exit that nobody hears for now
    hadoop.start("resourcemanager")
    hadoop.wait_ready(60)
    until(lambda: len(ledger.starts("worker-1")) == 2)
    ledger.go()
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
    room.drop("kept", eager(worker=held(ledger, 2)))
    room.until_true("kept", C.RUNNING)

    for node in ("nodemanager-1", "nodemanager-2"):
        hadoop.kill(node)
        hadoop.start(node)  # at once: the test cluster gives a node up after a quarter of a minute
    hadoop.wait_ready(60)
    ledger.go()
    status = room.until_true("kept", C.FINISHED, 120)

    assert status.is_true(C.SUCCEEDED)
    assert len(ledger.starts()) == 2
    assert status.restarts == 0


@at_one_door("kubernetes")
def test_a_lost_node_is_replaced_uncharged(room: Room, ledger: Ledger, hadoop: LocalHadoop) -> None:
    room.controller()
    room.drop("moved", eager(worker=held(ledger)))
    node = room.until_true("moved", C.RUNNING).roles["worker"].replicas[0].node
    victim = until(lambda: ledger.running("worker-0"))[0]

    hadoop.kill(node_of(hadoop, node))
    victim.kill()  # the whole machine is gone, its processes too
    moved = room.until("moved", lambda s: s.roles["worker"].replicas[0].last_exit, 120)
    last = moved.roles["worker"].replicas[0].last_exit
    assert last
    assert (last.code, last.cause) == (-100, "NodeLost")
    ledger.go()
    status = room.until_true("moved", C.FINISHED, 120)

    first, second = ledger.starts("worker-0")
    assert second.container != first.container
    assert status.is_true(C.SUCCEEDED)
    assert status.roles["worker"].replicas[0].restarts == 0
    assert status.restarts == 0, "a lost node is not the user's doing"


@at_one_door("kubernetes")
def test_a_process_that_comes_back_with_its_lost_node_is_stopped(
    room: Room, ledger: Ledger, hadoop: LocalHadoop
) -> None:
    room.controller()
    never = trainer_role(ledger.folder, 1, steps=0) | {"restartPolicy": "Never"}
    room.drop("back", eager(worker=never))
    replica = room.until_true("back", C.RUNNING).roles["worker"].replicas[0]
    old = until(ledger.running)[0]

    with frozen(hadoop, node_of(hadoop, replica.node)):
        until(lambda: len(ledger.starts()) == 2)  # YARN has given the node up
        assert old.alive
    until(lambda: not old.alive)

    (new,) = ledger.running()
    status = room.until_true("back", C.RUNNING)
    assert status.roles["worker"].replicas[0].container == new.container
    assert status.restarts == 0
    assert reason(status, C.FAILED) != reasons.PERMANENT_EXIT, (
        "a lost node fails no job, whatever its restart policy"
    )


@at_one_door("folder")
def test_a_controller_frozen_beyond_the_expiry_submits_anew(
    room: Room, ledger: Ledger, hadoop: LocalHadoop
) -> None:
    leader = room.controller()
    room.drop("thawed", eager(worker=held(ledger, 2)))
    first = room.until_true("thawed", C.RUNNING).application_id
    assert leader.process

    leader.process.send_signal(signal.SIGSTOP)
    until(lambda: room.rest.application(first)["state"] in ("FAILED", "KILLED"), 3 * hadoop.options.am_expiry)
    leader.process.send_signal(signal.SIGCONT)
    ledger.go()
    status = room.until_true("thawed", C.FINISHED, 90)

    assert status.is_true(C.SUCCEEDED)
    assert status.earlier_application_ids == (first,)
    assert status.restarts == 0, "YARN's loss is not charged"
    assert ledger.twice() == []


@rare("tests/real/test_crashes.py::test_a_controller_frozen_beyond_the_expiry_submits_anew")
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
