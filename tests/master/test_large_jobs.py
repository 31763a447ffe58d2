"""A job of thousands of replicas holds up nobody: what takes long for it is computed beside the loop, and grows no square."""

from __future__ import annotations

import asyncio
import threading
from dataclasses import replace
from unittest.mock import patch

import pytest

from master.office import Office
from plan import build
from plan.build import World
from trainmaster.master.desk import LARGE
from trainmaster.plan import case, judge
from trainmaster.plan.memory import ReplicaMemory
from trainmaster.plan.values import End


@pytest.mark.parametrize(("replicas", "aside"), [(LARGE, True), (LARGE - 1, False)])
def test_a_large_jobs_decision_is_made_beside_the_loop(replicas: int, aside: bool) -> None:
    async def computed() -> int:
        office = Office()
        try:
            return await office.desk.beside(replicas, threading.get_ident)
        finally:
            office.desk.close()

    assert (asyncio.run(computed()) != threading.get_ident()) == aside


def test_the_loss_of_all_replicas_costs_each_of_them_the_same() -> None:
    """Counted in successors made of rows: those of twice as many replicas are twice as many."""
    assert rows_made(400) == 2 * rows_made(200)


def rows_made(replicas: int) -> int:
    world = World(build.job("Generic", {"backoff": {"base": 0}}, worker=replicas)).runs()
    ends = tuple(End(r.container, -100, "", world.now) for r in world.memory.replicas)
    made = 0

    def counted(of: object, **changes: object) -> object:
        nonlocal made
        made += len(changes["replicas"]) if "replicas" in changes else isinstance(of, ReplicaMemory)  # type: ignore[arg-type]
        return replace(of, **changes)  # type: ignore[type-var]

    with patch.object(judge, "replace", counted), patch.object(case, "replace", counted):
        world.sees(containers={}, ends=ends)
    assert world.asked == set(world.names)
    return made
