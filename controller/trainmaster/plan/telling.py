"""Events of conditions that turned: what a person wants to hear of though no step decided it."""

from __future__ import annotations

from collections.abc import Iterator

from trainmaster.api.status import Condition, JobStatus
from trainmaster.api.status import ConditionType as C
from trainmaster.plan.memory import Memory
from trainmaster.plan.values import Event


def turns(before: Memory, status: JobStatus) -> tuple[Event, ...]:
    """What to tell of this status to somebody who knew how it was `before`."""
    return tuple(event for c in status.conditions if _turned(before, c) for event in _told(before, c))


def _turned(before: Memory, condition: Condition) -> bool:
    known = before.since.get(condition.type)
    return known is None or known[0] != condition.status


def _told(before: Memory, condition: Condition) -> Iterator[Event]:
    match condition.type, condition.status:
        case C.RUNNING, "True":
            yield Event(warning=False, reason=condition.reason, message=condition.message)
        case C.ACCEPTED, "False" if (
            before.application is None
        ):  # of an edit that isn't taken in, note.py tells
            yield Event(warning=True, reason=condition.reason, message=condition.message)
