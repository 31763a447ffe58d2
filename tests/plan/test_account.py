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


def test_time_without_a_controller_counts_by_what_yarn_had_granted() -> None:
    """A container of YARN may be larger than what was asked for."""
    world = World(job(worker=2, roles={"worker": {"resources": {"memory": "512Mi"}}})).runs().later(10)
    world.memory = raised(decode(encode(world.writes[-1])), 2)
    world.seen, world.now = Seen(cluster=world.seen.cluster), world.now + 100
    world.decides()
    assert held(world) == (220 * GIB, 220)


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
