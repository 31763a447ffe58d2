"""The shell runs a job again: a new application, whoever drove the run before; files that aren't there; queues that aren't."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from master.office import Office, container, job
from master.virtual import virtual
from trainmaster.api.job import FileRef, TrainingJob
from trainmaster.api.status import ConditionType
from trainmaster.errors import NoSuchFileError
from trainmaster.hadoop.containers import LocalResource
from trainmaster.master.job import JobMaster
from trainmaster.plan.values import Cluster


def wanted(rerun: int = 0, **fields: object) -> TrainingJob:
    return job(worker=2, policy={"backoffLimit": 0, "rerun": rerun}, spec=fields)


def says(master: JobMaster, new: TrainingJob) -> None:
    """Its declaration is edited."""
    declared = master.declared
    master.declare(replace(declared, job=new, generation=declared.generation + 1))


async def fails(office: Office, master: JobMaster) -> None:
    await office.running(2)
    office.yarn.exits(container(master), 3)
    await office.until(lambda: master.memory.finished)


@virtual
async def test_a_run_again_has_an_application_of_its_own() -> None:
    async with Office() as office:
        master = office.drive(wanted())
        await fails(office, master)
        await asyncio.sleep(100)
        assert len(office.yarn.applications) == 1
        says(master, wanted(1))
        await office.running(2)
        assert len(office.yarn.applications) == 2
        assert master.memory.application
        assert master.memory.application.id != master.memory.past_runs[0].applications[0]
        assert (master.memory.charged, office.shown["uid"].state) == (0, "Running")


@virtual
async def test_who_takes_an_ended_job_up_runs_it_again() -> None:
    async with Office() as office:
        master = office.drive(wanted())
        await fails(office, master)
        await asyncio.sleep(5)
    async with Office(office.yarn, office.store) as later:
        taken = later.drive(wanted(), later.store.memory())
        await asyncio.sleep(10)
        assert not later.yarn.running()
        says(taken, wanted(1))
        await later.running(2)
        assert [run.number for run in taken.memory.past_runs] == [0]


@virtual
async def test_a_number_that_is_raised_while_it_ends_runs_it_again_once_that_is_over() -> None:
    async with Office() as office:
        master = office.drive(wanted())
        await office.running(2)
        office.yarn.exits(container(master), 3)
        await office.until(lambda: master.memory.verdict)
        says(master, wanted(1))
        await office.until(lambda: master.memory.rerun == 1)
        await office.running(2)
        assert office.shown["uid"].is_true(ConditionType.RUNNING)


@virtual
async def test_a_file_that_is_nowhere_fails_the_job_and_one_that_is_being_replaced_does_not() -> None:
    async with Office() as office:
        missing = 0

        async def look(ref: FileRef, _user: str) -> LocalResource:
            nonlocal missing
            missing += 1
            if missing <= lacks:
                raise NoSuchFileError(f"{ref.source}: no such file")
            return LocalResource(ref.source, 1, 1)

        lacks, office.files = 2, look
        files = {"files": [{"source": "hdfs:///a.py"}]}
        office.drive(job(worker=1, spec=files))
        await office.running(1)
        missing, lacks = 0, 1_000
        other = office.drive(job(worker=1, spec=files), uid="other")
        await office.until(lambda: other.memory.finished)
        assert other.memory.verdict
        assert (other.memory.verdict.reason, other.memory.charged) == ("CannotRun", 0)
        assert "hdfs:///a.py: no such file; trying again can't help" in other.memory.verdict.message


@virtual
async def test_a_queue_that_is_nowhere_is_asked_for_by_no_application() -> None:
    async with Office() as office:
        known = office.desk.cluster.of_queue("default")
        assert known
        nowhere: Cluster = replace(known, queue_found=False)
        office.desk.cluster.of_queue = lambda queue: known if queue == "default" else nowhere  # type: ignore[method-assign]
        master = office.drive(wanted())
        await office.running(2)
        suspended = job(worker=2, policy={"suspend": True})
        says(master, suspended)
        await office.until(lambda: master.memory.suspended and master.memory.application is None)
        says(master, wanted(queue="nosuch"))
        await asyncio.sleep(30)
        assert len(office.yarn.applications) == 1
        assert master.memory.verdict is None
        assert office.shown["uid"].state == "Refused"
        says(master, wanted())
        await office.running(2)
