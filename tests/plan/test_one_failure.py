"""Ends within a moment of each other are one failure with one charge, also where each replica restarts alone."""

from __future__ import annotations

from dataclasses import replace

import pytest

from plan.build import World, job
from trainmaster.master.codec import encode
from trainmaster.plan.pending import LEFT_OUT
from trainmaster.plan.values import ContainerState, End, Limits

WAIT = 2.0
NOW = {"backoff": {"base": 0}}


def world(ps: int = 1, worker: int = 2, **policy: object) -> World:
    wanted = job("Generic", {**NOW, **policy}, ps=ps, worker=worker)
    return World(wanted, limits=Limits(first_cause_wait=WAIT)).runs()


def cause(told: World, name: str) -> str:
    last = told.shown(name).last_exit
    return last.cause if last else ""


def test_who_dies_of_a_killed_peer_is_not_charged() -> None:
    told = world(worker=3).ends("ps-0", 137)
    told.now += 0.7
    told.all_end({"worker-0": 1, "worker-1": 1})
    assert told.memory.charged == 1
    assert [cause(told, name) for name in ("ps-0", "worker-0", "worker-1")] == [
        "Killed",
        "Consequence",
        "Consequence",
    ]
    assert told.memory.restart_cause == (
        "ps-0 ended on a: signal 9 ended it (exit code 137); worker-0 and worker-1 failed within 1 s of it"
    )
    assert told.asked == {"ps-0", "worker-0", "worker-1"}


def test_containers_that_can_not_be_started_any_more_are_not_waited_for() -> None:
    """They are let go in the same pass, and no process in them could have been the first cause."""
    told = world().turns(ContainerState.ALLOCATED, "worker-0", "worker-1")
    lost = {i: c for i, c in told.seen.containers.items() if i != told.replica("ps-0").container}
    unstartable = {i: replace(c, state=ContainerState.UNSTARTABLE) for i, c in lost.items()}
    ended = End(told.replica("ps-0").container, 3, "exit 3", told.now)
    told.sees(containers=unstartable, ends=(ended,))
    assert told.memory.pending_ends == ()
    assert told.memory.charged == 1


def test_whoever_is_heard_first_the_first_cause_is_charged() -> None:
    told = world(worker=3).all_end({"worker-0": 1, "worker-1": 1})
    assert told.memory.charged == 0
    told.now += 1
    told.ends("ps-0", 137)
    assert told.memory.charged == 1
    assert cause(told, "worker-0") == "Consequence"
    assert told.memory.restart_cause.startswith("ps-0 ended on a: signal 9")


def test_the_verdict_begins_with_the_first_and_names_who_followed() -> None:
    told = world(backoffLimit=0).all_end({"worker-1": 1, "worker-0": 1, "ps-0": 137})
    assert told.memory.verdict
    assert told.memory.verdict.message.startswith(
        "ps-0 ended on a: signal 9 ended it (exit code 137); worker-1 and worker-0 failed within 1 s of it;"
    )
    assert [e.message for e in told.events if e.reason == "BackoffLimitExceeded"] == [
        told.memory.verdict.message
    ]


def test_a_lost_node_pays_for_those_who_die_of_it() -> None:
    told = world().ends("ps-0", -100)
    told.now += 1
    told.all_end({"worker-0": 1, "worker-1": 134})
    assert told.memory.charged == 0


def test_followers_come_back_with_the_first() -> None:
    told = world(backoff={"base": 30}).ends("ps-0", 137)
    told.now += 1
    told.all_end({"worker-0": 1, "worker-1": 1})
    assert {r.not_before for r in told.memory.replicas} == {told.now + 29}


def test_what_was_started_after_the_failure_fails_by_itself() -> None:
    told = world(worker=1).ends("ps-0", 137)
    told.grants("ps-0").starts("ps-0").ends("ps-0", 137)
    assert told.memory.charged == 2


def test_later_than_a_moment_it_is_another_failure() -> None:
    told = world(worker=1).ends("ps-0", 137).grants("ps-0").starts("ps-0").later(WAIT + 0.1)
    told.ends("worker-0", 137)
    assert told.memory.charged == 2


def test_a_lone_exit_is_charged_after_the_moment() -> None:
    told = world().ends("worker-0", 1)
    assert told.memory.charged == 0
    assert told.shown("worker-0").state == "Ended"
    assert told.later(WAIT).memory.charged == 1


@pytest.mark.parametrize("policy", ["Never", "ExitCode"])
def test_a_consequence_fails_no_job(policy: str) -> None:
    roles = {"worker": {"restartPolicy": policy}}
    told = World(
        job("Generic", NOW, ps=1, worker=2, roles=roles), limits=Limits(first_cause_wait=WAIT)
    ).runs()
    told.ends("ps-0", 137)
    told.now += 1
    told.all_end({"worker-0": 1, "worker-1": 1})
    assert told.memory.verdict is None


def test_a_taken_port_waits_for_nobody() -> None:
    told = world().ends("worker-0", 75)
    assert told.asked == {"worker-0"}
    assert told.memory.charged == 0


def test_of_many_followers_three_are_named() -> None:
    told = world(worker=9).ends("ps-0", 137).all_end({f"worker-{i}": 1 for i in range(8)})
    assert told.memory.restart_cause.endswith(
        "worker-0, worker-1, worker-2 and 5 more failed within 1 s of it"
    )


def test_of_thousands_that_end_together_the_record_keeps_the_words_of_a_few() -> None:
    """A journal record must fit into one Secret, whatever its processes wrote."""
    told = world(worker=300).all_end({f"worker-{i}": 1 for i in range(290)}, words="x" * 4_000)
    assert len(told.memory.pending_ends) == 290
    kept = [end for end in told.memory.pending_ends if end.diagnostics != LEFT_OUT]
    assert len(kept) == 20
    told.later(WAIT)
    assert told.memory.charged == 1
    assert len(encode(told.memory)) < 300 * 1_000
