"""What a person is told of a job's past on Kubernetes: its Events, and what its last status adds to them."""

from __future__ import annotations

from typing import Any

import pytest

from observe.pictures import condition, exited, replica, role, status
from sources.kubernetes.line import Line, Server
from trainmaster.api.status import ConditionType as C
from trainmaster.cli.events import in_order
from trainmaster.errors import NoSuchJobError
from trainmaster.sources.kubernetes.api import EVENTS, TRAININGJOBS
from trainmaster.sources.kubernetes.history import history, told
from trainmaster.sources.stored import Past, Told

RUNS = Told("2025-06-15T15:06:40.250000Z", "AllRunning", "all processes run", 1)


def event(**fields: Any) -> dict[str, Any]:
    return {"metadata": {"name": "e", "creationTimestamp": "2025-06-15T15:00:00Z"}, **fields}


@pytest.mark.parametrize(
    ("fields", "at", "count"),
    [
        ({"eventTime": "2025-06-15T15:01:00.000001Z"}, "2025-06-15T15:01:00.000001Z", 1),
        (
            {
                "eventTime": "2025-06-15T15:01:00Z",
                "series": {"count": 3, "lastObservedTime": "2025-06-15T15:09:00Z"},
            },
            "2025-06-15T15:09:00Z",
            3,
        ),
        (
            {"deprecatedLastTimestamp": "2025-06-15T15:02:00Z", "deprecatedCount": 5},
            "2025-06-15T15:02:00Z",
            5,
        ),
        ({}, "2025-06-15T15:00:00Z", 1),
    ],
)
def test_an_event_is_read_whoever_told_it(fields: dict[str, Any], at: str, count: int) -> None:
    assert told(event(reason="R", note="n", **fields)) == Told(at, "R", "n", count)


def test_what_an_event_tells_is_not_told_again_of_the_status() -> None:
    ended = replica(1, "BackingOff", last_exit=exited(137, "Retryable", "killed by signal 9"))
    shown = status(
        conditions=(
            condition(C.RUNNING, "AllRunning", "all processes run"),
            condition(C.ACCEPTED, "Accepted", "may be run"),
        ),
        roles={"worker": role(2, 1, replicas=(ended,))},
    )
    again = Told("2025-06-15T15:06:50Z", "ReplicaFailed", "worker-1 was ended by signal 9", 2)
    rows = in_order(Past("2025-06-15T15:00:00Z", "created", shown, (again, RUNS)))
    assert [row[1:] for row in rows] == [
        ("Declared", "job", "created"),
        ("Accepted", "job", "Accepted: may be run"),
        ("Retryable", "worker-1", "killed by signal 9 on node1"),
        ("AllRunning", "job", "all processes run"),
        ("ReplicaFailed", "job", "worker-1 was ended by signal 9 (2 times)"),
    ]


def server(*events: dict[str, Any], job: dict[str, Any] | None = None) -> Line:
    made = Server()
    for each in events:
        made.create((EVENTS, "vision", each["metadata"]["name"]), each)
    if job:
        made.create((TRAININGJOBS, "vision", "mnist"), job)
    return Line(made)


async def test_a_job_that_was_deleted_has_its_events_still() -> None:
    found = await history(server(event(reason="R", note="n")), "vision", "mnist")  # type: ignore[arg-type]
    assert (found.created, found.status, len(found.told)) == ("", None, 1)


async def test_of_a_job_that_never_was_nothing_is_known() -> None:
    with pytest.raises(NoSuchJobError, match="no job mnist in namespace vision"):
        await history(server(), "vision", "mnist")  # type: ignore[arg-type]


async def test_a_status_of_a_newer_version_hides_no_event() -> None:
    job = {
        "metadata": {"name": "mnist", "creationTimestamp": "2025-06-15T15:00:00Z"},
        "status": {"unheardOf": 1},
    }
    found = await history(server(event(reason="R", note="n"), job=job), "vision", "mnist")  # type: ignore[arg-type]
    assert (found.status, len(found.told)) == (None, 1)
