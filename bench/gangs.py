"""A gang of 8 that loses one of its processes: until all 8 run again, in place, and beside it through new containers."""

from __future__ import annotations

import os
import random
import shlex
import signal
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml

from bench import process, stamps
from bench.controller import Spec, Trainmaster, whole
from bench.figures import Sample
from bench.systems import MEMORY, TASK
from bench.yarn import until

SIZE = 8
FIGURE = f"kill -9 of one of {SIZE} to all {SIZE} in the new generation"
KEPT = f"containers kept, of {SIZE}"
PATIENCE = 90.0
"""seconds that each may take"""
CALM = (2.0, 4.0)
"""seconds for which all run before the next"""


@dataclass
class Gang:
    """One job of one controller, and where its processes note their starts."""

    system: str
    ours: Trainmaster
    noted: Path
    starts: int = 0
    """how many there have been"""

    def begins(self) -> None:
        text = yaml.safe_dump(whole(_spec(self.noted))).encode()
        self.ours.files.replace(self.ours.layout.job("gang.yaml"), text)
        self.all_start()

    def all_start(self) -> float:
        """When the last of the next 8 processes started."""
        self.starts += SIZE
        wanted = self.starts
        until(f"{wanted} starts in {self.noted}", lambda: len(stamps.read(self.noted)) >= wanted, PATIENCE)
        return stamps.read(self.noted)[wanted - 1].when

    def loses_one(self, chance: random.Random) -> Iterator[Sample]:
        before = stamps.read(self.noted)[-SIZE:]
        killed = time.time()
        os.kill(chance.choice(before).pid, signal.SIGKILL)
        seconds = self.all_start() - killed
        yield Sample(FIGURE, self.system, "s", seconds, process.load())
        held = {stamp.container for stamp in before}
        kept = sum(stamp.container in held for stamp in stamps.read(self.noted)[-SIZE:])
        yield Sample(KEPT, self.system, "", kept, process.load())


def measure(gangs: Sequence[Gang], runs: int, chance: random.Random) -> Iterator[Sample]:
    """They take turns. Their jobs end with the cluster."""
    for gang in gangs:
        gang.begins()
    for _ in range(runs):
        for gang in gangs:
            time.sleep(chance.uniform(*CALM))
            yield from gang.loses_one(chance)


def _spec(noted: Path) -> Spec:
    worker = {
        "replicas": SIZE,
        "restartScope": "Job",
        "resources": {"memory": f"{MEMORY}Mi"},
        "command": f"{shlex.join((str(TASK), 'worker', str(noted)))} sleep 6000",
    }
    policy = {"backoff": {"base": "0s"}, "backoffLimit": 1000}
    return {"framework": "Generic", "runPolicy": policy, "roles": {"worker": worker}}
