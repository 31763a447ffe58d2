"""Laws that hold for every job and every placement."""

from __future__ import annotations

import json
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from frameworks.jobs import a_job, everywhere
from trainmaster.api.job import Framework, RestartScope, TrainingJob
from trainmaster.frameworks import (
    FRAMEWORKS,
    Placed,
    default_scope,
    environment,
    environments,
    holds_addresses,
    side_roles,
    success_of,
    unstartable,
)

ROLES = ("chief", "master", "ps", "worker", "evaluator", "reader")


@st.composite
def jobs(draw: st.DrawFn, framework: Framework | None = None) -> TrainingJob:
    of = framework or draw(st.sampled_from(Framework))
    roles = draw(st.dictionaries(st.sampled_from(ROLES), st.integers(0, 12), min_size=1))
    return a_job(of, gpus=draw(st.integers(0, 4)), **roles)


def told(job: TrainingJob, placed: list[Placed]) -> list[dict[str, str]]:
    return [environment(job, placed, p) for p in placed]


@given(jobs(), st.randoms())
def test_the_order_of_what_is_placed_changes_nothing(job: TrainingJob, chance: Random) -> None:
    placed = everywhere(job)
    shuffled = chance.sample(placed, len(placed))
    assert told(job, placed) == [environment(job, shuffled, p) for p in placed]


@given(jobs())
def test_everybody_sees_the_same_cluster_and_itself_in_it(job: TrainingJob) -> None:
    placed = everywhere(job)
    environments = told(job, placed)
    assert len({e["TRAINMASTER_CLUSTER"] for e in environments}) <= 1
    for p, e in zip(placed, environments, strict=True):
        assert json.loads(e["TRAINMASTER_CLUSTER"])[p.role][p.index] == p.address


@given(jobs(Framework.PYTORCH))
def test_ranks_count_from_0_and_all_meet_at_rank_0(job: TrainingJob) -> None:
    environments = [e for e in told(job, everywhere(job)) if "RANK" in e]
    assert sorted(int(e["RANK"]) for e in environments) == list(range(len(environments)))
    assert {e["WORLD_SIZE"] for e in environments} <= {str(len(environments))}
    first = {(e["TRAINMASTER_ROLE"], e["TRAINMASTER_PORT"]) for e in environments if e["RANK"] == "0"}
    assert {e["MASTER_PORT"] for e in environments} == {port for _, port in first}
    assert len([e for e in environments if e["PET_RDZV_CONF"] == "is_host=true"]) == len(first)


@given(jobs(Framework.TENSORFLOW))
def test_tensorflow_tasks_are_unique_and_stand_at_their_own_address(job: TrainingJob) -> None:
    placed = everywhere(job)
    pairs = [
        (p, json.loads(e["TF_CONFIG"]))
        for p, e in zip(placed, told(job, placed), strict=True)
        if "TF_CONFIG" in e
    ]
    tasks = [(c["task"]["type"], c["task"]["index"]) for _, c in pairs]
    assert len(set(tasks)) == len(tasks)
    for p, config in pairs:
        if p.role != "evaluator":
            assert config["cluster"][config["task"]["type"]][config["task"]["index"]] == p.address
        assert "evaluator" not in config["cluster"]


@given(jobs())
def test_a_new_run_of_one_replica_changes_only_its_own_run_number(job: TrainingJob) -> None:
    before, after = everywhere(job), everywhere(job, run=2)
    for old, new in zip(told(job, before), told(job, after), strict=True):
        assert {name for name in old if old[name] != new[name]} == {"TRAINMASTER_RUN"}


@given(jobs())
def test_a_role_that_restarts_with_all_is_never_a_stranger_to_all(job: TrainingJob) -> None:
    """Whoever is outside the group can't pull it down; side roles never decide."""
    for role in job.spec.roles:
        if role in ("evaluator", "reader") and job.spec.framework is Framework.TENSORFLOW:
            assert default_scope(job, role) is RestartScope.REPLICA
            assert not holds_addresses(job, role)
    assert not side_roles(job) & {role for role, _ in success_of(job).deciding}


@given(jobs())
def test_told_together_is_told_alone(job: TrainingJob) -> None:
    placed = everywhere(job)
    tell = environments(job, placed)
    assert [tell(p) for p in placed] == told(job, placed)


@given(jobs(Framework.TENSORFLOW), st.integers(1, 60))
def test_nothing_is_called_too_long_that_is_not(job: TrainingJob, length: int) -> None:
    environment_of = told(job, everywhere(job, hosts=("h" * length,)))
    longest = max((len(e.get("TF_CONFIG", "")) for e in environment_of), default=0)
    assert FRAMEWORKS[Framework.TENSORFLOW].longest(job, length) <= max(longest, 0)


def test_a_cluster_that_no_variable_can_name_is_called_so() -> None:
    job = a_job(Framework.TENSORFLOW, ps=1000, worker=4000)
    assert "Linux takes at most" in unstartable(job, 30)
    assert unstartable(job, 10) == ""
    assert unstartable(a_job(Framework.PYTORCH, worker=100_000), 60) == ""
