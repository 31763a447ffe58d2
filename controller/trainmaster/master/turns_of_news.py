"""Whose status is written next. Never here: the writing.

What somebody waits for goes first: that there is anything of a job which has just come, then a new state or an event. A job that
is only shown again, as all are after a start, can wait. Each of the three lines gets a turn now and then, and in each of them
tenants have turns.
"""

from __future__ import annotations

from enum import IntEnum


class Rank(IntEnum):
    """How much somebody waits for a status; the first goes first."""

    FIRST = 0
    """nothing is shown yet of a job that has just come"""
    NEWS = 1
    """its state is another, or something happened"""
    CALM = 2
    """it is only shown again"""


ROUND = (Rank.FIRST, Rank.NEWS, Rank.FIRST, Rank.FIRST, Rank.NEWS, Rank.FIRST, Rank.FIRST, Rank.CALM)
"""whose line is asked first at each turn; where nobody waits there, the others follow in order"""


class Line:
    """Jobs by tenant: one tenant's flood delays another's by one write."""

    def __init__(self) -> None:
        self._waiting: dict[str, dict[str, None]] = {}

    def add(self, tenant: str, uid: str) -> None:
        self._waiting.setdefault(tenant, {})[uid] = None

    def leave(self, uid: str) -> None:
        for jobs in self._waiting.values():
            jobs.pop(uid, None)

    def next(self) -> str:
        """Whose turn it is, empty when nobody's."""
        while self._waiting:
            tenant = next(iter(self._waiting))
            jobs = self._waiting.pop(tenant)
            if jobs:
                uid = next(iter(jobs))
                del jobs[uid]
                self._waiting[tenant] = jobs  # at the end of the line
                return uid
        return ""


class Turns:
    """The three lines."""

    def __init__(self) -> None:
        self._lines = {rank: Line() for rank in Rank}
        self._given = 0

    def add(self, tenant: str, uid: str, rank: Rank) -> None:
        """Again with a higher rank, it changes over to that line; one that stands there stays."""
        for lower in range(rank + 1, len(Rank)):
            self._lines[Rank(lower)].leave(uid)
        self._lines[rank].add(tenant, uid)

    def leave(self, uid: str) -> None:
        for line in self._lines.values():
            line.leave(uid)

    def next(self) -> str:
        """Whose turn it is, empty when nobody's."""
        first = ROUND[self._given % len(ROUND)]
        self._given += 1
        order = (first, *Rank)
        uid = next((found for rank in order if (found := self._lines[rank].next())), "")
        self.leave(uid)
        return uid
