"""Makes tests of the webhooks read as sentences: somebody creates or edits an object, and this is said."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

from trainmaster.settings import PolicyRule
from trainmaster.sources.kubernetes.admission.envelope import Request
from trainmaster.sources.kubernetes.admission.review import Reviewer

Object = dict[str, Any]

POLICY = (PolicyRule(namespace="vision", users=("vision-svc", "alice"), queues=("default", "gpu")),)
REVIEWER = Reviewer(POLICY)


def job(spec: Mapping[str, Any] | None = None, **metadata: Any) -> Object:
    """A valid job of namespace vision as the API server has it; `spec` changes fields at its top."""
    written = {"roles": {"worker": {"replicas": 2, "command": "train"}}, "queue": "default", **(spec or {})}
    head = {"apiVersion": "trainmaster.io/v1alpha1", "kind": "TrainingJob"}
    own = {"name": "mnist", "namespace": "vision", "uid": "u-1", "generation": 1, **metadata}
    return {**head, "metadata": own, "spec": written}


def shown(document: Object, finished: bool = False, running: int = 0) -> Object:
    """The same with a status."""
    condition = {"type": "Finished", "status": str(finished), "reason": "x", "message": ""}
    status = {"conditions": [condition], "roles": {"worker": {"wanted": 2, "running": running}}}
    return {**document, "status": status}


def edited(document: Object, **fields: Any) -> Object:
    """The same with other fields at the top of its spec."""
    return {**copy.deepcopy(document), "spec": {**copy.deepcopy(document["spec"]), **fields}}


def creates(new: Object) -> Request:
    metadata = new["metadata"]
    return Request("r-1", "CREATE", metadata["namespace"], metadata.get("name", ""), new, None)


def edits(old: Object, new: Object) -> Request:
    metadata = new["metadata"]
    return Request("r-1", "UPDATE", metadata["namespace"], metadata["name"], new, old)
