"""One line says a whole decision."""

from __future__ import annotations

from plan.build import World, job
from trainmaster.plan.decide import decide
from trainmaster.plan.summary import summary


def test_only_what_is_not_nothing_is_named() -> None:
    world = World(job(worker=2)).registers()
    plan = decide(world.declared, world.memory, world.seen, world.now)
    assert summary(plan) == {"state": "Queued", "generation": 1, "asks": 2}
