"""When a gang dies its processes are heard one after the other: the first cause is named and charged, whoever is heard first."""

from __future__ import annotations

from dataclasses import replace

import pytest

from plan.build import World, job
from trainmaster.plan.values import AppState, Limits

POLICY = {"restartPolicy": "ExitCode"}
WAIT = 2.0


def gang(worker: int = 2, **policy: object) -> World:
    wanted = job("PyTorch", policy, master=1, worker=worker, roles={"master": POLICY, "worker": POLICY})
    return World(wanted, limits=Limits(first_cause_wait=WAIT)).runs()


def cause(world: World, name: str) -> str:
    last = world.shown(name).last_exit
    return last.cause if last else ""


def test_a_neighbours_exit_that_is_heard_first_waits_for_the_true_cause() -> None:
    world = gang().ends("worker-0", 1)
    assert (world.memory.generation, world.memory.verdict) == (1, None)
    assert world.shown("worker-0").state == "Ended"
    world.now += 1
    world.ends("worker-1", -102)
    assert (world.memory.generation, world.memory.charged) == (2, 0)
    assert (cause(world, "worker-0"), cause(world, "worker-1")) == ("Consequence", "Preempted")
    assert "worker-1" in world.memory.restart_cause


@pytest.mark.parametrize("code", [134, 143])
def test_a_signal_by_which_peers_die_waits_too(code: int) -> None:
    world = gang().ends("worker-0", code)
    assert world.memory.generation == 1
    world.ends("worker-1", -104)
    assert (cause(world, "worker-0"), cause(world, "worker-1")) == ("Stopped", "Memory")


def test_a_signal_by_which_no_peer_dies_is_the_cause_at_once() -> None:
    world = gang().ends("worker-0", 1).ends("worker-1", 137)
    assert (world.memory.generation, world.memory.charged) == (2, 1)
    assert (cause(world, "worker-0"), cause(world, "worker-1")) == ("Consequence", "Killed")


def test_after_a_moment_it_is_judged_by_what_was_heard() -> None:
    world = gang().ends("worker-0", 1)
    assert world.plan.wake_at == world.now + WAIT
    world.later(WAIT)
    assert world.memory.verdict
    assert world.memory.verdict.reason == "PermanentExit"
    assert "worker-0" in world.memory.verdict.message
    assert world.memory.pending_ends == ()


def test_nobody_is_waited_for_when_all_have_ended() -> None:
    world = gang(worker=1).all_end({"worker-0": 1, "master-0": 137})
    assert (world.memory.generation, world.memory.charged) == (2, 1)


def test_a_lone_process_is_judged_at_once() -> None:
    wanted = job("Generic", worker=1, roles={"worker": {"restartScope": "Job"}})
    world = World(wanted, limits=Limits(first_cause_wait=WAIT)).runs().ends("worker-0", 1)
    assert world.memory.generation == 2


def test_what_waits_is_written_down_before_it_is_acknowledged() -> None:
    world = gang().ends("worker-0", 1)
    assert [(e.container, e.code) for e in world.writes[-1].pending_ends] == [("c2", 1)]


@pytest.mark.parametrize("what", ["deleted", "succeeded", "lost", "edited"])
def test_what_comes_meanwhile_leaves_nothing_waiting(what: str) -> None:
    world = gang().ends("worker-0", 1)
    match what:
        case "deleted":
            world.deletes()
        case "succeeded":
            world.ends("master-0", 0)
        case "lost":
            world.sees(application=AppState.LOST, containers={})
        case "edited":
            edited = job(
                "PyTorch", master=1, worker=2, roles={"master": {**POLICY, "command": "b"}, "worker": POLICY}
            )
            world.declares(edited)
    assert world.memory.pending_ends == ()
    assert world.memory.charged == 0
    assert cause(world, "worker-0") == "Consequence"


def test_an_end_that_waits_is_not_taken_for_unseen() -> None:
    world = gang()
    world.limits = replace(world.limits, first_cause_wait=10_000, node_expiry=5)
    world.ends("worker-0", 1).later(60)
    assert world.replica("worker-0").bound
    assert world.condition("Running").reason != "NodeUnseen"


@pytest.mark.parametrize("code", [-100, -101, -102, -106, -9998, 154])
def test_what_is_not_the_jobs_fault_is_replaced_under_any_restart_policy(code: int) -> None:
    world = World(job("Generic", worker=1, roles={"worker": {"restartPolicy": "Never"}})).runs()
    world.ends("worker-0", code)
    assert world.memory.verdict is None
    assert world.asked == {"worker-0"}
