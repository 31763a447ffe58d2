"""Our finalizer on an object: put on and taken off without touching those of others. Pure.

JSON patches whose tests make the API server refuse the whole when the object is another one by now, or its finalizers have
changed; a status written meanwhile does no harm.
"""

from __future__ import annotations

from trainmaster.sources.kubernetes.api import Object
from trainmaster.sources.kubernetes.objects import FINALIZER, Seen

_PATH = "/metadata/finalizers"


def adding(seen: Seen) -> list[Object]:
    """The patch that puts it on; empty where nothing is to do."""
    if seen.held or seen.deleting:  # the API server takes no new ones on an object that is being deleted
        return []
    unchanged: Object = {"op": "test", "path": _PATH, "value": list(seen.finalizers) or None}
    return [same(seen), unchanged, {"op": "add", "path": _PATH, "value": [*seen.finalizers, FINALIZER]}]


def removing(seen: Seen) -> list[Object]:
    """The patch that takes it off; empty where nothing is to do."""
    if not seen.held:
        return []
    place = f"{_PATH}/{seen.finalizers.index(FINALIZER)}"
    return [
        same(seen),
        {"op": "test", "path": place, "value": FINALIZER},
        {"op": "remove", "path": place},
    ]


def same(seen: Seen) -> Object:
    return {"op": "test", "path": "/metadata/uid", "value": seen.uid}
