"""Where a job's processes are: the values that every framework's environment is made of.

Never here: how a framework is told about them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Placed:
    """One replica with a place to run."""

    role: str
    index: int
    host: str
    ports: tuple[int, ...]
    """those given to it on `host`, at least one; the first is the one its peers are told"""
    run: int
    """number of its container, from 1; rises with each replacement"""
    generation: int = 1
    """of all processes that were told of each other at one time; rises with each restart of the whole job"""

    @property
    def address(self) -> str:
        """host:port, an IPv6 literal in brackets."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.ports[0]}"


def in_order(roles: Iterable[str], placed: Sequence[Placed]) -> tuple[Placed, ...]:
    """The replicas of `roles`, role by role as named, each by index: the order that ranks are counted in."""
    place = {role: number for number, role in enumerate(roles)}
    ours = (p for p in placed if p.role in place)
    return tuple(sorted(ours, key=lambda p: (place[p.role], p.index)))


def positions(members: Sequence[Placed]) -> Mapping[tuple[str, int], int]:
    """(role, index) of each replica, in whichever container, and where among `members` it stands."""
    return {(p.role, p.index): at for at, p in enumerate(members)}


def addresses(placed: Sequence[Placed]) -> Mapping[str, list[str]]:
    """Role -> addresses, the one of replica i at position i; "" where a replica has no place yet."""
    found: dict[str, dict[int, str]] = {}
    for p in placed:
        found.setdefault(p.role, {})[p.index] = p.address
    return {role: [by.get(i, "") for i in range(max(by) + 1)] for role, by in sorted(found.items())}
