"""What nobody foresaw: it is shown and counted, goes away when all works again, and no job is driven twice or lost by it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from unittest.mock import patch

import pytest
from prometheus_client import CollectorRegistry

from master.controllers import controller
from master.folder import Folder
from master.office import job
from master.virtual import run, until, virtual
from trainmaster.master import intake
from trainmaster.master.fleet import Fleet
from trainmaster.master.job import JobMaster
from trainmaster.master.journalled import load
from trainmaster.web.health import readiness
from yarn.wires import Yarn


@asynccontextmanager
async def successor(folder: Folder, yarn: Yarn, registry: CollectorRegistry) -> AsyncIterator[Fleet]:
    """A controller that has taken up two running jobs of its predecessor."""
    for uid in ("a", "b"):
        folder.put(uid, job(worker=2))
    async with controller(folder, yarn):
        await until(lambda: len(yarn.running()) == 4)
        await asyncio.sleep(40)
    folder.lease.ours = True
    async with controller(folder, yarn, registry) as ours:
        await until(lambda: len(ours.picture().jobs) == 2)
        await asyncio.sleep(40)  # until the times that were only seen are written, too
        yield ours


def failures(registry: CollectorRegistry, work: str) -> float:
    return registry.get_sample_value("trainmaster_unforeseen_errors_total", {"work": work}) or 0.0


@virtual
async def test_an_error_while_looking_takes_nobody_up_again() -> None:
    folder, yarn, registry = Folder(), Yarn(), CollectorRegistry()
    async with successor(folder, yarn, registry) as ours:
        before, writes = yarn.calls["register"], folder.journal.writes
        folder.fail["look"] = ZeroDivisionError()
        await asyncio.sleep(120)
        assert yarn.calls["register"] == before
        assert folder.journal.writes == writes
        assert failures(registry, "listing") > 10
        said = {c.name: c for c in readiness(ours.picture()).checks}["works"]
        assert not said.ok
        assert "listing (ZeroDivisionError)" in said.message
        del folder.fail["look"]
        await asyncio.sleep(5)
        assert readiness(ours.picture()).ready
        assert yarn.calls["register"] == before


@virtual
async def test_a_job_that_ended_is_not_trained_again_after_an_error_while_looking() -> None:
    folder, yarn, registry = Folder(), Yarn(), CollectorRegistry()
    async with successor(folder, yarn, registry):
        for container in yarn.running():
            yarn.exits(container, 0)
        await until(lambda: not yarn.running())
        await asyncio.sleep(30)
        applications = len(yarn.applications)
        folder.fail["look"] = ZeroDivisionError()
        await asyncio.sleep(30)
        del folder.fail["look"]
        await asyncio.sleep(30)
        assert len(yarn.applications) == applications
        assert yarn.running() == []
        assert all(folder.journal.memory(uid).finished for uid in ("a", "b"))


@virtual
async def test_one_declaration_that_meets_an_error_keeps_no_other_from_its_master() -> None:
    folder, yarn, registry = Folder(), Yarn(), CollectorRegistry()
    told = JobMaster.declare
    async with successor(folder, yarn, registry) as ours:

        def declare(master: JobMaster, declared: object) -> None:
            if master.declared.uid == "a":
                raise ZeroDivisionError
            told(master, declared)  # type: ignore[arg-type]  # as it came

        with patch.object(JobMaster, "declare", declare):
            folder.put("a", job(worker=5))
            folder.put("b", job(worker=3))
            folder.put("c", job(worker=1))
            await until(lambda: len(yarn.running()) == 6)
            assert "listing" in ours.picture().unforeseen
        await until(lambda: not ours.picture().unforeseen)


@virtual
async def test_a_record_that_can_not_be_taken_up_is_refused_and_the_others_are_taken_up() -> None:
    folder, yarn, registry = Folder(), Yarn(), CollectorRegistry()
    made = intake.remembered

    def remembered(source: str, memory: object) -> object:
        if memory.uid == "b":  # type: ignore[attr-defined]
            raise ZeroDivisionError
        return made(source, memory)  # type: ignore[arg-type]

    with patch.object(intake, "remembered", remembered):
        async with successor(folder, yarn, registry) as ours:
            await until(lambda: "b" in folder.shown and folder.shown["b"].state == "Refused")
            assert "journal can't be read" in folder.shown["b"].conditions[0].message
            assert len(yarn.applications) == 2
            assert ours.picture().beats["a"][0] > 0
            assert 1 <= failures(registry, "listing") <= 2, "it is tried again, though seldom"


@pytest.mark.parametrize("where", ["load", "adopt"])
def test_an_error_on_taking_over_is_shown_until_it_goes_well(where: str) -> None:
    run(lambda: _takes_over_late(where))


async def _takes_over_late(where: str) -> None:
    folder, yarn, registry = Folder(), Yarn(), CollectorRegistry()
    folder.put("a", job(worker=1))
    broken = patch.object(intake, "load") if where == "load" else patch.object(folder, "adopt")
    with broken as failing:
        failing.side_effect = ZeroDivisionError
        async with controller(folder, yarn, registry) as ours:
            await asyncio.sleep(10)
            assert failures(registry, "jobs") > 2
            assert "jobs" in ours.picture().unforeseen
            assert not yarn.applications
            failing.side_effect = load if where == "load" else None
            await until(yarn.running)


@virtual
async def test_the_lease_is_renewed_while_a_large_journal_is_read() -> None:
    folder, yarn = Folder(), Yarn()
    renewals = 0
    acquire = folder.lease.acquire

    async def counted() -> bool:
        nonlocal renewals
        renewals += 1
        return await acquire()

    async def slow() -> dict[str, bytes]:
        await asyncio.sleep(60)
        return {}

    with patch.object(folder.lease, "acquire", counted), patch.object(folder.journal, "load", slow):
        async with controller(folder, yarn):
            await asyncio.sleep(59)
            assert renewals > 10


@virtual
async def test_an_error_on_giving_up_the_lease_does_not_keep_the_controller_from_stopping() -> None:
    folder, yarn = Folder(), Yarn()
    with patch.object(folder.lease, "release", side_effect=ZeroDivisionError):
        async with asyncio.timeout(60), controller(folder, yarn):
            await asyncio.sleep(5)
