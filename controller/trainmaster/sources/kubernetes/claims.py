"""Who drives an object: an annotation with the identity of one installation, put on together with the finalizer. Pure.

It stands before anything is started for the job. The patch tests that nobody's name stands there, so of two controllers that
try at once the API server lets one through. A name that stands there is never overwritten here: moving jobs from one installation
to another is moving.py's.
"""

from __future__ import annotations

from trainmaster.sources.kubernetes import finalizer
from trainmaster.sources.kubernetes.api import Object
from trainmaster.sources.kubernetes.objects import Seen
from trainmaster.sources.kubernetes.records import INSTALLATION

_ANNOTATIONS = "/metadata/annotations"
PATH = f"{_ANNOTATIONS}/{INSTALLATION.replace('/', '~1')}"


def claiming(seen: Seen, installation: str) -> list[Object]:
    """The patch that makes the object ours, and holds it; empty where nothing is to do, or it is another's."""
    if seen.deleting or seen.controller not in ("", installation):
        return []
    held = finalizer.adding(seen)
    return held if seen.controller else [*(held or [finalizer.same(seen)]), *_naming(seen, installation)]


def _naming(seen: Seen, installation: str) -> list[Object]:
    if seen.annotated:
        return [
            {"op": "test", "path": PATH, "value": None},
            {"op": "add", "path": PATH, "value": installation},
        ]
    nothing: Object = {"op": "test", "path": _ANNOTATIONS, "value": None}
    return [nothing, {"op": "add", "path": _ANNOTATIONS, "value": {INSTALLATION: installation}}]
