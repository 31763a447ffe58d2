"""A status as it is sent to the API server: whole, as server-side apply. Pure.

The uid in an apply patch is no precondition where it goes to a subresource (tried on 1.36: the API server overlooks it), the
resourceVersion is one. So that of the very object which the status is about goes along.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from trainmaster.api.job import API_VERSION, KIND
from trainmaster.api.status import ConditionType, JobStatus
from trainmaster.api.status_size import fitted
from trainmaster.sources.kubernetes.api import APPLY, JSON, Object
from trainmaster.sources.kubernetes.objects import Seen

Patch = tuple[str, Object | list[Object]]
"""its kind, and what is sent"""


def wire(status: JobStatus) -> Object:
    """The status as the object shows it, no larger than an object may be.

    Without empty maps: where one had entries of ours before, server-side apply makes it null, which the definition refuses (tried
    on 1.36), and the whole status with it.
    """
    shown = fitted(status).model_dump(mode="json", by_alias=True, exclude_none=True)
    return _full({key: _full(value) if isinstance(value, dict) else value for key, value in shown.items()})


def _full(found: Object) -> Object:
    """Without its empty maps."""
    return {key: value for key, value in found.items() if value != {}}


def patch(seen: Seen, status: Mapping[str, Any]) -> Patch:
    """Everything that we want of the object's status, if the object still is the one that was seen."""
    if seen.job is None:
        return _replacing(seen, status)
    metadata = {"name": seen.name, "namespace": seen.namespace, "resourceVersion": seen.version}
    return APPLY, {"apiVersion": API_VERSION, "kind": KIND, "metadata": metadata, "status": dict(status)}


def clearing(seen: Seen, found: Mapping[str, Any], status: Mapping[str, Any]) -> list[Object]:
    """What takes away what somebody else wrote beside ours; empty where nothing of that is there.

    Server-side apply leaves fields of others alone. Conditions of types that aren't ours are theirs to keep.
    """
    ours = {each["type"] for each in status.get("conditions") or ()}
    strange = [key for key in found if key not in status]
    places = [f"conditions/{place}" for place in _false_ones(found, ours)]
    if not strange and not places:
        return []
    same: Object = {"op": "test", "path": "/metadata/resourceVersion", "value": seen.version}
    return [same, *({"op": "remove", "path": f"/status/{each}"} for each in (*places, *strange))]


def _false_ones(found: Mapping[str, Any], ours: Collection[str]) -> list[int]:
    """Places of conditions of our types that we don't show, the last first, so that those before keep theirs."""
    types = [each.get("type") for each in found.get("conditions") or ()]
    known = {each.value for each in ConditionType}
    return [place for place, type_ in enumerate(types) if type_ in known and type_ not in ours][::-1]


def _replacing(seen: Seen, status: Mapping[str, Any]) -> Patch:
    """Server-side apply can't read an object whose fields are of other types than its definition says (tried: answer 500)."""
    same = {"op": "test", "path": "/metadata/resourceVersion", "value": seen.version}
    return JSON, [same, {"op": "add", "path": "/status", "value": dict(status)}]
