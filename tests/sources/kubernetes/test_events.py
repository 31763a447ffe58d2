"""Events of a job as objects: what they say, how repetitions are counted, and what is left out."""

from __future__ import annotations

import pytest

from trainmaster.api.declared import Declared
from trainmaster.plan.values import Event
from trainmaster.sources.kubernetes.events import (
    BURST,
    NOTE_BYTES,
    REFILL,
    SERIES,
    Ledger,
    event_object,
    series_patch,
)

JOB = Declared("kubernetes", "vision", "mnist", "uid-1", "vision/mnist")
RUNNING = Event(warning=False, reason="AllRunning", message="all 4 replicas run")
FAILED = Event(warning=True, reason="PermanentExit", message="worker-0 ended with 1")


def test_an_event_is_about_the_object_and_from_the_controller() -> None:
    shown = event_object(JOB, FAILED, "mnist.1", "host", 1767323045.25)
    assert shown["metadata"] == {"name": "mnist.1", "namespace": "vision"}
    assert shown["regarding"] == {
        "apiVersion": "trainmaster.io/v1alpha1",
        "kind": "TrainingJob",
        "namespace": "vision",
        "name": "mnist",
        "uid": "uid-1",
    }
    assert (shown["type"], shown["reason"], shown["note"]) == ("Warning", FAILED.reason, FAILED.message)
    assert (shown["reportingController"], shown["reportingInstance"]) == ("trainmaster.io/controller", "host")
    assert shown["eventTime"] == "2026-01-02T03:04:05.250000Z"
    assert event_object(JOB, RUNNING, "mnist.2", "host", 0.0)["type"] == "Normal"


@pytest.mark.parametrize("letter", ["a", "ü", "€", "😀"])
def test_a_long_message_is_cut_to_what_a_note_takes(letter: str) -> None:
    note = event_object(JOB, Event(False, "R", letter * 2000), "n", "h", 0.0)["note"]
    assert NOTE_BYTES - 4 <= len(note.encode()) <= NOTE_BYTES
    assert note.endswith("…")
    whole = letter * 200
    assert event_object(JOB, Event(False, "R", whole), "n", "h", 0.0)["note"] == whole


def test_a_repetition_counts_up_the_event_that_is_there() -> None:
    ledger = Ledger(now=0.0)
    assert ledger.repeated(FAILED, 0.0) is None
    ledger.tell(FAILED, "mnist.1", 0.0)
    ledger.repeated(FAILED, 1.0)
    told = ledger.repeated(FAILED, 2.0)
    assert told
    assert (told.name, told.count) == ("mnist.1", 3)
    assert series_patch(told, 3.5)["series"] == {
        "count": 3,
        "lastObservedTime": "1970-01-01T00:00:03.500000Z",
    }
    assert ledger.repeated(RUNNING, 2.0) is None


def test_after_a_long_time_a_repetition_is_a_new_event() -> None:
    ledger = Ledger(now=0.0)
    ledger.tell(FAILED, "mnist.1", 0.0)
    assert ledger.repeated(FAILED, SERIES)
    assert ledger.repeated(FAILED, 2 * SERIES + 1) is None


def test_a_flood_is_cut_and_ebbs() -> None:
    ledger = Ledger(now=0.0)
    assert [ledger.allows(0.0) for _ in range(BURST + 2)] == [True] * BURST + [False] * 2
    assert [ledger.allows(2 * REFILL) for _ in range(3)] == [True, True, False]
    assert [ledger.allows(1e6) for _ in range(BURST + 1)] == [True] * BURST + [False]


def test_only_the_newest_events_are_remembered() -> None:
    ledger = Ledger(now=0.0)
    events = [Event(False, "R", str(number)) for number in range(BURST + 1)]
    for number, event in enumerate(events):
        ledger.tell(event, f"mnist.{number}", 0.0)
    assert ledger.repeated(events[0], 1.0) is None
    assert all(ledger.repeated(event, 1.0) for event in events[1:])
