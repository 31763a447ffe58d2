"""TensorFlow: TF_CONFIG, and what a TensorFlow cluster survives.

Tried on TensorFlow 2.15: under ParameterServerStrategy a worker that comes back at its address rejoins, and a
lost parameter server ends the chief; under MultiWorkerMirroredStrategy the survivors of a lost worker end,
and none can rejoin alone.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from trainmaster.api.deciding import apart
from trainmaster.api.job import RestartScope, TrainingJob
from trainmaster.frameworks.placed import Placed, in_order, positions
from trainmaster.frameworks.traits import LEADS, WORKER, Tell, Traits, present

CHIEF, PS, EVALUATOR = "chief", "ps", "evaluator"
TASK_ROLES: Mapping[str, tuple[str, ...]] = {CHIEF: LEADS, WORKER: (WORKER,), PS: (PS,)}
"""the cluster's task types, and the roles that fill them: a master is what TensorFlow 2 calls the chief"""
MEMBERS = (*LEADS, WORKER, PS)


def environments(job: TrainingJob, placed: Sequence[Placed]) -> Tell:
    """TF_CONFIG as tf.distribute.cluster_resolver.TFConfigClusterResolver reads it.

    The evaluator stands beside the cluster, not in it. A role without a meaning here gets no TF_CONFIG, and neither does a
    process that is alone: with it, TensorFlow would open a server for nobody.
    """
    if _alone(job):
        return lambda _me: {}
    members = _with_chief(job, {type_: in_order(roles, placed) for type_, roles in TASK_ROLES.items()})
    cluster = json.dumps({type_: [p.address for p in each] for type_, each in members.items() if each})
    tasks = {key: (type_, at) for type_, each in members.items() for key, at in positions(each).items()}

    def tell(me: Placed) -> Mapping[str, str]:
        task = (EVALUATOR, me.index) if me.role == EVALUATOR else tasks.get((me.role, me.index))
        if task is None:
            return {}
        said = json.dumps({"type": task[0], "index": task[1]})
        return {"TF_CONFIG": f'{{"cluster": {cluster}, "task": {said}}}'}

    return tell


def _with_chief(
    job: TrainingJob, members: Mapping[str, tuple[Placed, ...]]
) -> Mapping[str, tuple[Placed, ...]]:
    """Beside parameter servers somebody is the chief: Estimator and ParameterServerStrategy don't start without one.

    Where none is declared it is the first worker. Who says what system the scripts are written for gets what it tells.
    """
    if members[CHIEF] or not members[PS] or job.spec.compatibility:
        return members
    return {**members, CHIEF: members[WORKER][:1], WORKER: members[WORKER][1:]}


def _alone(job: TrainingJob) -> bool:
    others = apart(job.spec)
    return sum(role.replicas for name, role in job.spec.roles.items() if name not in others) == 1


def longest(job: TrainingJob, host: int) -> int:
    """TF_CONFIG names everyone: quoted, with a port of five digits, and a comma."""
    if _alone(job):
        return 0
    return sum(job.spec.roles[role].replicas for role in present(job, MEMBERS)) * (host + len('":12345", '))


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
    environments,
    scope,
    holds,
    longest=longest,
    fixed_world=True,
)
