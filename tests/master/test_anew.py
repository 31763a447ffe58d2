"""Processes that are started anew in their containers: each once for a generation, whatever becomes of calls and answers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from itertools import count

from master.office import Office, container, job
from master.virtual import virtual
from trainmaster.errors import RefusedError, UnavailableError
from trainmaster.hadoop import refusals
from trainmaster.master.anew import Anew
from trainmaster.master.job import JobMaster
from trainmaster.master.promises import Promise
from trainmaster.plan.decide import raised
from trainmaster.plan.values import Limits
from yarn.nodemanager import Process

IN_PLACE = Limits(in_place=True)
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


def _process(office: Office, id_: str) -> Process:
    return next(p for _, p in office.yarn.processes() if p.of.id == id_)


def processes(office: Office) -> dict[str, int]:
    """Container -> which process in it lives."""
    return {p.of.id: p.number for _, p in office.yarn.processes()}


@virtual
async def test_survivors_make_place_and_then_get_one_new_process_each_in_their_own_containers() -> None:
    async with Office(limits=IN_PLACE) as office:
        master, held = await lost(office)
        await office.until(whole(office, master, 2))
        assert processes(office) == {container(master): 1, held[1]: 3, held[2]: 3}
        assert office.yarn.calls["reinitialise"] == 4
        assert office.yarn.calls["stop"] == 0
        assert master.memory.charged == 1


@virtual
async def test_nothing_begins_while_one_of_before_is_still_there() -> None:
    """One of them takes its time to go."""
    async with Office(limits=IN_PLACE) as office:
        master, held = await lost(office)
        slow = _process(office, held[1])
        slow.lingers = True
        await office.until(lambda: office.yarn.calls["reinitialise"] == 2)
        started = office.yarn.calls["start"]
        await asyncio.sleep(5)
        assert (office.yarn.calls["reinitialise"], office.yarn.calls["start"]) == (2, started)
        slow.lingers = False
        await office.until(whole(office, master, 2))
        assert processes(office) == {container(master): 1, held[1]: 3, held[2]: 3}


@virtual
async def test_an_answer_that_got_lost_is_found_out_and_nothing_is_told_twice() -> None:
    async with Office(limits=IN_PLACE) as office:
        office.yarn.answers.lost["reinitialise"] = 4
        master, held = await lost(office)
        await office.until(whole(office, master, 2))
        assert processes(office) == {container(master): 1, held[1]: 3, held[2]: 3}
        assert office.yarn.calls["reinitialise"] == 4


@virtual
async def test_a_call_that_was_never_heard_is_made_again() -> None:
    async with Office(limits=IN_PLACE) as office:
        office.yarn.answers.unheard["reinitialise"] = 2
        master, held = await lost(office)
        await office.until(whole(office, master, 2))
        assert processes(office) == {container(master): 1, held[1]: 3, held[2]: 3}


@virtual
async def test_what_is_started_is_built_when_it_is_told_and_a_namenode_that_is_away_is_waited_for() -> None:
    """Tokens of HDFS are part of it: those of an hour ago may be dead."""
    async with Office(limits=IN_PLACE) as office:
        master, held = await lost(office)
        await office.until(lambda: office.yarn.calls["reinitialise"] == 2)
        tries = count()

        async def tokens(_: object) -> bytes:
            told = asyncio.current_task().get_coro().__qualname__ == Anew.start.__qualname__  # type: ignore[union-attr]
            if told and next(tries) < 4:
                raise UnavailableError("nn:8020: Connection refused")
            return b"new"

        office.desk.delegation.of = tokens  # type: ignore[method-assign]
        await office.until(whole(office, master, 2))
        assert next(tries) > 4
        assert processes(office) == {container(master): 1, held[1]: 3, held[2]: 3}


@virtual
async def test_who_is_refused_a_place_to_wait_gets_another_container() -> None:
    async with Office(limits=IN_PLACE) as office:
        master, held = await lost(office)
        office.yarn.refuse["reinitialise"] = RefusedError(refusals.YARN_EXCEPTION, "something else")
        await office.until(lambda: not set(held) & set(office.yarn.running()), within=120)
        office.yarn.refuse.clear()
        await office.until(whole(office, master, 2))
        assert not set(held) & processes(office).keys()
        assert master.memory.charged == 1


@virtual
async def test_a_refusal_of_another_kind_is_tried_again_until_patience_ends() -> None:
    async with Office(limits=IN_PLACE) as office:
        master, held = await lost(office)
        await office.until(lambda: office.yarn.calls["reinitialise"] == 2)
        office.yarn.refuse["reinitialise"] = RefusedError(refusals.YARN_EXCEPTION, "something else")
        await office.until(lambda: master.memory.generation >= 3)
        office.yarn.refuse.clear()
        await office.until(whole(office, master, 3))
        assert not set(held) & processes(office).keys()
        assert master.memory.charged == 1


@virtual
async def test_a_container_that_is_locked_is_replaced() -> None:
    """An earlier re-initialising of somebody's failed: its NodeManager says "busy" for ever."""
    async with Office(limits=IN_PLACE) as office:
        master, held = await lost(office)
        _process(office, held[1]).reinitialising = True
        await office.until(lambda: held[1] not in office.yarn.running(), within=120)
        await office.until(whole(office, master, 2))
        assert held[2] in processes(office)
        assert master.memory.charged == 1


@virtual
async def test_a_nodemanager_that_is_restarted_in_the_middle_costs_nobody_anything() -> None:
    for told in (2, 4):
        async with Office(limits=IN_PLACE) as office:
            master, _held = await lost(office)
            await office.until(lambda: office.yarn.calls["reinitialise"] == told)  # noqa: B023
            office.yarn.restart_node("n1")
            await office.until(lambda: _is_whole(office, master), within=200)  # noqa: B023
            assert master.memory.charged == 1


@virtual
async def test_what_no_resourcemanager_lists_is_told_all_the_same_and_no_busy_loop_waits_for_it() -> None:
    async with Office(limits=IN_PLACE) as office:
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
async def test_what_is_stopped_in_between_is_not_started_anew_afterwards() -> None:
    async with Office(limits=IN_PLACE) as office:
        master, held = await lost(office)
        office.yarn.answers.unheard["reinitialise"] = 99
        await office.until(lambda: office.yarn.calls["reinitialise"] >= 2)
        master.declare(replace(master.declared, deleted=True))
        await office.until(lambda: master.over)
        told = office.yarn.calls["reinitialise"]
        await office.until(lambda: not office.yarn.running())
        assert office.yarn.calls["reinitialise"] == told
        assert held


def test_what_waits_is_given_the_longer_to_begin_the_slower_its_nodemanager_was() -> None:
    """It calls it running when it is about to start it."""
    quick, slow = Promise(2, "", made=10, begun=10.25), Promise(2, "", made=10, begun=13)
    assert [promise.settled(0.5) for promise in (quick, slow)] == [10.75, 14.5]
    assert slow.settled(0) == 13


# --- taken over


@virtual
async def test_a_new_leader_tells_all_once_more_and_charges_nobody() -> None:
    async with Office(limits=IN_PLACE) as office:
        master, held = await lost(office)
        await office.until(lambda: office.yarn.calls["reinitialise"] == 4)
        assert any(r.reinitialising for r in master.memory.replicas)
        successor = await succeeded(office, master)
        await office.until(whole(office, successor, 3), within=120)
        assert {held[1], held[2]} < processes(office).keys()
        assert successor.memory.charged == 1


@virtual
async def test_a_controller_killed_at_any_step_of_it_is_followed_by_one_that_ends_in_the_same_place() -> None:
    for step in count():
        async with Office(limits=IN_PLACE) as office:
            master, held = await lost(office)
            begun = _steps(office)
            await office.until(lambda: whole(office, master, 2)() or _steps(office) - begun >= step)  # noqa: B023
            if whole(office, master, 2)():
                assert step > 15, "there are that many calls and writes on the way"
                return
            successor = await succeeded(office, master)
            await office.until(lambda: _is_whole(office, successor), within=120)  # noqa: B023
            assert {held[1], held[2]} < processes(office).keys(), step
            assert successor.memory.charged == 1, step


def _steps(office: Office) -> int:
    return office.store.writes + sum(office.yarn.calls.values())


def _is_whole(office: Office, master: JobMaster) -> bool:
    return whole(office, master, master.memory.generation)()


async def succeeded(office: Office, master: JobMaster) -> JobMaster:
    """It is killed, and another one takes over with what was written."""
    office.tasks.pop().cancel()
    await master.close()
    return office.drive(gang(), raised(office.store.memory(), 2))  # type: ignore[arg-type]
