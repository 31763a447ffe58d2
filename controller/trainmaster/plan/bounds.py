"""What bounds the grants of a job: its user's share of a queue, the queue, the queues above it, and the nodes of its partition.

Lives here: how much each of them may give in all, and how much is left. Never here: whose turn it is (turns.py).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from trainmaster.plan.cluster import NOTHING, Size


@dataclass(frozen=True, slots=True)
class Bound:
    """One of them."""

    name: str
    """as a sentence names it, such as: queue 'root.ml'"""
    most: Size
    """all that it may ever give, in the cluster as it is now"""
    left: Size
    """what of that isn't given out"""
    held_back: int = 0
    """applications that a queue doesn't let in yet, mostly for its share of ApplicationMasters"""


def of_partition(partition: str) -> str:
    return f"partition {partition}"


def of_queue(path: str, partition: str = "") -> str:
    """A queue may use so much of each partition."""
    return f"queue {path} {partition}"


def of_user(path: str, user: str) -> str:
    return f"user {user} in {path}"


@dataclass(frozen=True)
class Bounds:
    """All bounds, as one look found them."""

    known: Mapping[str, Bound] = field(default_factory=dict)
    """by the names that the functions above make"""
    partitions: Mapping[str, str] = field(default_factory=dict)
    """by a queue's path: where its containers are placed"""

    def chain(self, queue: str, user: str) -> tuple[str, ...]:
        """The bounds of a job, the narrowest first and its partition last."""
        partition = self._partition(queue)
        queues = (of_queue(path, partition) for path in _upwards(queue))
        known = (name for name in (of_user(queue, user), *queues) if name in self.known)
        return *known, of_partition(partition)

    def _partition(self, queue: str) -> str:
        """That of the nearest queue which is known: one that is made on first submission begins like its parent."""
        return next((self.partitions[path] for path in _upwards(queue) if path in self.partitions), "")


def _upwards(queue: str) -> tuple[str, ...]:
    """root.a.b, root.a, root"""
    parts = queue.split(".")
    return tuple(".".join(parts[:end]) for end in range(len(parts), 0, -1))


UNKNOWN = Bound("the cluster", NOTHING, NOTHING)
"""of which nothing is known yet: only the first in line may ask for it"""
