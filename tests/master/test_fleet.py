"""The fleet: leading and standing by, many jobs at once, the line. In virtual time, on fakes with teeth."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from unittest.mock import AsyncMock, patch

from prometheus_client import CollectorRegistry

from master.controllers import controller
from master.folder import Folder
from master.office import job
from master.virtual import turns, until, virtual
from trainmaster.master.job import JobMaster
from yarn.wires import Yarn


@virtual
async def test_many_jobs_at_once_leave_the_others_their_turn() -> None:
    folder, yarn = Folder(), Yarn()
    async with controller(folder, yarn):
        await asyncio.sleep(1)
        for number in range(300):
            folder.put(f"job-{number:03}", job(worker=1))
        turned = turns()
        await until(lambda: len(yarn.running()) == 300)
        assert turns() - turned > 300, "no turn of the loop serves many jobs"


@virtual
async def test_a_stop_leaves_jobs_running_and_a_successor_takes_them_up() -> None:
    folder, yarn = Folder(), Yarn()
    folder.put("a", job(worker=2))
    async with controller(folder, yarn):
        await until(lambda: len(yarn.running()) == 2)
        await asyncio.sleep(2)
    assert len(yarn.running()) == 2
    folder.lease.ours = True
    started = list(yarn.started)
    async with controller(folder, yarn) as ours:
        await until(lambda: ours.picture().jobs)
        await asyncio.sleep(20)
        assert list(yarn.started) == started
        assert folder.adopted == {"a": ("default", "a")}


@virtual
async def test_a_standby_touches_nothing_and_leads_when_it_may() -> None:
    folder, yarn = Folder(), Yarn()
    folder.put("a", job(worker=1))
    folder.lease.ours = False
    async with controller(folder, yarn) as ours:
        await asyncio.sleep(60)
        assert not yarn.calls
        assert not ours.picture().leading
        folder.lease.ours = True
        await until(yarn.running, 5)


@virtual
async def test_what_nobody_foresaw_in_the_store_ends_no_heartbeat() -> None:
    folder, yarn = Folder(), Yarn()
    folder.put("a", job(worker=1))
    async with controller(folder, yarn) as ours:
        await until(yarn.running)
        folder.fail["look"] = ZeroDivisionError()
        before = yarn.calls["allocate"]
        await asyncio.sleep(60)
        assert yarn.calls["allocate"] - before > 50
        del folder.fail["look"]
        folder.put("b", job(worker=1))
        await until(lambda: len(yarn.running()) == 2)
        assert ours.picture().leading


@virtual
async def test_a_controller_that_is_superseded_puts_everything_down() -> None:
    folder, yarn = Folder(), Yarn()
    folder.put("a", job(worker=1))
    async with controller(folder, yarn) as ours:
        await until(yarn.running)
        folder.lease.ours, folder.lease.superseded = False, True
        await until(lambda: not ours.picture().jobs, 5)
        assert not ours.picture().leading
        before = yarn.calls.copy()
        await asyncio.sleep(60)
        assert yarn.calls == before


@virtual
async def test_a_deleted_job_leaves_nothing_in_any_ledger() -> None:
    folder, yarn = Folder(), Yarn()
    folder.put("a", job(worker=1))
    async with controller(folder, yarn) as ours:
        await until(yarn.running)
        folder.jobs["a"] = replace(folder.jobs["a"], deleted=True)
        office = ours._masters["a"].desk
        await until(lambda: not ours._masters)
        assert not ours._masters._tasks
        assert office.ports._by_job == {}
        assert office.line._waiting == {}
        assert ours._publisher._shown == ours._publisher._waiting == {}
        assert folder.journal.records == {}
        assert yarn.running() == []


@virtual
async def test_jobs_that_are_taken_in_make_few_passes_and_a_look_without_news_hands_out_nothing() -> None:
    folder, yarn, registry = Folder(), Yarn(), CollectorRegistry()
    for number in range(300):
        folder.put(f"job-{number:03}", job(worker=1, policy={"suspend": True}))
    picture = dict(folder.jobs)
    with (
        patch.object(folder, "look", AsyncMock(return_value=picture)),
        patch.object(JobMaster, "declare", autospec=True) as declare,
    ):
        async with controller(folder, yarn, registry) as ours:
            await until(lambda: len(folder.shown) == 300)
            await asyncio.sleep(60)
            assert registry.get_sample_value("trainmaster_pass_seconds_count") <= 2 * 300
            assert not declare.called
            calm = ours.picture().jobs
            assert all(ours.picture().jobs[uid] is each for uid, each in calm.items())


@virtual
async def test_a_picture_that_lacks_a_part_is_as_old_as_that_part() -> None:
    folder, yarn = Folder(), Yarn()
    async with controller(folder, yarn) as ours:
        await asyncio.sleep(5)
        whole = ours.picture().looked_at
        folder.late = 300.0
        await asyncio.sleep(5)
        assert -300 < ours.picture().looked_at - whole < -280
        folder.late = 0.0
        await asyncio.sleep(5)
        assert ours.picture().looked_at > whole
