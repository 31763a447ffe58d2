"""Processes are told to go once, by the real shell: whatever becomes of answers, nodes and controllers."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any, cast

from master.office import Office, job
from master.virtual import virtual
from trainmaster.master.codec import decode, encode
from trainmaster.master.dismissal import ASK_PATIENCE
from trainmaster.plan.memory import Memory
from yarn.wires import Logs

WANTED = job(worker=1, grace=600)


def begged(office: Office) -> list[int]:
    return [process.begged for _, process in office.yarn.processes()]


def deafened(office: Office) -> None:
    for _, process in office.yarn.processes():
        process.deaf = True


async def deleted(office: Office) -> None:
    """A job runs, and is deleted; its process takes its time to go."""
    office.desk.logs = cast("Any", Logs(office.yarn))
    master = office.drive(WANTED)
    await office.running(1)
    deafened(office)
    master.declare(replace(master.declared, deleted=True))


@virtual
async def test_an_answer_that_got_lost_has_nobody_told_twice() -> None:
    async with Office() as office:
        office.yarn.answers.lost["terminate"] = 1
        await deleted(office)
        await asyncio.sleep(60)
        assert begged(office) == [1]
        assert office.store.memory().replicas[0].survivors[0].told


@virtual
async def test_a_call_that_never_arrived_is_made_again() -> None:
    async with Office() as office:
        office.yarn.answers.unheard["terminate"] = 1
        await deleted(office)
        await asyncio.sleep(60)
        assert begged(office) == [1]


@virtual
async def test_where_its_node_tells_nothing_of_it_a_process_is_told_all_the_same() -> None:
    async with Office() as office:
        office.yarn.answers.unheard["terminate"] = 1
        office.yarn.answers.unheard["web"] = 1000
        await deleted(office)
        await asyncio.sleep(ASK_PATIENCE - 3)
        assert begged(office) == [0]
        await asyncio.sleep(6)
        assert begged(office) == [1]


def untold(memory: Memory) -> Memory:
    """As it was written before it was known that they had been told."""
    rows = tuple(
        replace(r, survivors=tuple(replace(s, told=False) for s in r.survivors)) for r in memory.replicas
    )
    return decode(encode(replace(memory, replicas=rows)))


@virtual
async def test_who_was_told_by_a_controller_that_died_is_not_told_again_by_the_next() -> None:
    async with Office() as office:
        await deleted(office)
        await office.until(lambda: begged(office) == [1])
        await asyncio.sleep(5)
    async with Office(office.yarn, office.store) as successor:
        successor.desk.logs = cast("Any", Logs(successor.yarn))
        successor.drive(WANTED, memory=untold(office.store.memory()), deleted=True)
        await asyncio.sleep(60)
        assert begged(successor) == [1]
