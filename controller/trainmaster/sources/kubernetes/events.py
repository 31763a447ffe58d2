"""Kubernetes Events of a job, as `kubectl describe` and `kubectl events` show them: built here, sent elsewhere. Pure.

A repeated event counts up the one that is there. What would be a flood is left out: the status tells the same, and stays.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime

from trainmaster.api.declared import Declared
from trainmaster.api.job import API_VERSION, KIND
from trainmaster.plan.values import Event
from trainmaster.sources.kubernetes.api import Object

CONTROLLER = "trainmaster.io/controller"
ACTION = "Reconcile"
NOTE_BYTES = 1024
"""most that the API server takes of a note (events.k8s.io/v1, Event.note)"""
BURST = 25
"""events of one job at once; client-go's spam filter has the same"""
REFILL = 30.0
"""seconds for one more"""
SERIES = 600.0
"""seconds after which a repetition is told as a new event, since the API server drops old ones"""


@dataclass(frozen=True, slots=True)
class Told:
    """An event that is there, and how often it was seen."""

    name: str
    count: int
    at: float


class Ledger:
    """What was told of one job, and whether more may be told now. Times are of any one monotonic clock."""

    def __init__(self, now: float) -> None:
        self._left = float(BURST)
        self._at = now
        self._told: dict[Event, Told] = {}

    def allows(self, now: float) -> bool:
        """Whether one more may be told; that one is counted."""
        self._left = min(float(BURST), self._left + (now - self._at) / REFILL)
        self._at = now
        if self._left < 1:
            return False
        self._left -= 1
        return True

    def repeated(self, event: Event, now: float) -> Told | None:
        """The one that it repeats, counted up; None when it is a new one."""
        told = self._told.get(event)
        if told is None or now - told.at > SERIES:
            return None
        counted = self._told[event] = replace(told, count=told.count + 1, at=now)
        return counted

    def tell(self, event: Event, name: str, now: float) -> None:
        """It was shown under that name. Only so many are remembered as may be told at once."""
        self._told.pop(event, None)
        self._told[event] = Told(name, 1, now)
        if len(self._told) > BURST:
            del self._told[next(iter(self._told))]


def event_object(declared: Declared, event: Event, name: str, instance: str, now: float) -> Object:
    """One event of events.k8s.io/v1. `now` is in seconds since the epoch; `instance` says which replica of ours tells it."""
    return {
        "apiVersion": "events.k8s.io/v1",
        "kind": "Event",
        "metadata": {"name": name, "namespace": declared.namespace},
        "eventTime": _micro_time(now),
        "type": "Warning" if event.warning else "Normal",
        "reason": event.reason,
        "note": _cut(event.message),
        "action": ACTION,
        "reportingController": CONTROLLER,
        "reportingInstance": instance[:128],
        "regarding": {
            "apiVersion": API_VERSION,
            "kind": KIND,
            "namespace": declared.namespace,
            "name": declared.name,
            "uid": declared.uid,
        },
    }


def series_patch(told: Told, now: float) -> Object:
    """What changes of an event that happened again."""
    return {"series": {"count": told.count, "lastObservedTime": _micro_time(now)}}


def _micro_time(now: float) -> str:
    return datetime.fromtimestamp(now, UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def _cut(message: str) -> str:
    data = message.encode()
    return message if len(data) <= NOTE_BYTES else data[: NOTE_BYTES - 3].decode(errors="ignore") + "…"
