"""Whose turn it is to gather a gang. Two gangs must never wait for each other, each holding a part of what the other lacks.

A job claims of everything that bounds it: its user's share, its queue and those above, its partition (bounds.py). Whoever fits
beside all claims before it may ask. Whoever doesn't fit somewhere may ask there only if nobody else who needs the same resource
asks: so a part is held by one job alone, and all others that ask can be served whatever it takes.
What a full queue can't give, its jobs don't claim of the partition: they hold up nobody but their own queue.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from trainmaster.plan.bounds import UNKNOWN, Bound, Bounds
from trainmaster.plan.cluster import NOTHING, Size, largest, smallest

T = TypeVar("T")
STEP = 250
"""jobs that are gone through in one step: a millisecond or two. Only putting all of them in order is one step"""


@dataclass(frozen=True, slots=True)
class Waiting:
    """A job that gathers a gang or wants to."""

    uid: str
    since: float
    """when it began to wait: the order of the line"""
    priority: int
    """counts among the jobs of one user in one queue, as it does in YARN: no one jumps other people's queues by a number"""
    needs: Size
    """what isn't granted yet of its gang"""
    queue: str = ""
    user: str = ""
    name: str = ""
    """namespace/name, for people"""
    gang: Size = NOTHING
    """what must be granted together"""
    containers: tuple[Size, ...] = ()
    """the sizes of its containers"""
    possible: bool = True
    """whether today's nodes would do if they were empty; a job that they can't hold stands in nobody's way"""
    holds: bool = False
    """a part is granted, or may be by now: such a turn isn't taken back, whoever comes"""
    stuck: bool = False
    """it had its turn and room for long enough, and was granted nothing: it asks on, and claims nothing"""


@dataclass(frozen=True, slots=True)
class Turn:
    """Whether a job may ask now, and what is in its way."""

    may: bool
    bound: str = ""
    """what has no room for it; empty where all have"""
    wants: Size = NOTHING
    before: int = 0
    """how many go before it there: roughly, or the sentence would change for everybody with each one that leaves"""
    first: str = ""
    """the first of those, for people"""
    note: str = ""
    """what else is to be said"""

    @property
    def words(self) -> str:
        """One sentence for people; empty when nothing is in its way."""
        if self.note or not self.bound:
            return self.note
        if self.may:
            return f"{self.bound} has no room for all of it yet"
        jobs = "1 job is" if self.before == 1 else f"{self._at_most} jobs are"
        # Of a long line nobody is named: the sentence would change for everybody with each one that leaves.
        named = f", {self.first} first" if self.first and self.before < 4 else ""
        return f"it wants {self.wants} of {self.bound}; {jobs} before it in line there{named}"

    @property
    def _at_most(self) -> str:
        return f"up to {self.before}" if self.before > 4 else str(self.before)


FREE = Turn(True)
"""nothing is in its way"""


@dataclass(slots=True)
class _Level:
    """One bound while the line is gone through."""

    bound: Bound
    said: str
    left: Size
    used: int = 0
    """resources that somebody who may ask needs"""
    short: int = 0
    """resources of which somebody who may ask needs more than there is"""
    before: int = 0
    """jobs that came here so far"""
    first: str = ""
    """the name of the first of them"""


@dataclass(slots=True)
class _Standing:
    """One job while the line is gone through."""

    job: Waiting
    kinds: int
    claim: Size
    chain: list[_Level]
    """its bounds, the narrowest first and its partition last"""
    lacking: _Level | None = None
    """where it doesn't fit, the narrowest bound first"""
    behind: _Level | None = None
    """where somebody is before it, so that it may not ask"""
    place: int = 0
    rank: int = 0
    """at a partition those come first who hold a part, and those last whom their own queue can't serve now"""

    @property
    def waits(self) -> bool:
        """Whether somebody before it takes all that there is: then it claims nothing further."""
        return self.behind is not None and bool(self.kinds & self.behind.short)


@dataclass
class Round:
    """Once through the line. Who comes to its end later is judged by what is left then."""

    bounds: Bounds
    gone: Iterable[Waiting] = ()
    """jobs that left since the last look at YARN: what they needed is granted by now, though the look doesn't know"""
    _levels: dict[str, _Level] = field(default_factory=dict)
    _chains: dict[tuple[str, str], list[_Level]] = field(default_factory=dict)
    _last_rank: int = 0
    turns: dict[str, Turn] = field(default_factory=dict)
    """what came out of it; of jobs that today's nodes can't hold nothing is said"""

    def through(self, waiting: Iterable[Waiting]) -> dict[str, Turn]:
        """Everybody's turn."""
        for _ in self.steps(waiting):
            pass
        return self.turns

    def steps(self, waiting: Iterable[Waiting]) -> Iterator[None]:
        """The same in steps of `STEP` jobs, between which something else may be done: a line may be thousands long."""
        for job in self.gone:
            for level in self._chain(job):
                level.left = level.left - job.needs
        line = in_order(job for job in waiting if job.possible)
        yield
        standing: list[_Standing] = []
        for part in parts([job for job in line if not job.stuck]):
            standing.extend(map(self._at_queues, part))
            yield
        for ranked in parts(sorted(standing, key=_rank)):
            for one in ranked:
                self._at_partition(one)
            yield
        self.turns = {job.uid: self._stuck(job) for job in line if job.stuck}
        for judged in parts(standing):
            self.turns.update((one.job.uid, _turn(one)) for one in judged)
            yield

    def last(self, job: Waiting) -> Turn | None:
        """The turn of a job that comes now, after all others; None where it would go before some of them."""
        if not job.possible:
            return Turn(False)
        one, before = self._at_queues(job), self._last_rank
        self._at_partition(one)
        return None if one.rank < before and one.behind is one.chain[-1] else _turn(one)

    def _chain(self, job: Waiting) -> list[_Level]:
        key = job.queue, job.user
        if key not in self._chains:
            self._chains[key] = [self._level(name) for name in self.bounds.chain(*key)]
        return self._chains[key]

    def _level(self, name: str) -> _Level:
        if name not in self._levels:
            bound = self.bounds.known.get(name, UNKNOWN)
            self._levels[name] = _Level(bound, f"{bound.name} ({bound.most} in all)", bound.left)
        return self._levels[name]

    def _at_queues(self, job: Waiting) -> _Standing:
        one = _Standing(job, _kinds(job.needs), job.needs, self._chain(job))
        for level in one.chain[:-1]:
            if not one.waits:
                _claim(one, level)
        one.rank = 0 if job.holds else 1 if one.lacking is None else 2
        return one

    def _at_partition(self, one: _Standing) -> None:
        self._last_rank = max(self._last_rank, one.rank)
        if not one.waits:
            _claim(one, one.chain[-1])

    def _stuck(self, job: Waiting) -> Turn:
        """It may ask as long as nobody alone holds what it would take from him if it were served at last."""
        kinds, chain = _kinds(job.needs), self._chain(job)
        held_back = next((level.bound for level in chain if level.bound.held_back), None)
        words = "nothing is granted to it, though nodes have room"
        if held_back:
            words = f"{words}; {held_back.name} lets {held_back.held_back} applications wait, mostly for its share of masters"
        return Turn(not any(kinds & level.short for level in chain), note=words)


def parts(line: Sequence[T]) -> Iterator[Sequence[T]]:
    """A line in pieces of `STEP`."""
    return (line[start : start + STEP] for start in range(0, len(line), STEP))


def _claim(one: _Standing, level: _Level) -> None:
    """Claim of one bound what those before leave, and see whether somebody is before it there."""
    level.before += 1
    level.first = level.first or one.job.name
    waits = one.kinds & level.short and not one.job.holds
    short = one.kinds if waits else _short(one.claim, level.left)
    if short and one.lacking is None:
        one.lacking = level
    if one.behind is None and (waits or (short & level.used and not one.job.holds)):
        one.behind, one.place = level, level.before - 1
    if one.behind is None:
        level.used, level.short = level.used | one.kinds, level.short | short
    if not waits:
        one.claim, level.left = _part(one.claim, level.left), level.left - one.claim


def _turn(one: _Standing) -> Turn:
    if one.behind:
        return Turn(False, one.behind.said, one.job.needs, _roughly(one.place), one.behind.first)
    return Turn(True, one.lacking.said) if one.lacking else FREE


def _rank(one: _Standing) -> int:
    return one.rank


def turns(waiting: Iterable[Waiting], bounds: Bounds) -> Mapping[str, Turn]:
    """Whose turn it is; of jobs that today's nodes can't hold nothing is said."""
    return Round(bounds).through(waiting)


def in_order(waiting: Iterable[Waiting]) -> list[Waiting]:
    """First those that hold a part, then by time; among one user's jobs in one queue priority decides who gets whose place."""
    groups: dict[tuple[str, str], list[Waiting]] = {}
    for job in waiting:
        groups.setdefault((job.queue, job.user), []).append(job)
    placed: list[tuple[bool, float, str, Waiting]] = []
    for group in groups.values():
        times = sorted(job.since for job in group)
        ranked = sorted(group, key=lambda job: (-job.priority, job.since, job.uid))
        placed.extend((not job.holds, at, job.uid, job) for job, at in zip(ranked, times, strict=True))
    return [job for *_, job in sorted(placed, key=lambda place: place[:3])]


def _kinds(size: Size) -> int:
    """The resources that are wanted at all, a bit for each."""
    return (size.memory > 0) | (size.vcores > 0) << 1 | (size.gpus > 0) << 2


def _short(claim: Size, left: Size) -> int:
    """The resources of which more is claimed than is left."""
    short = (claim.memory > left.memory) | (claim.vcores > left.vcores) << 1 | (claim.gpus > left.gpus) << 2
    return short & _kinds(claim)


def _part(claim: Size, left: Size) -> Size:
    """What can be had of a claim: no container is without memory and a core."""
    if left.memory <= 0 or left.vcores <= 0:
        return NOTHING
    return smallest(claim, largest(left, NOTHING))


def _roughly(count: int) -> int:
    """1, 2, 3, 4, 8, 16, ..."""
    return count if count < 4 else 1 << (count - 1).bit_length()
