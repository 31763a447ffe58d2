"""What a run holds, added up in its memory: every container from its grant to its end, whoever led meanwhile."""

from __future__ import annotations

from dataclasses import replace

import pytest

from plan.build import World, job
from trainmaster.api.job import TrainingJob
from trainmaster.master.codec import decode, encode
from trainmaster.plan.decide import raised
from trainmaster.plan.values import AppState, Cluster, ContainerState, HeldGpus, Seen, Size, Start

GIB = 1024


def held(world: World) -> tuple[float, float]:
    """MiB seconds and core seconds until now."""
    account = world.memory.account
    total = account.total.after(account.now, world.now - account.at)
    return round(total.memory, 3), round(total.vcores, 3)


def gpu_job(worker: int = 2) -> TrainingJob:
    return job(worker=worker, roles={"worker": {"resources": {"gpus": 2}}})


def test_two_containers_for_ten_seconds_are_twenty() -> None:
    world = World(job(worker=2)).runs().later(10)
    assert held(world) == (20 * GIB, 20)


def test_a_grant_counts_before_anything_starts_in_it() -> None:
    world = World(job("PyTorch", master=1, worker=1)).registers().grants("worker-0")
    assert not world.told(Start)
    assert held(world.later(7)) == (7 * GIB, 7)


def test_what_has_ended_holds_nothing() -> None:
    world = World(job(worker=2)).runs().later(10).ends("worker-0", 0).later(5)
    assert held(world) == (25 * GIB, 25)


def test_an_end_that_waits_to_be_judged_holds_nothing() -> None:
    world = World(job(worker=2, policy={"backoffLimit": 5})).runs()
    world.limits = type(world.limits)(first_cause_wait=100)
    world.later(10).ends("worker-0", 3).later(50)
    assert world.memory.pending_ends
    assert held(world) == ((20 + 50) * GIB, 70)


def test_a_container_that_is_not_listed_any_more_is_still_held() -> None:
    """A ResourceManager that was restarted lists none until its nodes are back."""
    world = World(job(worker=2)).runs().later(10).vanishes("worker-0", "worker-1").later(10)
    assert held(world) == (40 * GIB, 40)


def test_what_an_earlier_application_let_go_as_this_one_was_submitted_holds_nothing_of_this_one() -> None:
    """YARN took it back with its application, whatever time its process has to end in."""
    world = World(job(worker=1, grace=60)).runs().later(10)
    world.declares(job(worker=1, grace=60, roles={"worker": {"command": "other"}}))
    assert world.memory.application
    submitted = replace(world.memory.application, id="application_1_0002", submitted_at=world.now)
    world.memory = replace(world.memory, application=submitted)
    world.sees(containers={})
    assert [one.grace_until for _, one in world.memory.leaving] == [world.now + 60]
    assert world.memory.account.now.vcores == 0


def test_time_without_a_controller_counts_by_what_yarn_had_granted() -> None:
    """A container of YARN may be larger than what was asked for."""
    world = World(job(worker=2, roles={"worker": {"resources": {"memory": "512Mi"}}})).runs().later(10)
    world.memory = raised(decode(encode(world.writes[-1])), 2)
    world.seen, world.now = Seen(cluster=world.seen.cluster), world.now + 100
    world.decides()
    assert held(world) == (220 * GIB, 220)


def in_use(world: World) -> tuple[float, float, float]:
    """GPU seconds until now: measured, used and idle."""
    account = world.memory.account
    total = account.total.after(account.now, world.now - account.at)
    return round(total.measured, 3), round(total.used, 3), round(total.idle, 3)


def taken_over(world: World, seconds: float = 0) -> World:
    """By another leader, from what was written last, so many seconds later and before anything is seen."""
    world.memory = raised(decode(encode(world.writes[-1])), 2)
    world.seen, world.now = Seen(cluster=world.seen.cluster), world.now + seconds
    world.decides()
    return world


@pytest.mark.parametrize("percent", [0, 100, None])
def test_a_new_leader_invents_no_use_of_gpus_for_a_time_that_nobody_told_of(percent: int | None) -> None:
    """What was measured when the record was written says nothing of the hours that followed."""
    world = World(gpu_job()).runs()
    world.sees(gpus={r.container: HeldGpus((0, 1), percent) for r in world.memory.replicas}).later(10)
    world.writes.append(world.memory)
    known = in_use(world)
    other = HeldGpus((0, 1), 100 if percent == 0 else 0)
    world.sees(gpus={r.container: other for r in world.memory.replicas})
    world.later(36_000)
    assert all(now <= then for now, then in zip(in_use(taken_over(world)), known, strict=True))


def test_who_takes_leave_is_held_until_he_is_gone_though_nobody_lists_him() -> None:
    """A new leader sees nothing at first, and a ResourceManager that was restarted lists nothing at first."""
    world = World(job("PyTorch", master=1, worker=1, grace=600, policy={"backoffLimit": 0})).runs().later(10)
    world.ends("master-0", 3).later(100)
    assert held(taken_over(world).later(100)) == ((20 + 200) * GIB, 220)


def test_a_container_of_which_only_its_node_tells_is_of_the_size_that_yarn_granted_its_role() -> None:
    """To a new leader, before a ResourceManager that was restarted lists it, with a size."""
    world = World(job(worker=2)).runs().later(10)
    unsized = {id_: replace(c, size=Size()) for id_, c in world.seen.containers.items()}
    taken_over(world).sees(containers=unsized, application=AppState.REGISTERED).later(10)
    world.vanishes("worker-0").later(10)
    assert held(world) == (60 * GIB, 60)


def test_who_has_had_his_time_to_end_in_is_held_no_more_once_nobody_lists_him() -> None:
    world = World(job(worker=1, grace=60)).runs().later(10)
    world.deletes()
    assert held(taken_over(world.later(59)).later(1).later(500)) == (70 * GIB, 70)


def test_what_an_earlier_application_left_is_not_held_by_the_present_one() -> None:
    world = World(job(worker=1, grace=600)).runs().later(10).says(AppState.LOST)
    world.sees(application=AppState.NONE, containers={}).later(5).registers().later(20)
    assert world.memory.replicas[0].survivors
    assert held(world) == (10 * GIB, 10)


@pytest.mark.parametrize("state", [AppState.KILLED, AppState.CLOSED])
def test_an_application_that_is_over_holds_nothing(state: AppState) -> None:
    world = World(job(worker=2)).runs().later(10).sees(application=state).later(1000)
    assert held(world) == (20 * GIB, 20)


def test_a_suspended_run_goes_on_with_what_it_had() -> None:
    world = World(job(worker=1)).runs().later(10)
    world.declares(job(worker=1, policy={"suspend": True})).obeys().closes().later(1000)
    assert held(world) == (10 * GIB, 10)
    world.declares(job(worker=1)).runs().later(5)
    assert held(world) == (15 * GIB, 15)


def test_a_run_that_is_begun_again_has_an_account_of_its_own() -> None:
    again = {"backoffLimit": 0}
    world = World(job(worker=1, policy=again)).runs().later(10).ends("worker-0", 3).closes().later(100)
    assert held(world) == (10 * GIB, 10)
    world.declares(job(worker=1, policy={**again, "rerun": 1})).runs().later(3)
    assert held(world) == (3 * GIB, 3)


def test_gpus_are_asked_for_from_the_beginning_and_held_from_the_grant() -> None:
    world = World(gpu_job()).registers().later(100)
    world.runs()
    world.later(10)
    account = world.memory.account
    total = account.total.after(account.now, world.now - account.at)
    assert (total.asked, total.gpus) == (440, 0)  # the containers of this world have none


def test_use_and_idleness_count_where_they_are_known() -> None:
    world = World(gpu_job()).runs()
    first, second = (r.container for r in world.memory.replicas)
    world.sees(gpus={first: HeldGpus((0, 1), 50), second: HeldGpus((2, 3), None)}).later(10)
    world.sees(gpus={first: HeldGpus((0, 1), 0), second: HeldGpus((2, 3), 100)}).later(10)
    account = world.memory.account
    total = account.total.after(account.now, world.now - account.at)
    assert (total.measured, total.used, total.idle) == (60, 30, 20)


def test_nothing_is_written_for_it() -> None:
    world = World(job(worker=2)).runs()
    writes = len(world.writes)
    world.later(10)
    world.sees(gpus={world.memory.replicas[0].container: HeldGpus((0,), 50)}).later(10)
    assert len(world.writes) == writes


def test_of_a_run_that_an_older_controller_began_nothing_is_known() -> None:
    world = World(job(worker=1)).runs()
    world.memory = type(world.memory)(**{**world.memory.__dict__, "account": type(world.memory.account)()})
    world.later(10)
    assert world.memory.account.at == 0


def test_restarts_are_counted_by_cause() -> None:
    world = World(job(worker=2, policy={"backoffLimit": 5}))
    world.runs().ends("worker-0", 137).ends("worker-1", 255)
    assert sum(world.memory.account.restarts.values()) == 2
    assert set(world.memory.account.restarts) <= {"Killed", "Retryable"}


def test_states_of_a_container_do_not_matter() -> None:
    world = World(job(worker=1)).runs()
    for state in ContainerState:
        world.turns(state, "worker-0").later(1)
    assert held(world) == (len(ContainerState) * GIB, len(ContainerState))
    assert isinstance(world.seen.cluster, Cluster)


def test_what_nobody_tells_the_size_of_has_the_size_that_was_granted() -> None:
    """A controller that takes over while YARN is away knows of a container by what is remembered alone (master/living.py)."""
    world = World(job(worker=2)).runs().later(10)
    world.sees(containers={i: replace(c, size=Size()) for i, c in world.seen.containers.items()}).later(5)
    assert held(world) == (2 * 15 * GIB, 2 * 15)
    assert world.memory.account.sizes == {"worker": (GIB, 1, 0)}
