"""Restarts of a whole job in place: survivors keep their containers, and all are told of the new generation together."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from plan.build import THROUGH_NEW, World, job
from trainmaster.master.codec import decode, encode, version_of
from trainmaster.plan.anew import FOR_EACH
from trainmaster.plan.decide import raised
from trainmaster.plan.values import AppState, ContainerState, Limits, Park, Reinitialise, Release, Start, Stop

FREE = {"backoff": {"base": 0}}
IN_PLACE = Limits(first_cause_wait=0)
JOB = {"worker": {"restartScope": "Job"}}


def gang(workers: int = 3, **more: object) -> World:
    return World(job("Generic", FREE, roles=JOB, worker=workers, **more), limits=IN_PLACE).runs()  # type: ignore[arg-type]


def waiting() -> World:
    """worker-0 of three was killed, and its peers have made place."""
    return gang().ends("worker-0", 137).begins_anew("worker-1", "worker-2")


def lost() -> World:
    """The same, and its replacement is granted."""
    return waiting().grants("worker-0", node="b")


def told(world: World) -> dict[str, dict[str, str]]:
    actions = (*world.told(Start), *world.told(Reinitialise))
    return {str(a.key): dict(a.environment) for a in actions}


def parked(world: World) -> list[str]:
    return [a.container for a in world.told(Park)]


def succeeded(world: World) -> World:
    """Another controller takes over with what was written: it knows of no process in whose place it has come."""
    world.memory = raised(decode(encode(world.memory)), epoch=2)
    fresh = {i: replace(c, process=0, told=0) for i, c in world.seen.containers.items()}
    return world.sees(containers=fresh)


# --- the good way


def test_told_not_to_keep_them_it_gives_all_back() -> None:
    world = World(job("Generic", FREE, roles=JOB, worker=2), limits=THROUGH_NEW).runs().ends("worker-0", 137)
    assert [a.container for a in world.told(Stop)] == ["c2"]
    assert world.asked == {"worker-0", "worker-1"}


def test_only_the_lost_one_is_asked_for_and_nothing_is_stopped() -> None:
    world = gang().ends("worker-0", 137)
    assert world.asked == {"worker-0"}
    assert world.told_names == ["Park", "Park"]
    assert world.memory.charged == 1
    assert [world.shown(name).state for name in world.names] == ["Waiting", "Waiting", "Waiting"]
    assert world.condition("Restarting").status == "True"
    assert world.condition("Running").status == "False"


def test_nothing_begins_before_all_have_made_place() -> None:
    """It could read a checkpoint that one of the old generation still writes."""
    world = gang().ends("worker-0", 137).grants("worker-0").begins_anew("worker-1")
    assert [a.container for a in world.told(Park)] == ["c3"]
    assert world.told(Start) == world.told(Reinitialise) == []
    world.begins_anew("worker-2")
    assert world.told_names == ["Start", "Reinitialise", "Reinitialise"]


def test_what_makes_place_is_told_so_once() -> None:
    world = gang().ends("worker-0", 137)
    told = {i: replace(c, told=2) for i, c in world.seen.containers.items()}
    assert parked(world) == ["c2", "c3"]
    assert parked(world.sees(containers=told)) == []


def test_all_are_told_together_of_one_generation_and_of_each_other() -> None:
    world = lost()
    assert [str(a.key) for a in world.told(Start)] == ["worker-0"]
    assert [(str(a.key), a.container, a.process) for a in world.told(Reinitialise)] == [
        ("worker-1", "c2", 3),
        ("worker-2", "c3", 3),
    ]
    by_name = told(world)
    assert {e["TRAINMASTER_GENERATION"] for e in by_name.values()} == {"2"}
    assert len({e["TRAINMASTER_CLUSTER"] for e in by_name.values()}) == 1
    addresses = json.loads(by_name["worker-0"]["TRAINMASTER_CLUSTER"])["worker"]
    assert [a.partition(":")[0] for a in addresses] == ["b", "a", "a"]
    assert {e["TRAINMASTER_RUN"] for n, e in by_name.items() if n != "worker-0"} == {"1"}


def test_the_new_generation_answers_at_other_ports_than_the_old_one() -> None:
    world = gang()
    before = {p for r in world.memory.replicas for p in r.ports}
    world.ends("worker-0", 137).begins_anew("worker-1", "worker-2").grants("worker-0")
    after = [p for r in world.memory.replicas if r.reinitialising for p in r.ports]
    assert not before & set(after)
    assert len(set(after)) == 2


def test_they_run_again_once_each_of_them_is_known_to_have_begun() -> None:
    world = lost().starts("worker-0")
    assert world.condition("Running").status == "False"
    assert world.shown("worker-1").state == "Starting"
    assert world.status.workers_summary == "1/3"
    world.begins_anew("worker-1")
    assert world.shown("worker-1").state == "Running"
    assert [str(a.key) for a in world.told(Reinitialise)] == ["worker-2"]
    world.begins_anew("worker-2")
    assert world.told(Reinitialise) == []
    assert world.condition("Running").status == "True"
    assert world.condition("Restarting").status == "False"
    assert world.plan.wake_at is None


def test_after_that_an_end_counts_as_ever() -> None:
    world = lost().starts("worker-0").begins_anew("worker-1", "worker-2")
    world.ends("worker-1", 137)
    assert (world.memory.charged, world.memory.generation) == (2, 3)
    assert world.asked == {"worker-1"}


def test_what_moved_has_its_peers_started_anew_in_place() -> None:
    world = World(job("TensorFlow", FREE, worker=2, ps=1), limits=IN_PLACE).runs().ends("worker-1", 137)
    world.grants("worker-1", node="b")
    assert world.told_names == ["Park", "Park"]
    world.begins_anew("worker-0", "ps-0")
    assert sorted(world.told_names) == ["Reinitialise", "Reinitialise", "Start"]


# --- when it goes another way


@pytest.mark.parametrize("code", [1, 0, 137, -104, -100])
def test_who_dies_while_the_gang_is_gathered_gets_another_container_uncharged(code: int) -> None:
    world = gang().ends("worker-0", 137).ends("worker-1", code)
    assert world.asked == {"worker-0", "worker-1"}
    assert (world.memory.charged, world.memory.generation, world.memory.verdict) == (1, 2, None)
    cause = "Infrastructure" if code == -100 else "Consequence"
    assert world.shown("worker-1").last_exit.cause == ("Succeeded" if code == 0 else cause)
    world.grants("worker-0", "worker-1").begins_anew("worker-2")
    assert [str(a.key) for a in world.told(Reinitialise)] == ["worker-2"]


@pytest.mark.parametrize("code", [143, 137])
def test_what_may_have_been_the_end_of_what_only_waited_has_all_told_anew_uncharged(code: int) -> None:
    """Its node was restarted in between, for instance."""
    world = lost().starts("worker-0").begins_anew("worker-2").ends("worker-1", code)
    assert (world.memory.charged, world.memory.generation) == (1, 3)
    assert world.asked == {"worker-1"}
    assert len(parked(world)) == 2
    world.grants("worker-1", node="b").begins_anew("worker-0", "worker-2")
    assert {str(a.key) for a in world.told(Reinitialise)} == {"worker-0", "worker-2"}


def test_how_else_a_process_ends_before_it_is_known_to_have_begun_is_its_own_doing() -> None:
    """What waits ends in no other way than by being told to go."""
    assert lost().starts("worker-0").ends("worker-1", 1).memory.charged == 2
    assert lost().starts("worker-0").ends("worker-1", 0).replica("worker-1").done


def test_where_a_node_refuses_another_container_is_asked_for() -> None:
    world = lost().starts("worker-0")
    refusing = replace(world.seen.containers["c2"], refuses=True)
    world.begins_anew("worker-2").sees(containers={**world.seen.containers, "c2": refusing})
    assert [a.container for a in world.told(Stop)] == ["c2"]
    assert world.asked == {"worker-1"}
    assert "worker-1 could not be started anew" in world.memory.restart_cause
    assert world.memory.charged == 1
    world.grants("worker-1", node="b").begins_anew("worker-0", "worker-2")
    assert world.told(Reinitialise) == [], "nothing of its identity starts beside it"
    world.obeys()
    assert {str(a.key) for a in world.told(Reinitialise)} == {"worker-0", "worker-2"}


def test_where_a_node_refuses_to_make_place_another_container_is_asked_for() -> None:
    """Nobody was told of it yet: the others wait on."""
    world = gang().ends("worker-0", 137).begins_anew("worker-2")
    refusing = replace(world.seen.containers["c2"], refuses=True)
    world.sees(containers={**world.seen.containers, "c2": refusing})
    assert [a.container for a in world.told(Stop)] == ["c2"]
    assert world.asked == {"worker-0", "worker-1"}
    assert (world.memory.charged, world.memory.generation) == (1, 2)
    assert world.heard[-1] == "ReplicaRestart"
    world.obeys().grants("worker-0", "worker-1")
    assert [str(a.key) for a in world.told(Reinitialise)] == ["worker-2"]


def test_who_has_not_made_place_in_time_gets_another_container() -> None:
    world = gang().ends("worker-0", 137).begins_anew("worker-2")
    patience = world.limits.reinitialise_patience + len(world.memory.replicas) * FOR_EACH
    assert world.later(patience - 1).asked == {"worker-0"}
    assert world.plan.wake_at == pytest.approx(world.now + 1)
    world.later(1)
    assert (world.asked, world.memory.generation) == ({"worker-0", "worker-1"}, 2)


def test_containers_wait_through_a_backoff() -> None:
    slow = {"backoff": {"base": 50, "max": 50}}
    world = World(job("Generic", slow, roles=JOB, worker=2), limits=IN_PLACE).runs().ends("worker-0", 137)
    assert (parked(world), world.asked) == (["c2"], set())
    world.begins_anew("worker-1").later(50)
    assert world.asked == {"worker-0"}
    assert [str(a.key) for a in world.grants("worker-0").told(Reinitialise)] == ["worker-1"]


def test_where_nobody_confirms_it_in_time_another_container_is_asked_for() -> None:
    world = lost().starts("worker-0").begins_anew("worker-2")
    patience = world.limits.reinitialise_patience + len(world.memory.replicas) * FOR_EACH
    assert world.plan.wake_at == pytest.approx(world.now + patience)
    assert world.later(patience - 1).memory.generation == 2
    world.later(1)
    assert (world.memory.generation, world.memory.charged, world.asked) == (3, 1, {"worker-1"})


def test_a_gang_that_is_not_whole_in_time_gives_back_what_it_kept() -> None:
    world = gang(gang={"timeout": "60s"}).ends("worker-0", 137).begins_anew("worker-1", "worker-2").later(60)
    assert {a.container for a in world.told(Stop)} == {"c2", "c3"}
    assert world.heard[-1] == "GangTimeout"


def test_before_a_long_backoff_containers_are_given_back() -> None:
    slow = {"backoff": {"base": 61, "max": 61}}
    world = World(job("Generic", slow, roles=JOB, worker=2), limits=IN_PLACE).runs().ends("worker-0", 137)
    assert [a.container for a in world.told(Stop)] == ["c2"]


def test_what_is_just_being_started_is_not_kept() -> None:
    world = gang().turns(ContainerState.STARTING, "worker-2").ends("worker-0", 137)
    assert [a.container for a in world.told(Stop)] == ["c3"]


def test_what_a_new_leader_has_not_asked_about_yet_is_kept_and_told_once_it_is_seen_to_run() -> None:
    world = gang().turns(ContainerState.UNKNOWN, "worker-2").ends("worker-0", 137)
    assert (world.told(Stop), parked(world)) == ([], ["c2"])
    assert parked(world.starts("worker-2")) == ["c2", "c3"]


def test_what_turns_out_to_have_never_begun_gets_another_container() -> None:
    world = gang().turns(ContainerState.UNKNOWN, "worker-2").ends("worker-0", 137)
    assert world.turns(ContainerState.UNSTARTABLE, "worker-2").asked == {"worker-0", "worker-2"}


def test_who_keeps_containers_needs_no_turn_for_the_rest() -> None:
    world = gang().sees(may_ask=False).ends("worker-0", 137)
    assert world.asked == {"worker-0"}


def test_one_grant_too_many_for_a_kept_place_is_given_back() -> None:
    world = waiting().grants("worker-1")
    assert [a.container for a in world.told(Release)] == ["c4"]


# --- suspended, ended, taken over


def test_a_suspension_in_between_gives_all_back() -> None:
    world = lost().starts("worker-0")
    world.declares(job("Generic", {**FREE, "suspend": True}, roles=JOB, worker=3))
    assert len(world.told(Stop)) == 3
    assert world.told(Reinitialise) == []


def test_a_new_leader_tells_all_of_them_once_more() -> None:
    """Nobody knows which of them have begun, and one that began twice would be a stranger to its peers."""
    world = succeeded(lost().starts("worker-0").begins_anew("worker-1"))
    assert (world.memory.generation, world.memory.charged) == (3, 1)
    assert len(parked(world)) == 3
    world.begins_anew(*world.names)
    assert {e["TRAINMASTER_GENERATION"] for e in told(world).values()} == {"3"}
    assert len(world.told(Reinitialise)) == 3


def test_a_new_leader_has_what_was_to_make_place_told_so_once_more() -> None:
    """Whoever waits already knows nobody, so that does no harm."""
    world = succeeded(gang().ends("worker-0", 137).begins_anew("worker-1"))
    assert (world.memory.generation, world.memory.charged) == (2, 1)
    assert parked(world) == ["c2", "c3"]
    world.grants("worker-0")
    assert world.told(Start) == []
    assert len(world.begins_anew("worker-1", "worker-2").told(Reinitialise)) == 2


def test_a_new_leader_leaves_alone_what_has_begun() -> None:
    world = lost().starts("worker-0").begins_anew("worker-1", "worker-2")
    world = succeeded(world)
    assert world.memory.generation == 2
    assert world.told_names == []


def test_nothing_is_told_while_yarn_is_away() -> None:
    world = lost().says(AppState.AWAY, "gone")
    assert world.told(Reinitialise) == []
    world.later(world.limits.reinitialise_patience + 1)
    assert world.memory.generation == 2


def test_nothing_makes_place_by_a_declaration_that_can_not_be_read() -> None:
    world = gang().ends("worker-0", 137)
    world.memory = replace(world.memory, document="{}")
    assert parked(world.breaks()) == []


def test_records_of_before_processes_were_numbered_are_read() -> None:
    old = encode(gang().memory)
    assert b'"process"' not in old
    world = succeeded(gang())
    assert world.plan.actions == ()
    world.ends("worker-0", 137).begins_anew("worker-1", "worker-2").grants("worker-0")
    assert {a.process for a in world.told(Reinitialise)} == {3}


def test_only_a_restart_in_place_that_is_under_way_makes_a_record_unreadable_for_older_controllers() -> None:
    """What waits in a container would be taken for a process of the job."""
    calm, begun = gang(), lost().starts("worker-0").begins_anew("worker-1", "worker-2")
    assert [version_of(encode(w.memory)) for w in (calm, waiting(), lost(), begun)] == [1, 2, 2, 1]
