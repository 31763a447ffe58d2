"""Nodes that a job asks nothing of for a while, because something failed there that lies at the node.

Lives here: for how long, which they are at a moment, and what is said of them. A job that has no room left without them asks for
all. Never here: which failures lie at a node (ruling.py), or what several jobs make of theirs (suspects.py).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Set

from trainmaster.plan.case import Case
from trainmaster.plan.cluster import Size
from trainmaster.plan.memory import Avoided, Memory, ReplicaMemory
from trainmaster.plan.order import present
from trainmaster.plan.restart import joining

FIRST = 600.0
"""seconds for which a node is avoided after the first failure there; doubled with each further one"""
MOST = 4 * 3600.0
TOGETHER = 60.0
"""seconds within which the ends of several processes on one node are one failure of it"""
NOBODY: Mapping[str, float] = {}
HOSTS = 50
"""remembered at most, the newest"""
NAMED = 3
"""of the hosts, in a sentence"""


def avoiding(known: tuple[Avoided, ...], host: str, now: float, cause: str = "") -> tuple[Avoided, ...]:
    """The hosts to be avoided, with one more failure on this one."""
    before = next((one for one in still(known, now) if one.host == host), None)
    times = before.times + (now - before.at >= TOGETHER) if before else 1
    others = tuple(one for one in still(known, now) if one.host != host)
    return (*others, Avoided(host, now + _length(times), times, cause, now))[-HOSTS:]


def still(
    known: tuple[Avoided, ...], now: float, cleared: Mapping[str, float] = NOBODY
) -> tuple[Avoided, ...]:
    """Those of which something is remembered: a failure counts for as long again as it had the node avoided, unless the node was
    `cleared` since."""
    remembered = (one for one in known if now < one.until + _length(one.times))
    return tuple(one for one in remembered if cleared.get(one.host, 0.0) <= one.at)


def avoided_now(known: tuple[Avoided, ...], now: float) -> frozenset[str]:
    """The hosts of which nothing is to be asked now."""
    return frozenset(one.host for one in known if now < one.until)


def _length(times: int) -> float:
    return min(MOST, FIRST * 2.0 ** (times - 1))


def avoided(case: Case, memory: Memory) -> frozenset[str]:
    """Hosts of which nothing is to be asked now: those that failed to start something that waits, or failed the job; and those
    that failed several jobs, where it has room without them as well."""
    own, all_ = _own(case, memory), _of_all(case, memory)
    return next(
        (hosts for hosts in (own | all_, own) if hosts and _leaves_room(case, memory, hosts)), frozenset()
    )


def _own(case: Case, memory: Memory) -> frozenset[str]:
    waiting = _waiting(case, memory)
    if not waiting:
        return frozenset()
    known = still(memory.avoided, case.now, case.seen.cleared)
    return frozenset(host for r in waiting for host in _left_by(case, r)) | avoided_now(known, case.now)


def _left_by(case: Case, replica: ReplicaMemory) -> Iterator[str]:
    """Hosts where it could not be started, unless they were cleared since."""
    last = replica.last_exit.at if replica.last_exit else 0.0
    return (host for host in replica.avoid if case.seen.cleared.get(host, 0.0) <= last)


def _of_all(case: Case, memory: Memory) -> frozenset[str]:
    return case.seen.suspects if case.seen.suspects and _waiting(case, memory) else frozenset()


def _waiting(case: Case, memory: Memory) -> list[ReplicaMemory]:
    if memory.closing_since or memory.verdict:
        return []
    waiting = [r for r in present(case, memory) if not r.bound and not r.done]
    return [*waiting, *joining(memory)]


def _leaves_room(case: Case, memory: Memory, hosts: Set[str]) -> bool:
    """Whether at least half of the nodes are left, and all of the job's present stage has room on them."""
    cluster = case.seen.cluster
    if cluster is None:
        return False
    known = cluster.picture.by_host
    gone = [known[host] for host in hosts if host in known]
    if 2 * (len(known) - len(gone)) < len(known) or not known:
        return False
    lost = [node.total for node in gone if node.partition == cluster.partition]
    left = Counter(cluster.picture.alike.get(cluster.partition, {}))
    left.subtract(lost)
    sizes = Counter(case.size(r.key) for r in (*present(case, memory), *joining(memory)))
    gang = sum((size.times(n) for size, n in sizes.items()), Size())
    # Whole containers, not only sums: what is left on each node may be too small for another one.
    whole = all(size.goes_into_all(left) >= n for size, n in sizes.items())
    return whole and gang.fits(cluster.total - sum(lost, Size()))


def said(case: Case, memory: Memory) -> str:
    """Who is left alone for all jobs' sake, or why nobody is; empty where that is nobody's concern."""
    own, all_, now = _own(case, memory), _of_all(case, memory), avoided(case, memory)
    if (own or all_) and not now and case.seen.cluster is not None:
        why = "are called bad" if own | all_ <= case.seen.called else "failed"
        return f"no node is left alone, though {_names(own | all_)} {why}: too little room would be left"
    shared = all_ & now - own
    called = shared & case.seen.called
    parts = {"having failed several jobs": shared - called, "called bad from outside": called}
    return "; ".join(f"left alone, {why}: {_names(hosts)}" for why, hosts in parts.items() if hosts)


def _names(hosts: Set[str]) -> str:
    """Three at most."""
    names, more = sorted(hosts)[:NAMED], len(hosts) - NAMED
    return f"{', '.join(names)} and {more} more" if more > 0 else ", ".join(names)
