"""Lets jobs train while everything around them breaks, and tells what was lost: `make chaos`.

    make chaos CHAOS="--seconds 600 --jobs 20 --seed 7"

Faults are drawn by the seed; what they hit depends on the moment. A short form is part of `make test` (tests/real/test_chaos.py).
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from chaos.faults import Fault, faults
from chaos.training import PACE, Job
from chaos.verdict import findings, leaked
from chaos.yard import Yard
from trainmaster.api.status import JobStatus
from trainmaster.errors import TrainmasterError
from trainmaster.local import processes

SETTLING = 300.0
"""seconds after the last fault within which all jobs must have ended"""


@dataclass
class Report:
    """What happened."""

    struck: Counter[str] = field(default_factory=Counter)
    """how often each fault struck"""
    jobs: list[Job] = field(default_factory=list)
    restarts: int = 0
    """charged ones of all jobs"""
    found: list[str] = field(default_factory=list)
    """what was wrong; nothing is what we want"""

    @property
    def goodput(self) -> float:
        """Of the time from declarations to ends, the share in which steps were made."""
        ended = [job for job in self.jobs if job.ended is not None]
        lived = sum((job.ended or 0) - job.declared for job in ended)
        return sum(job.steps * PACE for job in ended) / lived if lived else 0.0

    def __str__(self) -> str:
        deleted = sum(job.deleted for job in self.jobs)
        lines = [f"{count:4}  {name}" for name, count in sorted(self.struck.items())]
        lines += [
            f"{sum(self.struck.values())} faults, {len(self.jobs)} jobs ({deleted} of them taken back by people)",
            f"{sum(job.kills for job in self.jobs)} processes killed alone, {self.restarts} restarts charged",
            f"steps were made in {self.goodput:.0%} of the jobs' time",
            f"lost: {len(self.found) or 'nothing'}",
        ]
        return "\n".join(lines + [f"  {finding}" for finding in self.found])


class Storm:
    """Faults that strike a yard by chance, each mended when its time is over."""

    def __init__(self, yard: Yard, interval: float) -> None:
        """`interval`: seconds between two of them on the average."""
        self.struck: Counter[str] = Counter()
        self._yard, self._interval = yard, interval
        self._faults = faults(yard)
        self._broken: dict[str, tuple[float, Callable[[], object]]] = {}
        """target -> when it is mended, and how"""

    def blow(self, seconds: float) -> None:
        """Strike for so long."""
        end, following = time.monotonic() + seconds, time.monotonic()
        while (now := time.monotonic()) < end:
            self._mend(now)
            if now >= following:
                self._strike(now)
                following = now + self._yard.chance.expovariate(1 / self._interval)
            time.sleep(0.05)

    def _mend(self, now: float) -> None:
        for target, (at, mend) in list(self._broken.items()):
            if now >= at:
                del self._broken[target]
                mend()

    def _strike(self, now: float) -> None:
        whole = [fault for fault in self._faults if fault.target not in self._broken]
        fault: Fault = self._yard.chance.choices(whole, [each.weight for each in whole])[0]
        mend = fault.strike(self._yard)
        if mend is not None:
            self.struck[fault.name] += 1
            self._broken[fault.target] = (now + self._yard.chance.uniform(*fault.seconds), mend)


def run(yard: Yard, seconds: float, jobs: int, interval: float) -> Report:
    """One run on a cluster that is up: faults for so many seconds, then calm until all is over."""
    yard.start_controllers()
    yard.people.work(jobs)
    storm = Storm(yard, interval)
    storm.blow(seconds)
    yard.people.rest()
    yard.whole()
    report = Report(storm.struck, yard.people.jobs)
    report.found += _calm(yard)
    statuses = {job.name: yard.people.status(job) or JobStatus() for job in report.jobs if not job.deleted}
    report.restarts = sum(status.restarts for status in statuses.values())
    report.found += findings(report.jobs, statuses)
    report.found += leaked(yard.people.secrets, dict(yard.words()))
    return report


def _calm(yard: Yard) -> list[str]:
    """Wait until nothing is left to do; what is left then, in words."""
    end = time.monotonic() + SETTLING
    while (left := _left(yard)) and time.monotonic() < end:
        time.sleep(0.5)
        yard.people.settle()
    return left


def _left(yard: Yard) -> list[str]:
    people = yard.people
    left = [f"{job.name} has not ended" for job in people.living()]
    left += ["a person's verb was never taken"] if people.owes else []
    left += [f"application {name} is left on YARN" for name in sorted(_applications(yard))]
    marker = f"LOCAL_DIRS={yard.hadoop.folder}/nodemanager-".encode()
    return left + [
        f"process {each.pid} of a container is left" for each in processes.with_environment(marker)
    ]


def _applications(yard: Yard) -> set[str]:
    try:
        return yard.room.rest.live()
    except (TrainmasterError, OSError):
        return {"(the ResourceManager can't be asked)"}
