"""Whose success is the job's success: the effective success policy, explicit or by the framework."""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass

from trainmaster.api.job import SuccessPolicy, TrainingJob
from trainmaster.frameworks.traits import LEADS, WORKER, Traits, present


@dataclass(frozen=True, slots=True)
class Success:
    """A job has succeeded when `enough` of `deciding` ended well."""

    policy: SuccessPolicy
    deciding: frozenset[tuple[str, int]]
    """(role, index) of the replicas whose ends decide; empty only when there is no replica to wait for"""
    enough: int

    def met(self, done: Set[tuple[str, int]]) -> bool:
        """Whether these good ends make the job a success. Nothing to wait for is never a success."""
        return bool(self.deciding) and len(self.deciding & done) >= self.enough


def success(job: TrainingJob, traits: Traits) -> Success:
    policy = job.spec.success_policy or _default(job, traits)
    deciding = _lead(job, traits) if policy is SuccessPolicy.CHIEF else _all(job, _working(job, traits))
    return Success(policy, deciding, 1 if policy is SuccessPolicy.ANY_WORKER else len(deciding))


def _default(job: TrainingJob, traits: Traits) -> SuccessPolicy:
    leads = present(job, LEADS) or (traits.first_worker_leads and present(job, (WORKER,)))
    return SuccessPolicy.CHIEF if leads else SuccessPolicy.ALL_WORKERS


def _lead(job: TrainingJob, traits: Traits) -> frozenset[tuple[str, int]]:
    """The chief or master, all of it; without one, the first replica of what works."""
    leads = present(job, LEADS)
    return _all(job, leads) if leads else frozenset((role, 0) for role in _working(job, traits)[:1])


def _working(job: TrainingJob, traits: Traits) -> tuple[str, ...]:
    """Chief or master count as workers, for they train too; without any, every role but the side roles."""
    return present(job, (*LEADS, WORKER)) or tuple(
        r for r in present(job, tuple(job.spec.roles)) if r not in traits.sides
    )


def _all(job: TrainingJob, roles: tuple[str, ...]) -> frozenset[tuple[str, int]]:
    return frozenset((role, index) for role in roles for index in range(job.spec.roles[role].replicas))
