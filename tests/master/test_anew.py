"""Processes that are started anew in their containers: each once for a generation, whatever becomes of calls and answers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace

from master.office import Office, container, job
from master.virtual import virtual
from trainmaster.errors import RefusedError
from trainmaster.hadoop import refusals
from trainmaster.master.job import JobMaster
from trainmaster.plan.decide import raised
from trainmaster.plan.values import Limits

GANG = {"worker": {"restartScope": "Job"}}


def gang() -> object:
    return job("Generic", {"backoff": {"base": 0}}, roles=GANG, worker=3)


async def lost(office: Office) -> tuple[JobMaster, list[str]]:
    """A gang of three that runs, and its containers; the first was killed just now."""
    master = office.drive(gang())  # type: ignore[arg-type]
    await office.running(3)
    held = [container(master, index) for index in range(3)]
    office.yarn.exits(held[0], 137)
    return master, held


def whole(office: Office, master: JobMaster, generation: int) -> Callable[[], bool]:
    def met() -> bool:
        memory = master.memory
        begun = not any(r.reinitialising or not r.bound for r in memory.replicas)
        runs = begun and bool(memory.started_at) and len(office.yarn.running()) == 3
        return runs and memory.started_generation == generation

    return met


def processes(office: Office) -> dict[str, int]:
    """Container -> which process in it lives."""
    return {p.of.id: p.number for _, p in office.yarn.processes()}


@virtual
async def test_survivors_get_one_new_process_each_and_keep_their_containers() -> None:
    async with Office(limits=Limits(in_place=True)) as office:
        master, held = await lost(office)
        await office.until(whole(office, master, 2))
        assert processes(office) == {container(master): 1, held[1]: 2, held[2]: 2}
        assert office.yarn.calls["reinitialise"] == 2
        assert office.yarn.calls["stop"] == 0
        assert master.memory.charged == 1


@virtual
async def test_an_answer_that_got_lost_is_found_out_and_nothing_is_told_twice() -> None:
    async with Office(limits=Limits(in_place=True)) as office:
        office.yarn.answers.lost["reinitialise"] = 2
        master, held = await lost(office)
        await office.until(whole(office, master, 2))
        assert processes(office) == {container(master): 1, held[1]: 2, held[2]: 2}
        assert office.yarn.calls["reinitialise"] == 2


@virtual
async def test_a_call_that_was_never_heard_is_made_again() -> None:
    async with Office(limits=Limits(in_place=True)) as office:
        office.yarn.answers.unheard["reinitialise"] = 2
        master, held = await lost(office)
        await office.until(whole(office, master, 2))
        assert processes(office) == {container(master): 1, held[1]: 2, held[2]: 2}


@virtual
async def test_a_refusal_of_another_kind_is_tried_again_until_patience_ends() -> None:
    async with Office(limits=Limits(in_place=True)) as office:
        master, held = await lost(office)
        office.yarn.refuse["reinitialise"] = RefusedError(refusals.YARN_EXCEPTION, "something else")
        await office.until(lambda: master.memory.generation >= 3)
        office.yarn.refuse.clear()
        await office.until(whole(office, master, 3))
        assert not set(held) & processes(office).keys()
        assert master.memory.charged == 1


@virtual
async def test_a_container_that_is_locked_is_replaced() -> None:
    """An earlier re-initialising of somebody's failed: its NodeManager says "busy" for ever."""
    async with Office(limits=Limits(in_place=True)) as office:
        master, held = await lost(office)
        for _, process in office.yarn.processes():
            if process.of.id == held[1]:
                process.reinitialising = True
        await office.until(lambda: held[1] not in office.yarn.running(), within=120)
        await office.until(whole(office, master, 3))
        assert held[2] in processes(office)
        assert master.memory.charged == 1


@virtual
async def test_a_nodemanager_that_is_restarted_in_the_middle_costs_nobody_anything() -> None:
    async with Office(limits=Limits(in_place=True)) as office:
        master, _held = await lost(office)
        await office.until(lambda: office.yarn.calls["reinitialise"] == 2)
        office.yarn.restart_node("n1")
        await office.until(lambda: bool(whole(office, master, master.memory.generation)()), within=200)
        assert master.memory.charged == 1


@virtual
async def test_what_no_resourcemanager_lists_is_told_all_the_same_and_no_busy_loop_waits_for_it() -> None:
    async with Office(limits=Limits(in_place=True)) as office:
        master, held = await lost(office)
        office.yarn.answers.unheard["reinitialise"] = 6
        await office.until(lambda: office.yarn.calls["reinitialise"])
        office.yarn.cut("n1", us=False)
        office.yarn.restart()
        passes = office.passes
        await office.until(lambda: any(n == 2 for n in processes(office).values()))
        await asyncio.sleep(20)
        assert office.passes - passes < 200
        office.yarn.mend("n1")
        await office.until(whole(office, master, 2))
        assert {held[1], held[2]} < processes(office).keys()


@virtual
async def test_a_new_leader_tells_all_once_more_and_charges_nobody() -> None:
    async with Office(limits=Limits(in_place=True)) as office:
        master, held = await lost(office)
        await office.until(lambda: office.yarn.calls["reinitialise"] == 2)
        assert any(r.reinitialising for r in master.memory.replicas)
        office.tasks.pop().cancel()
        await master.close()
        successor = office.drive(gang(), raised(office.store.memory(), 2))  # type: ignore[arg-type]
        await office.until(whole(office, successor, 3), within=120)
        assert {held[1], held[2]} < processes(office).keys()
        assert successor.memory.charged == 1


@virtual
async def test_what_is_stopped_in_between_is_not_started_anew_afterwards() -> None:
    async with Office(limits=Limits(in_place=True)) as office:
        master, held = await lost(office)
        office.yarn.answers.unheard["reinitialise"] = 99
        await office.until(lambda: office.yarn.calls["reinitialise"] >= 2)
        master.declare(replace(master.declared, deleted=True))
        await office.until(lambda: master.over)
        told = office.yarn.calls["reinitialise"]
        await office.until(lambda: not office.yarn.running())
        assert office.yarn.calls["reinitialise"] == told
        assert held
