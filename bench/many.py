"""Many jobs declared at once on one controller: until all run, what they cost meanwhile, and what they cost when calm."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Protocol

from bench import process
from bench.controller import Spec, buckets
from bench.figures import Sample, quantile
from bench.systems import TASK
from bench.yarn import until
from trainmaster.master.record import FLUSH

WARM = 40
"""jobs that run before: they fill the pools of threads, so that what is had once isn't charged to the others"""
START = 180.0
"""seconds that all jobs together may take to run"""
SETTLE = FLUSH + 1.0
"""seconds after which the last times are written down, and what was used once is given back"""
CALM = 20.0
"""seconds over which calm is measured"""
HEARTBEAT = "trainmaster_heartbeat_seconds"


class Many(Protocol):
    """A controller that many jobs are declared to."""

    name: str
    pid: int
    """its process"""

    def declare_all(self, group: str, specs: Mapping[str, Spec]) -> float:
        """Declare jobs by name, as far as can be at one moment: that moment, in seconds since the epoch."""

    def metrics(self) -> dict[str, float]:
        """Every series that has no label but the bound of a bucket, as `name` or `name le`."""


def measure(ours: Many, jobs: int, stamps: Path) -> Iterator[Sample]:
    """Leaves the jobs running: they end with the cluster."""
    yield _sample(ours, "controller without jobs, memory", "MiB", process.resident_bytes(ours.pid) / 2**20)
    yield _sample(ours, "controller without jobs, CPU", "ms per s", 1000 * _cpu_per_second(ours, CALM / 4))
    _warm_up(ours, stamps.with_suffix(".warm"))
    before = Usage(ours)
    seconds = _all_running(ours, "many", jobs, stamps)
    running = Usage(ours)
    yield _sample(ours, f"{jobs} jobs declared at once to all running", "s", seconds)
    yield _sample(
        ours,
        f"{jobs} jobs, CPU of the controller to start one",
        "ms",
        1000 * (running.cpu - before.cpu) / jobs,
    )
    yield from _heartbeat(ours, jobs, "starting", before, running)
    time.sleep(SETTLE)
    settled = Usage(ours)
    busy = _cpu_per_second(ours, CALM)
    calm = Usage(ours)
    each = (calm.memory - before.memory) / jobs
    yield _sample(ours, f"controller with {WARM + jobs} calm jobs, memory", "MiB", calm.memory / 2**20)
    yield _sample(ours, f"each of {jobs} more calm jobs, memory", "KiB", each / 1024)
    yield _sample(ours, f"each of {WARM + jobs} calm jobs, CPU", "ms per s", 1000 * busy / (WARM + jobs))
    yield from _heartbeat(ours, WARM + jobs, "calm", settled, calm)


class Usage:
    """What the controller has used so far."""

    def __init__(self, ours: Many) -> None:
        self.cpu = process.cpu_seconds(ours.pid)
        self.memory = process.resident_bytes(ours.pid)
        self.heartbeats = buckets(ours.metrics(), HEARTBEAT)


def _cpu_per_second(ours: Many, seconds: float) -> float:
    cpu, started = process.cpu_seconds(ours.pid), time.monotonic()
    time.sleep(seconds)
    return (process.cpu_seconds(ours.pid) - cpu) / (time.monotonic() - started)


def _heartbeat(ours: Many, jobs: int, when: str, before: Usage, after: Usage) -> Iterator[Sample]:
    counts = {bound: count - before.heartbeats[bound] for bound, count in after.heartbeats.items()}
    p99 = quantile(0.99, counts)
    if p99 is not None:
        yield _sample(ours, f"{jobs} jobs {when}, heartbeat p99", "ms", 1000 * p99)


def _warm_up(ours: Many, stamps: Path) -> None:
    _all_running(ours, "warm", WARM, stamps)
    time.sleep(SETTLE)


def _all_running(ours: Many, group: str, jobs: int, stamps: Path) -> float:
    """Seconds from the moment when all are declared to the start of the last process."""
    declared = ours.declare_all(group, {f"{group}-{number}": _spec(stamps) for number in range(jobs)})
    until(f"{jobs} processes", lambda: _started(stamps) >= jobs, START, every=0.1)
    return time.time() - declared


def _started(stamps: Path) -> int:
    return stamps.read_bytes().count(b"\n") if stamps.exists() else 0


def _spec(stamps: Path) -> Spec:
    """One small job."""
    command = f"{TASK} worker {stamps} sleep 600"
    role = {"replicas": 1, "resources": {"memory": "64Mi"}, "command": command}
    return {"framework": "Generic", "roles": {"worker": role}}


def _sample(ours: Many, figure: str, unit: str, value: float) -> Sample:
    return Sample(figure, ours.name, unit, value, process.load())
