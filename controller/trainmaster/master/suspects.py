"""Nodes that all jobs of this controller leave alone, put together now and then, for its jobs and for people: those that several
jobs failed on, and those that somebody outside calls bad.

What makes a suspect is plan/suspects.py's, who outside is believed plan/health.py's, and how many may come to be
left alone plan/exclusions.py's. Never here: what a job does about it.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable, Mapping, Set
from dataclasses import replace

from trainmaster.plan.exclusions import Exclusions
from trainmaster.plan.health import CalledBad, Told, called_bad
from trainmaster.plan.memory import Memory
from trainmaster.plan.suspects import Owner, Suspect, as_judged, avoided_by_all, suspects

log = logging.getLogger(__name__)


class FoundSuspects:
    """As they were at the last look. `budget`: how many nodes may come to be left alone within an hour."""

    def __init__(self, budget: int = 20) -> None:
        self._budget = budget
        self._judged: Exclusions | None = None
        """none before the first look since this controller leads"""
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

    @property
    def held_back(self) -> int:
        """Nodes that would be left alone by all, and aren't since the budget of this hour is spent."""
        return len(self._judged.late) if self._judged else 0

    def takes_over(self) -> None:
        """This controller leads from now on: what jobs remember was decided on by others."""
        self._judged = None

    def look(
        self,
        jobs: Iterable[tuple[Owner, Memory]],
        hosts: Collection[str],
        now: float,
        complete: bool = True,
    ) -> bool:
        """Put together what these jobs remember, `complete` if they are all, on a cluster of these hosts. Whether any job is to
        leave other nodes alone than before."""
        found = suspects(jobs, len(hosts), now, self.cleared)
        avoided = avoided_by_all(found)
        bad = called_bad(self.told, hosts, avoided)
        proposed = avoided | {each.host for each in bad if each.avoided}
        judged = self._judged or Exclusions()
        if self._judged is None or not complete:
            judged = judged.taken_over(proposed, now)
        else:
            judged = judged.judged(proposed, self._budget, now)
        if hosts:  # before YARN was asked nothing can be proposed, so that was no look
            self._judged = judged
        allowed = judged.allowed
        before, self.known = self.known, as_judged(found, judged)
        _tell({each.host: each for each in before}, self.known)
        called, self.called = self.called, tuple(_left_alone(each, allowed) for each in bad)
        _tell_called(set(called), set(self.called))
        avoided &= allowed
        self.called_hosts = frozenset(each.host for each in self.called if each.avoided)
        alone, self.hosts = self.hosts, avoided | self.called_hosts
        heeded, self._heeded = self._heeded, self.cleared
        return self.hosts != alone or self.cleared != heeded


def _left_alone(each: CalledBad, allowed: Set[str]) -> CalledBad:
    return replace(each, avoided=each.avoided and each.host in allowed)


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
