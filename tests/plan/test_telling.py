"""What is told of a life: once each, and nothing of what only lasts."""

from __future__ import annotations

from plan.build import World, cluster, job


def test_an_undisturbed_life_is_told_in_two_events() -> None:
    world = World(job(worker=2)).runs().ends("worker-0", 0).ends("worker-1", 0).closes()
    assert world.heard == ["AllRunning", "JobSucceeded"]
    assert not any(event.warning for event in world.events)


def test_the_job_page_is_shown_where_there_is_one() -> None:
    page = "http://trainmaster.example/jobs/default/mnist/"
    assert World(job(worker=1)).sees(job_page=page).status.tracking_url == page
    assert not World(job(worker=1)).status.tracking_url


def test_what_lasts_is_not_told_again() -> None:
    world = World(job(worker=2)).runs()
    told = list(world.heard)
    for _ in range(5):
        world.later(60)
    assert world.heard == told


def test_a_refusal_is_told_once_as_a_warning_and_the_next_one_when_it_was_taken_back() -> None:
    world = World(job(worker=1)).sees(cluster=cluster(queue_found=False)).later(10)
    assert world.heard == ["QueueNotFound"]
    assert world.events[0].warning
    world.sees(cluster=cluster()).sees(cluster=cluster(queue_found=False))
    assert world.heard == ["QueueNotFound", "QueueNotFound"]


def test_a_declaration_that_can_not_be_read_is_told() -> None:
    world = World(job(worker=1)).breaks("no such field")
    assert "Invalid" in world.heard


def test_a_restart_is_told_and_that_all_run_again() -> None:
    world = World(job(worker=1, policy={"backoff": {"base": "0s"}})).runs().ends("worker-0", 137)
    world.grants("worker-0", run=2).starts("worker-0")
    assert world.heard[0] == world.heard[-1] == "AllRunning"
    assert len(world.heard) == 3


def test_an_edit_after_the_end_is_seen_and_changes_nothing() -> None:
    world = World(job(worker=1)).runs().ends("worker-0", 0).closes()
    before = world.status
    world.declares(job(worker=3))
    assert world.status.observed_generation == before.observed_generation + 1
    assert world.status.roles == before.roles
    assert world.told_names == []
