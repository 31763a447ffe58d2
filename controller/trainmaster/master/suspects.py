"""Nodes that all jobs of this controller leave alone, put together now and then, for its jobs and for people: those that several
jobs failed on, and those that somebody outside calls bad.

What makes a suspect is plan/suspects.py's, and who outside is believed plan/health.py's. Never here: what a job does about it.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable, Mapping

from trainmaster.plan.health import CalledBad, Told, called_bad
from trainmaster.plan.memory import Memory
from trainmaster.plan.suspects import Owner, Suspect, avoided_by_all, suspects

log = logging.getLogger(__name__)


class FoundSuspects:
    """As they were at the last look."""

    def __init__(self) -> None:
        self.known: tuple[Suspect, ...] = ()
        self.called: tuple[CalledBad, ...] = ()
        self.hosts: frozenset[str] = frozenset()
        """those that all jobs leave alone"""
        self.called_hosts: frozenset[str] = frozenset()
        """those of them that are left alone for what is said of them outside"""
        self.told: dict[str, Told] = {}
        """by source: what was said from outside"""
        self.cleared: Mapping[str, float] = {}
        """by host: when somebody said that it is well again; seconds since the epoch"""
        self._heeded: Mapping[str, float] = {}
        """as it was at the last look"""

    def look(self, jobs: Iterable[tuple[Owner, Memory]], hosts: Collection[str], now: float) -> bool:
        """Put together what these jobs remember, on a cluster of these hosts. Whether any job is to leave other nodes alone
        than before."""
        before, self.known = self.known, suspects(jobs, len(hosts), now, self.cleared)
        _tell({each.host: each for each in before}, self.known)
        avoided = avoided_by_all(self.known)
        called, self.called = self.called, called_bad(self.told, hosts, avoided)
        _tell_called(set(called), set(self.called))
        self.called_hosts = frozenset(each.host for each in self.called if each.avoided)
        alone, self.hosts = self.hosts, avoided | self.called_hosts
        heeded, self._heeded = self._heeded, self.cleared
        return self.hosts != alone or self.cleared != heeded


def _tell(before: dict[str, Suspect], now: Iterable[Suspect]) -> None:
    """Once of each node that comes to be one, and once when it is none any more."""
    for each in now:
        if before.pop(each.host, None) is None:
            said = [f"{w.job}: {w.cause} ({w.times})" for w in each.witnesses]
            about = {"node": each.host, "jobs": each.jobs, "avoided": each.avoided, "evidence": said}
            log.warning("a node failed several jobs", extra=about)
    for host in before:
        log.info("a node that failed several jobs is trusted again", extra={"node": host})


def _tell_called(before: Collection[CalledBad], now: Collection[CalledBad]) -> None:
    """The same of those that are called bad from outside, once they are left alone."""
    was, is_ = ({(each.host, each.source): each for each in of if each.avoided} for of in (before, now))
    for key, each in is_.items():
        if key not in was:
            about = {"node": each.host, "source": each.source, "reason": each.why}
            log.warning("a node is called bad, and left alone", extra=about)
    for host, source in was.keys() - is_.keys():
        log.info("a node that was called bad is trusted again", extra={"node": host, "source": source})
