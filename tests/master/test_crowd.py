"""Masters whose time has come together: a few of them in each turn of the loop, all of them in order, and none twice."""

from __future__ import annotations

import asyncio
import itertools
from collections import Counter
from typing import Any, cast
from unittest.mock import patch

from master.office import Office, job
from master.virtual import turns, virtual
from trainmaster.master import job as job_module
from trainmaster.master.crowd import AT_ONCE, PASSES, Crowd
from trainmaster.master.masters import AT_ONCE as PUT_DOWN
from trainmaster.master.masters import Masters
from trainmaster.plan.values import Plan


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
async def test_of_hundreds_that_were_woken_together_few_take_a_pass_in_each_turn_of_the_loop() -> None:
    """The answers of fifty heartbeats were read in one turn, and fifty passes made of them."""
    async with Office() as office:
        masters = [office.drive(job(worker=1), uid=f"u{number}") for number in range(5 * PASSES)]
        await office.until(lambda: all(m.shown for m in masters))
        decided = list[int]()
        decide = job_module.decide

        def noted(*about: Any) -> Plan:
            decided.append(turns())
            return decide(*about)

        with patch.object(job_module, "decide", noted):
            for master in masters:
                master.nudge()
            await office.until(lambda: len(decided) >= len(masters))
    assert max(Counter(decided).values()) <= PASSES


class Calm:
    """A master that only waits."""

    over = False

    def __init__(self, put_down: Counter[int]) -> None:
        self.put_down = put_down

    async def run(self) -> None:
        await asyncio.Event().wait()

    async def settle(self) -> None:
        self.put_down[turns()] += 1

    close = settle


@virtual
async def test_thousands_are_put_down_a_few_in_each_turn_of_the_loop() -> None:
    masters, put_down = Masters(), Counter[int]()
    for number in range(10 * PUT_DOWN):
        assert masters.drive(str(number), lambda: cast("Any", Calm(put_down)))
    await asyncio.sleep(1)
    await masters.close()
    assert put_down.total() == 20 * PUT_DOWN
    assert max(put_down.values()) <= PUT_DOWN
    assert not len(masters)


class Hung(Calm):
    """One whose record's write isn't answered."""

    async def settle(self) -> None:
        await asyncio.Event().wait()


@virtual
async def test_one_whose_write_hangs_keeps_none_of_thousands_from_theirs() -> None:
    """What they seldom write down would be lost to the next leader."""
    masters, put_down, all_ = Masters(), Counter[int](), 3 * PUT_DOWN
    for number in range(all_):
        kind = Calm if number else Hung
        assert masters.drive(str(number), lambda kind=kind: cast("Any", kind(put_down)))  # type: ignore[misc]
    await asyncio.sleep(1)
    await masters.close()
    assert put_down.total() == (all_ - 1) + all_


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
