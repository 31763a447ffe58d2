"""An object of the API server as the command line is shown it. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import yaml

from trainmaster.api.documents import read_object
from trainmaster.api.job import API_VERSION, KIND
from trainmaster.api.status import UNSEEN, FieldProblem
from trainmaster.sources.kubernetes.api import Object
from trainmaster.sources.kubernetes.history import last_status
from trainmaster.sources.kubernetes.objects import plain, seconds
from trainmaster.sources.kubernetes.records import INSTALLATION
from trainmaster.sources.stored import StoredJob

OTHERS = frozenset({INSTALLATION, "kubectl.kubernetes.io/last-applied-configuration"})
"""annotations that a controller, or kubectl, writes on an object"""
UNREAD = FieldProblem(
    field="status", value="", reason="it can't be read: it was written by another version of trainmaster"
)


def stored(document: Object, place: str) -> StoredJob:
    """The job with what its status says. `place` is what leads to it."""
    metadata = document["metadata"]
    job, problems = read_object(plain(document))
    status = last_status(document)
    unread = status is None and document.get("status") not in (None, {}, UNSEEN)
    created = str(metadata.get("creationTimestamp") or "")
    return StoredJob(
        path=place,
        text="",
        namespace=metadata["namespace"],
        name=metadata["name"],
        job=job,
        problems=(*problems, UNREAD) if unread else problems,
        owner=status.user if status else "",
        mtime=seconds(created),
        status=status,
        uid=metadata["uid"],
        generation=int(metadata.get("generation") or 0),
        created=created,
        object=_without_notes(document),
    )


def roles(job: StoredJob) -> list[str]:
    """Names of its roles, also where the rest of it can't be read."""
    spec = job.object.get("spec") if job.object else None
    found = spec.get("roles") if isinstance(spec, dict) else None
    return list(found) if isinstance(found, dict) else []


def declaration(document: Mapping[str, Any]) -> dict[str, Any]:
    """What of an object is its author's: two that are alike in it declare the same."""
    metadata = document["metadata"]
    own = {key: metadata.get(key) or {} for key in ("labels", "annotations")}
    return {**own, "spec": document.get("spec")}


def as_text(document: Mapping[str, Any]) -> str:
    """Its declaration as YAML, always in the same order."""
    own = declaration(document)
    notes = {key: note for key, note in own["annotations"].items() if key not in OTHERS}
    metadata = {"name": document["metadata"]["name"], "namespace": document["metadata"]["namespace"]}
    metadata |= {key: value for key, value in (("labels", own["labels"]), ("annotations", notes)) if value}
    head = {"apiVersion": API_VERSION, "kind": KIND, "metadata": metadata}
    return yaml.safe_dump({**head, "spec": own["spec"]}, sort_keys=False, allow_unicode=True)


def _without_notes(document: Object) -> Object:
    """Without those on who owns which field: they are longer than the rest, and no person reads them."""
    metadata = {key: value for key, value in document["metadata"].items() if key != "managedFields"}
    return {**document, "metadata": metadata}
