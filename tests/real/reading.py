"""Small questions that tests put to a status, and the smallest role of trainers."""

from __future__ import annotations

from typing import Any

from real.cluster import until
from trainer.ledger import Entry, Ledger, trainer_role
from trainmaster.api.status import ConditionType as C
from trainmaster.api.status import ExitStatus, JobStatus, ReplicaState, ReplicaStatus

SMALL = {"resources": {"memory": "64Mi"}}
HELD = 20
"""steps of workers that wait before the last of them"""


def trainers(ledger: Ledger, replicas: int = 1, **options: Any) -> dict[str, Any]:
    return trainer_role(ledger.folder, replicas, **options) | SMALL


def held(ledger: Ledger, replicas: int = 1, **options: Any) -> dict[str, Any]:
    """Workers that live until `ledger.go()`, however long a test takes, and end well soon after it."""
    wait = [{"who": f"worker-{index}", "step": HELD, "do": "wait", "with": "go"} for index in range(replicas)]
    return trainers(ledger, replicas, **{"acts": wait, "steps": HELD} | options)


def message(status: JobStatus, condition: C) -> str:
    found = status.condition(condition)
    return found.message if found else ""


def reason(status: JobStatus, condition: C) -> str:
    found = status.condition(condition)
    return found.reason if found else ""


def worker(status: JobStatus, index: int = 0) -> ReplicaStatus:
    return status.roles["worker"].replicas[index]


def states(status: JobStatus) -> list[ReplicaState]:
    return [replica.state for role in status.roles.values() for replica in role.replicas]


def last_exit(replica: ReplicaStatus) -> ExitStatus:
    assert replica.last_exit
    return replica.last_exit


def processes(ledger: Ledger, count: int) -> list[Entry]:
    """The processes that run, once there are so many."""
    return until(lambda: found if len(found := ledger.running()) == count else None)
