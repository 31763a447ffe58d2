"""MXNet's kvstore: one scheduler, servers, workers, and a heartbeat without which a loss is never noticed.

Tried on MXNet 1.9.1: without heartbeats nobody ends when a worker or server is lost, and all hang; with them one that
comes back may rejoin a dist_async training, but a dist_sync one counts its steps anew; so all restart together.
https://mxnet.apache.org/versions/1.9.1/api/faq/env_var
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from trainmaster.api.job import RestartScope, TrainingJob
from trainmaster.frameworks.placed import Placed, in_order
from trainmaster.frameworks.traits import WORKER, Tell, Traits

SCHEDULER, SERVER = "scheduler", "server"
MEMBERS = (SCHEDULER, SERVER, WORKER)
HEARTBEAT = {"PS_HEARTBEAT_INTERVAL": "1", "PS_HEARTBEAT_TIMEOUT": "10"}
"""seconds"""


def environments(job: TrainingJob, placed: Sequence[Placed]) -> Tell:
    """Roles with other names, such as an evaluator, are told nothing. MXNet gives out its ranks itself."""
    scheduler = next(iter(in_order((SCHEDULER,), placed)), None)
    if scheduler is None:
        return lambda _me: {}
    same = {
        "DMLC_PS_ROOT_URI": scheduler.host,
        "DMLC_PS_ROOT_PORT": str(scheduler.ports[0]),
        "DMLC_NUM_SERVER": str(job.spec.roles[SERVER].replicas if SERVER in job.spec.roles else 0),
        "DMLC_NUM_WORKER": str(job.spec.roles[WORKER].replicas if WORKER in job.spec.roles else 0),
        **HEARTBEAT,
    }

    def tell(me: Placed) -> Mapping[str, str]:
        return {"DMLC_ROLE": me.role, "DMLC_NODE_HOST": me.host, **same} if me.role in MEMBERS else {}

    return tell


def scope(_job: TrainingJob, role: str) -> RestartScope:
    return RestartScope.JOB if role in MEMBERS else RestartScope.REPLICA


def holds(_job: TrainingJob, role: str, index: int) -> bool:
    """All find each other through the scheduler."""
    return role == SCHEDULER and index == 0


TRAITS = Traits(environments, scope, holds, fixed_world=True)
