"""What each framework's processes need to be told, and what the engine must know of a framework.

Pure functions of a job and of where its processes are placed. Never here: IO, the clock, or a decision
about a job. A new framework is one file with its Traits and one line in FRAMEWORKS.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from trainmaster.api.commands import expand
from trainmaster.api.deciding import SIDES, apart
from trainmaster.api.job import Framework, RestartScope, Scaling, TrainingJob
from trainmaster.frameworks import (
    caffe,
    custom,
    generic,
    horovod,
    jax,
    mpi,
    mxnet,
    pytorch,
    tensorflow,
    xgboost,
)
from trainmaster.frameworks.compatibility import told_elsewhere
from trainmaster.frameworks.environment import LONGEST, common, users
from trainmaster.frameworks.placed import Placed
from trainmaster.frameworks.success import Success, success
from trainmaster.frameworks.traits import PEER_SECRET, Traits

__all__ = [
    "PEER_SECRET",
    "Placed",
    "Success",
    "default_scope",
    "environment",
    "environments",
    "fixed_world",
    "holds_addresses",
    "restarts_when_scaled",
    "script",
    "side_roles",
    "success_of",
    "unstartable",
]

FRAMEWORKS: Mapping[Framework, Traits] = {
    Framework.TENSORFLOW: tensorflow.TRAITS,
    Framework.PYTORCH: pytorch.TRAITS,
    Framework.MXNET: mxnet.TRAITS,
    Framework.XGBOOST: xgboost.TRAITS,
    Framework.JAX: jax.TRAITS,
    Framework.HOROVOD: horovod.TRAITS,
    Framework.MPI: mpi.TRAITS,
    Framework.CAFFE: caffe.TRAITS,
    Framework.CUSTOM: custom.TRAITS,
    Framework.GENERIC: generic.TRAITS,
}


def environment(job: TrainingJob, placed: Sequence[Placed], me: Placed) -> dict[str, str]:
    """All variables for the process of `me`.

    `placed` are all of the job's replicas that have a place now, `me` among them. Raw values, not quoted
    for anything. environment.py says which variable wins over which.
    """
    return environments(job, placed)(me)


def environments(job: TrainingJob, placed: Sequence[Placed]) -> Callable[[Placed], dict[str, str]]:
    """The same for many processes of one job: what all are told alike is worked out once."""
    other, own, ours = (
        told_elsewhere(job, placed),
        _traits(job).environments(job, placed),
        common(job, placed),
    )
    alone = apart(job.spec)

    def told(me: Placed) -> dict[str, str]:
        framework = {} if me.role in alone else own(me)
        return {**other(me), **framework, **users(job, me.role), **ours(me)}

    return told


def script(job: TrainingJob, me: Placed) -> str:
    """What bash runs for `me`: the role's command with the job's paths in it, and what the product starts beside it."""
    command = expand(job.spec.roles[me.role].command, job.spec)
    return _traits(job).script(job, me, command)


def unstartable(job: TrainingJob, host: int) -> str:
    """Why no process of this job could be started on hosts with names of so many characters; empty when one could."""
    length = _traits(job).longest(job, host)
    if length < LONGEST:
        return ""
    return f"each process would be told {length} bytes in one variable; Linux takes at most {LONGEST}"


def default_scope(job: TrainingJob, role: str) -> RestartScope:
    """What restarts when a replica of this role fails and the role has no restartScope of its own."""
    return _traits(job).scope(job, role)


def success_of(job: TrainingJob) -> Success:
    """The effective success policy with the replicas that decide it."""
    return success(job)


def side_roles(job: TrainingJob) -> frozenset[str]:
    """Declared roles whose end says nothing about the training; they are stopped once it succeeded."""
    return frozenset(role for role in job.spec.roles if role in SIDES.get(job.spec.framework, ()))


def holds_addresses(job: TrainingJob, role: str, index: int = 0) -> bool:
    """Whether peers hold this replica's address, so that a new address needs a restart of the whole job."""
    return _traits(job).holds(job, role, index)


def fixed_world(job: TrainingJob) -> bool:
    """Whether each process is told at its start who all the others are.

    Then nothing can start before every replica has its place.
    """
    return _traits(job).fixed_world


def restarts_when_scaled(job: TrainingJob) -> bool:
    """Whether another number of replicas restarts what runs.

    Every process is told at its start how many of its role there are (TRAINMASTER_REPLICAS), and where those of all
    roles are: one that shards by an old number would train on what another one trains on too.
    """
    return fixed_world(job) or job.spec.scaling is not Scaling.LIVE


def _traits(job: TrainingJob) -> Traits:
    return FRAMEWORKS[job.spec.framework]
