"""Whose success is the job's success: the effective success policy, explicit or by the framework."""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass

from trainmaster.api.deciding import default_policy, leading, working
from trainmaster.api.job import SuccessPolicy, TrainingJob
from trainmaster.frameworks.traits import LEADS


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


def success(job: TrainingJob) -> Success:
    policy = job.spec.success_policy or default_policy(job.spec)
    found = _lead(job) if policy is SuccessPolicy.CHIEF else _all(job, working(job.spec))
    return Success(policy, found, 1 if policy is SuccessPolicy.ANY_WORKER else len(found))


def _lead(job: TrainingJob) -> frozenset[tuple[str, int]]:
    """The chief or master, all of it; without one, the first replica of what leads or else works."""
    roles = leading(job.spec)
    if set(roles) & set(LEADS):
        return _all(job, roles)
    return frozenset((role, 0) for role in (roles or working(job.spec))[:1])


def _all(job: TrainingJob, roles: tuple[str, ...]) -> frozenset[tuple[str, int]]:
    return frozenset((role, index) for role in roles for index in range(job.spec.roles[role].replicas))
