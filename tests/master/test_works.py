"""Works at NodeManagers: each once at a time, tried again until it is done, and never thousands at once."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable

from master.virtual import virtual
from trainmaster.master.works import AT_ONCE, QUICK, Try, Works

MANY = 20 * AT_ONCE


class Tries:
    """Works that take a moment each, and want so many tries."""

    def __init__(self, wanted: int, takes: float = QUICK / 5, pause: float = 1.0) -> None:
        self.wanted, self.takes, self.pause = wanted, takes, pause
        self.made = Counter[str]()
        self.under_way = self.most = 0

    def of(self, what: str) -> Callable[[], Try]:
        return lambda: self._try(what)

    async def _try(self, what: str) -> float | None:
        self.made[what] += 1
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        await asyncio.sleep(self.takes)
        self.under_way -= 1
        return self.pause if self.made[what] < self.wanted else None


@virtual
async def test_thousands_that_are_tried_again_and_again_are_never_under_way_together() -> None:
    """After the first seconds all of them would be tried at once, each second."""
    works, tries = Works(lambda: None), Tries(wanted=5)
    for number in range(MANY):
        works.line_up("stop", f"n{number}", tries.of(f"n{number}"))
    await asyncio.sleep(60)
    assert tries.most == AT_ONCE
    assert set(tries.made.values()) == {5}
    assert len(tries.made) == MANY
    await works.close()


@virtual
async def test_what_rests_between_two_tries_is_not_begun_a_second_time() -> None:
    works, tries = Works(lambda: None), Tries(wanted=3)
    for _ in range(100):
        works.line_up("stop", "n1", tries.of("n1"))
        await asyncio.sleep(0.01)
    assert ("stop", "n1") in works
    assert tries.made["n1"] == 1
    await asyncio.sleep(5)
    assert ("stop", "n1") not in works
    assert tries.made["n1"] == 3
    await works.close()


@virtual
async def test_kinds_do_not_wait_for_each_other() -> None:
    works, slow, quick = Works(lambda: None), Tries(wanted=1, takes=QUICK), Tries(wanted=1)
    for number in range(MANY):
        works.line_up("confirm", f"n{number}", slow.of(f"n{number}"))
    works.line_up("stop", "n1", quick.of("n1"))
    await asyncio.sleep(QUICK)
    assert quick.made["n1"] == 1
    assert works.waits("confirm")
    await works.close()


@virtual
async def test_nothing_begins_once_it_was_closed() -> None:
    works, tries = Works(lambda: None), Tries(wanted=3)
    for number in range(MANY):
        works.line_up("stop", f"n{number}", tries.of(f"n{number}"))
    await asyncio.sleep(QUICK)
    await works.close()
    before = tries.made.total()
    works.line_up("stop", "n", tries.of("n"))
    await asyncio.sleep(10)
    assert tries.made.total() == before < MANY
