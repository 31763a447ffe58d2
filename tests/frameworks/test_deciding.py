"""What the rules admit is what the engine can bring to an end."""

from __future__ import annotations

from itertools import combinations

import pytest

from trainmaster.api.documents import read_object
from trainmaster.api.job import Framework, SuccessPolicy
from trainmaster.frameworks import success_of

NAMES = ("chief", "master", "worker", "ps", "evaluator", "trainer")
SETS = [chosen for size in (1, 2, 3) for chosen in combinations(NAMES, size)]


def _read(framework, policy, roles):
    spec = {
        "framework": framework,
        "successPolicy": policy,
        "roles": {name: {"command": "c"} for name in roles},
    }
    if framework is Framework.CUSTOM:
        spec["template"] = [{"name": "A"}]
    return read_object({"metadata": {"name": "a"}, "spec": spec})


@pytest.mark.parametrize("framework", [*Framework])
@pytest.mark.parametrize("policy", [*SuccessPolicy])
def test_a_policy_is_refused_exactly_where_nobody_could_meet_it(framework, policy):
    for roles in SETS:
        job, problems = _read(framework, policy, roles)
        if job is not None:
            assert success_of(job).deciding, roles
        elif policy is not SuccessPolicy.CHIEF and any(p.field == "spec.successPolicy" for p in problems):
            assert framework is Framework.TENSORFLOW
            assert set(roles) <= {"ps", "evaluator"}


@pytest.mark.parametrize("framework", [*Framework])
def test_the_default_policy_may_also_be_written_down(framework):
    for roles in SETS:
        job, _ = _read(framework, None, roles)
        if job is None or not success_of(job).deciding:
            continue
        meant = success_of(job)
        said, problems = _read(framework, meant.policy, roles)
        assert problems == (), roles
        assert said is not None
        assert success_of(said) == meant
