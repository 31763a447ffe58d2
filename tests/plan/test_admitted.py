"""What the rules admit, the engine starts and brings to its success: the two are compared over all frameworks and policies."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

import pytest

from plan.build import World
from thorough import schedules
from trainmaster.api.documents import read_object
from trainmaster.api.job import Framework, SuccessPolicy, TrainingJob
from trainmaster.frameworks import success_of

NAMES = ("chief", "master", "worker", "ps", "evaluator", "trainer", "scheduler", "server")
SETS = [chosen for size in range(1, schedules(3, 2) + 1) for chosen in combinations(NAMES, size)]


def admitted(framework: Framework, policy: SuccessPolicy | None) -> Iterator[TrainingJob]:
    for roles in SETS:
        spec = {
            "framework": framework,
            "roles": {name: {"command": "c", "replicas": 1} for name in roles},
            **({"successPolicy": policy} if policy else {}),
            **({"template": [{"name": "A"}]} if framework is Framework.CUSTOM else {}),
        }
        job, _ = read_object({"metadata": {"name": "a"}, "spec": spec})
        if job is not None:
            yield job


@pytest.mark.parametrize("policy", [None, *SuccessPolicy])
@pytest.mark.parametrize("framework", [*Framework])
def test_whatever_is_admitted_runs_and_can_succeed(
    framework: Framework, policy: SuccessPolicy | None
) -> None:
    for job in admitted(framework, policy):
        world = World(job).runs()
        assert world.is_true("Running"), job.spec.roles
        for role, index in success_of(job).deciding:
            if not world.is_true("Succeeded"):
                world.ends(f"{role}-{index}", 0)
        assert world.is_true("Succeeded"), job.spec.roles
