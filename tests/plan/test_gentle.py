"""A process that is to go is told, has its time, and is stopped then; whoever leads, and however often it is looked."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from plan.build import World, job
from trainmaster.master.codec import decode, encode
from trainmaster.plan.actions import FINISH_ANYWAY
from trainmaster.plan.decide import raised
from trainmaster.plan.values import AppState, ContainerState, Finish, Limits, Release, Stop, Terminate

FREE = {"backoff": {"base": 0}}
THROUGH_NEW = Limits(first_cause_wait=0, in_place=False)


def world(grace: float = 30, limits: Limits = THROUGH_NEW, **fields: Any) -> World:
    replicas = {name: n for name, n in fields.items() if isinstance(n, int)} or {"worker": 2}
    others = {name: value for name, value in fields.items() if not isinstance(value, int)}
    return World(job("Generic", FREE, grace=grace, **others, **replicas), limits=limits).runs()


def told(at: World) -> list[str]:
    return [action.container for action in at.told(Terminate)]


def stopped(at: World) -> list[str]:
    return [action.container for action in at.told(Stop)]


def heard(at: World, *containers: str) -> World:
    """Their NodeManagers have taken it on."""
    seen = at.seen.containers
    return at.sees(containers={i: replace(c, leaving=c.leaving or i in containers) for i, c in seen.items()})


def suspends(at: World, grace: float = 30, **fields: Any) -> World:
    return at.declares(job("Generic", {**FREE, "suspend": True}, grace=grace, **(fields or {"worker": 2})))


def test_what_is_not_seen_at_the_moment_has_its_time_as_well() -> None:
    """A new leader, and a ResourceManager that was restarted, list nothing for a moment; the processes run on."""
    at = world()
    containers = at.seen.containers
    at.seen = replace(at.seen, containers={})
    suspends(at).sees(containers=containers)
    assert (told(at), stopped(at)) == (["c1", "c2"], [])


WAYS = {
    "suspended": suspends,
    "deleted": lambda at: at.deletes(),
    "edited": lambda at: at.declares(job("Generic", FREE, grace=30, spec={"inputPath": "/x"}, worker=2)),
    "scaled": lambda at: at.declares(job("Generic", FREE, grace=30, spec={"scaling": "Live"}, ps=1)),
    "without its role": lambda at: at.declares(
        job("Generic", FREE, grace=30, spec={"scaling": "Live"}, ps=2)
    ),
}


@pytest.mark.parametrize("way", WAYS)
def test_whatever_is_to_go_is_told_first_and_stopped_when_its_time_is_over(way: str) -> None:
    at = WAYS[way](world())
    assert (told(at), stopped(at)) == (["c1", "c2"], [])
    heard(at, "c1", "c2")
    assert (told(at), stopped(at)) == ([], [])
    assert (told(at.later(29)), stopped(at)) == ([], [])
    assert stopped(at.later(1.5)) == ["c1", "c2"]


def test_the_peers_of_a_failed_process_are_told_when_all_are_restarted() -> None:
    at = world(roles={"worker": {"restartScope": "Job"}}).ends("worker-0", 1)
    assert (told(at), stopped(at)) == (["c2"], [])
    assert "worker-1" in at.asked, "another container is asked for meanwhile"
    at.grants("worker-0", "worker-1")
    assert at.memory.gathering, "nothing begins beside a process that writes its checkpoint"
    at.ends("worker-1", 143, container="c2")
    assert not at.memory.gathering


def test_what_ends_in_its_time_is_waited_for_no_longer() -> None:
    at = suspends(world())
    heard(at, "c1", "c2").later(3)
    at.all_end({"worker-0": 143, "worker-1": 143})
    assert at.told(Finish)
    assert at.closes().is_true("Suspended")


def test_who_has_no_time_is_stopped_at_once() -> None:
    at = suspends(world(grace=0), grace=0)
    assert (told(at), stopped(at)) == ([], ["c1", "c2"])


def test_each_role_has_its_own_time() -> None:
    roles = {"ps": {"terminationGracePeriod": 0}, "worker": {"terminationGracePeriod": "1m"}}
    at = world(roles=roles, ps=1, worker=1).deletes()
    assert (stopped(at), told(at)) == (["c1"], ["c2"])


def test_what_has_not_begun_needs_no_time() -> None:
    at = World(job("Generic", FREE, grace=30, worker=2), limits=THROUGH_NEW).registers()
    at.grants("worker-0", "worker-1").deletes()
    assert len(at.told(Release)) == 2
    at = world().turns(ContainerState.STARTING, "worker-0").deletes()
    assert (stopped(at), told(at)) == (["c1"], ["c2"])


def test_what_yarn_took_away_itself_is_not_told() -> None:
    at = world().ends("worker-0", -102)
    assert (told(at), stopped(at)) == ([], [])


def test_a_job_ends_in_yarn_when_all_have_had_their_time() -> None:
    at = world(grace=60).deletes()
    assert not at.later(FINISH_ANYWAY).told(Finish)
    assert not at.later(50).told(Finish)
    assert at.later(FINISH_ANYWAY).told(Finish)


def test_the_next_leader_grants_no_more_time_and_tells_nobody_twice() -> None:
    at = heard(suspends(world()), "c1")
    at.memory = raised(decode(encode(at.memory)), 2)
    seen = at.seen.containers
    at.sees(containers={i: replace(c, leaving=False) for i, c in seen.items()})
    assert told(at) == ["c2"], "the first one was told, as was written down"
    assert stopped(at.later(30)) == ["c1", "c2"]


def test_of_whom_the_next_leader_knows_nothing_yet_it_waits_to_hear() -> None:
    at = suspends(world()).turns(ContainerState.UNKNOWN, "worker-0")
    at.sees(containers={i: replace(c, state=ContainerState.UNKNOWN) for i, c in at.seen.containers.items()})
    assert (told(at), stopped(at)) == ([], [])
    assert stopped(at.later(31)) == ["c1", "c2"]


def test_a_stop_goes_on_when_yarn_is_back() -> None:
    at = suspends(world()).says(AppState.AWAY, "no answer")
    assert at.later(40).told_names == []
    assert stopped(at.says(AppState.REGISTERED)) == ["c1", "c2"]


def test_a_resume_waits_for_those_that_are_leaving() -> None:
    at = suspends(world())
    at.declares(job("Generic", FREE, grace=30, worker=2))
    assert (told(at), at.asked) == (["c1", "c2"], set())
    assert not at.is_true("Suspended")


def test_a_doubt_begins_when_the_time_is_over() -> None:
    at = world(roles={"worker": {"restartScope": "Job"}}).ends("worker-0", 1)
    assert at.later(20).asked == {"worker-0", "worker-1"}
    assert at.later(30).asked == set()


def test_it_is_said_that_processes_have_time_to_end() -> None:
    at = heard(suspends(world()), "c1", "c2")
    assert at.condition("Suspended").reason == "Suspending"
    assert "2 processes have 30s to end in" in at.condition("Suspended").message
    assert [at.shown(f"worker-{i}").state for i in (0, 1)] == ["Stopping", "Stopping"]
    at = heard(world().deletes(), "c1")
    assert at.condition("Running").reason == "Deleting"
    assert "2 processes have 30s to end in" in at.condition("Running").message


def test_it_is_said_of_what_is_scaled_away_while_the_others_run() -> None:
    at = world(spec={"scaling": "Live"}).declares(
        job("Generic", FREE, grace=30, spec={"scaling": "Live"}, worker=1)
    )
    assert told(at) == ["c2"]
    assert at.condition("Running").message == "1 of 1 processes run; 1 process has 30s to end in"


# --- hurried


HURRIED = {
    "suspended": suspends,
    "deleted": lambda at, grace: at.declares(job("Generic", FREE, grace=grace, worker=2)),
    "scaled": lambda at, grace: at.declares(
        job("Generic", FREE, grace=grace, spec={"scaling": "Live"}, worker=1)
    ),
}


@pytest.mark.parametrize("way", HURRIED)
def test_who_has_much_time_can_be_given_less_while_it_is_waited_for(way: str) -> None:
    begun = world(grace=3600, spec={"scaling": "Live"})
    at = begun.deletes() if way == "deleted" else HURRIED[way](begun, 3600)
    all_ = told(at)
    heard(at, *all_).later(20)
    assert stopped(HURRIED[way](at, 30)) == []
    assert at.plan.wake_at == at.now + 10
    assert stopped(at.later(10)) == all_
    assert at.memory == decode(encode(at.memory))


def test_who_is_to_go_at_once_after_all_is_stopped_at_once() -> None:
    at = heard(suspends(world(grace=3600), 3600), "c1", "c2").later(20)
    assert stopped(suspends(at, 0)) == ["c1", "c2"]


def test_more_time_than_it_was_told_of_nobody_is_given() -> None:
    """Its launcher has it end when the time is over that it was started with."""
    at = heard(suspends(world(grace=30)), "c1", "c2").later(20)
    assert stopped(suspends(at, 3600)) == []
    assert stopped(at.later(10)) == ["c1", "c2"]


def test_a_role_that_the_job_has_no_more_keeps_its_time() -> None:
    two = {"scaling": "Live"}
    at = world(grace=60, spec=two, worker=1, ps=1)
    at.declares(job("Generic", FREE, grace=60, spec=two, ps=1))
    heard(at, "c1").declares(job("Generic", FREE, grace=0, spec=two, ps=1))
    assert stopped(at.later(59)) == ["c2"]
    assert stopped(at.later(1)) == ["c1", "c2"]


def test_a_job_that_is_hurried_ends_in_yarn_sooner() -> None:
    at = suspends(heard(suspends(world(grace=3600), 3600), "c1", "c2"), 5)
    assert at.later(5 + FINISH_ANYWAY).told(Finish)


def test_what_is_deleted_at_once_has_no_time_at_all() -> None:
    at = world(grace=3600)
    at.declared = replace(at.declared, deleted=True, at_once=True)
    assert stopped(at.later(0)) == ["c1", "c2"]
    late = heard(world(grace=3600).deletes(), "c1", "c2").later(20)
    late.declared = replace(late.declared, at_once=True)
    assert stopped(late.later(0)) == ["c1", "c2"]
