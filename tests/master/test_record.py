"""What of a run's account stands in its journal record: no decision has it written, and yet it isn't left to chance."""

from __future__ import annotations

import asyncio

from master.office import Office, job
from master.virtual import virtual
from trainmaster.api.declared import Declared
from trainmaster.hadoop.values import Resource
from trainmaster.master import clock
from trainmaster.master.job import JobMaster
from trainmaster.master.masters import Masters
from trainmaster.master.record import FLUSH, MEASURED
from trainmaster.plan.amounts import Use
from trainmaster.plan.values import HeldGpus, Limits
from yarn.nodemanager import NodeManager
from yarn.wires import Yarn

KEPT = Limits(history=True)
WITH_GPU = job(worker=1, roles={"worker": {"resources": {"gpus": 1}}})


def by_its_record(office: Office) -> Use:
    """What the run has held until now, as another leader would say."""
    return office.store.memory().account.until(clock.now()).total


def finds(office: Office, master: JobMaster, percent: int) -> None:
    """The job's GPUs are found this busy."""
    office.desk.gpus.put("uid", {r.container: HeldGpus((0,), percent) for r in master.memory.replicas})
    master.nudge()


@virtual
async def test_what_a_gang_holds_while_it_gathers_is_journalled_soon() -> None:
    """A part of it may be held for hours, and nothing is bound before the last one has come."""
    yarn = Yarn(NodeManager("n1", Resource(2 * 1024, 8, 0)))
    async with Office(yarn, limits=KEPT) as office:
        master = office.drive(job("PyTorch", master=1, worker=2, gang={"timeout": 36_000}))
        await office.until(lambda: len(master.contact.sight.containers) == 2)
        await asyncio.sleep(FLUSH + 1)
        assert not any(r.bound for r in master.memory.replicas)
        assert office.store.memory().account.now.vcores == 2
        writes = office.store.writes
        await asyncio.sleep(1800)
        assert office.store.writes <= writes + 5, "more than YARN takes back and grants anew"
        assert by_its_record(office).vcores > 3600


@virtual
async def test_what_was_measured_is_journalled_within_minutes() -> None:
    async with Office(limits=KEPT) as office:
        master = office.drive(WITH_GPU)
        await office.running(1)
        await asyncio.sleep(FLUSH + 1)
        finds(office, master, 100)
        for percent in (90, 100, 90, 100):
            await asyncio.sleep(MEASURED / 4)
            finds(office, master, percent)
        await asyncio.sleep(1)
        assert office.store.memory().account.total.measured > MEASURED - 5


@virtual
async def test_what_was_measured_is_journalled_now_and_then_though_it_stays_the_same() -> None:
    async with Office(limits=KEPT) as office:
        master = office.drive(WITH_GPU)
        await office.running(1)
        finds(office, master, 100)
        await asyncio.sleep(4 * 3600)
        assert office.store.memory().account.total.measured > 2.9 * 3600
        assert office.store.writes < 14


@virtual
async def test_what_was_measured_is_journalled_when_its_leader_steps_down() -> None:
    async with Office(limits=KEPT) as office:
        masters, declared = (
            Masters(),
            Declared("folder", "default", "mnist", "uid", "m.yaml", "u", job=WITH_GPU),
        )
        masters.drive("uid", lambda: JobMaster(office.desk, declared))
        await office.running(1)
        await asyncio.sleep(FLUSH + 1)
        finds(office, masters["uid"], 100)
        await asyncio.sleep(300)
        await masters.close()
        assert office.store.memory().account.total.measured > 295


@virtual
async def test_who_leads_no_more_writes_nothing_when_it_steps_down() -> None:
    async with Office(limits=KEPT) as office:
        masters, declared = (
            Masters(),
            Declared("folder", "default", "mnist", "uid", "m.yaml", "u", job=WITH_GPU),
        )
        masters.drive("uid", lambda: JobMaster(office.desk, declared))
        await office.running(1)
        finds(office, masters["uid"], 100)
        await asyncio.sleep(3)
        writes = office.store.writes
        office.lease.ours = False
        await masters.close()
        assert office.store.writes == writes


@virtual
async def test_a_store_that_is_away_holds_up_no_stepping_down() -> None:
    async with Office(limits=KEPT) as office:
        masters, declared = (
            Masters(),
            Declared("folder", "default", "mnist", "uid", "m.yaml", "u", job=WITH_GPU),
        )
        masters.drive("uid", lambda: JobMaster(office.desk, declared))
        await office.running(1)
        finds(office, masters["uid"], 100)
        await asyncio.sleep(3)
        office.store.write = lambda *_: asyncio.sleep(3600)  # type: ignore[method-assign,assignment,return-value]
        began = clock.monotonic()
        await masters.close()
        assert clock.monotonic() - began < 10, "in the loop's own, virtual time"
        assert not masters
