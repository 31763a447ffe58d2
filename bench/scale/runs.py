"""Jobs that are declared to a controller on the stand-in, and waits for what becomes of them; each is bounded."""

from __future__ import annotations

import time
from collections.abc import Callable

from bench import process
from bench.controller import Spec, Trainmaster
from bench.figures import REFERENCE, Sample
from bench.scale.lab import StandIn

SLOT = "4Gi"
"""memory of each process: two to a node"""
LIMIT = 60.0
"""seconds that anything may take"""


def all_run(
    ours: Trainmaster, yarn: StandIn, group: str, jobs: int, replicas: int, spec: Spec, limit: float
) -> tuple[float, int]:
    """Seconds until all processes of these jobs run, or the limit; and how many ran then."""
    before = yarn.counts()["started"]
    ours.declare_all(group, {f"{group}-{number}": spec for number in range(jobs)})
    began = time.monotonic()
    started = until(lambda: yarn.counts()["started"] - before, jobs * replicas, limit)
    return time.monotonic() - began, started


def until(reached: Callable[[], int], wanted: int, limit: float, every: float = 0.2) -> int:
    """Wait until a number is reached, at most for the limit: the number then."""
    deadline = time.monotonic() + limit
    while (number := reached()) < wanted and time.monotonic() < deadline:
        time.sleep(every)
    return number


def small(**run_policy: object) -> Spec:
    """One process."""
    made = spec("Generic", worker=1)
    return made | {"runPolicy": {**made["runPolicy"], **run_policy}}  # type: ignore[dict-item]  # a mapping, as all below a spec


def spec(framework: str, **replicas: int) -> Spec:
    """A job of so many replicas by role; none of them waits before it is started again."""
    resources = {"memory": SLOT}
    roles = {
        role: {"replicas": number, "resources": resources, "command": "sleep 600"}
        for role, number in replicas.items()
    }
    return {"framework": framework, "runPolicy": {"backoff": {"base": "0s"}}, "roles": roles}


def sample(figure: str, unit: str, value: float) -> Sample:
    """Of the controller, at this moment."""
    return Sample(figure, REFERENCE, unit, value, process.load())
