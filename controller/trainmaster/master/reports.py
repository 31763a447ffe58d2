"""What training processes told of their steps, by job, as the reports door handed it in. No decision.

The lines are kept as they came, and read when somebody wants to know: of a thousand jobs that tell each second a few are asked
about in one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import inf
from typing import Any

from trainmaster.api.status import JobStatus
from trainmaster.json_text import loads
from trainmaster.master import clock
from trainmaster.plan.memory import Key, Memory, ReplicaMemory
from trainmaster.plan.progress import NO_REPORTS, Progress, Reported, Reports, progress_of

URL, TOKEN = "TRAINMASTER_STATUS_URL", "TRAINMASTER_STATUS_TOKEN"
"""what a process is told of the door"""

SHOWN, SHOWN_A_SECOND = 30.0, 10
"""seconds between two statuses for a job's progress at least, and such statuses in a second at most"""


class FoundReports:
    """Of one controller. `url` is the door's address as processes reach it; empty where there is none."""

    def __init__(self) -> None:
        self.url = ""
        self._until = 0.0
        self._late: dict[str, float] = {}
        """jobs of which something was heard that isn't told yet, and up to when all of theirs was told"""
        self._lines: dict[str, bytes] = {}
        self._read: dict[str, Reports] = {}
        self._shown: dict[str, tuple[float, Progress | None]] = {}
        """by job: when what is shown of it was made, and what that is"""

    def told_to(self, memory: Memory, replica: ReplicaMemory) -> Mapping[str, str]:
        """The variables by which a process of this replica that is started now reports; none where there is no door. They are
        secret, so they stand in the launch alone."""
        token = memory.application.report_token if memory.application else ""
        if not self.url or not token:
            return {}
        key = replica.key
        where = f"{self.url}/reports/{memory.uid}/{key.role}/{key.index}/{replica.run}/{memory.generation}"
        return {URL: where, TOKEN: token}

    @staticmethod
    def allowed(memory: Memory, status: JobStatus | None) -> tuple[str, Mapping[str, int]] | None:
        """The token with which a job's processes report, and its replicas by role; None where none may."""
        application = memory.application
        if application is None or not application.report_token or not status or memory.closing_since:
            return None
        return application.report_token, {name: role.wanted for name, role in status.roles.items()}

    def put(self, uid: str, line: bytes, read: Reports | None = None) -> None:
        """All that is known of one job, as it came, and what it says where that was read already."""
        self._lines[uid] = line
        self._read.pop(uid, None)
        if read:
            self._read[uid] = read

    def told(self, until: float, late: Iterable[str]) -> None:
        """All that was heard up to then (monotonic) has been told, save of those jobs."""
        self._late = {uid: self._late.get(uid, self._until) for uid in late}
        self._until = until

    def due(self, uid: str) -> bool:
        """Whether what is shown of it has become old."""
        return clock.monotonic() - self._shown.get(uid, (-inf, None))[0] >= self._pace

    @property
    def _plain(self) -> bool:
        return not self.url.lower().startswith("https:")

    @property
    def _pace(self) -> float:
        """Seconds: the more jobs report, the more seldom each status is written for it."""
        return max(SHOWN, len(self._lines) / SHOWN_A_SECOND)

    def progress(self, memory: Memory) -> Progress | None:
        """What is shown of a job: renewed when it is due, and when its processes are others."""
        uid = memory.uid
        at, shown = self._shown.get(uid, (-inf, None))
        if shown is None or self.due(uid) or memory.verdict:
            made = progress_of(memory, self.of(uid))
            if made or uid in self._shown:
                at, shown = clock.monotonic(), made or shown
                self._shown[uid] = at, shown
        return shown

    def closed(self) -> None:
        """The door is gone, and with it what it knew."""
        self._until, self._late = 0.0, {}
        self._lines.clear()
        self._read.clear()

    def keep_only(self, uids: Iterable[str]) -> None:
        """Forget the others: they are over."""
        self._lines = {uid: self._lines[uid] for uid in uids if uid in self._lines}
        self._read = {uid: read for uid, read in self._read.items() if uid in self._lines}
        self._shown = {uid: shown for uid, shown in self._shown.items() if uid in self._lines}

    def of(self, uid: str) -> Reports:
        """Of one job. Monotonic times come out as times of day: they are compared with each other."""
        until = self._late.get(uid, self._until)
        if not until:
            return NO_REPORTS
        day = clock.now() - clock.monotonic()
        if uid not in self._read:
            line = self._lines.get(uid)
            self._read[uid] = Unread(line, day).read() if line else NO_REPORTS
        read = self._read[uid]
        return Reports(until + day, read.of, read.ready, self._plain)

    def unread(self) -> Mapping[str, Unread]:
        """All of them, frozen and by job, for whoever reads them beside the loop."""
        day = clock.now() - clock.monotonic()
        return {uid: Unread(line, day) for uid, line in self._lines.items()}


@dataclass(frozen=True, slots=True)
class Unread:
    """A job's reports as they came."""

    line: bytes
    day: float
    """what makes a time of day of a monotonic one"""

    def read(self) -> Reports:
        said = loads(self.line)
        of = {Key(row[0], row[1]): _reported(row, self.day) for row in said["rows"]}
        return Reports(0.0, of, {Key(row[0], row[1]): (row[2], row[3]) for row in said.get("ready", ())})


def _reported(row: list[Any], day: float) -> Reported:
    """Of a row of reports/book.py."""
    _, _, run, generation, step, total, moved, heard, rate, best, steps, metrics = row
    return Reported(run, generation, step, total, moved + day, heard + day, rate, best, steps, metrics)
