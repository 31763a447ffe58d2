"""How many nodes all jobs may come to leave alone within an hour. Pure.

What is found of a node is a proposal: it counts once it still stands on a later picture, and while the budget of the hour isn't
spent. So one fault that looks like many broken nodes, of an image or a network, takes the cluster from nobody at once, and
people have time to look. Never here: what makes a node one (suspects.py, health.py), or how many at one time may be.
"""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import dataclass, field

PACE = 4.0
"""seconds for which a node must be proposed at each look: longer than one picture of the cluster is shown"""
WINDOW = 3600.0
"""seconds in which no more than the budget come to be left alone"""


@dataclass(frozen=True, slots=True)
class Exclusions:
    """Nodes that all jobs leave alone, and those that may come to be."""

    allowed: frozenset[str] = frozenset()
    """hosts that are left alone"""
    proposed: Mapping[str, float] = field(default_factory=dict)
    """all that somebody wants to be, with since when at each look; seconds since the epoch"""
    spent: Mapping[str, float] = field(default_factory=dict)
    """hosts that the budget was spent on in the last hour, with when: where a look fails to see one, it comes back for nothing"""
    late: frozenset[str] = frozenset()
    """hosts that have stood long enough, and are held back by the budget"""

    def taken_over(self, hosts: Set[str], now: float) -> Exclusions:
        """After a look of a controller that doesn't know all jobs yet: what they remember was decided on by those before it."""
        return Exclusions(frozenset(hosts), {host: self.proposed.get(host, now) for host in hosts})

    def judged(self, hosts: Set[str], budget: int, now: float) -> Exclusions:
        """After a look that proposes these. `budget`: how many may come to be left alone in an hour."""
        since = {host: self.proposed.get(host, now) for host in hosts}
        spent = {host: at for host, at in self.spent.items() if now - at < WINDOW}
        stood = {host for host in hosts if now - since[host] >= PACE}
        stay = (self.allowed & hosts) | (stood & spent.keys())
        due = sorted(stood - stay, key=lambda host: (since[host], host))
        left = max(0, budget - len(spent))
        new, late = due[:left], due[left:]
        return Exclusions(stay.union(new), since, spent | dict.fromkeys(new, now), frozenset(late))
