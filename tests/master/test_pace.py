"""A NodeManager is told to start as much at one time as it answers for quickly. In virtual time."""

from __future__ import annotations

import asyncio

from master.office import Office, job
from master.virtual import virtual
from trainmaster.errors import NotDoneError, RefusedError, UnavailableError
from trainmaster.hadoop.refusals import INVALID_CONTAINER
from trainmaster.master.pace import FIRST, LEAST, MOST, Node, Pace


async def starts(pace: Pace, count: int, seconds: float, node: str = "n") -> list[int]:
    """So many starts that each take this long; how many were under way as each began."""
    under_way, seen = 0, []

    async def start() -> None:
        nonlocal under_way
        async with pace.place(node):
            under_way += 1
            seen.append(under_way)
            await asyncio.sleep(seconds)
            under_way -= 1

    await asyncio.gather(*(start() for _ in range(count)))
    return seen


@virtual
async def test_a_quick_node_is_told_more_at_one_time() -> None:
    seen = await starts(Pace(), 2000, 0.1)
    assert max(seen[:16]) <= FIRST + 2
    assert FIRST < max(seen) <= MOST


@virtual
async def test_a_slow_node_is_told_less_at_one_time() -> None:
    seen = await starts(Pace(), 60, 5.0)
    assert max(seen) == FIRST
    assert set(seen[-10:]) == {LEAST}


@virtual
async def test_a_slow_node_holds_up_no_other() -> None:
    pace = Pace()
    slow = asyncio.create_task(starts(pace, 60, 5.0, "slow"))
    await asyncio.sleep(30)
    async with asyncio.timeout(1):
        await starts(pace, 8, 0.1, "quick")
    await slow


@virtual
async def test_whoever_waits_may_leave_and_takes_no_place_along() -> None:
    pace = Pace()
    waiting = asyncio.create_task(starts(pace, 30, 1.0))
    await asyncio.sleep(0.5)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    async with asyncio.timeout(1.5):
        await starts(pace, int(LEAST), 1.0)


@virtual
async def test_behind_a_start_that_gets_no_answer_nobody_waits() -> None:
    pace, went = Pace(), 0

    async def start() -> None:
        nonlocal went
        try:
            async with pace.place("n"):
                await asyncio.sleep(60)
                raise UnavailableError("no answer")
        except NotDoneError:
            went += 1
        except UnavailableError:
            return

    async with asyncio.timeout(70):
        await asyncio.gather(*(start() for _ in range(50)))
    assert went == 50 - FIRST


@virtual
async def test_whoever_is_sent_away_and_ends_at_one_time_gives_back_no_place_that_he_never_had() -> None:
    node = Node()
    for _ in range(int(FIRST)):
        await node.enter()
    waits = asyncio.create_task(node.enter())
    await asyncio.sleep(0)
    node.hangs()
    waits.cancel()
    await asyncio.gather(waits, return_exceptions=True)
    assert node.under_way == FIRST


@virtual
async def test_a_start_that_was_surely_not_heard_is_tried_again_and_nothing_takes_its_place() -> None:
    async with Office() as office:
        office.yarn.away.add("nm")
        master = office.drive(job(worker=1))
        await office.until(lambda: office.yarn.calls["start"] > 2)
        office.yarn.away.clear()
        await office.running(1)
        assert master.memory.replicas[0].run == 1
        assert master.memory.restarts == 0


@virtual
async def test_a_grant_that_another_resourcemanager_made_is_asked_for_anew_uncharged() -> None:
    async with Office() as office:
        words = "Container c rejected as it is allocated by a previous RM"
        office.yarn.refuse["start"] = RefusedError(INVALID_CONTAINER, words)
        master = office.drive(job(worker=1, policy={"backoffLimit": 0}))
        await office.until(lambda: office.yarn.calls["start"] > 1)
        office.yarn.refuse.clear()
        await office.running(1)
        assert master.memory.charged == 0
