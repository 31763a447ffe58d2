"""What is kept of one TrainingJob object: a small frozen value, made of the API server's JSON. Pure.

Never here: which objects there are (book.py).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from trainmaster.api.documents import read_object, suspends
from trainmaster.api.job import TrainingJob
from trainmaster.api.status import UNSEEN, ConditionType, FieldProblem
from trainmaster.sources.kubernetes.records import INSTALLATION

FINALIZER = "trainmaster.io/yarn"
"""holds the deletion of an object until nothing of its job is left on YARN"""

_FINISHED = ConditionType.FINISHED.value
_TYPES = frozenset(each.value for each in ConditionType)


@dataclass(frozen=True, slots=True)
class Seen:
    """One object as the API server gave it."""

    uid: str
    namespace: str
    name: str
    version: str
    """metadata.resourceVersion"""
    generation: int
    deleting: bool
    finalizers: tuple[str, ...]
    job: TrainingJob | None
    problems: tuple[FieldProblem, ...]
    controller: str
    """the installation whose controllers drive it, as its annotation says; empty while it says none"""
    annotated: bool = field(compare=False)
    """whether it has annotations at all: a patch that adds the first one is another than one that adds a further one"""
    suspends: bool
    """whether its spec asks for suspension, whatever else is wrong with it"""
    shown: str
    """digest of its status, without the conditions of others"""
    finished: bool
    """whether its status says that the job ended"""
    application: str
    """the YARN application that its status names; empty for none"""
    created: float = 0.0
    """when, in seconds since the epoch; 0 where that isn't said"""

    @property
    def held(self) -> bool:
        """Whether its deletion waits for us."""
        return FINALIZER in self.finalizers

    @property
    def revision(self) -> int:
        """Its resourceVersion as a number: a higher one is newer. 0 where the server's are no numbers."""
        return revision(self.version)


def revision(version: str) -> int:
    return int(version) if version.isdecimal() else 0


def seen_in(document: Mapping[str, Any], before: Seen | None = None) -> Seen:
    """What is kept of an object. Its spec is only read anew when it isn't the one of `before`."""
    metadata = document["metadata"]
    version, generation = str(metadata["resourceVersion"]), int(metadata.get("generation") or 0)
    if before and before.version == version:
        return before
    same = before is not None and before.generation == generation and generation > 0
    job, problems = (before.job, before.problems) if before and same else read_object(plain(document))
    annotations = metadata.get("annotations") or {}
    status = document.get("status")
    shown = status if isinstance(status, dict) else {}
    return Seen(
        uid=metadata["uid"],
        namespace=metadata["namespace"],
        name=metadata["name"],
        version=version,
        generation=generation,
        deleting="deletionTimestamp" in metadata,
        finalizers=tuple(metadata.get("finalizers") or ()),
        job=job,
        problems=problems,
        controller=str(annotations.get(INSTALLATION) or ""),
        annotated=bool(annotations),
        suspends=suspends(document),
        shown=digest(_ours(shown)),
        finished=_is_finished(shown),
        application=str(shown.get("applicationId") or ""),
        created=seconds(metadata.get("creationTimestamp")),
    )


def seconds(text: Any) -> float:
    """Of an RFC 3339 time, since the epoch; 0 for what is none."""
    try:
        return datetime.fromisoformat(text).timestamp()
    except (TypeError, ValueError):
        return 0.0


def unreadable(document: Mapping[str, Any]) -> Seen:
    """An object of which this program can't make anything."""
    metadata = {key: document["metadata"][key] for key in ("uid", "namespace", "name", "resourceVersion")}
    problem = FieldProblem(field="", value="", reason="it can't be read; the controller's log says why")
    return replace(seen_in({"metadata": metadata}), job=None, problems=(problem,))


def _ours(status: Mapping[str, Any]) -> Mapping[str, Any]:
    """What a controller has said. Others may add conditions of types of their own, which none of ours shows or removes."""
    if status == UNSEEN:
        return {}
    conditions = status.get("conditions")
    if not isinstance(conditions, list):
        return status
    return {**status, "conditions": [each for each in conditions if not _is_others(each)]}


def _is_others(condition: Any) -> bool:
    return isinstance(condition, dict) and str(condition.get("type")) not in _TYPES


def digest(status: Mapping[str, Any]) -> str:
    """Equal for statuses that say the same; empty for one that says nothing."""
    if not status:
        return ""
    text = json.dumps(_canonical(status), sort_keys=True, separators=(",", ":"))
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def _canonical(value: Any) -> Any:
    """The API server gives 12.0 back as 12."""
    if isinstance(value, dict):
        return {key: _canonical(below) for key, below in value.items()}
    if isinstance(value, list):
        return [_canonical(below) for below in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def plain(document: Mapping[str, Any]) -> dict[str, Any]:
    """Without the notes of other tools: kubectl's holds the whole object once more, and a note makes no other job."""
    metadata = {key: value for key, value in document["metadata"].items() if key != "annotations"}
    return {**document, "metadata": metadata}


def _is_finished(status: Mapping[str, Any]) -> bool:
    conditions = status.get("conditions")
    if not isinstance(conditions, list):
        return False
    return any(
        isinstance(each, dict) and each.get("type") == _FINISHED and each.get("status") == "True"
        for each in conditions
    )
