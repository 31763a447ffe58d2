"""What a job's replicas hold and in which states they are, summed up from its status.

Never here: what was asked for, or used.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from trainmaster.api.status import JobStatus, ReplicaState, RoleStatus


@dataclass(frozen=True, slots=True)
class Holdings:
    """Of one job, or one role. What is granted to a replica counts from then on, started or not; strays don't."""

    states: Mapping[ReplicaState, int]
    containers: int = 0
    memory_mib: int = 0
    vcores: int = 0
    gpus: int = 0


def held_by(status: JobStatus) -> Holdings:
    """All roles."""
    roles = [_role(role) for role in status.roles.values()]
    states: Counter[ReplicaState] = Counter()
    for role in roles:
        states.update(role.states)
    return Holdings(
        states,
        sum(role.containers for role in roles),
        sum(role.memory_mib for role in roles),
        sum(role.vcores for role in roles),
        sum(role.gpus for role in roles),
    )


def _role(role: RoleStatus) -> Holdings:
    granted = [replica.granted for replica in role.replicas if replica.granted]
    return Holdings(
        Counter(replica.state for replica in role.replicas),
        len(granted),
        sum(each.memory_mib for each in granted),
        sum(each.vcores for each in granted),
        sum(each.gpus for each in granted),
    )
