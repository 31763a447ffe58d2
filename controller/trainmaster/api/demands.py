"""What each framework demands of a job's roles: one table, read by rules.py and by the API server's rules (cel.py).

Lives here: how many replicas of which roles. Never here: what the roles are told (frameworks/).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from trainmaster.api import messages
from trainmaster.api.deciding import MPI_LAUNCHER
from trainmaster.api.job import CHIEF_ROLES, MAX_REPLICAS, PS_ROLE, WORKER_ROLE
from trainmaster.api.words import Framework

TRAINING = (*CHIEF_ROLES, WORKER_ROLE)


@dataclass(frozen=True, slots=True)
class Demand:
    """From `least` to `most` replicas of these roles together; of all roles where none is named."""

    roles: tuple[str, ...]
    reason: str
    """what to write instead; {count} is what there are"""
    least: int = 0
    most: int = MAX_REPLICAS


DEMANDS: Mapping[Framework, tuple[Demand, ...]] = {
    Framework.TENSORFLOW: (Demand(CHIEF_ROLES, messages.ONE_CHIEF, most=1),),
    Framework.PYTORCH: (
        Demand(CHIEF_ROLES, messages.ONE_MASTER, most=1),
        Demand(TRAINING, messages.NOBODY_TO_TRAIN, least=1),
    ),
    Framework.MXNET: (
        Demand(("scheduler",), messages.ONE_SCHEDULER, least=1, most=1),
        Demand(("server",), messages.NO_SERVER, least=1),
        Demand((WORKER_ROLE,), messages.NO_MXNET_WORKER, least=1),
        Demand((PS_ROLE,), messages.SERVERS_NOT_PS, most=0),
    ),
    Framework.XGBOOST: (
        Demand((PS_ROLE, "tracker"), messages.XGBOOST_WORKERS_ONLY, most=0),
        Demand(CHIEF_ROLES, messages.XGBOOST_ONE_MASTER, most=1),
        Demand(TRAINING, messages.XGBOOST_NOBODY, least=1),
    ),
    Framework.JAX: (
        Demand((PS_ROLE,), messages.JAX_NO_PS, most=0),
        Demand(CHIEF_ROLES, messages.JAX_ONE_CHIEF, most=1),
        Demand(TRAINING, messages.JAX_NOBODY, least=1),
    ),
    Framework.HOROVOD: (
        Demand((PS_ROLE,), messages.HOROVOD_NO_PS, most=0),
        Demand(CHIEF_ROLES, messages.HOROVOD_ONE_CHIEF, most=1),
        Demand(TRAINING, messages.HOROVOD_NOBODY, least=1),
    ),
    Framework.MPI: (
        Demand((MPI_LAUNCHER,), messages.MPI_ONE_LAUNCHER, least=1, most=1),
        Demand((WORKER_ROLE,), messages.MPI_NO_WORKER, least=1),
        Demand((*CHIEF_ROLES, PS_ROLE), messages.MPI_RANKS_ARE_WORKERS, most=0),
    ),
    Framework.CAFFE: (Demand((), messages.CAFFE_ALONE, most=1),),
}
"""a framework that isn't here takes any roles"""
