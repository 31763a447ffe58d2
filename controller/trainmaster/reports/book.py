"""What the door knows: which jobs live, and what each of their processes told last. No IO and no clock: times are handed in.

Memory is bounded by what is declared: one entry for each replica of a live job, with a few numbers and a few metrics by short
names. Never here: HTTP.
"""

from __future__ import annotations

import json
import math
import re
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

GAP = 0.5
"""seconds between two reports of one process at least; it is asked for one a second"""
READY_AGAIN = 20.0
"""seconds between two words that a process is ready: a door that was opened anew has heard nothing"""
METRICS = 16
"""names of metrics of one job at most"""
NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_./-]{0,63}")
LARGEST = 2**53
"""steps are whole numbers that any JSON reader keeps exact"""
MARK, MARKS = 5.0, 7
"""seconds between two points that a rate is made of, and how many of them are kept: half a minute"""
A_SECOND = 2000
"""reports in each second that are asked for at most, of all processes together"""
ROWS = 1000
"""replicas of a job that are handed on in a second: larger jobs' reports come the more seldom"""


class RefusalError(Exception):
    """A report that isn't taken: an HTTP status, and one sentence."""

    def __init__(self, status: int, words: str) -> None:
        super().__init__(words)
        self.status, self.words = status, words


@dataclass(frozen=True, slots=True)
class Job:
    """One that lives."""

    token: str = field(repr=False)
    roles: Mapping[str, int]
    """replicas by role"""


@dataclass(frozen=True, slots=True)
class Place:
    """Which process tells something."""

    role: str
    index: int
    run: int
    generation: int

    @property
    def process(self) -> tuple[int, int]:
        return self.generation, self.run


@dataclass(frozen=True, slots=True)
class Report:
    """What it tells, checked."""

    step: int
    total: int | None
    metrics: Mapping[str, float]


@dataclass(slots=True)
class Entry:
    """What is kept of one replica's newest process."""

    place: Place
    step: int
    heard_at: float
    moved_at: float
    """when it told another step than before"""
    raw: int
    """the step that it told last, though it may have been behind"""
    total: int | None = None
    metrics: Mapping[str, float] = field(default_factory=dict)
    best: float = 0.0
    marks: deque[tuple[float, int]] = field(default_factory=lambda: deque(maxlen=MARKS))

    def rate(self) -> tuple[float, int]:
        """Steps a second, and of how many that is."""
        if len(self.marks) < 2:
            return 0.0, 0
        (since, first), (until, last) = self.marks[0], self.marks[-1]
        return (last - first) / (until - since), last - first

    def row(self) -> list[object]:
        """As it is handed on (master/reports.py reads it)."""
        rate, steps = self.rate()
        me = self.place
        return [
            *(me.role, me.index, me.run, me.generation, self.step, self.total),
            *(round(self.moved_at, 3), round(self.heard_at, 3)),
            *(round(rate, 6), round(self.best, 6), steps, dict(self.metrics)),
        ]


@dataclass(slots=True)
class Heard:
    """Of one job."""

    entries: dict[tuple[str, int], Entry] = field(default_factory=dict)
    names: set[str] = field(default_factory=set)
    ready: dict[tuple[str, int], tuple[Place, float]] = field(default_factory=dict)
    """of each replica the newest process that was found ready, and when that was told last"""
    begun: int = 0
    """processes that were heard for the first time, or found ready"""
    changed: bool = False
    told_at: float = -math.inf


class Book:
    """Of one door. Times are seconds of the monotonic clock."""

    def __init__(self) -> None:
        self.jobs: Mapping[str, Job] = {}
        self._heard: dict[str, Heard] = {}
        self._reporters = 0

    def live(self, jobs: Mapping[str, Job]) -> None:
        """These jobs and no others; what is known of the others is forgotten."""
        self.jobs = jobs
        self._heard = {uid: heard for uid, heard in self._heard.items() if uid in jobs}
        self._count()

    def take(self, uid: str, place: Place, report: Report, now: float) -> float:
        """Note one report of a live job; the seconds after which the next one is welcome. Raises RefusalError."""
        heard = self._heard.setdefault(uid, Heard())
        heard.changed = True
        where = (place.role, place.index)
        entry = heard.entries.get(where)
        if entry and place.process < entry.place.process:
            raise RefusalError(409, "a newer process has taken the place of this one")
        if entry is None or place != entry.place:
            heard.entries[where] = self._begun(heard, place, report, now)
            self._count()
        else:
            self._goes_on(heard, entry, report, now)
        return max(1.0, self._reporters / A_SECOND)

    def found_ready(self, uid: str, place: Place, now: float) -> float:
        """Note that a process of a live job is ready; told again it is no news. The seconds after which it may be told once more.
        Raises RefusalError."""
        heard = self._heard.setdefault(uid, Heard())
        where = (place.role, place.index)
        known, at = heard.ready.get(where, (None, -math.inf))
        if known and place.process < known.process:
            raise RefusalError(409, "a newer process has taken the place of this one")
        if place == known and now - at < GAP:
            raise RefusalError(429, "that was told a moment ago")
        heard.ready[where] = place, now
        if place != known:
            heard.begun += 1
            heard.changed = True
        return READY_AGAIN

    def too_soon(self, uid: str, place: Place, now: float) -> bool:
        """Whether this process told something a moment ago."""
        heard = self._heard.get(uid)
        entry = heard.entries.get((place.role, place.index)) if heard else None
        return entry is not None and entry.place == place and now - entry.heard_at < GAP

    def _begun(self, heard: Heard, place: Place, report: Report, now: float) -> Entry:
        heard.begun += 1
        entry = Entry(place, report.step, now, now, report.step, report.total, self._metrics(heard, report))
        entry.marks.append((now, report.step))
        return entry

    def _goes_on(self, heard: Heard, entry: Entry, report: Report, now: float) -> None:
        """A step that goes back is refused, and yet it is a sign that something moves: nobody is taken for hung by it."""
        entry.heard_at = now
        if report.step != entry.raw:
            entry.raw, entry.moved_at = report.step, now
        if report.step < entry.step:
            raise RefusalError(
                409, f"step {report.step} is behind {entry.step}, which this process told before"
            )
        entry.total, entry.metrics = report.total, self._metrics(heard, report)
        if report.step > entry.step:
            entry.step = report.step
            if now - entry.marks[-1][0] >= MARK:
                entry.marks.append((now, report.step))
                entry.best = max(entry.best, entry.rate()[0] if len(entry.marks) == MARKS else 0.0)

    @staticmethod
    def _metrics(heard: Heard, report: Report) -> Mapping[str, float]:
        """Those whose names the job has used from the start: the names of one job are few."""
        for name in report.metrics:
            if len(heard.names) < METRICS:
                heard.names.add(name)
        return {name: value for name, value in report.metrics.items() if name in heard.names}

    def _count(self) -> None:
        self._reporters = sum(len(heard.entries) for heard in self._heard.values())

    def blind(self, seconds: float) -> None:
        """So long nobody could be heard: that time doesn't count as standing still."""
        for heard in self._heard.values():
            for entry in heard.entries.values():
                entry.moved_at += seconds
            heard.changed = True

    def news(self, now: float) -> Iterator[str]:
        """Lines for the controller: each job of which something was heard, and then up to when all has been told.

        Of a large job that is told more seldom, so that each second carries about the same; until it is told, it is named.
        """
        late = []
        for uid, heard in self._heard.items():
            if not heard.changed:
                continue
            if now - heard.told_at < (len(heard.entries) + len(heard.ready)) / ROWS:
                late.append(uid)
                continue
            heard.changed, heard.told_at = False, now
            rows = [entry.row() for entry in heard.entries.values()]
            ready = [[p.role, p.index, p.run, p.generation] for p, _ in heard.ready.values()]
            line = {"job": uid, "begun": heard.begun, "rows": rows, "ready": ready}
            yield json.dumps(line, separators=(",", ":"))
        yield json.dumps({"until": now, "late": late})


def place_of(job: Job, role: str, *numbers: str) -> Place:
    """Where a report comes from. Raises RefusalError for what the job hasn't."""
    if not all(len(number) < 11 and number.isascii() and number.isdigit() for number in numbers):
        raise RefusalError(404, "index, run and generation are whole numbers")
    index, run, generation = map(int, numbers)
    if index >= job.roles.get(role, 0):
        raise RefusalError(404, f"the job has no replica {role[:63]}-{index}")
    return Place(role, index, run, generation)


def report_of(document: object) -> Report:
    """A report as it was sent. Raises RefusalError with what is wrong, and what would be right."""
    if not isinstance(document, dict):
        raise RefusalError(
            400, 'a report is a JSON object such as {"step": 10, "total": 100, "metrics": {"loss": 0.5}}'
        )
    if unknown := sorted(document.keys() - {"step", "total", "metrics"}):
        raise RefusalError(400, f"a report has no field {unknown[0][:40]!r}, only step, total and metrics")
    total = document.get("total")
    return Report(
        _whole("step", document.get("step")),
        None if total is None else _whole("total", total),
        _numbers(document.get("metrics") or {}),
    )


def _whole(name: str, value: object) -> int:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not number or not 0 <= value <= LARGEST or value != int(value):  # type: ignore[operator, call-overload]
        raise RefusalError(400, f"{name} is a whole number from 0 to {LARGEST}")
    return int(value)  # type: ignore[call-overload, no-any-return]


def _numbers(metrics: object) -> Mapping[str, float]:
    if not isinstance(metrics, dict):
        raise RefusalError(400, "metrics is an object of names and numbers")
    if len(metrics) > METRICS:
        raise RefusalError(400, f"a job has {METRICS} metrics at most")
    for name, value in metrics.items():
        if not NAME.fullmatch(name):
            raise RefusalError(
                400, f"{name[:64]!r} is no name of a metric: letters, digits and _ . / -, 64 at most"
            )
        if isinstance(value, bool) or not isinstance(value, int | float) or not _fits(value):
            raise RefusalError(400, f"the metric {name} is a finite number")
    return {name: float(value) for name, value in metrics.items()}


def _fits(value: float) -> bool:
    try:
        return math.isfinite(float(value))
    except OverflowError:
        return False
