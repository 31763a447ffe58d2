"""What the engine must know of a framework, one value for each; and the role names of several.

Never here: a framework by name.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from trainmaster.api.deciding import ranked
from trainmaster.api.job import RestartScope, TrainingJob
from trainmaster.frameworks.placed import Placed, in_order, positions

LEADS = ("chief", "master")
"""roles that lead a training; where one is declared, its end decides the job"""
WORKER = "worker"
PEER_SECRET = "TRAINMASTER_PEER_SECRET"  # noqa: S105 - a name
"""Variable of a secret that all processes of a job share. A framework asks for it by an empty value; the secret itself is filled
in when a process is started, and stands in its launch alone."""


Tell = Callable[[Placed], Mapping[str, str]]
"""what one of the placed replicas is told"""


@dataclass(frozen=True, slots=True)
class Traits:
    """One framework's ways. All functions are pure; `job` always declares the role that is asked about."""

    environments: Callable[[TrainingJob, Sequence[Placed]], Tell]
    """the framework's own variables for each of the placed; what is the same for all is worked out once"""
    scope: Callable[[TrainingJob, str], RestartScope]
    """the restart scope of a role that doesn't say its own"""
    holds: Callable[[TrainingJob, str, int], bool]
    """whether peers hold the address of this replica from their start on"""
    longest: Callable[[TrainingJob, int], int] = lambda _job, _host: 0
    """characters of the longest variable where all hosts have names of so many characters"""
    script: Callable[[TrainingJob, Placed, str], str] = lambda _job, _me, command: command
    """what bash runs for one of the placed, made of the user's command: what the product starts beside it or around it"""
    fixed_world: bool = False
    """every process is told at its start who all the others are"""


def by_rank(job: TrainingJob, placed: Sequence[Placed]) -> tuple[Placed, ...]:
    """Those placed who have a rank, in its order."""
    return in_order(ranked(job.spec), placed)


def told_by_rank(
    job: TrainingJob, placed: Sequence[Placed], tell: Callable[[Sequence[Placed], int], Mapping[str, str]]
) -> Tell:
    """What `tell` says to each of those by rank, of all of them and its own rank; nothing to others, such as an evaluator."""
    group = by_rank(job, placed)
    ranks = positions(group)

    def told(me: Placed) -> Mapping[str, str]:
        rank = ranks.get((me.role, me.index))
        return {} if rank is None else tell(group, rank)

    return told


def is_first(job: TrainingJob, role: str, index: int) -> bool:
    """Whether this is rank 0."""
    return index == 0 and ranked(job.spec)[:1] == (role,)


def all_or_alone(job: TrainingJob, role: str) -> RestartScope:
    """For frameworks that lose all processes with one: whoever has a rank restarts with all others."""
    return RestartScope.JOB if role in ranked(job.spec) else RestartScope.REPLICA


def present(job: TrainingJob, names: Sequence[str]) -> tuple[str, ...]:
    """Those of `names` that the job declares with at least one replica, in the order of `names`."""
    roles = job.spec.roles
    return tuple(name for name in names if name in roles and roles[name].replicas > 0)
