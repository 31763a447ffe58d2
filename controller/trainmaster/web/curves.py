"""What the roles of a job used in the last hour, as pictures' geometry: a small chart of memory, CPU and GPUs for each. Pure.

Lengths are units of the picture's own system. How it is drawn is curves.svg's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from math import isnan
from typing import Final

from trainmaster.api.status import ResourceStatus, RoleStatus
from trainmaster.observe.use.curves import KEPT, Curve, Sample, told

WIDTH: Final = 320.0
HEIGHT: Final = 70.0
TOP: Final = 6.0
GAP: Final = 3
"""minutes without a sample across which a line goes on"""
HEADROOM: Final = 1.1
MOST_ROLES: Final = 20


@dataclass(frozen=True, slots=True)
class Chart:
    """One quantity of one role."""

    title: str
    now: str
    """its last value, and what was asked for"""
    mean: tuple[str, ...]
    """points of each stretch of the line of a replica on the average"""
    most: tuple[str, ...]
    """the same of the replica with most"""
    limit: float | None
    """height of what each replica asked for; None where it lies outside"""


@dataclass(frozen=True, slots=True)
class RoleCharts:
    role: str
    charts: tuple[Chart, ...]


@dataclass(frozen=True, slots=True)
class _Quantity:
    title: str
    mean: Callable[[Sample], float]
    most: Callable[[Sample], float]
    asked: Callable[[ResourceStatus], float]
    words: Callable[[float], str]
    full: float = 0.0
    """what the axis reaches at least"""


def _gib(mebibytes: float) -> str:
    return f"{mebibytes / 1024:.1f} GiB"


def _number(value: float) -> str:
    return f"{value:.1f}"


def _percent(ratio: float) -> str:
    return f"{ratio * 100:.0f} %"


QUANTITIES: Final = (
    _Quantity("Memory", lambda s: s.memory, lambda s: s.memory_most, lambda a: a.memory_mib, _gib),
    _Quantity("CPU cores", lambda s: s.cores, lambda s: s.cores_most, lambda a: a.vcores, _number, 0.1),
    _Quantity("GPUs busy", lambda s: s.gpu, lambda s: s.gpu, lambda _: 0.0, _percent, 1.0),
)


def charts_of(curves: Mapping[str, Curve], roles: Mapping[str, RoleStatus], now: float) -> list[RoleCharts]:
    """By role, in the order of the job; those of which something is known. `now` is in seconds since the epoch."""
    found = []
    for name, role in list(roles.items())[:MOST_ROLES]:
        if curve := curves.get(name):
            known = [s for s in told(curve) if s.minute > now / 60 - KEPT - 1]
            charts = tuple(_chart(each, known, role.asked, now) for each in QUANTITIES if _known(each, known))
            found += [RoleCharts(name, charts)] if charts else []
    return found


def _known(quantity: _Quantity, known: list[Sample]) -> bool:
    return any(not isnan(quantity.mean(s)) for s in known)


def _chart(quantity: _Quantity, known: list[Sample], asked: ResourceStatus, now: float) -> Chart:
    samples = [s for s in known if not isnan(quantity.mean(s))]
    limit, highest = quantity.asked(asked), max(quantity.most(s) for s in samples)
    # A request far above all that was used is told in words: it would press the line flat.
    top = max(highest, quantity.full, limit if limit <= 4 * highest else 0.0) * HEADROOM or 1.0
    of = f" of {quantity.words(limit)}" if limit else ""
    return Chart(
        quantity.title,
        quantity.words(quantity.mean(samples[-1])) + of,
        tuple(_lines(samples, quantity.mean, top, now)),
        tuple(_lines(samples, quantity.most, top, now)),
        _height(limit, top) if limit and limit <= top else None,
    )


def _lines(samples: list[Sample], value: Callable[[Sample], float], top: float, now: float) -> Iterator[str]:
    """Points of each stretch without a gap; a sample that stands alone is as wide as a minute."""
    points: list[str] = []
    before = 0.0
    for sample in samples:
        if points and sample.minute - before > GAP:
            yield _stretch(points)
            points = []
        before = sample.minute
        points.append(f"{_place(sample.minute, now)},{_height(value(sample), top)}")
    yield _stretch(points)


def _stretch(points: list[str]) -> str:
    if len(points) > 1:
        return " ".join(points)
    x, y = points[0].split(",")
    return f"{x},{y} {float(x) + WIDTH / KEPT:.1f},{y}"


def _place(minute: float, now: float) -> float:
    """A minute's sample was taken as it began."""
    return round(min(WIDTH, max(0.0, WIDTH * (1 - (now / 60 - minute) / KEPT))), 1)


def _height(value: float, top: float) -> float:
    return round(TOP + (HEIGHT - TOP) * (1 - min(1.0, value / top)), 1)
