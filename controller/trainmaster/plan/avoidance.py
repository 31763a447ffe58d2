"""Nodes that this job asks nothing of for a while, because something failed there that lies at the node.

Lives here: for how long, and how that is said. Which hosts are avoided at a moment asks.py reads. Never here: which failures lie
at a node (ruling.py).
"""

from __future__ import annotations

from trainmaster.plan.memory import Avoided

FIRST = 600.0
"""seconds for which a node is avoided after the first failure there; doubled with each further one"""
MOST = 4 * 3600.0
HOSTS = 50
"""remembered at most, the newest"""


def avoiding(known: tuple[Avoided, ...], host: str, now: float) -> tuple[Avoided, ...]:
    """The hosts to be avoided, with one more failure on this one."""
    before = next((one for one in still(known, now) if one.host == host), None)
    times = before.times + 1 if before else 1
    others = tuple(one for one in still(known, now) if one.host != host)
    return (*others, Avoided(host, now + _length(times), times))[-HOSTS:]


def still(known: tuple[Avoided, ...], now: float) -> tuple[Avoided, ...]:
    """Those of which something is remembered: a failure counts for as long again as it had the node avoided."""
    return tuple(one for one in known if now < one.until + _length(one.times))


def avoided_now(known: tuple[Avoided, ...], now: float) -> frozenset[str]:
    """The hosts of which nothing is to be asked now."""
    return frozenset(one.host for one in known if now < one.until)


def _length(times: int) -> float:
    return min(MOST, FIRST * 2.0 ** (times - 1))
