"""Two hundred jobs applied at once: each runs once and succeeds, and few writes tell of it."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from real.cluster import until
from real.kubernetes_rooms import ACCOUNT, KubernetesRoom
from real.rooms import document
from trainmaster.api.status import ConditionType as C
from trainmaster.local.kubernetes.audit import AuditLog

JOBS = 200
WRITES = 20
"""of one job's life at most: on a slow machine more of its states are shown. The bench tells how many there are on a quiet one"""


@pytest.fixture(scope="module")
def kind() -> str:
    return "kubernetes"


def test_two_hundred_jobs_applied_at_once_run_once_each(room: KubernetesRoom, tmp_path: Path) -> None:
    ran = tmp_path / "ran"
    role = {"resources": {"memory": "64Mi"}, "command": f'echo "$TRAINMASTER_JOB" >> "{ran}"'}
    names = {f"job-{number}" for number in range(JOBS)}
    # As people have it: on a slow machine a renewal takes a while.
    room.controller(TRAINMASTER_LEASE_DURATION="10")
    log = AuditLog(room.kubernetes.audit_log)

    room.apply("many", "---\n".join(document(name, {"roles": {"worker": role}}) for name in names))
    until(lambda: succeeded(room) == names, 300, pause=1, instead=lambda: others(room))

    assert Counter(ran.read_text().split()) == Counter(names)
    assert writes(room, log) <= WRITES * JOBS


def succeeded(room: KubernetesRoom) -> set[str]:
    return {name for name, status in room.statuses().items() if status.is_true(C.SUCCEEDED)}


def others(room: KubernetesRoom) -> str:
    """What is shown of the jobs that haven't succeeded, and what the controller said last."""
    shown = {
        name: status.state for name, status in room.statuses().items() if not status.is_true(C.SUCCEEDED)
    }
    return f"{shown}\n{room.words}"


def writes(room: KubernetesRoom, log: AuditLog) -> int:
    """Of the controller, for jobs: it renews its lease as time goes by."""
    user = f"system:serviceaccount:{room.own}:{ACCOUNT}"
    return sum(call.write and call.user == user and call.resource != "leases" for call in log.new())
