"""Masters whose time has come together: a few of them in each turn of the loop, all of them in order, and none twice."""

from __future__ import annotations

import asyncio
import itertools

from master.virtual import turns, virtual
from trainmaster.master.crowd import AT_ONCE, Crowd


@virtual
async def test_of_hundreds_whose_time_has_come_a_few_begin_in_each_turn_of_the_loop() -> None:
    """A loop that was held up made 1,845 heartbeats before it read an answer."""
    crowd, began = Crowd(), list[tuple[int, int]]()

    async def beats(number: int) -> None:
        await crowd.turn()
        began.append((turns(), number))

    await asyncio.gather(*(beats(number) for number in range(10 * AT_ONCE)))
    assert [number for _, number in began] == list(range(10 * AT_ONCE))
    assert all(len([*some]) <= AT_ONCE for _, some in itertools.groupby(began, lambda one: one[0]))


@virtual
async def test_who_comes_alone_waits_for_nothing() -> None:
    crowd = Crowd()
    for number in range(AT_ONCE - 1):
        before = turns()
        await crowd.turn()
        assert turns() == before
        await asyncio.sleep(number + 1)
        assert turns() <= before + 2, "the loop turns for the timer alone"


@virtual
async def test_who_is_put_down_while_he_waits_takes_nobodys_turn() -> None:
    crowd = Crowd()
    tasks = [asyncio.create_task(crowd.turn()) for _ in range(4 * AT_ONCE)]
    await asyncio.sleep(0)
    for task in tasks[AT_ONCE : 3 * AT_ONCE]:
        task.cancel()
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert all(task.done() for task in tasks)
