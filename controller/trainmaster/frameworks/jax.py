"""JAX: where the coordinator is, how many processes there are, and which one this is.

`jax.distributed.initialize` reads JAX_COORDINATOR_ADDRESS by itself; number and id it takes from a cluster that it
knows (Slurm, Open MPI, Kubernetes) or as arguments: docs/frameworks.md has the lines.
Tried on JAX 0.10: the survivors of a lost process abort within the heartbeat's time, and one that comes back alone
aborts too; so all restart together.
https://docs.jax.dev/en/latest/_autosummary/jax.distributed.initialize.html
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from trainmaster.api.job import TrainingJob
from trainmaster.frameworks.placed import Placed, positions
from trainmaster.frameworks.traits import Tell, Traits, all_or_alone, by_rank, is_first


def environments(job: TrainingJob, placed: Sequence[Placed]) -> Tell:
    """Nothing for a role that isn't counted, such as an evaluator."""
    group = by_rank(job, placed)
    ids = positions(group)

    def tell(me: Placed) -> Mapping[str, str]:
        number = ids.get((me.role, me.index))
        if number is None:
            return {}
        return {
            "JAX_COORDINATOR_ADDRESS": group[0].address,
            "JAX_NUM_PROCESSES": str(len(group)),
            "JAX_PROCESS_ID": str(number),
        }

    return tell


TRAITS = Traits(environments, all_or_alone, is_first, fixed_world=True)
