"""Asks that the scheduler threw out, and when they are made again.

A refusal is a fact of a moment: what is granted at most is capped by today's largest node (ClusterNodeTracker.
getMaxAllowedAllocation), and nodes come back. So a refused ask is made again when the cluster has grown, and after a pause that
grows with each refusal, since other things that YARN refuses for (a label, a limit) change without a word.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from trainmaster.master import clock

PAUSE, LONGEST = 5.0, 300.0
"""seconds until an ask is made again after its first refusal, and at most; doubled each time"""


NONE: Mapping[int, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class _Refusal:
    words: str
    growth: int
    """how the cluster was when it was refused"""
    pause: float
    again_at: float


class Refused:
    """By allocation request id."""

    def __init__(self, growth: Callable[[], int]) -> None:
        """`growth` tells a number that rises when the cluster grows."""
        self._growth = growth
        self._refusals: dict[int, _Refusal] = {}

    def __bool__(self) -> bool:
        return bool(self._refusals)

    @property
    def words(self) -> Mapping[int, str]:
        if not self._refusals:
            return NONE
        return {number: refusal.words for number, refusal in self._refusals.items()}

    def note(self, numbers: Iterable[int], words: str) -> None:
        now, growth = clock.monotonic(), self._growth()
        for number in numbers:
            before = self._refusals.get(number)
            pause = min(LONGEST, before.pause * 2) if before else PAUSE
            self._refusals[number] = _Refusal(words, growth, pause, now + pause)

    def taken(self, numbers: Collection[int]) -> None:
        """These the scheduler has taken in now."""
        if not self._refusals:
            return
        self._refusals = {n: refusal for n, refusal in self._refusals.items() if n not in numbers}

    def keep(self, numbers: Collection[int]) -> None:
        """Others are not wanted any more."""
        self._refusals = {n: refusal for n, refusal in self._refusals.items() if n in numbers}

    def holds_back(self, number: int) -> bool:
        """Whether it is not to be asked for now."""
        refusal = self._refusals.get(number)
        return (
            refusal is not None and clock.monotonic() < refusal.again_at and self._growth() == refusal.growth
        )
