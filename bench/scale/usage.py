"""What the controller and the stand-in had used and counted at one moment, and figures of the time between two."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping

from bench import process
from bench.controller import Controller, buckets
from bench.figures import REFERENCE, Sample, quantile
from bench.many import HEARTBEAT
from bench.scale.lab import StandIn

STALL = "trainmaster_loop_stall_seconds"
LONGEST = "trainmaster_loop_longest_stall_seconds"


class Usage:
    """`at` is on the monotonic clock, CPU in seconds."""

    def __init__(self, ours: Controller, yarn: StandIn) -> None:
        metrics = ours.metrics()
        self.at = time.monotonic()
        self.cpu = process.cpu_seconds(ours.pid)
        self.heartbeats = buckets(metrics, HEARTBEAT)
        self.stalls = buckets(metrics, STALL)
        self.longest = metrics[LONGEST]
        """stretch of the loop, of the last minute or two"""
        self.stand_in_cpu = process.cpu_seconds(yarn.pid)


def spent(when: str, before: Usage, after: Usage) -> Iterator[Sample]:
    """Heartbeats and stalls between the two."""
    beats = _between(before.heartbeats, after.heartbeats)
    seconds = after.at - before.at
    yield _sample(f"{when}, heartbeats", "per s", max(beats.values()) / seconds)
    for share in (0.5, 0.99):
        took = quantile(share, beats)
        if took is not None:
            yield _sample(f"{when}, heartbeat p{100 * share:.0f}", "ms", 1000 * took)
    stalls = _between(before.stalls, after.stalls)
    yield _sample(
        f"{when}, loop stalls above 50 ms", "per min", 60 * (max(stalls.values()) - stalls[0.05]) / seconds
    )
    yield _sample(f"{when}, longest stall is below", "ms", 1000 * _bound(stalls))
    yield _sample(
        f"{when}, CPU of the stand-in", "%", 100 * (after.stand_in_cpu - before.stand_in_cpu) / seconds
    )


def _between(before: Mapping[float, float], after: Mapping[float, float]) -> dict[float, float]:
    return {bound: count - before[bound] for bound, count in after.items()}


def _bound(counts: Mapping[float, float]) -> float:
    """The bound of the bucket that holds the longest."""
    most = max(counts.values())
    return min(bound for bound, count in counts.items() if count == most)


def _sample(figure: str, unit: str, value: float) -> Sample:
    return Sample(figure, REFERENCE, unit, value, process.load())
