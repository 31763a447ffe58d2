"""What the API server can tell of one job's past: the Events about it, whoever told them, and its last status.

Lives here: one look, for a person. Never here: telling events (telling.py), or keeping what they said: the API server drops
them after an hour, unless it is set otherwise (--event-ttl).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from trainmaster.api.job import KIND
from trainmaster.api.status import UNSEEN, JobStatus
from trainmaster.errors import NoSuchJobError
from trainmaster.sources.kubernetes.api import EVENTS, TRAININGJOBS, Api, NotFoundError, Object
from trainmaster.sources.stored import Past, Told


async def history(api: Api, namespace: str, name: str) -> Past:
    """Of a job by this name, also of one that was deleted. NoSuchJobError where nothing is known."""
    fields = f"regarding.kind={KIND},regarding.name={name}"
    events, _ = await api.list(EVENTS, namespace, fields=fields)
    found: Object | None = None
    try:
        found = await api.get(TRAININGJOBS, namespace, name)
    except NotFoundError:
        if not events:
            raise NoSuchJobError(f"there is no job {name} in namespace {namespace}") from None
    created = found["metadata"]["creationTimestamp"] if found else ""
    return Past(created, "created", last_status(found or {}), tuple(map(told, events)))


def told(event: Mapping[str, Any]) -> Told:
    """An event of events.k8s.io/v1, also one that a program told by the older interface."""
    series = event.get("series") or {}
    times = (series.get("lastObservedTime"), event.get("deprecatedLastTimestamp"), event.get("eventTime"))
    at = next((time for time in times if time), event["metadata"]["creationTimestamp"])
    count = series.get("count") or event.get("deprecatedCount") or 1
    return Told(at, event.get("reason") or "", event.get("note") or "", count)


def last_status(document: Mapping[str, Any]) -> JobStatus | None:
    """None before the first, and where it is of a version that we can't read."""
    if not document.get("status") or document["status"] == UNSEEN:
        return None
    try:
        return JobStatus.model_validate(document["status"])
    except ValidationError:
        return None
