"""The environment of one process: its framework's variables, the user's, and trainmaster's own.

Later ones win: another system's (compatibility) < framework < spec.env < the role's env < TRAINMASTER_ and the
paths. So a user may overrule the framework's variables deliberately (PET_RDZV_BACKEND, say), and nobody can make a
process believe that it is another one.
Never here: quoting for a shell, that is the wire's matter.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from trainmaster.api.job import TrainingJob
from trainmaster.frameworks.placed import Placed, addresses
from trainmaster.frameworks.traits import Tell

LONGEST = 128 * 1024 - 64
"""bytes of one variable at most, with room for its name: MAX_ARG_STRLEN of Linux (execve(2)) is 32 pages"""


def common(job: TrainingJob, placed: Sequence[Placed]) -> Tell:
    """What every process is told, whatever its framework. Paths that the job doesn't give are left out."""
    same = _cluster(placed) | _paths(job)
    return lambda me: _identity(job, me) | same


def _identity(job: TrainingJob, me: Placed) -> dict[str, str]:
    return {
        "TRAINMASTER_JOB": job.metadata.name,
        "TRAINMASTER_NAMESPACE": job.metadata.namespace,
        "TRAINMASTER_ROLE": me.role,
        "TRAINMASTER_INDEX": str(me.index),
        "TRAINMASTER_RUN": str(me.run),
        "TRAINMASTER_GENERATION": str(me.generation),
        "TRAINMASTER_REPLICAS": str(job.spec.roles[me.role].replicas),
        "TRAINMASTER_PORT": str(me.ports[0]),
        "TRAINMASTER_PORTS": ",".join(map(str, me.ports)),
    }


def _cluster(placed: Sequence[Placed]) -> dict[str, str]:
    """TRAINMASTER_CLUSTER is JSON: role -> ["host:port", …] by index, "" where a replica has no place yet.

    It is left out where it is longer than a variable may be (some 4,000 replicas), for nothing would start with it.
    """
    cluster = json.dumps(addresses(placed))
    return {"TRAINMASTER_CLUSTER": cluster} if len(cluster) < LONGEST else {}


def _paths(job: TrainingJob) -> dict[str, str]:
    spec = job.spec
    paths = {
        "INPUT_PATH": spec.input_path,
        "CHECKPOINT_PATH": spec.checkpoint_path,
        "RESUME_FROM": spec.resume_from,
        "SAVED_MODEL_PATH": spec.saved_model_path or spec.checkpoint_path,
    }
    return {name: path for name, path in paths.items() if path}


def users(job: TrainingJob, role: str) -> dict[str, str]:
    """The user's own variables for a role, as far as the declaration holds their values; the role's win over the job's."""
    last = {variable.name: variable for variable in (*job.spec.env, *job.spec.roles[role].env)}
    return {name: variable.value for name, variable in last.items() if variable.value_from is None}
