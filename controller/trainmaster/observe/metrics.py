"""The registry of one controller, and the gauges in it: read off the fleet's kept pictures at the moment of a scrape, so they
can't drift.

Counters and histograms, which only the shell can count, are in master/measures.py. Never here: counting, IO, a decision.
Every metric is listed in docs/metrics.md; a test compares.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from prometheus_client import CollectorRegistry, ProcessCollector, disable_created_metrics
from prometheus_client.core import Metric
from prometheus_client.registry import Collector

from trainmaster.master import clock
from trainmaster.master.picture import FleetPicture
from trainmaster.observe.checkpoint_gauges import checkpoint_gauges
from trainmaster.observe.controller_gauges import controller_gauges
from trainmaster.observe.goodput_gauges import goodput_gauges
from trainmaster.observe.job_gauges import job_gauges
from trainmaster.observe.progress_gauges import progress_gauges


def make_registry(
    picture: Callable[[], FleetPicture], now: Callable[[], float] = clock.now
) -> CollectorRegistry:
    """A registry with the fleet's gauges and those of this process; the caller adds Measures.

    `now` tells seconds since the epoch, on the clock that stamps `FleetPicture.beats`.
    """
    disable_created_metrics()  # type: ignore[no-untyped-call]  # the library has no types; a second series per counter
    registry = CollectorRegistry()
    registry.register(FleetCollector(picture, now))
    ProcessCollector(registry=registry)
    return registry


class FleetCollector(Collector):
    """Makes every gauge anew from one picture per scrape: what ended is simply not in it any more."""

    def __init__(self, picture: Callable[[], FleetPicture], now: Callable[[], float]) -> None:
        self._picture = picture
        self._now = now

    def describe(self) -> Iterable[Metric]:
        return ()  # else the registry would take a picture at start-up, before there is a fleet

    def collect(self) -> Iterator[Metric]:
        fleet = self._picture()
        yield from controller_gauges(fleet, self._now())
        yield from job_gauges(fleet, self._now())
        yield from progress_gauges(fleet)
        yield from goodput_gauges(fleet, self._now())
        yield from checkpoint_gauges(fleet, self._now())
