"""What training processes told of their steps, as values, and what that says of the job as a whole. Pure.

Lives here: the newest report of each process, the sum that people are shown, and who is slower than the others. Never here: what
follows from silence (hangs.py).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache

from trainmaster.api.progress_status import ProgressStatus, StragglerStatus
from trainmaster.api.status import timestamp
from trainmaster.plan.memory import Key, Memory, ReplicaMemory

SLOW = 0.75
"""a process is a straggler whose rate is below this part of the best one's of its role, or of its own best"""
STEPS_TO_TELL = 5
"""steps within the time that a rate is of, below which nobody is called slow"""


@dataclass(frozen=True, slots=True)
class Reported:
    """The newest of what one process told."""

    run: int
    generation: int
    """run and generation tell the process from those before it"""
    step: int
    total: int | None
    moved_at: float
    """when its step was another one last; seconds since the epoch"""
    heard_at: float
    rate: float = 0.0
    """steps a second over the last half minute; 0 where that isn't known yet"""
    best: float = 0.0
    """the best such rate of this process"""
    steps: int = 0
    """those that the rate is made of"""
    metrics: Mapping[str, float] = field(default_factory=dict)

    def of(self, replica: ReplicaMemory, memory: Memory) -> bool:
        """Whether it is the present process of this replica that told it, or the one that ended with success."""
        if self.generation != memory.generation:
            return False
        if replica.done:
            return self.run in (replica.run, replica.run - 1)  # it rises when all is given back
        return replica.bound and self.run == replica.run


@dataclass(frozen=True, slots=True)
class Reports:
    """All that was heard of one job."""

    until: float = 0.0
    """time up to which the door has listened and told; 0 where nobody listens"""
    of: Mapping[Key, Reported] = field(default_factory=dict)
    ready: Mapping[Key, tuple[int, int]] = field(default_factory=dict)
    """run and generation of the newest process of each replica that was found ready"""
    plain: bool = True
    """whether processes reach the door by plain HTTP, as who looks whether one is ready does"""

    def by(self, replica: ReplicaMemory, memory: Memory) -> Reported | None:
        """What its present process told, or the one that ended with success; None where that told nothing."""
        report = self.of.get(replica.key)
        return report if report is not None and report.of(replica, memory) else None


NO_REPORTS = Reports()


@dataclass(frozen=True, slots=True)
class Straggler:
    """One process that is slower than its peers, or than it was."""

    key: Key
    node: str
    rate: float
    best: float
    """what it is compared with: the best rate of its role; its own where no other of its role makes steps"""


@dataclass(frozen=True, slots=True)
class Progress:
    """Of a whole job, as people are shown it: seldom, so that it costs few writes."""

    step: int
    total: int | None
    rate: float
    """steps a second; 0 where it isn't known"""
    heard_at: float
    metrics: tuple[tuple[str, float], ...] = ()
    """the training's own, as the furthest told them, by name"""
    stragglers: tuple[Straggler, ...] = ()

    @property
    def ends_at(self) -> float | None:
        """When the last step is taken at this rate; None where that can't be said."""
        if self.total is None or not self.rate:
            return None
        return self.heard_at + max(0, self.total - self.step) / self.rate


def progress_of(memory: Memory, reports: Reports) -> Progress | None:
    """Of the processes that run now; None where none of them told anything. The furthest speaks for the job."""
    told = list(_present(memory, reports))
    if not told:
        return None
    _, furthest = max(told, key=lambda each: (each[1].step, each[1].rate))
    totals = [report.total for _, report in told if report.total is not None]
    return Progress(
        step=furthest.step,
        total=max(totals, default=None),
        rate=furthest.rate,
        heard_at=max(report.heard_at for _, report in told),
        metrics=tuple(sorted(furthest.metrics.items())),
        stragglers=_stragglers(told),
    )


def _present(memory: Memory, reports: Reports) -> Iterable[tuple[ReplicaMemory, Reported]]:
    for replica in memory.replicas:
        if report := reports.by(replica, memory):
            yield replica, report


def _stragglers(told: Iterable[tuple[ReplicaMemory, Reported]]) -> tuple[Straggler, ...]:
    """The slowest of each role, where it is slow. All of a gang that steps together have one rate, and nobody is named."""
    by_role: dict[str, list[tuple[ReplicaMemory, Reported]]] = {}
    for replica, report in told:
        if report.rate and report.steps >= STEPS_TO_TELL:
            by_role.setdefault(replica.key.role, []).append((replica, report))
    found = (_slowest(of_role) for of_role in by_role.values())
    return tuple(each for each in found if each)


def _slowest(of_role: list[tuple[ReplicaMemory, Reported]]) -> Straggler | None:
    replica, report = min(of_role, key=lambda each: each[1].rate)
    best = max(each.rate for _, each in of_role) if len(of_role) > 1 else report.best
    if report.rate >= SLOW * best:
        return None
    return Straggler(replica.key, replica.host, report.rate, best)


@lru_cache(256)
def shown(progress: Progress | None) -> ProgressStatus | None:
    """As it stands in a status."""
    if progress is None:
        return None
    return ProgressStatus(
        step=progress.step,
        total=progress.total,
        steps_per_second=_digits(progress.rate) or None,
        estimated_completion_time=timestamp(int(progress.ends_at)) if progress.ends_at else None,
        last_report_time=timestamp(int(progress.heard_at)),
        stragglers=tuple(
            StragglerStatus(
                role=each.key.role,
                index=each.key.index,
                node=each.node,
                steps_per_second=_digits(each.rate),
                best_steps_per_second=_digits(each.best),
            )
            for each in progress.stragglers
        ),
    )


def _digits(rate: float) -> float:
    return float(f"{rate:.3g}")
