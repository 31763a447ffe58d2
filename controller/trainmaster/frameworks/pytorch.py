"""PyTorch: the variables of `init_method="env://"`, and torchrun's defaults for those who start torchrun.

Tried on PyTorch 1.13: when one process of a gloo group dies the others end a second later, and a single one
that comes back waits for ever; so all restart together.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from trainmaster.api.job import RestartScope, TrainingJob
from trainmaster.frameworks.placed import Placed, in_order, positions
from trainmaster.frameworks.traits import LEADS, WORKER, Tell, Traits, present


def environments(job: TrainingJob, placed: Sequence[Placed]) -> Tell:
    """Rank, size and rank 0's address; nothing for a role outside the process group (an evaluator, say)."""
    group = in_order(_group(job), placed)
    ranks = positions(group)

    def tell(me: Placed) -> Mapping[str, str]:
        rank = ranks.get((me.role, me.index))
        return {} if rank is None else _alone(group, rank) | _torchrun(job, group, rank)

    return tell


def _alone(group: Sequence[Placed], rank: int) -> dict[str, str]:
    return {
        "MASTER_ADDR": group[0].host,
        "MASTER_PORT": str(group[0].ports[0]),
        "RANK": str(rank),
        "WORLD_SIZE": str(len(group)),
        "LOCAL_RANK": "0",
    }


def _torchrun(job: TrainingJob, group: Sequence[Placed], rank: int) -> dict[str, str]:
    """One torchrun agent per replica, a process for each GPU of it; the agents meet at rank 0's port.

    torch.distributed.run reads a PET_ variable for each of its options, and gives its children RANK and the
    like anew. Who hosts the meeting is said outright: torchrun's guess by host name takes every agent on rank
    0's machine for the host. Node rank and master address serve only those who choose the `static` backend.
    """
    first = group[0]
    processes = max(1, job.spec.roles[group[rank].role].resources.gpus)
    return {
        "PET_NNODES": str(len(group)),
        "PET_NPROC_PER_NODE": str(processes),
        "PET_NODE_RANK": str(rank),
        "PET_MASTER_ADDR": first.host,
        "PET_MASTER_PORT": str(first.ports[0]),
        "PET_RDZV_BACKEND": "c10d",
        "PET_RDZV_ENDPOINT": first.address,
        "PET_RDZV_ID": f"{job.metadata.namespace}.{job.metadata.name}",  # torchrun names a folder by it: no slash
        "PET_RDZV_CONF": f"is_host={'true' if rank == 0 else 'false'}",
    }


def _group(job: TrainingJob) -> tuple[str, ...]:
    """The roles of the process group by rank, the lead first; a job that names none trains in all roles."""
    return present(job, (*LEADS, WORKER)) or tuple(job.spec.roles)


def scope(job: TrainingJob, role: str) -> RestartScope:
    return RestartScope.JOB if role in _group(job) else RestartScope.REPLICA


def holds(job: TrainingJob, role: str, index: int) -> bool:
    """Only rank 0's address is told to the others; they find each other through it."""
    group = present(job, _group(job))
    return group[:1] == (role,) and index == 0


TRAITS = Traits(environments, scope, holds, fixed_world=True)
