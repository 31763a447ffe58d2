"""Generic: any program. It is told only what every process is told, the TRAINMASTER_ variables.

Its processes are taken to be independent of each other; who holds a peer's address from TRAINMASTER_CLUSTER
should give both roles `restartScope: Job`.
"""

from __future__ import annotations

from collections.abc import Sequence

from trainmaster.api.job import RestartScope, TrainingJob
from trainmaster.frameworks.placed import Placed
from trainmaster.frameworks.traits import Tell, Traits


def environments(_job: TrainingJob, _placed: Sequence[Placed]) -> Tell:
    return lambda _me: {}


def scope(_job: TrainingJob, _role: str) -> RestartScope:
    return RestartScope.REPLICA


def holds(_job: TrainingJob, _role: str, _index: int) -> bool:
    return False


TRAITS = Traits(environments, scope, holds)
