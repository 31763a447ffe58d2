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
    servers: int
    """processes that go on for ever, as parameter servers do"""
    scope: str
    grace: str
    """terminationGracePeriod"""
    ledger: Ledger
    declared: float
    """when, by time.monotonic()"""
    ended: float | None = None
    deleted: bool = False
    kills: int = 0
    """processes of it that were killed alone, which is charged to it"""

    def others(self) -> list[str]:
        return [f"ps-{index}" for index in range(self.servers)]

    def workers(self) -> list[str]:
        return [f"worker-{index}" for index in range(self.replicas)]


def drawn(number: int, folder: Path, chance: Random) -> Job:
    """A job of a few workers that trains for half a minute or less."""
    name = f"train-{number}"
    return Job(
        name=name,
        replicas=chance.randint(1, 4),
        steps=chance.randint(50, 250),
        servers=chance.choice((0, 0, 1)),
        scope=chance.choice(("Replica", "Job")),
        grace=chance.choice(("0s", "1s", "5s")),
        ledger=Ledger(folder / name),
        declared=time.monotonic(),
    )


def spec(job: Job) -> dict[str, Any]:
    """Its declaration: restarts that don't wait, and as many as it takes."""
    common = {"restartScope": job.scope, "terminationGracePeriod": job.grace}
    roles = {"worker": trainer_role(job.ledger.folder, job.replicas, steps=job.steps, pace=PACE) | common}
    if job.servers:
        roles["ps"] = trainer_role(job.ledger.folder, job.servers, steps=0, pace=PACE) | common
    wanted = eager(**roles)
    wanted["runPolicy"] |= {"backoffLimit": 1000}
    return wanted
