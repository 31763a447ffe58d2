"""What became of the time of runs, summed up by user, queue, job, cause or node. Pure: records in, rows out."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from trainmaster.api.history import EndedRun
from trainmaster.cli.bill import key_of

CLASSES = (
    "Training",
    "Idle",
    "Queued",
    "Gathering",
    "Starting",
    "Replaying",
    "Stalled",
    "Recovering",
    "Stopping",
)
LOST_BY = ("cause", "node")
"""what only lost time is summed up by"""


@dataclass
class Row:
    """The runs of one user, queue and so on."""

    key: str
    runs: int = 0
    hours: dict[str, float] = field(default_factory=dict)
    """of replicas, by class"""
    containers: float = 0.0
    gpus: float = 0.0
    """hours that were held"""
    trained: float = 0.0
    """hours of containers"""
    trained_gpus: float = 0.0
    unknown: int = 0
    """runs of which it isn't known"""

    def add(self, run: EndedRun) -> None:
        self.runs += 1
        if run.spent is None:
            self.unknown += 1
            return
        for name, each in run.spent.items():
            hours = (each.waiting_seconds + each.container_seconds) / 3600
            self.hours[name] = self.hours.get(name, 0.0) + hours
            self.containers += each.container_seconds / 3600
            self.gpus += each.gpu_seconds / 3600
        if training := run.spent.get("Training"):
            self.trained += training.container_seconds / 3600
            self.trained_gpus += training.gpu_seconds / 3600

    @property
    def ratio(self) -> float | None:
        """What part of what was held was training: of GPUs where there were any, else of containers."""
        held, trained = (self.gpus, self.trained_gpus) if self.gpus else (self.containers, self.trained)
        return trained / held if held else None

    def told(self) -> dict[str, Any]:
        """By name; hours with four digits behind the point."""
        hours = {f"{name.lower()}_hours": round(self.hours.get(name, 0.0), 4) for name in CLASSES}
        ratio = None if self.ratio is None else round(self.ratio, 4)
        held = {"gpu_hours": round(self.gpus, 4), "container_hours": round(self.containers, 4)}
        return {"key": self.key, "runs": self.runs, "goodput": ratio, **hours, **held}


def summed(runs: Iterable[EndedRun], by: str) -> tuple[list[Row], Row]:
    """A row for each user, queue, namespace, framework or job, and one of all together; those that held most come first."""
    rows: dict[str, Row] = {}
    total = Row("total")
    for run in runs:
        key = key_of(run, by)
        rows.setdefault(key, Row(key)).add(run)
        total.add(run)
    return sorted(rows.values(), key=lambda row: (-row.gpus, -row.containers, row.key)), total


@dataclass
class Cost:
    """What failures of one cause, or on one node, cost."""

    key: str
    runs: int = 0
    hours: float = 0.0
    """of replicas"""

    def told(self) -> dict[str, Any]:
        """By name."""
        return {"key": self.key, "runs": self.runs, "lost_hours": round(self.hours, 4)}


def costs(runs: Iterable[EndedRun], by: str) -> tuple[list[Cost], Cost]:
    """A row for each cause or node, the largest first, and one of all together."""
    rows: dict[str, Cost] = {}
    total = Cost("total")
    for run in runs:
        found = run.lost_by_cause if by == "cause" else run.lost_by_node
        total.runs += bool(found)
        for key, seconds in found.items():
            row = rows.setdefault(key, Cost(key))
            row.runs += 1
            for each in (row, total):
                each.hours += seconds / 3600
    return sorted(rows.values(), key=lambda row: (-row.hours, row.key)), total
