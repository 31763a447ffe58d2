"""TensorFlow: TF_CONFIG, and what a TensorFlow cluster survives.

Tried on TensorFlow 2.15: under ParameterServerStrategy a worker that comes back at its address rejoins, and a
lost parameter server ends the chief; under MultiWorkerMirroredStrategy the survivors of a lost worker end,
and none can rejoin alone.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from trainmaster.api.job import RestartScope, TrainingJob
from trainmaster.frameworks.placed import Placed, in_order, position
from trainmaster.frameworks.traits import LEADS, WORKER, Traits, present

CHIEF, PS, EVALUATOR = "chief", "ps", "evaluator"
TASK_ROLES: Mapping[str, tuple[str, ...]] = {CHIEF: LEADS, WORKER: (WORKER,), PS: (PS,)}
"""the cluster's task types, and the roles that fill them: a master is what TensorFlow 2 calls the chief"""
MEMBERS = (*LEADS, WORKER, PS)


def environment(_job: TrainingJob, placed: Sequence[Placed], me: Placed) -> Mapping[str, str]:
    """TF_CONFIG as tf.distribute.cluster_resolver.TFConfigClusterResolver reads it.

    The evaluator stands beside the cluster, not in it. A role without a meaning here gets no TF_CONFIG.
    """
    tasks = {type_: in_order(roles, placed) for type_, roles in TASK_ROLES.items()}
    cluster = {type_: [p.address for p in members] for type_, members in tasks.items() if members}
    task = _task(tasks, me)
    return {"TF_CONFIG": json.dumps({"cluster": cluster, "task": task})} if task else {}


def _task(tasks: Mapping[str, Sequence[Placed]], me: Placed) -> Mapping[str, object] | None:
    if me.role == EVALUATOR:
        return {"type": EVALUATOR, "index": me.index}
    at = ((type_, position(members, me)) for type_, members in tasks.items())
    return next(({"type": type_, "index": index} for type_, index in at if index is not None), None)


def scope(job: TrainingJob, role: str) -> RestartScope:
    """Beside parameter servers, workers come and go alone; the chief and the servers hold the state of all.

    Without parameter servers the workers mirror each other, and only all together can go on.
    """
    outside = role not in MEMBERS
    rejoins = role == WORKER and bool(present(job, (PS,)))
    return RestartScope.REPLICA if outside or rejoins else RestartScope.JOB


def holds(_job: TrainingJob, role: str, _index: int) -> bool:
    """Every address in TF_CONFIG's cluster is held by all; nobody calls an evaluator."""
    return role in MEMBERS


TRAITS = Traits(
    environment, scope, holds, frozenset({PS, EVALUATOR}), first_worker_leads=True, fixed_world=True
)
