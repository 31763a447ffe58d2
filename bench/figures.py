"""What was measured, and what becomes of it: samples in, one record per figure and system out. Pure."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

REFERENCE = "trainmaster"
"""the system that ratios are taken to"""


@dataclass(frozen=True, slots=True)
class Sample:
    """One measurement."""

    figure: str
    system: str
    unit: str
    value: float
    load: float
    """runnable processes of the machine, mean of the last minute, when it was taken"""


@dataclass(frozen=True, slots=True)
class Record:
    """All samples of one figure and system."""

    figure: str
    system: str
    unit: str
    n: int
    median: float
    min: float
    max: float
    ratio: float | None
    """median over trainmaster's; None where trainmaster has none, or has zero"""
    load: float
    """median over the samples"""


def summarise(samples: Iterable[Sample]) -> list[Record]:
    """One record per figure and system, in the order in which they first appeared."""
    groups: dict[tuple[str, str], list[Sample]] = {}
    for sample in samples:
        groups.setdefault((sample.figure, sample.system), []).append(sample)
    medians = {key: _median(group) for key, group in groups.items()}
    return [_record(group, medians) for group in groups.values()]


def _median(group: list[Sample]) -> float:
    return statistics.median(sample.value for sample in group)


def _record(group: list[Sample], medians: Mapping[tuple[str, str], float]) -> Record:
    figure, system, unit = group[0].figure, group[0].system, group[0].unit
    values, median = [sample.value for sample in group], medians[figure, system]
    reference = medians.get((figure, REFERENCE))
    return Record(
        figure=figure,
        system=system,
        unit=unit,
        n=len(values),
        median=median,
        min=min(values),
        max=max(values),
        ratio=median / reference if reference else None,
        load=statistics.median(sample.load for sample in group),
    )


def quantile(q: float, buckets: Mapping[float, float]) -> float | None:
    """The `q` quantile of a Prometheus histogram: cumulated counts by upper bound, infinity included.

    Linear within a bucket, as Prometheus' histogram_quantile; the last finite bound for what lies above it. None of
    nothing.
    """
    bounds = sorted(buckets)
    rank = q * (buckets[bounds[-1]] if bounds else 0)
    if not rank:
        return None
    below, lower = 0.0, 0.0
    for bound in bounds[:-1]:
        if buckets[bound] >= rank:
            return lower + (bound - lower) * (rank - below) / (buckets[bound] - below)
        below, lower = buckets[bound], bound
    return lower
