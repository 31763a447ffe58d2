"""Which ports a replica gets on its host: no chance in it, but spread, so that neighbours rarely meet."""

from __future__ import annotations

import hashlib
from collections.abc import Set

from trainmaster.plan.values import Limits


def choose(
    limits: Limits, count: int, taken: Set[int], seed: str, wish: tuple[int, ...] = ()
) -> tuple[int, ...]:
    """`count` ports of the range that aren't known to be taken; those wished for, if all of them are free.

    `seed` differs by job, replica and run, so that a clash with a stranger's port isn't met again. Returns fewer than
    `count` only when the range is full.
    """
    if len(wish) == count and not taken & set(wish):
        return wish
    span = limits.port_last - limits.port_first + 1
    first = int.from_bytes(hashlib.blake2b(seed.encode(), digest_size=4).digest(), "big")
    candidates = (limits.port_first + (first + i) % span for i in range(span))
    free = (port for port in candidates if port not in taken)
    return tuple(port for port, _ in zip(free, range(count), strict=False))
