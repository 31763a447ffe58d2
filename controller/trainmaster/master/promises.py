"""What NodeManagers have promised of starting processes anew, so that none is told twice for one generation.

Lives here: one job's promises, by container. Never here: a call.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from trainmaster.plan.values import End


@dataclass(frozen=True, slots=True)
class Promise:
    """A NodeManager's yes to starting a container's process anew."""

    generation: int
    before: str
    """its stamp of the last time that it had done so before: with another one it has begun"""
    sure: bool = False
    """whether its answer was heard; else the stamp will tell"""


class Promises:
    """Kept for as long as their containers live, also while those aren't listed."""

    def __init__(self) -> None:
        self._made: dict[str, Promise] = {}

    def of(self, id_: str, generation: int) -> Promise | None:
        """What is promised of this generation."""
        found = self._made.get(id_)
        return found if found and found.generation == generation else None

    def note(self, id_: str, promise: Promise | None) -> None:
        """Made, or not made after all."""
        if promise:
            self._made[id_] = promise
        else:
            self._made.pop(id_, None)

    def counted(self, end: End) -> End:
        """The end of a container, with the generation that was to begin in it: how it ended may be that one's doing."""
        promise = self._made.pop(end.container, None)
        return replace(end, generation=promise.generation) if promise and promise.sure else end

    def keep(self, lives: Callable[[str], bool]) -> None:
        self._made = {id_: promise for id_, promise in self._made.items() if lives(id_)}
