"""Both systems are given the same job, and trainmaster's is a valid one."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench import controller, yarn_services
from bench.systems import MEMORY, REPLICAS, ROLES, Job
from trainmaster.api.job import TrainingJob

JOB = Job("heal-1", "sleep 600", healed=True, stamps=Path("/stamps with space/heal-1"))


def components(job: Job) -> dict[str, dict]:
    return {part["name"]: part for part in yarn_services.specification(job)["components"]}


@pytest.mark.parametrize("role", ROLES)
def test_both_run_the_same_lines_in_containers_of_the_same_size(role):
    ours, peer = (
        TrainingJob.model_validate(controller.declaration(JOB)).spec.roles[role],
        components(JOB)[role],
    )
    assert ours.command == peer["launch_command"] == JOB.line(role)
    assert ours.replicas == peer["number_of_containers"] == REPLICAS
    assert ours.resources.memory == int(peer["resource"]["memory"]) == MEMORY
    assert ours.resources.vcores == peer["resource"]["cpus"] == 1


def test_neither_waits_before_it_replaces():
    spec = TrainingJob.model_validate(controller.declaration(JOB)).spec
    properties = yarn_services.specification(JOB)["configuration"]["properties"]
    assert spec.run_policy.backoff.base == 0
    assert properties["yarn.service.container-failure.retry-interval-ms"] == "0"
    assert components(JOB)["worker"]["restart_policy"] == "ALWAYS"


def test_a_file_name_with_spaces_stays_one_word():
    assert JOB.line("ps").endswith(" ps '/stamps with space/heal-1' sleep 600")


def test_buckets_are_read_off_the_metrics_by_bound():
    metrics = {"beat_bucket 0.1": 3.0, "beat_bucket +Inf": 5.0, "beat_count": 5.0, "other_bucket 1": 9.0}
    assert controller.buckets(metrics, "beat") == {0.1: 3.0, float("inf"): 5.0}
