"""A job's master without the lease: signs of life, and nothing else."""

from __future__ import annotations

import asyncio

from master.office import Office, container, job
from master.virtual import turns, virtual
from trainmaster.plan.values import AppState


@virtual
async def test_without_the_lease_there_are_only_signs_of_life() -> None:
    async with Office() as office:
        master = office.drive(job(worker=2, policy={"activeDeadline": "30s"}))
        await office.running(2)
        office.lease.ours = False
        calls, turned, writes = office.yarn.calls.copy(), turns(), office.store.writes
        office.yarn.exits(container(master), 1)
        office.yarn.beats.clear()
        await asyncio.sleep(300)  # well beyond its deadline, which is due all the while
        assert turns() - turned < 10_000, "what is due must not make it spin"
        assert not any(call.asks or call.releases for call in office.yarn.beats)
        assert office.store.writes == writes
        assert office.yarn.calls.keys() - calls.keys() == set()
        assert 250 < office.yarn.calls["allocate"] - calls["allocate"] < 700


@virtual
async def test_an_hour_without_the_lease_ends_no_training() -> None:
    async with Office() as office:
        master = office.drive(job(worker=2))
        await office.running(2)
        office.lease.ours, office.store.down = False, True
        await asyncio.sleep(3600)
        office.lease.ours, office.store.down = True, False
        for index in range(2):
            office.yarn.exits(container(master, index), 0)
        await office.until(lambda: master.memory.finished)
        assert (len(office.yarn.applications), len(office.yarn.started), master.memory.restarts) == (1, 2, 0)


@virtual
async def test_a_lease_that_comes_back_wakes_those_who_waited_for_it() -> None:
    async with Office() as office:
        office.lease.ours = False
        office.drive(job(worker=1))
        await asyncio.sleep(60)
        assert not office.yarn.calls
        office.lease.ours = True
        await office.running(1)


@virtual
async def test_a_deposed_master_registers_only_when_it_leads() -> None:
    async with Office() as office:
        master = office.drive(job(worker=1))
        await office.running(1)
        office.yarn.only.number = 77  # another master has gone on with the application
        office.lease.ours = False
        registered = office.yarn.calls["register"]
        await asyncio.sleep(120)
        assert office.yarn.calls["register"] == registered
        office.lease.ours = True  # it was only away for a while, and nobody else leads
        await office.until(lambda: master.contact.sight.state is AppState.REGISTERED)
        assert office.yarn.calls["register"] == registered + 1
        assert len(office.yarn.running()) == 1
