"""A status as it is sent to the API server: whole, as server-side apply. Pure.

The uid in an apply patch is no precondition where it goes to a subresource (tried on 1.36: the API server overlooks it), the
resourceVersion is one. So that of the very object which the status is about goes along.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from trainmaster.api.job import API_VERSION, KIND
from trainmaster.api.status import JobStatus
from trainmaster.api.status_size import fitted
from trainmaster.sources.kubernetes.api import APPLY, JSON, Object
from trainmaster.sources.kubernetes.objects import Seen

Patch = tuple[str, Object | list[Object]]
"""its kind, and what is sent"""


def wire(status: JobStatus) -> Object:
    """The status as the object shows it, no larger than an object may be."""
    return fitted(status).model_dump(mode="json", by_alias=True, exclude_none=True)


def patch(seen: Seen, status: Mapping[str, Any]) -> Patch:
    """Everything that we want of the object's status, if the object still is the one that was seen."""
    if seen.job is None:
        return _replacing(seen, status)
    metadata = {"name": seen.name, "namespace": seen.namespace, "resourceVersion": seen.version}
    return APPLY, {"apiVersion": API_VERSION, "kind": KIND, "metadata": metadata, "status": dict(status)}


def _replacing(seen: Seen, status: Mapping[str, Any]) -> Patch:
    """Server-side apply can't read an object whose fields are of other types than its definition says (tried: answer 500)."""
    same = {"op": "test", "path": "/metadata/resourceVersion", "value": seen.version}
    return JSON, [same, {"op": "add", "path": "/status", "value": dict(status)}]
