"""The jobs that train while things break: what is drawn, what people do to them, and what is known of each at the end.

Never here: what breaks (`faults`), or what must hold (`verdict`).
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

from real.rooms import eager
from trainer.ledger import Ledger, trainer_role

PACE = 0.1
"""seconds that a step of training takes"""


@dataclass
class Job:
    """One declared job, and what was done to it."""

    name: str
    replicas: int
    steps: int
    scope: str
    ledger: Ledger
    declared: float
    """when, by time.monotonic()"""
    ended: float | None = None
    deleted: bool = False
    kills: int = 0
    """processes of it that were killed alone, which is charged to it"""

    def workers(self) -> list[str]:
        return [f"worker-{index}" for index in range(self.replicas)]


def drawn(number: int, folder: Path, chance: Random) -> Job:
    """A job of a few workers that trains for half a minute or less."""
    name = f"train-{number}"
    return Job(
        name=name,
        replicas=chance.randint(1, 4),
        steps=chance.randint(50, 250),
        scope=chance.choice(("Replica", "Job")),
        ledger=Ledger(folder / name),
        declared=time.monotonic(),
    )


def spec(job: Job) -> dict[str, Any]:
    """Its declaration: restarts that don't wait, and as many as it takes."""
    role = trainer_role(job.ledger.folder, job.replicas, steps=job.steps, pace=PACE)
    wanted = eager(worker=role | {"restartScope": job.scope})
    wanted["runPolicy"] |= {"backoffLimit": 1000}
    return wanted
