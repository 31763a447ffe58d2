"""The line of jobs that gather a gang, and whose turn it is now. The rule is plan/turns.py's; here it is kept up to date.

Room is what the last look at the nodes said, less what was promised to jobs since: the look is seconds old, and two jobs must
not both be let in for the same room.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from trainmaster.plan.turns import Waiting, turns
from trainmaster.plan.values import Size


class Line:
    """Who waits, and who may ask."""

    def __init__(
        self, room: Callable[[], tuple[Size, float]], call: Callable[[str], None] = lambda _: None
    ) -> None:
        """`room` gives free resources and the time of the look that found them; `call` is told whose turn has come."""
        self._room, self._call = room, call
        self._waiting: dict[str, Waiting] = {}
        self._promised: dict[str, Size] = {}
        """by uid: what those whose turn has come needed when the nodes were looked at last, or when it came"""
        self._looked_at = 0.0
        self._turns: frozenset[str] = frozenset()
        self._stale = True

    def join(self, job: Waiting) -> bool:
        """Stand in line, or go on standing with new needs; whether it is this job's turn."""
        if self._waiting.get(job.uid) != job:
            self._waiting[job.uid] = job
            self._stale = True
        self._renew()
        if job.uid in self._turns:
            self._promised.setdefault(job.uid, job.needs)
        return job.uid in self._turns

    def leave(self, uid: str) -> None:
        """The gang is complete, or no longer wanted. What was promised counts until the nodes are looked at again."""
        if self._waiting.pop(uid, None):
            before, self._stale = self._turns, True
            self._renew()
            for called in self._turns - before:
                self._call(called)

    def _renew(self) -> None:
        free, looked_at = self._room()
        if looked_at != self._looked_at:
            self._looked_at, self._stale = looked_at, True
            self._promised = {uid: self._waiting[uid].needs for uid in self._promised if uid in self._waiting}
        if self._stale:
            gone = (size for uid, size in self._promised.items() if uid not in self._waiting)
            self._turns = turns(map(self._standing, self._waiting.values()), free - sum(gone, Size()))
            self._stale = False

    def _standing(self, job: Waiting) -> Waiting:
        """As the rule is to see it: what was granted since the last look at the nodes is not free, though no longer needed."""
        promised = self._promised.get(job.uid)
        return replace(job, needs=promised, gathers=True) if promised is not None else job
