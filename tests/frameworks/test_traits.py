"""What the engine knows of each framework, row by row."""

from __future__ import annotations

import pytest

from frameworks.jobs import a_job
from trainmaster.api.job import Framework, RestartScope, SuccessPolicy
from trainmaster.frameworks import (
    FRAMEWORKS,
    Success,
    default_scope,
    fixed_world,
    holds_addresses,
    side_roles,
    success_of,
)

TF, TORCH, GENERIC = Framework.TENSORFLOW, Framework.PYTORCH, Framework.GENERIC
REPLICA, JOB = RestartScope.REPLICA, RestartScope.JOB
CHIEF, ANY, ALL = SuccessPolicy.CHIEF, SuccessPolicy.ANY_WORKER, SuccessPolicy.ALL_WORKERS


def test_every_framework_of_the_api_has_its_traits() -> None:
    assert set(FRAMEWORKS) == set(Framework)


@pytest.mark.parametrize(
    ("framework", "roles", "role", "scope"),
    [
        (TF, {"chief": 1, "ps": 1, "worker": 2}, "worker", REPLICA),
        (TF, {"chief": 1, "ps": 1, "worker": 2}, "ps", JOB),
        (TF, {"chief": 1, "ps": 1, "worker": 2}, "chief", JOB),
        (TF, {"master": 1, "ps": 1, "worker": 2}, "master", JOB),
        (TF, {"worker": 2, "ps": 0}, "worker", JOB),
        (TF, {"chief": 1, "worker": 2}, "worker", JOB),
        (TF, {"worker": 2, "evaluator": 1}, "evaluator", REPLICA),
        (TF, {"worker": 2, "reader": 1}, "reader", REPLICA),
        (TORCH, {"master": 1, "worker": 2}, "master", JOB),
        (TORCH, {"master": 1, "worker": 2}, "worker", JOB),
        (TORCH, {"worker": 2, "evaluator": 1}, "evaluator", REPLICA),
        (TORCH, {"trainer": 2}, "trainer", JOB),
        (GENERIC, {"worker": 2}, "worker", REPLICA),
    ],
)
def test_what_restarts_when_a_replica_fails(
    framework: Framework, roles: dict[str, int], role: str, scope: RestartScope
) -> None:
    assert default_scope(a_job(framework, **roles), role) is scope


@pytest.mark.parametrize(
    ("framework", "asked", "roles", "success"),
    [
        (TF, None, {"chief": 1, "ps": 1, "worker": 2}, Success(CHIEF, frozenset({("chief", 0)}), 1)),
        (TF, None, {"ps": 1, "worker": 2}, Success(CHIEF, frozenset({("worker", 0)}), 1)),
        (TF, ALL, {"ps": 1, "worker": 2}, Success(ALL, frozenset({("worker", 0), ("worker", 1)}), 2)),
        (TF, ANY, {"ps": 1, "worker": 2}, Success(ANY, frozenset({("worker", 0), ("worker", 1)}), 1)),
        (TF, None, {"ps": 1, "reader": 2}, Success(ALL, frozenset({("reader", 0), ("reader", 1)}), 2)),
        (TORCH, None, {"master": 1, "worker": 2}, Success(CHIEF, frozenset({("master", 0)}), 1)),
        (TORCH, ALL, {"master": 1, "worker": 1}, Success(ALL, frozenset({("master", 0), ("worker", 0)}), 2)),
        (TORCH, None, {"worker": 2}, Success(ALL, frozenset({("worker", 0), ("worker", 1)}), 2)),
        (TORCH, CHIEF, {"worker": 2}, Success(CHIEF, frozenset({("worker", 0)}), 1)),
        (TORCH, None, {"master": 0, "worker": 1}, Success(ALL, frozenset({("worker", 0)}), 1)),
        (GENERIC, None, {"worker": 1, "logger": 1}, Success(ALL, frozenset({("worker", 0)}), 1)),
        (GENERIC, None, {"left": 1, "right": 1}, Success(ALL, frozenset({("left", 0), ("right", 0)}), 2)),
        (GENERIC, CHIEF, {"left": 2, "right": 1}, Success(CHIEF, frozenset({("left", 0)}), 1)),
        (GENERIC, None, {"worker": 0}, Success(ALL, frozenset(), 0)),
    ],
)
def test_whose_success_is_the_jobs(
    framework: Framework,
    asked: SuccessPolicy | None,
    roles: dict[str, int],
    success: Success,
) -> None:
    assert success_of(a_job(framework, asked, **roles)) == success


def test_success_waits_for_enough_of_those_who_decide() -> None:
    both = success_of(a_job(TORCH, worker=2))
    assert not both.met({("worker", 0), ("evaluator", 0)})
    assert both.met({("worker", 0), ("worker", 1)})
    assert success_of(a_job(TORCH, ANY, worker=2)).met({("worker", 1)})
    assert not success_of(a_job(GENERIC, worker=0)).met(set()), "nothing to wait for is not a success"


def test_roles_whose_end_says_nothing() -> None:
    assert side_roles(a_job(TF, chief=1, ps=2, worker=1, evaluator=1)) == {"ps", "evaluator"}
    assert side_roles(a_job(TF, worker=1)) == frozenset()
    assert side_roles(a_job(TORCH, master=1)) == frozenset()


@pytest.mark.parametrize(
    ("framework", "role", "index", "held"),
    [
        (TF, "worker", 1, True),
        (TF, "ps", 0, True),
        (TF, "chief", 0, True),
        (TF, "evaluator", 0, False),
        (TORCH, "master", 0, True),
        (TORCH, "worker", 0, False),
        (GENERIC, "worker", 0, False),
    ],
)
def test_who_holds_whose_address(framework: Framework, role: str, index: int, held: bool) -> None:
    roles = {"master" if framework is TORCH else "chief": 1, "ps": 1, "worker": 2, "evaluator": 1}
    assert holds_addresses(a_job(framework, **roles), role, index) is held


def test_without_a_master_worker_0_is_rank_0() -> None:
    job = a_job(TORCH, worker=2)
    assert [holds_addresses(job, "worker", index) for index in (0, 1)] == [True, False]


def test_only_independent_processes_can_start_without_the_others() -> None:
    assert [fixed_world(a_job(framework, worker=1)) for framework in (TF, TORCH, GENERIC)] == [
        True,
        True,
        False,
    ]
