"""What training processes told of their steps, by job, as the reports door handed it in. No decision.

The lines are kept as they came, and read when somebody wants to know: of a thousand jobs that tell each second a few are asked
about in one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from trainmaster.json_text import loads
from trainmaster.master import clock
from trainmaster.plan.memory import Key, Memory, ReplicaMemory
from trainmaster.plan.progress import NO_REPORTS, Reported, Reports

URL, TOKEN = "TRAINMASTER_STATUS_URL", "TRAINMASTER_STATUS_TOKEN"
"""what a process is told of the door"""


class FoundReports:
    """Of one controller. `url` is the door's address as processes reach it; empty where there is none."""

    def __init__(self) -> None:
        self.url = ""
        self._until = 0.0
        self._late: dict[str, float] = {}
        """jobs of which something was heard that isn't told yet, and up to when all of theirs was told"""
        self._lines: dict[str, bytes] = {}
        self._read: dict[str, Reports] = {}

    def told_to(self, memory: Memory, replica: ReplicaMemory) -> Mapping[str, str]:
        """The variables by which a process of this replica that is started now reports; none where there is no door. They are
        secret, so they stand in the launch alone."""
        token = memory.application.report_token if memory.application else ""
        if not self.url or not token:
            return {}
        key = replica.key
        where = f"{self.url}/reports/{memory.uid}/{key.role}/{key.index}/{replica.run}/{memory.generation}"
        return {URL: where, TOKEN: token}

    def put(self, uid: str, line: bytes) -> None:
        """All that is known of one job, as it came."""
        self._lines[uid] = line
        self._read.pop(uid, None)

    def told(self, until: float, late: Iterable[str]) -> None:
        """All that was heard up to then (monotonic) has been told, save of those jobs."""
        self._late = {uid: self._late.get(uid, self._until) for uid in late}
        self._until = until

    def closed(self) -> None:
        """The door is gone, and with it what it knew."""
        self._until, self._late = 0.0, {}
        self._lines.clear()
        self._read.clear()

    def keep_only(self, uids: Iterable[str]) -> None:
        """Forget the others: they are over."""
        self._lines = {uid: self._lines[uid] for uid in uids if uid in self._lines}
        self._read = {uid: read for uid, read in self._read.items() if uid in self._lines}

    def of(self, uid: str) -> Reports:
        """Of one job. Monotonic times come out as times of day: they are compared with each other."""
        until = self._late.get(uid, self._until)
        if not until:
            return NO_REPORTS
        day = clock.now() - clock.monotonic()
        if uid not in self._read:
            line = self._lines.get(uid)
            rows = loads(line)["rows"] if line else ()
            self._read[uid] = Reports(0.0, {Key(row[0], row[1]): _reported(row, day) for row in rows})
        return Reports(until + day, self._read[uid].of)


def _reported(row: list[Any], day: float) -> Reported:
    """Of a row of reports/book.py."""
    _, _, run, generation, step, total, moved, heard, rate, best, steps, metrics = row
    return Reported(run, generation, step, total, moved + day, heard + day, rate, best, steps, metrics)
