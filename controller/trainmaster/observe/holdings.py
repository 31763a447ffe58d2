"""What a job's replicas hold and in which states they are, summed up from its status.

Never here: what was asked for, or used.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from trainmaster.api.status import JobStatus, ReplicaState


@dataclass(frozen=True, slots=True)
class Holdings:
    """Of one job. What is granted to a replica counts from then on, started or not; strays don't."""

    states: Mapping[ReplicaState, int]
    containers: int = 0
    memory_mib: int = 0
    vcores: int = 0
    gpus: int = 0


def held_by(status: JobStatus) -> Holdings:
    """All roles."""
    replicas = [replica for role in status.roles.values() for replica in role.replicas]
    granted = [replica.granted for replica in replicas if replica.granted]
    return Holdings(
        Counter(replica.state for replica in replicas),
        len(granted),
        sum(each.memory_mib for each in granted),
        sum(each.vcores for each in granted),
        sum(each.gpus for each in granted),
    )
