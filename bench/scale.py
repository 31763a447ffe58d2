"""Many jobs declared at once on one controller: until all run, what they cost meanwhile, and what they cost when calm."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import yaml

from bench import process
from bench.controller import Trainmaster, buckets
from bench.figures import REFERENCE, Sample, quantile
from bench.systems import TASK
from bench.yarn import until

WARM = 40
"""jobs that run before: they fill the pools of threads, so that what is had once isn't charged to the others"""
START = 180.0
"""seconds that all jobs together may take to run"""
SETTLE = 6.0
"""seconds after which the last times are written down, and what was used once is given back"""
CALM = 20.0
"""seconds over which calm is measured"""
HEARTBEAT = "trainmaster_heartbeat_seconds"


def measure(ours: Trainmaster, jobs: int, stamps: Path) -> Iterator[Sample]:
    """Leaves the jobs running: they end with the cluster."""
    yield _sample("controller without jobs, memory", "MiB", process.resident_bytes(ours.pid) / 2**20)
    yield _sample("controller without jobs, CPU", "ms per s", 1000 * _cpu_per_second(ours, CALM / 4))
    _warm_up(ours, stamps.with_suffix(".warm"))
    before = Usage(ours)
    seconds = _all_running(ours, "many", jobs, stamps)
    running = Usage(ours)
    yield _sample(f"{jobs} jobs declared at once to all running", "s", seconds)
    yield _sample(
        f"{jobs} jobs, CPU of the controller to start one", "ms", 1000 * (running.cpu - before.cpu) / jobs
    )
    yield from _heartbeat(jobs, "starting", before, running)
    time.sleep(SETTLE)
    settled = Usage(ours)
    busy = _cpu_per_second(ours, CALM)
    calm = Usage(ours)
    each = (calm.memory - before.memory) / jobs
    yield _sample(f"controller with {WARM + jobs} calm jobs, memory", "MiB", calm.memory / 2**20)
    yield _sample(f"each of {jobs} more calm jobs, memory", "KiB", each / 1024)
    yield _sample(f"each of {WARM + jobs} calm jobs, CPU", "ms per s", 1000 * busy / (WARM + jobs))
    yield from _heartbeat(WARM + jobs, "calm", settled, calm)


class Usage:
    """What the controller has used so far."""

    def __init__(self, ours: Trainmaster) -> None:
        self.cpu = process.cpu_seconds(ours.pid)
        self.memory = process.resident_bytes(ours.pid)
        self.heartbeats = buckets(ours.metrics(), HEARTBEAT)


def _cpu_per_second(ours: Trainmaster, seconds: float) -> float:
    cpu, started = process.cpu_seconds(ours.pid), time.monotonic()
    time.sleep(seconds)
    return (process.cpu_seconds(ours.pid) - cpu) / (time.monotonic() - started)


def _heartbeat(jobs: int, when: str, before: Usage, after: Usage) -> Iterator[Sample]:
    counts = {bound: count - before.heartbeats[bound] for bound, count in after.heartbeats.items()}
    p99 = quantile(0.99, counts)
    if p99 is not None:
        yield _sample(f"{jobs} jobs {when}, heartbeat p99", "ms", 1000 * p99)


def _warm_up(ours: Trainmaster, stamps: Path) -> None:
    _all_running(ours, "warm", WARM, stamps)
    time.sleep(SETTLE)


def _all_running(ours: Trainmaster, folder: str, jobs: int, stamps: Path) -> float:
    """Seconds from the moment when all files are there to the start of the last process."""
    declared = _declare(ours, folder, jobs, stamps)
    until(f"{jobs} processes", lambda: _started(stamps) >= jobs, START, every=0.1)
    return time.time() - declared


def _declare(ours: Trainmaster, folder: str, jobs: int, stamps: Path) -> float:
    """All at once: the folder that holds the files appears by one rename. The time of it, since the epoch."""
    hidden, shown = ours.layout.job(f".{folder}"), ours.layout.job(folder)
    ours.files.make_folder(hidden)
    texts = {f"{hidden}/job-{number}.yaml": _text(stamps) for number in range(jobs)}
    with ThreadPoolExecutor(16) as pool:
        list(pool.map(ours.files.replace, texts, texts.values()))
    declared = time.time()
    ours.rename(hidden, shown)
    return declared


def _started(stamps: Path) -> int:
    return stamps.read_bytes().count(b"\n") if stamps.exists() else 0


def _text(stamps: Path) -> bytes:
    """One small job; its name is the file's."""
    command = f"{TASK} worker {stamps} sleep 600"
    role = {"replicas": 1, "resources": {"memory": "64Mi"}, "command": command}
    spec = {"framework": "Generic", "roles": {"worker": role}}
    return yaml.safe_dump(
        {"apiVersion": "trainmaster.io/v1alpha1", "kind": "TrainingJob", "spec": spec}
    ).encode()


def _sample(figure: str, unit: str, value: float) -> Sample:
    return Sample(figure, REFERENCE, unit, value, process.load())
