"""How evenly the event loop turns: for how long it worked at a stretch, without a look at what came in meanwhile.

Every heartbeat waits for the stretch that is under way, so the longest ones tell how late an answer may be read. Measured at the
loop's own selector, exactly and without a timer: an idle controller isn't woken for it. Never here: what took so long.
"""

from __future__ import annotations

import asyncio
import selectors
import time
from bisect import bisect_left
from collections.abc import Callable, Iterator

from prometheus_client.core import GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

BOUNDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""seconds; what is shorter than the first is work, and no stall"""
WINDOW = 60.0
"""seconds of which the longest stall is kept, and as many before them: every scrape that is no rarer sees each one"""


class Stalls(Collector):
    """Counts the stretches of the loop that `new_loop` makes."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._counts = [0] * (len(BOUNDS) + 1)
        self._sum = 0.0
        self._window_began = now()
        self._longest = self._longest_before = 0.0

    def new_loop(self) -> asyncio.AbstractEventLoop:
        return asyncio.SelectorEventLoop(WatchedSelector(self, self._now))

    def took(self, seconds: float) -> None:
        """The loop worked for so long at a stretch."""
        if seconds < BOUNDS[0]:
            return
        self._counts[bisect_left(BOUNDS, seconds)] += 1
        self._sum += seconds
        self._turn_window()
        self._longest = max(self._longest, seconds)

    def longest(self) -> float:
        """The longest stretch of the last one to two windows; 0 where none was a stall."""
        self._turn_window()
        return max(self._longest, self._longest_before)

    def _turn_window(self) -> None:
        windows = (self._now() - self._window_began) // WINDOW
        if windows:
            self._longest_before = self._longest if windows == 1 else 0.0
            self._longest = 0.0
            self._window_began += windows * WINDOW

    def describe(self) -> Iterator[Metric]:
        return self.collect()

    def collect(self) -> Iterator[Metric]:
        stalls = HistogramMetricFamily(
            "trainmaster_loop_stall_seconds",
            "Stretches for which the controller's event loop read no answer; those of 10 ms and more.",
        )
        stalls.add_metric([], self._buckets(), self._sum)
        yield stalls
        yield GaugeMetricFamily(
            "trainmaster_loop_longest_stall_seconds",
            "The longest of these stretches in the last one to two minutes.",
            value=self.longest(),
        )

    def _buckets(self) -> list[tuple[str, float]]:
        bounds = [*map(str, BOUNDS), "+Inf"]
        return [(bound, sum(self._counts[: i + 1])) for i, bound in enumerate(bounds)]


AT_ONCE = 24
"""connections that are read, or written to, in one turn of the loop: after a delay hundreds of answers have come, and each has
its master go on"""


class WatchedSelector(selectors.DefaultSelector):
    """Whatever lies between two of its waits is one stretch of work. It is kept short: what is ready beyond `AT_ONCE` still is so
    at the next wait, which doesn't wait then, and has its turn before what had one."""

    def __init__(self, stalls: Stalls, now: Callable[[], float]) -> None:
        super().__init__()
        self._took, self._now = stalls.took, now
        self._woken_at = now()
        self._served: set[int] = set()

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        self._took(self._now() - self._woken_at)
        try:
            return self._few(super().select(timeout))
        finally:
            self._woken_at = self._now()

    def _few(self, ready: list[tuple[selectors.SelectorKey, int]]) -> list[tuple[selectors.SelectorKey, int]]:
        if len(ready) <= AT_ONCE:
            self._served.clear()
            return ready
        before = self._served
        few = sorted(ready, key=lambda each: each[0].fd in before)[:AT_ONCE]
        fds = {key.fd for key, _ in few}
        self._served = fds if fds & before else before | fds
        return few
