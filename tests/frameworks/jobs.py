"""Small jobs and placements for the tests of frameworks/."""

from __future__ import annotations

from trainmaster.api.job import EnvVar, Framework, Metadata, Resources, Role, Spec, SuccessPolicy, TrainingJob
from trainmaster.frameworks import Placed, environment


def a_job(
    framework: Framework,
    policy: SuccessPolicy | None = None,
    env: dict[str, str] | None = None,
    role_env: dict[str, str] | None = None,
    gpus: int = 0,
    **replicas: int,
) -> TrainingJob:
    """A job of these roles and replicas, in the order given."""
    role = Role(command="true", env=variables(role_env), resources=Resources.model_construct(gpus=gpus))
    roles = {name: role.model_copy(update={"replicas": n}) for name, n in replicas.items()}
    spec = Spec(framework=framework, roles=roles, success_policy=policy, env=variables(env))
    return TrainingJob(metadata=Metadata(name="digits", namespace="vision"), spec=spec)


def variables(env: dict[str, str] | None) -> tuple[EnvVar, ...]:
    return tuple(EnvVar(name=name, value=value) for name, value in (env or {}).items())


def everywhere(job: TrainingJob, hosts: tuple[str, ...] = ("n1", "n2"), run: int = 1) -> list[Placed]:
    """All replicas of a job, spread over hosts, with ports from 20000 that are unique in the job."""
    keys = [(role, index) for role, spec in job.spec.roles.items() for index in range(spec.replicas)]
    return [
        Placed(role, index, hosts[n % len(hosts)], (20000 + 2 * n, 20001 + 2 * n), run)
        for n, (role, index) in enumerate(keys)
    ]


def of(placed: list[Placed], role: str, index: int = 0) -> Placed:
    return next(p for p in placed if (p.role, p.index) == (role, index))


def told(job: TrainingJob, role: str, index: int = 0) -> dict[str, str]:
    """The framework's variables alone."""
    placed = everywhere(job)
    every = environment(job, placed, of(placed, role, index))
    return {name: value for name, value in every.items() if not name.startswith("TRAINMASTER_")}


def having(job: TrainingJob, **fields: object) -> TrainingJob:
    return job.model_copy(update={"spec": job.spec.model_copy(update=fields)})
