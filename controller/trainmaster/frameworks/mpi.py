"""MPI: a launcher whose mpirun starts its daemons in the workers' containers, without ssh.

A worker's command prepares the shell (a path, a module), which then waits for what the launcher has started in it. The launcher's
command is the user's own, with mpirun in it: hosts, slots and the way to them are in its environment.
Tried on Open MPI 4.1.4: a lost rank or daemon ends mpirun, and none comes back; so all restart together.
https://docs.open-mpi.org/en/v4.1.x/ (mca parameters plm_rsh_agent, plm_rsh_no_tree_spawn, orte_default_hostfile)
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from trainmaster.api.deciding import MPI_LAUNCHER
from trainmaster.api.job import WORKER_ROLE, RestartScope, TrainingJob
from trainmaster.frameworks.mpi_programs import SERVE, START
from trainmaster.frameworks.placed import Placed
from trainmaster.frameworks.traits import PEER_SECRET, Tell, Traits

_ROLES = (MPI_LAUNCHER, WORKER_ROLE)
_HERE = ".trainmaster"
_LAUNCHER = """\
mkdir -p {here}
for ((i = 0; i < {workers}; i++)); do echo "worker-$i slots={slots}"; done >{here}/hostfile
printf %s {program} >{here}/start.py
printf '#!/bin/bash\\nexec "${{HELPER_PYTHON:-python3}}" %q "$@"\\n' "$PWD/{here}/start.py" >{here}/start
chmod +x {here}/start
export OMPI_MCA_plm_rsh_agent="$PWD/{here}/start" OMPI_MCA_orte_default_hostfile="$PWD/{here}/hostfile"
export OMPI_MCA_orte_fork_agent="trainmaster-rank $PWD"
"""
"""mpirun asks `start` in place of ssh. Workers go by names of ours, since two of them may be on one node."""
_WORKER = """
mkdir -p {here}
printf '%s\\n' '#!/bin/bash' 'from=$1; shift' '[[ $PWD == "$from" || $PWD -ef $HOME ]] && cd "$TRAINMASTER_HERE"' 'exec "$@"' \
  >{here}/trainmaster-rank
chmod +x {here}/trainmaster-rank
export TRAINMASTER_HERE="$PWD" PATH="$PWD/{here}:$PATH"
exec "${{HELPER_PYTHON:-python3}}" -c {program}
"""
"""A rank begins in the folder of its container, where its files are. mpirun has it begin in its own folder, or in the user's home
where there is none of that name."""
_MPIRUN = {
    "OMPI_MCA_plm_rsh_no_tree_spawn": "1",  # each daemon is started by the launcher, which alone knows the way
    "OMPI_MCA_orte_leave_session_attached": "1",  # else daemons leave their containers
    "OMPI_MCA_if_base_do_not_resolve": "1",  # the names are ours
}


def environments(_job: TrainingJob, _placed: Sequence[Placed]) -> Tell:
    def told(me: Placed) -> dict[str, str]:
        if me.role not in _ROLES:
            return {}
        return {PEER_SECRET: "", **(_MPIRUN if me.role == MPI_LAUNCHER else {})}

    return told


def script(job: TrainingJob, me: Placed, command: str) -> str:
    if me.role == MPI_LAUNCHER:
        workers = job.spec.roles[WORKER_ROLE]
        slots = workers.processes_per_replica or max(1, workers.resources.gpus)
        program = shlex.quote(START)
        return _LAUNCHER.format(here=_HERE, workers=workers.replicas, slots=slots, program=program) + command
    return (
        command + _WORKER.format(here=_HERE, program=shlex.quote(SERVE))
        if me.role == WORKER_ROLE
        else command
    )


def _scope(_job: TrainingJob, role: str) -> RestartScope:
    return RestartScope.JOB if role in _ROLES else RestartScope.REPLICA


def _longest(job: TrainingJob, host: int) -> int:
    """TRAINMASTER_CLUSTER, which is left out where it would be longer than a variable may be: here nothing works without."""
    return (host + 10) * sum(role.replicas for role in job.spec.roles.values())


TRAITS = Traits(
    environments,
    _scope,
    lambda _job, role, _index: role == WORKER_ROLE,
    _longest,
    script,
    fixed_world=True,
)
