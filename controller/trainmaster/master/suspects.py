"""The nodes that several jobs of this controller failed on: put together now and then, for its jobs and for people.

What makes a suspect is plan/suspects.py's. Never here: what a job does about it.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable

from trainmaster.plan.memory import Memory
from trainmaster.plan.suspects import Suspect, avoided_by_all, suspects

log = logging.getLogger(__name__)


class FoundSuspects:
    """As they were at the last look."""

    def __init__(self) -> None:
        self.known: tuple[Suspect, ...] = ()
        self.hosts: frozenset[str] = frozenset()
        """those that all jobs leave alone"""

    def look(self, jobs: Iterable[Memory], nodes: int, now: float) -> bool:
        """Put together what these jobs remember; whether other nodes are to be left alone than before."""
        before, self.known = self.known, suspects(jobs, nodes, now)
        _tell({each.host: each for each in before}, self.known)
        hosts, self.hosts = self.hosts, avoided_by_all(self.known)
        return hosts != self.hosts


def _tell(before: dict[str, Suspect], now: Iterable[Suspect]) -> None:
    """Once of each node that comes to be one, and once when it is none any more."""
    for each in now:
        if before.pop(each.host, None) is None:
            said = [f"{w.job}: {w.cause} ({w.times})" for w in each.witnesses]
            about = {"node": each.host, "jobs": each.jobs, "avoided": each.avoided, "evidence": said}
            log.warning("a node failed several jobs", extra=about)
    for host in before:
        log.info("a node that failed several jobs is trusted again", extra={"node": host})
