"""Elastic roles: fewer replicas are wanted where not all can be had, and more again where there is room."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from plan.build import SIZE, THROUGH_NEW, World, cluster, job
from trainmaster.api.job import TrainingJob
from trainmaster.master.codec import decode, encode
from trainmaster.plan.decide import begun, raised
from trainmaster.plan.input_look import InputLook
from trainmaster.plan.spent import Spent
from trainmaster.plan.values import AppState, Cluster, End, Nodes, Reinitialise, Size, Start, Stop
from trainmaster.plan.wanted import Wanted, patience

TWO = Size(2048, 2, 0)
"""a node that holds two containers"""
PATIENCE, PAUSE = 60.0, 300.0


def elastic(
    n: int = 4, framework: str = "PyTorch", least: int = 1, scope: str | None = None, **more: Any
) -> TrainingJob:
    worker = {"elastic": {"min": least, **more}, **({"restartScope": scope} if scope else {})}
    return job(framework, {"backoff": {"base": 0}}, roles={"worker": worker}, worker=n)


def nodes(*hosts: str, free: int = 2) -> Cluster:
    """Of two places each, of which so many are free."""
    found = cluster(*hosts, size=TWO)
    part = tuple(replace(node, free=Size(1024 * free, free, 0)) for node in found.nodes)
    return replace(found, nodes=Nodes(part))


def numbers(world: World) -> tuple[int, int]:
    """Replicas that are wanted, and that are remembered."""
    return world.status.roles["worker"].wanted, len(world.memory.replicas)


def losing_a_node(**more: Any) -> World:
    """Four run on two nodes, and one of these goes with two of them: nothing is free on the other one."""
    world = World(elastic(**more)).sees(cluster=nodes("a", "b")).registers()
    world.grants("worker-0", "worker-1", node="a").grants("worker-2", "worker-3", node="b").starts()
    assert world.status.state == "Running"
    world.sees(cluster=nodes("a", free=0), may_ask=False)
    return world.all_end({"worker-2": -100, "worker-3": -100})


def shrunk(**more: Any) -> World:
    world = losing_a_node(**more).begins_anew("worker-0", "worker-1")
    world.later(PATIENCE)
    return world.begins_anew("worker-0", "worker-1")


def test_a_gang_that_todays_nodes_cannot_hold_goes_on_with_as_many_as_they_can() -> None:
    world = losing_a_node().begins_anew("worker-0", "worker-1")
    assert world.later(PATIENCE - 1).memory.gathering
    assert numbers(world) == (4, 4)
    world.later(1)
    assert numbers(world) == (2, 2)
    assert {a.environment["WORLD_SIZE"] for a in world.told(Reinitialise)} == {"2"}
    world.begins_anew("worker-0", "worker-1")
    assert world.condition("Running").reason == "AllRunning"


def test_it_is_told_why_and_nothing_is_charged() -> None:
    world = shrunk()
    event = next(event for event in world.events if event.reason == "Shrunk")
    assert event.message == ("Going on with 2 of 4 worker: all of today's nodes have 2048 MiB, 2 vcores")
    assert not event.warning
    assert world.memory.charged == 0
    assert world.status.roles["worker"].resized == "2 of 4: all of today's nodes have 2048 MiB, 2 vcores"


def test_never_below_its_min() -> None:
    world = losing_a_node(least=3).begins_anew("worker-0", "worker-1").later(PATIENCE).later(PATIENCE)
    assert numbers(world) == (4, 4)
    assert world.condition("Queued").reason in ("NoRoom", "GatheringContainers")
    world.sees(cluster=nodes("a", "c"))
    assert world.later(PATIENCE).memory.wanted == {}


def test_without_elastic_it_waits_for_all() -> None:
    world = (
        World(job("PyTorch", worker=4)).sees(cluster=nodes("a")).registers().later(PATIENCE).later(PATIENCE)
    )
    assert numbers(world) == (4, 4)


def test_what_a_resource_manager_that_has_come_back_does_not_know_yet_counts_for_nothing() -> None:
    world = losing_a_node().begins_anew("worker-0", "worker-1").later(PATIENCE - 1)
    world.says(AppState.AWAY).later(600).says(AppState.REGISTERED)
    assert numbers(world) == (4, 4)
    assert numbers(world.later(PATIENCE)) == (2, 2)


def test_another_leader_waits_as_long_again() -> None:
    world = losing_a_node().begins_anew("worker-0", "worker-1").later(PATIENCE - 1)
    world.memory = raised(world.memory, 2)
    assert numbers(world.later(1)) == (4, 4)
    assert numbers(world.later(PATIENCE)) == (2, 2)


def test_a_first_start_goes_on_with_what_was_granted() -> None:
    world = World(elastic()).registers().grants("worker-0", "worker-2").later(PATIENCE - 1)
    assert not world.told(Start)
    world.later(1)
    assert numbers(world) == (2, 2)
    assert world.asked == {"worker-1"}
    world.grants("worker-1")
    assert len(world.told(Start)) == 2
    assert "2 of 4 containers were granted in 60 s" in world.status.roles["worker"].resized


def test_the_room_of_processes_that_take_their_leave_is_waited_for() -> None:
    """They may take longer to write their checkpoints than others are waited for, and nothing begins beside them anyway."""
    worker = {"elastic": {"min": 1}, "terminationGracePeriod": 2 * PATIENCE}
    written = job("PyTorch", {"backoff": {"base": 0}}, roles={"worker": worker}, worker=4)
    world = World(written, limits=THROUGH_NEW).runs().ends("worker-0", 1).grants("worker-0")
    world.later(2 * PATIENCE - 1)
    assert numbers(world) == (4, 4)
    names = [key for key, _ in world.memory.leaving]
    world.all_end({str(key): 0 for key in names}).later(PATIENCE - 1)
    assert numbers(world) == (4, 4)
    assert numbers(world.later(1)) == (1, 1)


def test_too_few_granted_are_given_back_as_ever() -> None:
    world = World(elastic(least=3)).registers().grants("worker-0").later(PATIENCE).later(240)
    assert "GangTimeout" in world.heard
    assert numbers(world) == (4, 4)


def test_a_record_of_before_is_read_and_one_of_now_comes_back_as_it_was() -> None:
    memory = shrunk().memory
    assert memory.wanted["worker"].number == 2
    assert decode(encode(memory)).wanted == memory.wanted
    old = json.loads(encode(memory))
    del old["wanted"]
    assert decode(json.dumps(old).encode()).wanted == {}
    assert "wanted" not in json.loads(encode(World(elastic()).runs().memory))


# --- where some have done their part


PARTS = {"framework": "Generic", "scope": "Replica"}


def two_done(n: int = 4) -> World:
    return World(elastic(n, **PARTS)).runs().ends("worker-0", 0).ends("worker-1", 0)


def suspended(of: TrainingJob) -> TrainingJob:
    policy = of.spec.run_policy.model_copy(update={"suspend": True})
    return of.model_copy(update={"spec": of.spec.model_copy(update={"run_policy": policy})})


def test_a_job_is_not_taken_for_done_since_those_who_have_not_done_their_part_get_no_container() -> None:
    world = two_done().all_end({"worker-3": -100, "worker-2": -100}).later(PATIENCE).later(PATIENCE)
    assert world.memory.verdict is None
    assert world.asked == {"worker-2", "worker-3"}


@pytest.mark.parametrize("there", [nodes("a"), nodes("a", "b", free=0), cluster("a", size=Size(1024, 1, 0))])
def test_nor_when_they_are_gathered_again_on_a_full_or_smaller_cluster(there: Cluster) -> None:
    world = two_done().declares(suspended(elastic(**PARTS))).obeys().closes().sees(cluster=there)
    world.declares(elastic(**PARTS)).registers().later(1).later(PATIENCE).later(PATIENCE)
    assert world.memory.verdict is None
    assert numbers(world) == (4, 4)
    world.sees(cluster=nodes("a", "b")).runs()
    assert world.all_end({"worker-2": 0, "worker-3": 0}).is_true("Succeeded")


def test_who_has_done_its_part_needs_no_room_beside_those_who_are_gathered_again() -> None:
    done = {
        "worker": {"elastic": {"min": 1}, "restartScope": "Replica"},
        "loader": {"restartScope": "Replica"},
    }
    written = job("Generic", {"backoff": {"base": 0}}, roles=done, worker=3, loader=2)
    world = World(written).runs().all_end({"loader-0": 0, "loader-1": 0})
    world.declares(suspended(written)).obeys().closes().sees(cluster=cluster("a", size=SIZE.times(3)))
    world.declares(written).registers().later(1).later(PATIENCE).later(PATIENCE)
    assert numbers(world) == (3, 5)


# --- growing back


def room(world: World, free: int = 2) -> World:
    """Another node comes, with room."""
    containers = world.seen.containers
    assert containers
    found = nodes("a", "c", free=0)
    here = tuple(replace(n, free=Size(1024 * free, free, 0)) if n.host == "c" else n for n in found.nodes)
    return world.sees(cluster=replace(found, nodes=Nodes(here)))


def asking(**more: Any) -> World:
    return room(shrunk(**more)).later(PAUSE).later(10)


def test_where_there_is_room_containers_are_asked_for_while_the_others_train_on() -> None:
    world = room(shrunk()).later(PAUSE - 1)
    assert not world.asked
    assert not world.later(1).asked
    assert not world.later(9).asked
    assert world.later(1).asked == {"worker-2", "worker-3"}
    assert numbers(world) == (2, 2)
    assert world.condition("Running").reason == "AllRunning"


def test_those_who_are_to_join_are_asked_for_by_host_for_a_few_seconds_like_all_others() -> None:
    world = asking()
    assert [ask.host for ask in world.plan.asks] == ["c", "c"]
    assert world.plan.wake_at
    assert world.plan.wake_at - world.now <= 5
    assert [ask.host for ask in world.later(5).plan.asks] == ["", ""]


def test_those_who_are_to_join_are_near_the_input_too() -> None:
    near = {"elastic": {"min": 1}, "locality": "Input"}
    written = job("PyTorch", roles={"worker": near}, spec={"inputPath": "/in"}, worker=1)
    there = cluster("a", "b", "c", size=SIZE.times(4))
    world = World(written).sees(cluster=there, input=InputLook("/in", 100, {"b": 100})).runs("b")
    more = job("PyTorch", roles={"worker": near}, spec={"inputPath": "/in"}, worker=3)
    assert [ask.host for ask in world.declares(more).later(10).plan.asks] == ["b", "b"]


def test_all_begin_anew_once_what_was_asked_for_has_come() -> None:
    world = asking().grants("worker-2", node="c")
    assert not world.plan.actions
    generation = world.memory.generation
    world.grants("worker-3", node="c")
    assert numbers(world) == (4, 4)
    assert world.memory.generation == generation + 1
    world.begins_anew("worker-0", "worker-1")
    assert {str(a.key) for a in world.told(Start)} == {"worker-2", "worker-3"}
    assert {str(a.key) for a in world.told(Reinitialise)} == {"worker-0", "worker-1"}
    assert {a.environment["WORLD_SIZE"] for a in world.told(Start)} == {"4"}
    assert "Grown" in world.heard
    assert world.status.roles["worker"].resized == ""
    assert world.memory.charged == 0


def test_what_does_not_come_in_time_is_given_back_and_tried_again_later() -> None:
    world = asking().grants("worker-3", node="c").later(PATIENCE)
    assert [a.container for a in world.told_names and world.plan.actions if hasattr(a, "container")] == ["c5"]
    assert not world.asked
    assert numbers(world) == (2, 2)
    world.obeys().later(PAUSE - 1)
    assert not world.asked
    world.later(1)
    again = {str(ask.key): ask.run for ask in world.later(10).plan.asks}
    assert set(again) == {"worker-2", "worker-3"}
    assert min(again.values()) > 2


def test_a_part_that_came_joins() -> None:
    world = asking().grants("worker-2", node="c").later(PATIENCE)
    assert numbers(world) == (3, 3)


def grows_in_vain(world: World) -> float:
    """Others take the room of what was given back to begin anew with more; how long it is until more are asked for again."""
    world.grants("worker-2", "worker-3", node="c").obeys()
    assert numbers(world) == (4, 4)
    while numbers(world) == (4, 4):
        world.later(10)
    assert numbers(world) == (2, 2)
    world.obeys().grants("worker-0", "worker-1").starts("worker-0", "worker-1")
    assert world.status.state == "Running"
    for _ in range(300):
        if world.asked:
            break
        world.later(10)
    return world.now - world.memory.wanted["worker"].at


@pytest.mark.parametrize("pause", [PAUSE, PATIENCE / 2])
def test_what_grew_in_vain_is_tried_the_more_rarely(pause: float) -> None:
    world = World(elastic(growAfter=pause), limits=THROUGH_NEW).sees(cluster=nodes("a", "b")).registers()
    world.grants("worker-0", "worker-1", node="a").later(PATIENCE).starts("worker-0", "worker-1")
    world.later(pause).later(10)
    pauses = [int(grows_in_vain(world) / pause) for _ in range(3)]
    assert pauses == [2, 4, 8]


SHORT = {"patience": "8s", "growAfter": "10s"}


def grants_take(seconds: float) -> World:
    """Three run at last where the last one of a gang is granted after so long, and one that is to join others at once."""
    world = World(elastic(3, **SHORT), limits=THROUGH_NEW).sees(cluster=nodes("a", "b")).registers()
    for _ in range(300):
        world.later(1).obeys()
        late = world.memory.gathering and world.now - world.memory.gang_since < seconds
        world.grants(*sorted(world.asked)[: -1 if late else None])
        if not world.memory.gathering:
            world.starts()
    return world


def test_grants_that_take_longer_than_patience_are_waited_for_longer_once_that_is_known() -> None:
    world = grants_take(12)
    assert numbers(world) == (3, 3)
    assert world.heard.count("Shrunk") == 2
    assert world.memory.wanted["worker"].patience == 16
    assert decode(encode(world.memory)).wanted == world.memory.wanted


def test_it_is_told_how_long_they_were_waited_for_then() -> None:
    world = grants_take(12)
    world.ends("worker-2", 1).obeys().grants("worker-0", "worker-1").later(8)
    assert numbers(world) == (3, 3)
    assert numbers(world.later(8)) == (2, 2)
    assert "2 of 3 containers were granted in 16 s" in world.status.roles["worker"].resized


def test_what_was_learnt_of_slow_grants_is_forgotten_once_all_of_a_gang_is_granted_within_patience() -> None:
    world = grants_take(12)
    world.ends("worker-2", 1).obeys().later(3).grants("worker-0", "worker-1", "worker-2")
    assert world.memory.wanted["worker"].patience == 0


def test_a_node_that_goes_right_after_growing_says_nothing_of_grants() -> None:
    world = asking().grants("worker-2", "worker-3", node="c").begins_anew("worker-0", "worker-1").starts()
    world.sees(cluster=nodes("a", free=0)).all_end({"worker-2": -100, "worker-3": -100})
    world.begins_anew("worker-0", "worker-1").later(PATIENCE)
    assert numbers(world) == (2, 2)
    assert world.memory.wanted["worker"].patience == 0


def test_who_is_to_join_is_asked_for_longer_after_nothing_came() -> None:
    world = room(shrunk(**SHORT)).later(10).later(10)
    waits = []
    for _ in range(3):
        while not world.asked:
            world.later(1)
        since = world.now
        while world.asked:
            world.later(1)
        waits.append(world.now - since)
    assert waits == [8, 16, 32]


def test_what_was_learnt_stays_below_the_time_of_the_gang() -> None:
    wanted = {"worker": Wanted(patience=1e9)}
    assert patience(elastic(3, **SHORT), "worker", wanted) == 270


def test_what_has_come_for_them_is_told_as_gathering() -> None:
    world = asking().grants("worker-2", node="c")
    assert world.memory.ledger.now[Spent.GATHERING][1] == 1
    assert Spent.STOPPING not in world.memory.ledger.now


def test_room_that_others_take_meanwhile_is_not_asked_for() -> None:
    world = room(shrunk()).later(PAUSE).later(5)
    room(world, free=0)
    room(world.later(1))
    assert not world.later(9).asked
    assert world.later(1).asked == {"worker-2", "worker-3"}


def test_it_grows_no_further_than_its_queue_may() -> None:
    world = room(shrunk())
    assert world.seen.cluster
    world.sees(cluster=replace(world.seen.cluster, queue_maximum=Size(3072, 64, 0))).later(PAUSE)
    assert world.later(10).asked == {"worker-2"}


def test_no_more_nodes_are_looked_at_than_have_the_room_that_is_wanted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Of thousands, in each pass of a job that would grow."""
    world = shrunk().sees(cluster=nodes("a", *(f"c{n}" for n in range(100)))).later(PAUSE)
    looked, goes_into = list[Size](), Size.goes_into
    monkeypatch.setattr(Size, "goes_into", lambda own, room: looked.append(room) or goes_into(own, room))
    assert world.later(10).asked == {"worker-2", "worker-3"}
    assert len(looked) < 10


def test_it_grows_by_whole_containers() -> None:
    world = room(shrunk())
    assert world.seen.cluster
    half = tuple(replace(n, free=Size(512, 2, 0)) for n in world.seen.cluster.nodes)
    world.sees(cluster=replace(world.seen.cluster, nodes=Nodes(half))).later(PAUSE).later(10)
    assert not world.later(10).asked


def test_a_failure_on_the_way_ends_the_growing() -> None:
    world = asking().ends("worker-0", 1)
    assert not any(one.asking for one in world.memory.wanted.values())
    assert world.asked <= {"worker-0"}


def test_another_leader_goes_on_asking() -> None:
    world = asking()
    asked = world.plan.asks
    world.memory = raised(decode(encode(world.memory)), 2)
    assert world.later(1).plan.asks == asked


def test_who_has_ended_well_does_not_do_it_again_for_others_to_join() -> None:
    world = room(shrunk()).ends("worker-0", 0).later(PAUSE).later(10).later(10)
    assert not world.asked


# --- edits


def test_more_replicas_of_what_runs_come_without_stopping_it_first() -> None:
    world = World(elastic(2)).runs().declares(elastic(3))
    assert not world.told(Stop)
    assert numbers(world) == (2, 2)
    assert world.later(10).asked == {"worker-2"}
    world.grants("worker-2")
    assert numbers(world) == (3, 3)


def test_fewer_replicas_are_taken_in_at_once() -> None:
    world = shrunk().declares(elastic(1))
    assert numbers(world) == (1, 1)
    assert world.memory.wanted["worker"].number == 0


def test_more_than_there_are_are_gathered_at_once_where_its_min_is_raised_above_them() -> None:
    world = shrunk().declares(elastic(4, least=3))
    assert numbers(world) == (3, 3)
    assert world.memory.gathering
    assert world.status.roles["worker"].resized
    world.later(PATIENCE).later(PATIENCE)
    assert numbers(world) == (3, 3)
    all_ = shrunk().declares(elastic(4, least=4))
    assert numbers(all_) == (4, 4)
    assert all_.status.roles["worker"].resized == ""


def test_what_is_raised_while_nothing_runs_begins_with_all() -> None:
    world = World(elastic(2)).runs().declares(suspended(elastic(2))).obeys().closes()
    world.declares(elastic(8)).registers()
    assert numbers(world) == (8, 8)
    other = World(elastic(2)).runs().declares(suspended(elastic(2))).declares(suspended(elastic(8)))
    assert other.status.roles["worker"].resized == ""


def test_more_are_taken_in_at_once_where_some_have_done_their_part() -> None:
    """Those who are to join would be waited for in vain: nobody joins beside them."""
    world = World(elastic(3, **ALONE)).runs().ends("worker-0", 0).declares(elastic(5, **ALONE))
    assert numbers(world) == (5, 5)


def test_a_role_that_is_elastic_no_more_has_what_is_declared() -> None:
    world = shrunk().declares(job("PyTorch", {"backoff": {"base": 0}}, worker=4))
    assert numbers(world) == (4, 4)
    assert world.memory.wanted == {}


def test_another_run_begins_with_all() -> None:
    world = shrunk().all_end({"worker-0": 0, "worker-1": 0}).obeys().closes()
    assert world.memory.finished
    again = elastic().model_copy(deep=True)
    policy = again.spec.run_policy.model_copy(update={"rerun": 1})
    spec = again.spec.model_copy(update={"run_policy": policy})
    world.declares(again.model_copy(update={"spec": spec}))
    assert world.memory.wanted == {}


# --- replicas that come and go alone


ALONE = {"framework": "Generic", "scope": "Replica"}


def test_where_the_others_train_on_the_last_ones_are_given_up_and_nobody_is_restarted() -> None:
    world = World(elastic(3, **ALONE)).runs().ends("worker-2", -100)
    assert world.asked == {"worker-2"}
    world.later(PATIENCE)
    assert numbers(world) == (2, 2)
    assert not world.asked
    assert not world.told(Stop)
    assert world.condition("Running").reason == "AllRunning"
    world.later(PAUSE).later(10)
    assert world.asked == {"worker-2"}
    world.grants("worker-2")
    assert [str(a.key) for a in world.told(Start)] == ["worker-2"]
    assert not world.told(Stop)
    assert world.memory.generation == 1


def test_more_that_are_to_come_alone_are_told_to_torchrun_from_the_start() -> None:
    all_ = ("worker-0", "worker-1", "worker-2")
    again = World(elastic(3, scope="Replica")).registers().grants(*all_)
    assert {a.environment["PET_NNODES"] for a in again.told(Start)} == {"1:3"}
    most = World(elastic(3, scope="Replica", max=5)).registers().grants(*all_)
    assert {a.environment["PET_NNODES"] for a in most.told(Start)} == {"1:5"}
    few = World(elastic(3, scope="Replica")).registers().grants("worker-0", "worker-1").later(PATIENCE)
    assert {a.environment["PET_NNODES"] for a in few.told(Start)} == {"1:3"}


def told_of_agents(world: World, kind: type[Start] | type[Reinitialise]) -> set[str]:
    return {action.environment["PET_NNODES"] for action in world.told(kind)}


@pytest.mark.parametrize(
    ("n", "more", "agents"),
    [(5, {}, "1:5"), (3, {"max": 4}, "1:4"), (3, {"least": 2}, "2:3"), (3, {"scope": "Job"}, "3")],
)
def test_torchruns_agents_begin_anew_where_others_would_be_told_other_bounds(
    n: int, more: dict[str, Any], agents: str
) -> None:
    """Agents of which some take more peers in than others never agree on who is there."""
    world = World(elastic(3, scope="Replica")).runs()
    world.declares(elastic(n, **{"scope": "Replica", **more}))
    assert world.memory.generation == 2
    world.begins_anew("worker-0", "worker-1", "worker-2")
    assert told_of_agents(world, Reinitialise) == {agents}
    world.begins_anew("worker-0", "worker-1", "worker-2").later(10)
    assert len(world.asked) == n - 3
    world.grants(*world.asked)
    assert told_of_agents(world, Start) <= {agents}
    assert world.memory.generation == 2


def test_torchruns_agents_train_on_where_an_edit_leaves_their_bounds() -> None:
    world = World(elastic(3, scope="Replica", max=5)).runs().declares(elastic(4, scope="Replica", max=5))
    assert world.later(10).asked == {"worker-3"}
    assert told_of_agents(world.grants("worker-3"), Start) == {"1:5"}
    assert world.memory.generation == 1


def test_workers_beside_parameter_servers_go_alone_and_come_with_a_restart_for_all_hold_their_addresses() -> (
    None
):
    worker = {"elastic": {"min": 1}}
    tensorflow = job("TensorFlow", {"backoff": {"base": 0}}, roles={"worker": worker}, worker=3, ps=1)
    world = World(tensorflow).runs().all_end({"worker-1": -100, "worker-2": -100}).later(PATIENCE)
    assert numbers(world) == (1, 2)
    assert world.memory.generation == 1
    world.later(PAUSE).later(10).grants("worker-1", "worker-2")
    assert world.memory.generation == 2
    world.begins_anew("worker-0", "ps-0")
    assert [str(a.key) for a in world.told(Start)] == ["worker-1", "worker-2"]
    assert len(world.told(Reinitialise)) == 2


def test_nobody_is_given_up_for_a_time_in_which_nobody_asked() -> None:
    """Of another leader, or of a ResourceManager that is back: only what is seen without a gap counts, as for a gang."""
    for away in (True, False):
        world = World(elastic(3, **ALONE)).runs().ends("worker-2", -100).later(PATIENCE - 1)
        if away:
            world.says(AppState.AWAY).later(PATIENCE).says(AppState.REGISTERED)
        else:
            world.memory, world.now = raised(decode(encode(world.memory)), 2), world.now + PATIENCE
            world.decides()
        assert numbers(world) == (3, 3)
        assert world.asked == {"worker-2"}
        assert numbers(world.later(PATIENCE)) == (2, 2)


def test_nobody_is_given_up_for_a_process_of_its_own_that_may_still_run() -> None:
    """Nothing is asked for beside it, so that no container came says nothing."""
    world = World(elastic(3, **ALONE)).runs()
    lost = End(world.replica("worker-2").container, -100, "", world.now, certain=False)
    left = {i: c for i, c in world.seen.containers.items() if i != lost.container}
    world.sees(ends=(lost,), containers=left).later(PATIENCE).later(PATIENCE)
    assert numbers(world) == (3, 3)
    assert not world.asked
    world.later(world.limits.node_expiry)
    assert world.asked == {"worker-2"}
    assert numbers(world.later(PATIENCE - 1)) == (3, 3)
    assert numbers(world.later(1)) == (2, 2)


def test_a_time_in_which_it_was_not_elastic_counts_for_nothing() -> None:
    world = losing_a_node().begins_anew("worker-0", "worker-1")
    world.declares(job("PyTorch", {"backoff": {"base": 0}}, worker=4)).later(PATIENCE)
    assert numbers(world.declares(elastic())) == (4, 4)
    assert numbers(world.later(PATIENCE)) == (2, 2)


def test_one_in_the_midst_is_waited_for() -> None:
    world = World(elastic(3, **ALONE)).runs().ends("worker-1", -100).later(PATIENCE).later(PATIENCE)
    assert numbers(world) == (3, 3)
    assert world.asked == {"worker-1"}


def test_not_more_are_given_up_than_may_be() -> None:
    world = World(elastic(3, least=2, **ALONE)).runs().all_end({"worker-2": -100, "worker-1": -100})
    world.later(PATIENCE)
    assert numbers(world) == (2, 2)
    assert world.asked == {"worker-1"}


@pytest.mark.parametrize("framework", ["PyTorch", "Horovod", "JAX", "XGBoost", "TensorFlow"])
def test_each_framework_is_told_the_number_that_there_is(framework: str) -> None:
    world = shrunk(framework=framework)
    assert world.memory.wanted["worker"].number == 2
    assert begun(world.declared).wanted == {}
