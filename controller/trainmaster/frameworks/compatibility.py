"""The variables of other systems, for scripts that were written for them: TonY's, and those of Kubeflow's operators.

They are told beside the framework's own, which win where both name a variable. Only names that the framework's own file
doesn't tell already are made here: TF_CONFIG, RANK, DMLC_ROLE and their like are the same everywhere.
Sources: TonY 0.5.3 (Constants.java, runtime/*), Kubeflow's training-operator 1.7 to 1.9 (pkg/controller.v1/*/envvar.go).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence

from trainmaster.api.deciding import leading
from trainmaster.api.job import Compatibility, Framework, TrainingJob
from trainmaster.frameworks.placed import Placed, addresses, positions
from trainmaster.frameworks.traits import WORKER, Tell, by_rank, told_by_rank

BOARD = "tensorboard"
"""TonY's role that shows the training's events"""


def told_elsewhere(job: TrainingJob, placed: Sequence[Placed]) -> Tell:
    """What the system that spec.compatibility names would tell; nothing where it is left out."""
    if job.spec.compatibility is Compatibility.TONY:
        return _tony(job, placed)
    if job.spec.compatibility is Compatibility.KUBEFLOW:
        return _KUBEFLOW.get(job.spec.framework, _nothing)(job, placed)
    return lambda _me: {}


def _nothing(_job: TrainingJob, _placed: Sequence[Placed]) -> Tell:
    return lambda _me: {"PYTHONUNBUFFERED": "1"}


def _tony(job: TrainingJob, placed: Sequence[Placed]) -> Tell:
    """CLUSTER_SPEC is JSON: job name (our role) -> ["host:port", …]."""
    cluster = json.dumps(addresses(placed))
    group, leads = by_rank(job, placed), leading(job.spec)
    ranks = positions(group)

    def tell(me: Placed) -> Mapping[str, str]:
        same = {
            "CLUSTER_SPEC": cluster,
            "JOB_NAME": me.role,
            "TASK_INDEX": str(me.index),
            "TASK_NUM": str(job.spec.roles[me.role].replicas),
            "IS_CHIEF": str(me.role in leads and me.index == 0).lower(),
        }
        rank = ranks.get((me.role, me.index))
        torch = job.spec.framework is Framework.PYTORCH and rank is not None
        return same | _tony_board(job, me, leads) | (_tony_torch(group, rank or 0) if torch else {})

    return tell


def _tony_board(job: TrainingJob, me: Placed, leads: Sequence[str]) -> dict[str, str]:
    """TB_PORT is a port of its own: of the role tensorboard its only one, where none is declared of the chief the second one."""
    if BOARD in job.spec.roles:
        free = me.ports[:1] if me.role == BOARD else ()
    else:
        free = me.ports[1:2] if me.role in leads and me.index == 0 else ()
    return {"TB_PORT": str(free[0])} if free else {}


def _tony_torch(group: Sequence[Placed], rank: int) -> dict[str, str]:
    return {"RANK": str(rank), "WORLD": str(len(group)), "INIT_METHOD": f"tcp://{group[0].address}"}


def _kubeflow_xgboost(job: TrainingJob, placed: Sequence[Placed]) -> Tell:
    """Its scripts start the tracker themselves in rank 0, at MASTER_PORT; trainmaster starts none then."""
    return told_by_rank(job, placed, lambda group, rank: _master(group, rank) | _workers(group))


def _master(group: Sequence[Placed], rank: int) -> dict[str, str]:
    return {
        "MASTER_ADDR": group[0].host,
        "MASTER_PORT": str(group[0].ports[0]),
        "WORLD_SIZE": str(len(group)),
        "RANK": str(rank),
        "PYTHONUNBUFFERED": "1",
    }


def _workers(group: Sequence[Placed]) -> dict[str, str]:
    """The others, without rank 0."""
    if len(group) < 2:
        return {}
    return {
        "WORKER_PORT": str(group[1].ports[0]),
        "WORKER_ADDRS": ",".join(p.host for p in group[1:]),
    }


def _kubeflow_jax(job: TrainingJob, placed: Sequence[Placed]) -> Tell:
    return told_by_rank(job, placed, _jax_process)


def _jax_process(group: Sequence[Placed], number: int) -> dict[str, str]:
    return {
        "COORDINATOR_ADDRESS": group[0].host,
        "COORDINATOR_PORT": str(group[0].ports[0]),
        "NUM_PROCESSES": str(len(group)),
        "PROCESS_ID": str(number),
        "PYTHONUNBUFFERED": "1",
    }


def _kubeflow_mxnet(_job: TrainingJob, placed: Sequence[Placed]) -> Tell:
    """MX_CONFIG has url and port apart, where TF_CONFIG has one address; labels are TVM's, DMLC_WORKER_ID is for BytePS."""
    cluster: dict[str, list[dict[str, object]]] = {}
    for p in sorted(placed, key=lambda p: (p.role, p.index)):
        cluster.setdefault(p.role, []).append({"url": p.host, "port": p.ports[0]})

    labels = dict.fromkeys(cluster, "")

    def tell(me: Placed) -> Mapping[str, str]:
        task = {"type": me.role, "index": me.index}
        config = {"cluster": cluster, "labels": labels, "task": task}
        known = {"MX_CONFIG": json.dumps(config), "DMLC_USE_KUBERNETES": "1", "PYTHONUNBUFFERED": "1"}
        return known | ({"DMLC_WORKER_ID": str(me.index)} if me.role == WORKER else {})

    return tell


_KUBEFLOW: Mapping[Framework, Callable[[TrainingJob, Sequence[Placed]], Tell]] = {
    Framework.XGBOOST: _kubeflow_xgboost,
    Framework.JAX: _kubeflow_jax,
    Framework.MXNET: _kubeflow_mxnet,
}
