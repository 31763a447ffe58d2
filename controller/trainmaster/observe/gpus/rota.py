"""When which node is asked: seldom, never twice at once, and the more rarely the more often it failed. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from heapq import nsmallest

LONGEST_PAUSE = 600.0
"""seconds after which also a node is asked again that has always failed: its NodeManager may have been restarted"""


class Rota:
    """By node: when it is asked next. Times are monotonic seconds."""

    def __init__(self, interval: float) -> None:
        self._interval = interval
        self._next: dict[str, float] = {}
        self._failures: dict[str, int] = {}
        self._asked: set[str] = set()

    def due(self, nodes: Iterable[str], now: float, most: int | None = None) -> list[str]:
        """Those of these nodes to be asked now, of many the first `most` whose time came; they count as asked until `answered`.
        Others are forgotten when their time comes: short jobs that come and go don't have a node asked more often."""
        wanted = set(nodes)
        self._next = {node: at for node, at in self._next.items() if node in wanted or at > now}
        self._failures = {node: n for node, n in self._failures.items() if node in self._next}
        ready = [node for node in wanted if node not in self._asked and self._next.get(node, now) <= now]
        first = nsmallest(len(ready) if most is None else most, ((self._next.get(n, now), n) for n in ready))
        self._asked.update(node for _, node in first)
        return sorted(node for _, node in first)

    def answered(self, node: str, now: float, *, well: bool) -> None:
        """It is asked again an interval later, or after twice the last pause where it failed."""
        self._asked.discard(node)
        failures = self._failures[node] = 0 if well else self._failures.get(node, 0) + 1
        longest = max(LONGEST_PAUSE, self._interval)
        self._next[node] = now + min(longest, self._interval * 2 ** min(max(0, failures - 1), 16))
