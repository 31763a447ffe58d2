"""A status is made whole with each pass, and costs no more than what is new in it."""

from __future__ import annotations

from plan.build import World, job
from trainmaster.plan.values import HeldGpus


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


def test_a_replica_shows_the_gpus_of_its_container_and_no_others() -> None:
    world = World(job(worker=2)).runs()
    first, second = world.status.roles["worker"].replicas
    gpus = {first.container: HeldGpus((0, 3), 90), "an older one": HeldGpus((1,))}
    shown = world.sees(gpus=gpus).status.roles["worker"].replicas
    assert [(r.gpu_numbers, r.gpu_percent) for r in shown] == [((0, 3), 90), ((), None)]
    assert shown[1] is second
