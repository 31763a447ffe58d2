"""What jobs cost the API server and the controller on Kubernetes: calls in a job's life, and many objects that do nothing."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import partial

from bench import process
from bench.controller import Spec
from bench.figures import Sample
from bench.kubernetes import OnKubernetes
from bench.yarn import until
from trainmaster.local.kubernetes.audit import Call

LIVES = 5
"""one after the other"""
IDLE = 1000
"""suspended jobs"""
STEPS = "sleep 5"
"""what a worker does: long enough for each step of the job to be shown"""
QUIET = 20.0
"""seconds over which a controller is watched that has nothing to do"""
WAIT = 180.0


def measure(ours: OnKubernetes) -> Iterator[Sample]:
    """Calls in the life of a job without failures: applied, run, succeeded, deleted."""
    idle = _cpu_per_second(ours.apiserver, QUIET / 2)
    ours.new_calls()
    cpu, at = process.cpu_seconds(ours.apiserver), time.monotonic()
    for number in range(LIVES):
        ours.declare_all("lives", {f"life-{number}": _life()})
        until("a life's end", partial(_succeeded, ours, number + 1), WAIT, every=0.5)
        time.sleep(2)  # the last status and events
    made, seconds = ours.new_calls(), time.monotonic() - at
    used = process.cpu_seconds(ours.apiserver) - cpu - idle * seconds
    for number in range(LIVES):
        ours.remove_named(f"life-{number}")
    until("all objects to go", lambda: ours.left() == 0, WAIT, every=0.5)
    time.sleep(1)
    ended = ours.new_calls()
    yield _sample(ours, "writes in a job's life, without its deletion", "", _writes(made) / LIVES)
    yield _sample(ours, "writes for its deletion", "", _writes(ended) / LIVES)
    yield _sample(ours, "calls in a job's life", "", len(_of_jobs([*made, *ended])) / LIVES)
    yield _sample(ours, "CPU of the API server for a job's life", "ms", 1000 * used / LIVES)
    for resource, number in Counter(call.resource for call in _of_jobs(made) if call.write).items():
        yield _sample(ours, f"writes of {resource} in a job's life", "", number / LIVES)


def measure_idle(ours: OnKubernetes) -> Iterator[Sample]:
    """Many suspended jobs, which stay."""
    ours.declare_all("idle", {f"idle-{number}": _suspended() for number in range(IDLE)})
    _until_taken_in(ours)
    yield _sample(ours, f"controller with {IDLE} idle jobs, memory", "MiB", _mib(ours))
    time.sleep(15)  # the lists that follow a start become rare
    ours.new_calls()
    used = _cpu_per_second(ours.pid, QUIET)
    yield _sample(ours, f"controller with {IDLE} idle jobs, CPU", "ms per s", 1000 * used)
    calls = len(ours.new_calls()) * 60 / QUIET
    yield _sample(ours, f"controller with {IDLE} idle jobs, calls", "per min", calls)


def measure_start(successor: OnKubernetes, started: float) -> Iterator[Sample]:
    """A controller that finds them all there. `started` is when its process was, by the monotonic clock."""
    _until_taken_in(successor)
    seconds = time.monotonic() - started
    yield _sample(successor, f"controller started with {IDLE} idle jobs to all taken in", "s", seconds)
    yield _sample(successor, f"controller started with {IDLE} idle jobs, memory", "MiB", _mib(successor))


def _succeeded(ours: OnKubernetes, jobs: int) -> bool:
    return ours.jobs()["Succeeded"] >= jobs


def _cpu_per_second(pid: int, seconds: float) -> float:
    cpu, at = process.cpu_seconds(pid), time.monotonic()
    time.sleep(seconds)
    return (process.cpu_seconds(pid) - cpu) / (time.monotonic() - at)


def _until_taken_in(ours: OnKubernetes) -> None:
    until("all to be taken in", lambda: ours.jobs()["Suspended"] >= IDLE, WAIT, every=0.1)


def _mib(ours: OnKubernetes) -> float:
    return process.resident_bytes(ours.pid) / 2**20


def _writes(calls: Sequence[Call]) -> int:
    return sum(call.write for call in _of_jobs(calls))


def _of_jobs(calls: Sequence[Call]) -> list[Call]:
    """Without those that come with time and not with jobs."""
    return [call for call in calls if call.resource != "leases" and call.verb != "watch"]


def _life() -> Spec:
    """Parameter servers that go on until they are stopped, and workers that end."""
    commands = {"ps": "sleep 600", "worker": STEPS}
    small = {"replicas": 2, "resources": {"memory": "64Mi"}}
    return {"framework": "Generic", "roles": {role: small | {"command": c} for role, c in commands.items()}}


def _suspended() -> Spec:
    return _life() | {"runPolicy": {"suspend": True}}


def _sample(ours: OnKubernetes, figure: str, unit: str, value: float) -> Sample:
    return Sample(figure, ours.name, unit, value, process.load())
