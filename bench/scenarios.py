"""What is measured of one job on any system: how soon it runs, how soon it is healed, how long it takes altogether."""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Iterator
from pathlib import Path

from bench import process, stamps
from bench.figures import Sample
from bench.stamps import Stamp
from bench.systems import JOB_MEMORY, PROCESSES, Job, System
from bench.yarn import Yarn, until

START = 90.0
"""seconds that a job may take to run"""
HEAL = 60.0
CALM = 1.5
"""seconds between the start of a job's last process and the kill: everybody has come to rest"""

FIRST = "declared to first process running"
ALL = "declared to all 4 running"
SEEN = "seen by the controller to all 4 running"
ACCEPTED = "known to YARN to all 4 running"
REPLACED = "kill -9 of a worker to its replacement running"
WHOLE = "whole job of `true`"
OVERHEAD = "memory that YARN grants beyond the job's own"


class Scenarios:
    """Runs jobs one at a time on an otherwise idle cluster."""

    def __init__(self, yarn: Yarn, folder: Path, chance: random.Random) -> None:
        self._yarn, self._folder, self._chance = yarn, folder, chance
        self._number = 0

    def start_and_heal(self, system: System) -> Iterator[Sample]:
        """Declare a job that runs until it is removed, and kill one of its workers."""
        job = self._job("heal", "sleep 600", healed=True)
        declared = self._declare(system, job)
        running = self._running(job, PROCESSES)
        yield _sample(FIRST, system, running[0].when - declared)
        yield _sample(ALL, system, running[-1].when - declared)
        seen = system.seen(job)
        if seen is not None:
            yield _sample(SEEN, system, running[-1].when - seen)
        application = self._yarn.application(running[0].application)
        yield _sample(ACCEPTED, system, running[-1].when - application["startedTime"] / 1000)
        time.sleep(CALM + self._chance.random())
        granted = self._yarn.application(running[0].application)["allocatedMB"]
        yield _sample(OVERHEAD, system, granted - JOB_MEMORY, "MiB")
        yield _sample(REPLACED, system, self._killed_to_replaced(job, running))
        self._remove(system, job, running)

    def whole(self, system: System) -> Iterator[Sample]:
        """Declare a job whose processes end at once, and wait until its application has ended."""
        job = self._job("whole", "true", healed=False)
        declared = self._declare(system, job)
        running = self._running(job, PROCESSES)
        id_ = running[0].application
        until(f"the end of {id_}", lambda: self._yarn.ended(id_), START, every=0.05)
        yield _sample(WHOLE, system, self._yarn.application(id_)["finishedTime"] / 1000 - declared)
        self._remove(system, job, running)

    def _killed_to_replaced(self, job: Job, running: list[Stamp]) -> float:
        victim = next(stamp for stamp in running if stamp.role == "worker")
        killed = time.time()
        os.kill(victim.pid, signal.SIGKILL)
        until(f"the replacement of {job.name}", lambda: len(stamps.read(job.stamps)) > len(running), HEAL)
        return stamps.read(job.stamps)[len(running)].when - killed

    def _job(self, kind: str, command: str, *, healed: bool) -> Job:
        self._number += 1
        name = f"{kind}-{self._number}"
        return Job(name, command, healed, self._folder / name)

    def _declare(self, system: System, job: Job) -> float:
        """When it began, in seconds since the epoch; at a moment that no heartbeat of YARN is in step with."""
        time.sleep(self._chance.random())
        declared = time.time()
        system.declare(job)
        return declared

    def _running(self, job: Job, number: int) -> list[Stamp]:
        until(f"{number} processes of {job.name}", lambda: len(stamps.read(job.stamps)) >= number, START)
        return stamps.read(job.stamps)

    def _remove(self, system: System, job: Job, running: list[Stamp]) -> None:
        """Have the cluster idle again, for whoever is next."""
        system.remove(job)
        id_ = running[0].application
        until(f"the end of {id_}", lambda: self._yarn.ended(id_) and self._yarn.idle(), HEAL, every=0.1)


def _sample(figure: str, system: System, value: float, unit: str = "s") -> Sample:
    return Sample(figure, system.name, unit, value, process.load())
