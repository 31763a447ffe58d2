"""JAX: where the coordinator is, how many processes there are, and which one this is.

`jax.distributed.initialize` reads JAX_COORDINATOR_ADDRESS by itself; number and id it takes from a cluster that it
knows (Slurm, Open MPI, Kubernetes) or as arguments: docs/frameworks.md has the lines.
Tried on JAX 0.10: the survivors of a lost process abort within the heartbeat's time, and one that comes back alone
aborts too; so all restart together.
https://docs.jax.dev/en/latest/_autosummary/jax.distributed.initialize.html
"""

from __future__ import annotations

from collections.abc import Sequence

from trainmaster.api.job import TrainingJob
from trainmaster.frameworks.placed import Placed
from trainmaster.frameworks.traits import Tell, Traits, all_or_alone, is_first, told_by_rank


def environments(job: TrainingJob, placed: Sequence[Placed]) -> Tell:
    return told_by_rank(job, placed, _process)


def _process(group: Sequence[Placed], number: int) -> dict[str, str]:
    return {
        "JAX_COORDINATOR_ADDRESS": group[0].address,
        "JAX_NUM_PROCESSES": str(len(group)),
        "JAX_PROCESS_ID": str(number),
    }


TRAITS = Traits(environments, all_or_alone, is_first, fixed_world=True)
