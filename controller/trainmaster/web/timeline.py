"""The lives of a job's processes as a picture's geometry: rows of replicas, bars of lives, marks on the time axis. Pure.

Lengths are units of the picture's own system, `WIDTH` of them from edge to edge. How it is drawn is timeline.svg's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final
from urllib.parse import quote

from trainmaster.observe.ages import short_age
from trainmaster.plan.ends import INFRASTRUCTURE, Cause, Life
from trainmaster.plan.memory import Memory
from trainmaster.plan.past import life_of

WIDTH: Final = 1000.0
LABELS: Final = 110.0
"""left of the axis"""
ROW: Final = 20.0
TOP: Final = 24.0
"""above the first row: the phases of the job"""
MOST: Final = 40
"""replicas that are drawn: of those with most lives, the first ones"""
MARKS: Final = 6
STEPS: Final = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400)
"""seconds between two marks; more than the last by whole days"""
LETTER: Final = 6.2
"""width of one in a bar"""

TONES: Final[Mapping[str, str]] = {
    Cause.SUCCEEDED: "done",
    Cause.STOPPED: "calm",
    "": "calm",
    Cause.CONSEQUENCE: "calm",
    **dict.fromkeys(INFRASTRUCTURE, "warn"),
}
"""colours by the cause of an end; any other cause is bad"""


@dataclass(frozen=True, slots=True)
class Bar:
    """A span of time."""

    x: float
    width: float
    tone: str
    text: str
    """what is written in it, where it has room"""
    title: str
    """what is told of it when it is pointed at, and to who can't see it"""
    href: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """One replica."""

    name: str
    y: float
    bars: tuple[Bar, ...]


@dataclass(frozen=True, slots=True)
class Mark:
    x: float
    text: str


@dataclass(frozen=True, slots=True)
class Timeline:
    phases: tuple[Bar, ...]
    rows: tuple[Row, ...]
    marks: tuple[Mark, ...]
    left_out: int
    """replicas that aren't drawn"""
    begins: str
    """day and time at the axis's left end"""

    @property
    def height(self) -> float:
        return TOP + ROW * len(self.rows) + 18


@dataclass(frozen=True, slots=True)
class _Axis:
    begins: float
    ends: float

    def at(self, time: float) -> float:
        share = (min(max(time, self.begins), self.ends) - self.begins) / (self.ends - self.begins)
        return round(LABELS + share * (WIDTH - LABELS), 1)

    def bar(self, began: float, ended: float, tone: str, text: str, title: str, href: str = "") -> Bar:
        x = self.at(began)
        width = max(2.0, round(self.at(ended) - x, 1))
        return Bar(x, width, tone, text if len(text) * LETTER < width - 8 else "", title, href)


def timeline_of(memory: Memory | None, now: float) -> Timeline | None:
    """What is known of this run's processes; None of a job that nothing was started of."""
    lives = _lives(memory) if memory else []
    if memory is None or not lives:
        return None
    begins = min([*(life.began for life in lives), *([memory.queued_at] if memory.queued_at else [])])
    axis = _Axis(begins, max(_end(memory, now), begins + 1.0))
    shown, left_out = _chosen(memory, lives)
    rows = tuple(
        Row(name, TOP + ROW * at, tuple(_bar(axis, life, now) for life in several))
        for at, (name, several) in enumerate(shown.items())
    )
    return Timeline(_phases(axis, memory, lives, now), rows, _marks(axis), left_out, _clock(begins))


def _lives(memory: Memory) -> list[Life]:
    """Of this run alone: earlier runs have pages of their own. Those from before it was suspended belong to it."""
    before = memory.past_runs[-1].verdict.at if memory.past_runs else 0.0
    over = [life for life in memory.lives if life.began > before]
    return [*over, *(life_of(r) for r in memory.replicas if r.bound)]


def _end(memory: Memory, now: float) -> float:
    return (memory.verdict.at if memory.verdict and memory.closed_at else 0.0) or now


def _chosen(memory: Memory, lives: Sequence[Life]) -> tuple[dict[str, list[Life]], int]:
    """Lives by replica, in the order of the job; whoever was restarted is shown first where there are too many."""
    by_name: dict[str, list[Life]] = {str(r.key): [] for r in memory.replicas}
    for life in lives:
        by_name.setdefault(str(life), []).append(life)
    lived = [name for name, several in by_name.items() if several]
    kept = set(sorted(lived, key=lambda name: -len(by_name[name]))[:MOST])
    return {name: by_name[name] for name in lived if name in kept}, len(lived) - len(kept)


def _bar(axis: _Axis, life: Life, now: float) -> Bar:
    ended = life.ended or now
    tone = "good" if not life.ended else TONES.get(life.cause, "bad")
    href = f"logs/{quote(life.container, safe='')}/stderr" if life.http else ""
    return axis.bar(life.began, ended, tone, life.host, _title(life, ended), href)


def _title(life: Life, ended: float) -> str:
    """worker-0, run 2, on node1: 2025-06-15 12:00:03 to 12:04:10 (4m7s), Retryable (exit code 137)"""
    until = _span(life.began, ended) if life.ended else f"{_clock(life.began)} to now"
    code = f" (exit code {life.code})" if life.code is not None else ""
    end = f"{life.cause or 'told to go'}{code}" if life.ended else "running or starting"
    return f"{life}, run {life.run}, on {life.host}: {until} ({short_age(ended - life.began)}), {end}"


def _phases(axis: _Axis, memory: Memory, lives: Sequence[Life], now: float) -> tuple[Bar, ...]:
    """Since it was accepted or resumed: when it waited, started, and ran with all processes, as far as that is remembered."""
    end = memory.verdict.at if memory.verdict else memory.closing_since or now
    times = (
        ("Waiting", "busy", memory.queued_at, memory.active_since or end),
        (*_until_all_ran(memory, lives), memory.active_since, memory.started_at or end),
        ("Running", "good", memory.started_at, end),
    )
    return tuple(
        axis.bar(began, ended, tone, said, f"{said}: {_span(began, ended)}")
        for said, tone, began, ended in times
        if began and ended > began
    )


def _until_all_ran(memory: Memory, lives: Sequence[Life]) -> tuple[str, str]:
    """Since when all processes run isn't remembered of a job that ended, and of one that restarted only since it did."""
    until = memory.started_at
    restarted = any(memory.active_since < life.ended <= (until or life.ended) for life in lives)
    return ("Active", "busy") if memory.closing_since or memory.verdict or restarted else ("Starting", "busy")


def _marks(axis: _Axis) -> tuple[Mark, ...]:
    span = axis.ends - axis.begins
    step = next((s for s in STEPS if span / s <= MARKS), 86400 * max(1, round(span / 86400 / MARKS)))
    times = (n * step for n in range(int(span // step) + 1))
    return tuple(Mark(axis.at(axis.begins + at), short_age(at)) for at in times)


def _clock(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M:%S")


def _span(began: float, ended: float) -> str:
    """The day is said once where it is the same."""
    (day, _), (last_day, time) = _clock(began).split(), _clock(ended).split()
    return f"{_clock(began)} to {time if last_day == day else _clock(ended)}"
