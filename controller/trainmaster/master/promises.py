"""What NodeManagers have promised of starting processes in place of others, so that none is told twice of the same.

Lives here: one job's promises, by container. Never here: a call.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Promise:
    """A NodeManager's yes to starting another process in a container."""

    process: int
    """its number"""
    before: str
    """its stamp of the last time that it had done so before: with another one it has begun"""
    sure: bool = False
    """whether its answer was heard; else the stamp will tell"""
    made: float = 0.0
    """when it was asked for"""
    begun: float = 0.0
    """when it was first seen to have begun"""

    def settled(self, least: float) -> float:
        """When it is certain to have begun: `least` seconds later, and later at a NodeManager that was slow so far."""
        return self.begun + max(least, (self.begun - self.made) / 2) if least else self.begun


class Promises:
    """Kept for as long as their containers live, also while those aren't listed."""

    def __init__(self) -> None:
        self._made: dict[str, Promise] = {}

    def of(self, id_: str, process: int) -> Promise | None:
        """What is promised of the process of this number."""
        found = self._made.get(id_)
        return found if found and found.process == process else None

    def note(self, id_: str, promise: Promise | None) -> None:
        """Made, or not made after all."""
        if promise:
            self._made[id_] = promise
        else:
            self._made.pop(id_, None)

    def keep(self, lives: Callable[[str], bool]) -> None:
        self._made = {id_: promise for id_, promise in self._made.items() if lives(id_)}
