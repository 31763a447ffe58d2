"""Processes that may still live though YARN has let go of their containers: nothing of the same identity starts beside them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from plan.build import THROUGH_NEW, World, job
from trainmaster.master.looking import stands_in_line
from trainmaster.plan.memory import Memory
from trainmaster.plan.survivors import MOST, may_bring_back, remembered
from trainmaster.plan.values import AppState, ContainerState, End, Start, Stop

FREE = {"backoff": {"base": 0}}
EXPIRY = 600.0

LIVE = {"scaling": "Live"}


def given_away(world: World, name: str, code: int = -100) -> World:
    """The ResourceManager tells of an end that no NodeManager has told of."""
    id_ = world.replica(name).container or world.replica(name).previous
    world._drop(id_)
    return world.sees(ends=(End(id_, code, "Container released by application", world.now, certain=False),))


def says_over(world: World, container: str) -> World:
    """Its NodeManager tells that it is over."""
    return world.sees(ends=(End(container, 143, "", world.now),))


def test_a_preempted_process_is_replaced_at_once_but_not_started_before_its_node_says_that_it_is_over() -> (
    None
):
    world = given_away(World(job(worker=1)).runs(), "worker-0", -102)
    assert world.asked == {"worker-0"}
    assert world.grants("worker-0", node="b").told(Start) == []
    assert says_over(world, "c1").told(Start)
    assert world.memory.charged == 0


def test_what_its_node_says_later_is_neither_judged_nor_shown_again() -> None:
    world = given_away(World(job(worker=1)).runs(), "worker-0", -102)
    before = world.replica("worker-0")
    after = says_over(world, "c1").replica("worker-0")
    assert after == replace(before, survivors=())


def test_where_nobody_can_say_so_the_replacement_waits_for_as_long_as_yarn_waits_for_a_node() -> None:
    world = given_away(World(job(worker=1)).runs(), "worker-0")
    assert world.later(EXPIRY - 1).grants("worker-0", node="b").told(Start) == []
    assert world.plan.wake_at == world.now + 1
    assert world.obeys().later(1).asked == {"worker-0"}
    assert world.grants("worker-0", node="b").told(Start)


def test_no_container_is_kept_from_others_while_an_earlier_process_stays_in_doubt() -> None:
    world = given_away(World(job(worker=1)).runs(), "worker-0").grants("worker-0", node="b")
    assert world.told_names == []
    world.later(15)
    assert (world.asked, world.told_names) == (set(), ["Release"])
    message = world.condition("Running").message
    assert "worker-0 may still run in c1 on a:45454" in message
    assert "nothing is started beside it before 1970-01-01T" in message


def test_a_gang_waits_for_each_of_its_processes_and_says_for_which() -> None:
    gang = job("PyTorch", FREE, master=1, worker=1)
    world = World(gang, limits=THROUGH_NEW).runs().ends("worker-0", -102)
    assert [s.container for s in world.told(Stop)] == ["c1"]
    given_away(world, "master-0")
    world.grants("master-0", "worker-0", node="b")
    assert world.told(Start) == []
    world.later(15)
    assert world.asked == set()
    queued = world.condition("Queued")
    assert queued.reason == "InDoubt"
    assert "master-0 may still run in c1" in queued.message
    says_over(world, "c1")
    assert world.grants("master-0", "worker-0", node="b").told(Start)


def test_the_end_of_an_application_proves_nothing_of_its_processes() -> None:
    world = World(job(worker=2)).runs()
    world.sees(application=AppState.LOST, containers={})
    assert {s.container for r in world.memory.replicas for s in r.survivors} == {"c1", "c2"}
    world.sees(application=AppState.NONE).registers().grants("worker-0", "worker-1", node="b")
    assert world.told(Start) == []
    says_over(says_over(world, "c1"), "c2")
    assert len(world.told(Start)) == 2


def test_a_resumed_job_does_not_start_beside_what_was_suspended() -> None:
    world = World(job(worker=1)).runs()
    world.declares(job(worker=1, policy={"suspend": True}))
    world.sees(application=AppState.CLOSED, containers={})
    assert world.condition("Suspended").status == "True"
    world.declares(job(worker=1)).sees(application=AppState.NONE).registers().grants("worker-0", node="b")
    assert world.told(Start) == []
    assert says_over(world, "c1").told(Start)


def test_a_replica_that_was_scaled_away_and_comes_back_does_not_start_beside_itself() -> None:
    world = World(job(worker=2, spec=LIVE)).runs()
    world.declares(job(worker=1, spec=LIVE))
    assert [s.container for s in world.told(Stop)] == ["c2"]
    world._drop("c2")  # its node was cut off, and the ResourceManager has given it away
    world.declares(job(worker=2, spec=LIVE)).grants("worker-1", node="b")
    assert world.told(Start) == []
    assert says_over(world, "c2").told(Start)
    assert world.memory.retired_survivors == ()


@pytest.mark.parametrize("patience", [0, 20], ids=["at once", "after a while"])
def test_a_gang_waits_also_for_what_an_edit_took_out_of_the_job(patience: float) -> None:
    """It was told of other peers, and may write what the next generation reads."""
    gang = job("PyTorch", FREE, master=1, worker=1)
    world = given_away(World(gang, limits=THROUGH_NEW).runs(), "worker-0").later(patience)
    says_over(world.declares(job("PyTorch", FREE, master=1)).obeys(), "c1")
    assert [str(key) for key, _ in world.memory.retired_survivors] == ["worker-0"]
    assert world.grants("master-0", node="b").told(Start) == []
    world.obeys().later(15)
    assert (world.asked, world.condition("Queued").reason) == (set(), "InDoubt")
    assert "worker-0 may still run in c2 on a:45454" in world.condition("Queued").message
    assert not stands_in_line(world.memory, AppState.REGISTERED, world.now, world.limits)
    assert says_over(world.obeys(), "c2").asked == {"master-0"}
    world.grants("master-0", node="b")
    assert [str(start.key) for start in world.told(Start)] == ["master-0"]


def test_what_was_scaled_away_holds_nobody_up_whose_generation_is_the_same() -> None:
    world = (
        World(job(worker=2, spec=LIVE, policy=FREE)).runs().declares(job(worker=1, spec=LIVE, policy=FREE))
    )
    world._drop("c2")
    world.later(20).ends("worker-0", 1).grants("worker-0", node="b")
    assert world.memory.retired_survivors
    assert world.told(Start)


def test_a_new_leader_knows_who_may_still_live() -> None:
    world = given_away(World(job(worker=1)).runs(), "worker-0")
    written = world.writes[-1]
    assert [s.container for r in written.replicas for s in r.survivors] == ["c1"]
    assert _survivors(written) == {"c1": world.now + EXPIRY}


def _survivors(memory: Memory) -> dict[str, float]:
    return {s.container: s.until for r in memory.replicas for s in r.survivors}


def lost_with_its_node(world: World, container: str, code: int = -100) -> World:
    """The ResourceManager waits no longer for the node: it counts as over, and nobody has seen it end."""
    return world.sees(ends=(End(container, code, "its node was lost", world.now),))


@pytest.mark.parametrize("code", [-100, -102])
def test_where_a_node_was_lost_what_it_ran_may_come_back_and_is_looked_for_then(code: int) -> None:
    world = given_away(World(job(worker=1)).runs(), "worker-0", code)
    assert world.memory.given_up == ()
    assert lost_with_its_node(world, "c1", code).memory.given_up == ("a",)
    assert world.replica("worker-0").survivors == ()


def test_so_may_what_was_scaled_away() -> None:
    world = World(job(worker=2, spec=LIVE)).runs().declares(job(worker=1, spec=LIVE))
    world._drop("c2")
    assert lost_with_its_node(world, "c2").memory.given_up == ("a",)
    assert world.memory.retired_survivors == ()


def test_what_its_node_has_called_over_is_not_looked_for() -> None:
    world = says_over(given_away(World(job(worker=1)).runs(), "worker-0"), "c1")
    assert world.memory.given_up == ()


def test_what_was_waited_for_in_vain_is_looked_for_also_if_it_is_scaled_away_in_that_moment() -> None:
    world = World(job(worker=2, spec=LIVE)).runs()
    given_away(world, "worker-1", -102)
    world.now += EXPIRY
    assert world.declares(job(worker=1, spec=LIVE)).memory.given_up == ("a",)


def test_of_more_hosts_than_are_remembered_none_is_left_out() -> None:
    hosts = [f"n{number}" for number in range(MOST + 1)]
    assert remembered((), hosts[:-1]) == tuple(hosts[:-1])
    assert remembered(tuple(hosts[:-1]), hosts[-2:-1]) == tuple(hosts[:-1])
    all_of_them = remembered(tuple(hosts[:-1]), hosts[-1:])
    assert remembered(all_of_them, ["n0"]) == all_of_them
    assert all(may_bring_back(all_of_them, {host}) for host in hosts)
    assert may_bring_back(("n1",), {"n2", "n1"})
    assert not may_bring_back(("n1",), {"n2"})


# --- not seen


def test_the_loss_of_several_unseen_replicas_restarts_their_gang_once_and_keeps_none_of_them() -> None:
    world = World(job("PyTorch", FREE, master=1, worker=3)).runs()
    world.vanishes("worker-0", "worker-1", "worker-2").later(EXPIRY)
    assert world.memory.generation == 2
    assert [str(r.key) for r in world.memory.replicas if r.bound] == ["master-0"]
    world.begins_anew("master-0").grants("worker-0", "worker-1", "worker-2", node="b")
    assert len(world.told(Start)) == 3


def test_time_in_which_yarn_was_away_does_not_count_as_unseen() -> None:
    world = World(job(worker=1)).runs().vanishes("worker-0").later(300)
    world.sees(application=AppState.AWAY).later(3600)
    world.sees(application=AppState.REGISTERED)
    assert world.replica("worker-0").bound
    assert world.condition("Running").reason == "NodeUnseen"
    assert world.later(EXPIRY - 1).replica("worker-0").bound
    assert not world.later(1).replica("worker-0").bound


def test_nobody_waits_for_a_node_while_yarn_is_away_and_it_is_waited_for_anew_once_that_is_back() -> None:
    world = given_away(World(job(worker=1)).runs(), "worker-0").later(300)
    world.sees(application=AppState.AWAY).later(10 * EXPIRY)
    assert world.plan.wake_at is None
    assert world.told_names == []
    world.sees(application=AppState.REGISTERED).grants("worker-0", node="b")
    assert world.told(Start) == []
    assert _survivors(world.memory) == {"c1": world.now + EXPIRY}
    assert world.obeys().later(EXPIRY).grants("worker-0", node="b").told(Start)


def test_what_was_scaled_away_is_waited_for_as_long() -> None:
    world = World(job(worker=2, spec=LIVE)).runs()
    world.declares(job(worker=1, spec=LIVE))
    world._drop("c2")
    world.sees(application=AppState.AWAY).later(EXPIRY)
    world.sees(application=AppState.REGISTERED).declares(job(worker=2, spec=LIVE)).grants(
        "worker-1", node="b"
    )
    assert world.told(Start) == []
    assert "before 1970-01-01T" in world.later(15).condition("Running").message
    assert (
        "nothing is started beside it until it does"
        in world.sees(application=AppState.AWAY).condition("Running").message
    )


def test_what_its_node_says_to_live_is_waited_for_whatever_the_time() -> None:
    """The ResourceManager has given the node up, and we can still ask it."""
    world = World(job(worker=1)).runs()
    listed = world.seen.containers
    given_away(world, "worker-0").sees(containers=listed).later(2 * EXPIRY).grants("worker-0", node="b")
    assert world.told(Start) == []
    world.sees(containers={})
    assert _survivors(world.memory) == {"c1": world.now + EXPIRY}
    assert world.later(EXPIRY).grants("worker-0", node="b").told(Start)


def test_deadlines_pass_and_edits_are_taken_in_while_yarn_is_away() -> None:
    world = World(job(worker=1, policy={"activeDeadline": 100})).runs().sees(application=AppState.AWAY)
    running = world.condition("Running")
    assert (running.status, running.reason) == ("True", "YarnAway")
    assert "that was last seen" in running.message
    assert world.later(100).condition("Failed").reason == "ActiveDeadlineExceeded"


# --- what never started


def test_what_neither_yarn_nor_its_node_knows_is_not_the_jobs_fault() -> None:
    world = World(job(worker=1, policy={"backoffLimit": 0})).runs().ends("worker-0", -9998)
    last = world.shown("worker-0").last_exit
    assert last is not None
    assert (last.cause, world.memory.charged) == ("Infrastructure", 0)
    assert "it never started, or they lost it" in last.message


@pytest.mark.parametrize(
    ("words", "charged"),
    [("ResourceHandlerChain.preStart() failed!", 0), ("Shell output: no such script", 1)],
    ids=["its node has no GPUs left", "what was to be launched is at fault"],
)
def test_a_launch_is_charged_unless_its_node_lacked_what_yarn_had_promised(words: str, charged: int) -> None:
    world = World(job(worker=1, policy=FREE)).runs()
    world.ends("worker-0", -1, words)
    assert world.memory.charged == charged


def test_a_node_that_lacks_what_yarn_promised_is_not_asked_for_again() -> None:
    world = World(job(worker=1, policy=FREE)).runs()
    host = world.replica("worker-0").host
    world.ends("worker-0", -1, "ResourceHandlerChain.preStart() failed!")
    assert world.replica("worker-0").avoid == (host,)


@pytest.mark.parametrize(("process", "charged"), [(1, 1), (2, 0)])
def test_exit_code_76_is_a_late_order_only_where_a_container_had_another_process_before(
    process: int, charged: int
) -> None:
    world = World(job(worker=1, policy=FREE)).runs()
    world.memory = replace(world.memory, replicas=(replace(world.memory.replicas[0], process=process),))
    assert world.ends("worker-0", 76).memory.charged == charged


def test_a_start_that_may_have_gone_through_is_waited_for() -> None:
    world = World(job(worker=1)).runs().turns(ContainerState.STARTING, "worker-0")
    world._drop("c1")
    world.sees(ends=(End("c1", -1000, "no answer", world.now, certain=False),))
    assert world.grants("worker-0", node="b").told(Start) == []
    assert says_over(world, "c1").told(Start)


def test_of_a_gang_with_one_in_doubt_nobody_is_asked_for() -> None:
    """Its containers would be kept from others, and nothing could start in them."""
    whole = {"worker": {"restartScope": "Job"}}
    wanted = job(worker=2, policy=FREE, roles=whole)
    world = World(wanted, limits=THROUGH_NEW).runs().ends("worker-1", 137).obeys()
    assert world.asked == {"worker-0", "worker-1"}
    world = World(wanted, limits=THROUGH_NEW).runs()
    given_away(world, "worker-0").ends("worker-1", 137).later(EXPIRY / 2)
    assert world.memory.gathering
    assert world.asked == set()
    world.later(EXPIRY)
    assert world.asked == {"worker-0", "worker-1"}


@pytest.mark.parametrize("ttl", [None, 10])
def test_a_rerun_starts_nothing_beside_what_may_live_of_the_run_before(ttl: int | None) -> None:
    """Also of a job of which only a tombstone was left."""
    policy = {"backoffLimit": 0, "ttlAfterFinished": ttl}
    world = given_away(World(job(worker=2, policy=policy)).runs(), "worker-0").ends("worker-1", 3)
    world.obeys().closes().later(10)
    assert world.memory.expired == (ttl is not None)
    world.declares(job(worker=2, policy=policy | {"rerun": 1})).registers()
    assert world.grants("worker-0", "worker-1", node="b").told(Start) == []
    world.obeys().later(EXPIRY).grants(*world.asked, node="b")
    assert [str(start.key) for start in world.told(Start)] == ["worker-0", "worker-1"]
