"""Values that are worked out once of an object that never changes, and kept for as long as it lives.

Never here: what is equal but another object. Whoever makes many equal ones keeps one of them (sources do, of what is declared).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import TypeVar
from weakref import ref

T = TypeVar("T")
R = TypeVar("R")


def once_each(work: Callable[[T], R]) -> Callable[[T], R]:
    """`work`, done once of each object. By identity: to hash or compare a whole declaration costs as much as most works do."""
    known: dict[int, tuple[ref[T], R]] = {}

    @wraps(work)
    def worked_out(value: T) -> R:
        key = id(value)
        if found := known.get(key):
            return found[1]
        result = work(value)
        known[key] = ref(value, lambda _gone: known.pop(key, None)), result
        return result

    return worked_out
