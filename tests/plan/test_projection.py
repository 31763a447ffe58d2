"""A status is made whole with each pass, and costs no more than what is new in it."""

from __future__ import annotations

from plan.build import World, job


def test_rows_and_conditions_that_did_not_change_are_the_very_ones_of_the_status_before() -> None:
    world = World(job(worker=3)).runs()
    before = world.status
    world.ends("worker-1", 137)
    after = world.status
    rows = zip(before.roles["worker"].replicas, after.roles["worker"].replicas, strict=True)
    assert [old is new for old, new in rows] == [True, False, True]
    same = [old.type for old in before.conditions for new in after.conditions if old is new]
    assert same == [new.type for new in after.conditions if new in before.conditions]
    assert same


def test_no_reason_says_that_all_runs_while_nothing_does() -> None:
    policy = {"backoff": {"base": 10, "max": 40}}
    world = World(job(worker=1, policy=policy)).runs()
    assert world.condition("Queued").reason == "AllRunning"
    world.ends("worker-0", 1)
    assert _reasons(world, "Running", "Queued", "Starting") == {"BackingOff"}
    world.later(10)
    assert _reasons(world, "Running", "Queued", "Starting") == {"ReplicaRestart"}
    assert world.condition("Running").status == "False"


def test_some_of_several_are_not_all() -> None:
    world = World(job(worker=2)).runs().ends("worker-0", 137)
    assert _reasons(world, "Running", "Queued") == {"SomeRunning"}


def _reasons(world: World, *conditions: str) -> set[str]:
    return {world.condition(each).reason for each in conditions}
