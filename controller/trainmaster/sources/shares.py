"""How much of one owner is read at one look, so that a flood of one's files keeps nobody else's waiting. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from typing import TypeVar

from trainmaster.sources.files import Entry

T = TypeVar("T")

FILES = 500
"""of one owner: reading and understanding them takes about as long as a listing of many"""
BYTES = 1 << 20
"""of one owner, and in any case one file"""


def share(
    wanted: Iterable[T], entry_of: Callable[[T], Entry], files: int = FILES, size: int = BYTES
) -> list[T]:
    """What is read now, in the order given; the others have their turn at the next looks."""
    count: Counter[str] = Counter()
    used: Counter[str] = Counter()
    taken = []
    for each in wanted:
        entry = entry_of(each)
        fits = count[entry.owner] < files and used[entry.owner] + entry.size <= size
        if fits or not count[entry.owner]:
            count[entry.owner] += 1
            used[entry.owner] += entry.size
            taken.append(each)
    return taken
