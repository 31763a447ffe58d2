"""PyTorch: the variables of `init_method="env://"`, and torchrun's defaults for those who start torchrun.

Tried on PyTorch 1.13: when one process of a gloo group dies the others end a second later, and a single one
that comes back waits for ever; so all restart together. Under torchrun a lost agent or child rejoins; who wants
that writes `restartScope: Replica`.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from itertools import accumulate

from trainmaster.api.job import Launcher, Role, TrainingJob
from trainmaster.frameworks.placed import Placed, positions
from trainmaster.frameworks.traits import Tell, Traits, all_or_alone, by_rank, is_first

EACH = """\
printf %s {command} > ./.trainmaster-process.sh
first=$RANK processes=()
for ((i = 0; i < LOCAL_WORLD_SIZE; i++)); do
  RANK=$((first + i)) LOCAL_RANK=$i /bin/bash ./.trainmaster-process.sh &
  processes+=($!)
done
while [ ${{#processes[@]}} != 0 ]; do
  for i in "${{!processes[@]}}"; do
    kill -0 ${{processes[i]}} 2>/dev/null && continue
    wait ${{processes[i]}} || {{ code=$?; kill "${{processes[@]}}" 2>/dev/null; exit $code; }}
    unset "processes[i]"
  done
  sleep 0.2
done
"""
"""Starts each process of a replica; the first that fails ends it with its code, and the NodeManager what is left then.
They are asked one by one, since `wait -n` misses a process that ended before it was called."""


def environments(job: TrainingJob, placed: Sequence[Placed]) -> Tell:
    """Rank, size and rank 0's address; nothing for a role outside the process group (an evaluator, say)."""
    group = by_rank(job, placed)
    nodes = positions(group)
    processes = [_counted(job, p.role) for p in group]
    firsts = [0, *accumulate(processes)]

    def tell(me: Placed) -> Mapping[str, str]:
        node = nodes.get((me.role, me.index))
        if node is None:
            return {}
        alone = _alone(group[0], firsts[node], firsts[-1], processes[node])
        return alone | _torchrun(job, group, node)

    return tell


def _alone(first: Placed, rank: int, world: int, processes: int) -> dict[str, str]:
    """For the first process of a replica; torchrun and EACH give the others theirs."""
    return {
        "MASTER_ADDR": first.host,
        "MASTER_PORT": str(first.ports[0]),
        "RANK": str(rank),
        "WORLD_SIZE": str(world),
        "LOCAL_RANK": "0",
        "LOCAL_WORLD_SIZE": str(processes),
    }


def _torchrun(job: TrainingJob, group: Sequence[Placed], node: int) -> dict[str, str]:
    """One torchrun agent per replica, a process for each GPU of it; the agents meet at rank 0's port.

    torch.distributed.run reads a PET_ variable for each of its options, and gives its children RANK and the
    like anew. Who hosts the meeting is said outright: torchrun's guess by host name takes every agent on rank
    0's machine for the host. Node rank and master address serve only those who choose the `static` backend.
    """
    first = group[0]
    return {
        "PET_NNODES": _agents(job, group),
        "PET_NPROC_PER_NODE": str(processes_of(job.spec.roles[group[node].role])),
        "PET_NODE_RANK": str(node),
        "PET_MASTER_ADDR": first.host,
        "PET_MASTER_PORT": str(first.ports[0]),
        "PET_RDZV_BACKEND": "c10d",
        "PET_RDZV_ENDPOINT": first.address,
        "PET_RDZV_ID": f"{job.metadata.namespace}.{job.metadata.name}",  # torchrun names a folder by it: no slash
        "PET_RDZV_CONF": f"is_host={'true' if node == 0 else 'false'}",
    }


def _agents(job: TrainingJob, group: Sequence[Placed]) -> str:
    """How many agents meet: from so many to so many, where some of them come and go alone."""
    loose = {name: between for name in {p.role for p in group} if (between := job.spec.roles[name].loose)}
    if not loose:
        return str(len(group))
    others = sum(1 for p in group if p.role not in loose)
    least, most = (others + sum(numbers) for numbers in zip(*loose.values(), strict=True))
    return f"{least}:{most}"


def processes_of(role: Role) -> int:
    """Processes that train in each replica of a role."""
    return role.processes_per_replica or max(1, role.resources.gpus)


def _counted(job: TrainingJob, role: str) -> int:
    """How many ranks a replica takes by itself: one where nothing says that somebody starts more of them.

    A command that isn't torchrun is one process, however many GPUs it has.
    """
    declared = job.spec.roles[role]
    several = job.spec.launcher is Launcher.TRAINMASTER or declared.processes_per_replica is not None
    return processes_of(declared) if several else 1


def script(job: TrainingJob, me: Placed, command: str) -> str:
    """The command once for each process, where the job says that trainmaster starts them."""
    each = job.spec.launcher is Launcher.TRAINMASTER and all_or_alone(job, me.role) == "Job"
    if not each or processes_of(job.spec.roles[me.role]) == 1:
        return command
    return EACH.format(command=shlex.quote(command))


TRAITS = Traits(environments, all_or_alone, is_first, script=script, fixed_world=True)
"""only rank 0's address is told to the others; they find each other through it"""
