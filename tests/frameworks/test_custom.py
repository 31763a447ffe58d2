"""A framework of one's own, written as a template: others written so are told the same, and behave alike."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from frameworks.jobs import a_job, everywhere
from trainmaster.api.job import Framework, RestartScope, TemplateVariable, TrainingJob
from trainmaster.frameworks import default_scope, environment, fixed_world, holds_addresses, unstartable

MXNET_ROLES = ("scheduler", "server", "worker")


def variables(roles: tuple[str, ...] = (), **values: str) -> tuple[TemplateVariable, ...]:
    return tuple(TemplateVariable(name=name, value=value, roles=roles) for name, value in values.items())


JAX = variables(
    JAX_COORDINATOR_ADDRESS="{{first worker address}}",
    JAX_NUM_PROCESSES="{{world}}",
    JAX_PROCESS_ID="{{rank}}",
)
MXNET = variables(
    MXNET_ROLES,
    DMLC_ROLE="{{role}}",
    DMLC_NODE_HOST="{{host}}",
    DMLC_PS_ROOT_URI="{{first scheduler host}}",
    DMLC_PS_ROOT_PORT="{{first scheduler port}}",
    DMLC_NUM_SERVER="{{replicas server}}",
    DMLC_NUM_WORKER="{{replicas worker}}",
    PS_HEARTBEAT_INTERVAL="1",
    PS_HEARTBEAT_TIMEOUT="10",
)
TENSORFLOW = variables(
    TF_CONFIG='{"cluster": {"chief": {{json addresses chief}}, "worker": {{json addresses worker}},'
    ' "ps": {{json addresses ps}}}, "task": {"type": "{{role}}", "index": {{index}}}}'
)


def custom(job: TrainingJob, template: tuple[TemplateVariable, ...]) -> TrainingJob:
    update = {"framework": Framework.CUSTOM, "template": template}
    return job.model_copy(update={"spec": job.spec.model_copy(update=update)})


def alike(job: TrainingJob, template: tuple[TemplateVariable, ...]) -> None:
    """The same variables for every process, and the same to the engine."""
    mine, placed = custom(job, template), everywhere(job)
    for p in placed:
        assert environment(mine, placed, p) == environment(job, placed, p)
        assert default_scope(mine, p.role) is default_scope(job, p.role)
        assert holds_addresses(mine, p.role, p.index) == holds_addresses(job, p.role, p.index)
    assert fixed_world(mine) == fixed_world(job)


@given(st.integers(1, 20))
def test_jax_as_a_template_is_jax(workers: int) -> None:
    alike(a_job(Framework.JAX, worker=workers), JAX)


@given(st.integers(1, 5), st.integers(1, 9), st.integers(0, 1))
def test_mxnet_as_a_template_is_mxnet(servers: int, workers: int, evaluators: int) -> None:
    alike(a_job(Framework.MXNET, server=servers, worker=workers, scheduler=1, evaluator=evaluators), MXNET)


@given(st.integers(1, 5), st.integers(1, 9))
def test_tensorflows_cluster_can_be_written_too(servers: int, workers: int) -> None:
    job = a_job(Framework.TENSORFLOW, ps=servers, worker=workers, chief=1)
    mine, placed = custom(job, TENSORFLOW), everywhere(job)
    assert [environment(mine, placed, p) for p in placed] == [environment(job, placed, p) for p in placed]


def test_lists_are_parted_by_commas_and_ipv6_is_bracketed_in_addresses_only() -> None:
    job = custom(
        a_job(Framework.CUSTOM, worker=2),
        variables(
            A="{{addresses worker}}", H="{{hosts worker}}", P="{{ports worker}}", J="{{json hosts worker}}"
        ),
    )
    placed = everywhere(job, hosts=("fd00::1", "n2"))
    known = environment(job, placed, placed[0])
    assert (known["A"], known["H"]) == ("[fd00::1]:20000,n2:20002", "fd00::1,n2")
    assert (known["P"], known["J"]) == ("20000,20002", '["fd00::1", "n2"]')


@pytest.mark.parametrize(
    ("value", "scope"),
    [
        ("fixed", RestartScope.REPLICA),
        ("{{host}}:{{port}} {{index}} {{job}}", RestartScope.REPLICA),
        ("{{rank}}", RestartScope.JOB),
        ("{{addresses worker}}", RestartScope.JOB),
    ],
)
def test_processes_that_know_of_each_other_restart_together(value: str, scope: RestartScope) -> None:
    job = custom(a_job(Framework.CUSTOM, worker=2), variables(A=value))
    assert default_scope(job, "worker") is scope


def test_a_role_that_others_know_of_restarts_with_them_and_a_stranger_alone() -> None:
    job = custom(
        a_job(Framework.CUSTOM, hub=1, worker=2, logger=1), variables(("worker",), HUB="{{first hub host}}")
    )
    scopes = [default_scope(job, role) for role in job.spec.roles]
    assert scopes == [RestartScope.JOB, RestartScope.JOB, RestartScope.REPLICA]
    assert [holds_addresses(job, role) for role in job.spec.roles] == [True, False, False]


def test_a_list_longer_than_a_variable_may_be_is_called_so() -> None:
    job = custom(a_job(Framework.CUSTOM, worker=5000), variables(A="{{addresses worker}}"))
    assert "Linux takes at most" in unstartable(job, 30)
    assert unstartable(custom(job, variables(A="{{first worker host}}")), 30) == ""
