"""Several jobs of whole controllers that are killed at any moment, on a YARN with accidents: all come to their ends."""

from __future__ import annotations

import random

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from master.virtual import run
from master.world import World
from thorough import schedules

SCHEDULES = schedules(6, 2)
"""of each part: one takes half a second or more"""
STEPS = 12


@pytest.mark.parametrize("part", range(4))
def test_whatever_happens_to_controllers_and_yarn_all_jobs_come_to_their_ends(part: int) -> None:
    @settings(
        max_examples=SCHEDULES, deadline=None, derandomize=True, phases=(Phase.explicit, Phase.generate)
    )
    @given(st.integers(part << 32, (part + 1 << 32) - 1))
    def plays(seed: int) -> None:
        world = played(seed)
        assert not world, world

    plays()


def played(seed: int) -> str:
    """What law the run of a number breaks, and what happened before; empty when none."""
    happened: list[str] = []

    async def story() -> None:
        world = World(random.Random(seed), said=happened)
        await world.plays(STEPS)

    try:
        run(story)
    except AssertionError as error:
        return f"seed {seed}: {str(error)[:1000]}, after {happened}"
    return ""
