"""Generic: any program. It is told only what every process is told, the TRAINMASTER_ variables.

Its processes are taken to be independent of each other; who holds a peer's address from TRAINMASTER_CLUSTER
should give both roles `restartScope: Job`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from trainmaster.api.job import RestartScope, TrainingJob
from trainmaster.frameworks.placed import Placed
from trainmaster.frameworks.traits import Traits


def environment(_job: TrainingJob, _placed: Sequence[Placed], _me: Placed) -> Mapping[str, str]:
    return {}


def scope(_job: TrainingJob, _role: str) -> RestartScope:
    return RestartScope.REPLICA


def holds(_job: TrainingJob, _role: str, _index: int) -> bool:
    return False


TRAITS = Traits(environment, scope, holds)
