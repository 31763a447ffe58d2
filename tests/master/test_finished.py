"""What a controller keeps of jobs that are over: little of those that stay declared, and nothing of those that are gone."""

from __future__ import annotations

import asyncio
import functools
import gc
from collections import Counter
from dataclasses import replace

from master.controllers import controller
from master.folder import Folder
from master.office import job
from master.test_history import Shelves
from master.virtual import until, virtual
from trainmaster.api.history import EndedRun
from trainmaster.master.contact import Contact
from trainmaster.master.fleet import Fleet
from trainmaster.master.heartbeat import Heart
from trainmaster.master.job import JobMaster
from trainmaster.master.picture import Picture
from trainmaster.plan.memory import Memory, ReplicaMemory
from trainmaster.plan.values import Container
from yarn.wires import Yarn

JOBS, WORKERS = 30, 3
KINDS = (Container, Contact, EndedRun, Heart, JobMaster, Memory, Picture, ReplicaMemory)


def alive() -> Counter[str]:
    """Objects of a job that there are, by their kind: but for those that nobody reaches, and those in caches, whose sizes are
    fixed."""
    for cache in [each for each in gc.get_objects() if isinstance(each, functools._lru_cache_wrapper)]:
        cache.cache_clear()
    gc.collect()
    return Counter(type(each).__name__ for each in gc.get_objects() if isinstance(each, KINDS))


async def finish(folder: Folder, yarn: Yarn) -> None:
    """All jobs run, and end with success."""
    for number in range(JOBS):
        folder.put(f"j-{number}", job(worker=WORKERS))
    await until(lambda: len(yarn.running()) == JOBS * WORKERS, within=600)
    await asyncio.sleep(10)
    for container in yarn.running():
        yarn.exits(container, 0)
    await until(lambda: _succeeded(folder) == JOBS, within=600)
    await asyncio.sleep(60)


def _succeeded(folder: Folder) -> int:
    return sum(status.state == "Succeeded" for status in folder.shown.values())


@virtual
async def test_of_a_finished_job_its_memory_and_its_picture_are_kept() -> None:
    folder, yarn, history = Folder(), Yarn(), Shelves()
    before = alive()
    async with controller(folder, yarn, history=history):
        await finish(folder, yarn)
        assert len(history.written) == JOBS
        left = alive() - before
        assert left["JobMaster"] == left["Contact"] == left["Picture"] == JOBS
        assert left["Memory"] == JOBS
        assert left["ReplicaMemory"] == JOBS * WORKERS
        assert (left["Container"], left["Heart"], left["EndedRun"]) == (0, 0, 0)


@virtual
async def test_of_jobs_that_are_gone_nothing_is_kept() -> None:
    folder, yarn, history = Folder(), Yarn(), Shelves()
    before = alive()
    async with controller(folder, yarn, history=history) as ours:
        for _ in range(3):
            await finish(folder, yarn)
            for uid, declared in list(folder.jobs.items()):
                folder.jobs[uid] = replace(declared, deleted=True)
            await until(lambda: not folder.jobs, within=600)
            await asyncio.sleep(60)
            assert not alive() - before
            assert not _remembered(ours)
    assert len(history.files) == 3 * JOBS


def _remembered(fleet: Fleet) -> dict[str, int]:
    """What the publisher keeps by job."""
    publisher = fleet._publisher
    kept = {name: len(value) for name, value in vars(publisher).items() if isinstance(value, (dict, set))}
    return {name: number for name, number in kept.items() if number}
