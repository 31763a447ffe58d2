"""Calls of Hadoop's daemons as whoever counts them is told: which wire, and what came of it. Never here: a count."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import Enum, StrEnum

from trainmaster.errors import DeniedError, RefusedError, TrainmasterError


class Wire(Enum):
    """A protocol and the daemon at its other end."""

    MANAGER_RPC = "rpc", "resourcemanager"
    """as a client: ids, submissions, reports, nodes"""
    SCHEDULER_RPC = "rpc", "scheduler"
    """the ResourceManager as applications' masters know it: registers, heartbeats, ends"""
    NODE_RPC = "rpc", "nodemanager"
    MANAGER_HTTP = "http", "resourcemanager"
    NODE_HTTP = "http", "nodemanager"

    @property
    def protocol(self) -> str:
        return self.value[0]

    @property
    def target(self) -> str:
        return self.value[1]


class Outcome(StrEnum):
    """What came of one call."""

    OK = "ok"
    REFUSED = "refused"
    """it answered, and its answer was no: also what belongs to work that goes well, such as to be told to register again"""
    DENIED = "denied"
    """we may not"""
    UNAVAILABLE = "unavailable"
    """no answer, or one that can't be understood"""


Told = Callable[[Outcome], None]
"""told after each call of one wire; threads may tell at the same time"""
Calls = Callable[[Wire], Told]


def unheard(_: Wire) -> Told:
    """Nobody counts."""
    return _nothing


def _nothing(_: Outcome) -> None:
    return None


@contextmanager
def telling(told: Told) -> Iterator[None]:
    """Tell what comes of the call that is made within."""
    try:
        yield
    except TrainmasterError as error:
        told(outcome(error))
        raise
    told(Outcome.OK)


def outcome(error: TrainmasterError) -> Outcome:
    """What a call that raised came to."""
    if isinstance(error, DeniedError):
        return Outcome.DENIED
    return Outcome.REFUSED if isinstance(error, RefusedError) else Outcome.UNAVAILABLE
