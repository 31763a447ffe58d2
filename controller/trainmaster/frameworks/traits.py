"""What the engine must know of a framework, one value for each; and the role names of several.

Never here: a framework by name.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from trainmaster.api.job import RestartScope, TrainingJob
from trainmaster.frameworks.placed import Placed

LEADS = ("chief", "master")
"""roles that lead a training; where one is declared, its end decides the job"""
WORKER = "worker"


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
    fixed_world: bool = False
    """every process is told at its start who all the others are"""


def present(job: TrainingJob, names: Sequence[str]) -> tuple[str, ...]:
    """Those of `names` that the job declares with at least one replica, in the order of `names`."""
    roles = job.spec.roles
    return tuple(name for name in names if name in roles and roles[name].replicas > 0)
