"""A status as people find it beside their job: a whole object in YAML, written by the source, read by the command line."""

from __future__ import annotations

from dataclasses import dataclass

import yaml
from pydantic import ValidationError

from trainmaster.api.declared import Declared
from trainmaster.api.job import API_VERSION, KIND
from trainmaster.api.status import JobStatus, timestamp
from trainmaster.sources import yaml_text


@dataclass(frozen=True, slots=True)
class Shown:
    """One status file."""

    uid: str
    generation: int
    status: JobStatus
    created: str = ""
    """when the job was first seen, RFC 3339; empty where nobody noted it"""


def to_bytes(declared: Declared, status: JobStatus) -> bytes:
    """The text of a status file."""
    document: dict[str, yaml_text.Plain] = {
        "apiVersion": API_VERSION,
        "kind": KIND,
        "metadata": {
            "name": declared.name,
            "namespace": declared.namespace,
            "uid": declared.uid,
            "generation": declared.generation,
            **({"creationTimestamp": timestamp(declared.created)} if declared.created else {}),
        },
        "status": status.model_dump(mode="json", by_alias=True, exclude_none=True),
    }
    return yaml_text.to_text(document).encode()


def from_bytes(data: bytes) -> Shown | None:
    """What a status file says; None when it isn't one of this version's."""
    try:
        # CSafeLoader is the safe loader, in C.
        document = yaml.load(data, Loader=yaml.CSafeLoader)
        metadata = document["metadata"]
        status = JobStatus.model_validate(document["status"])
        created = str(metadata.get("creationTimestamp") or "")
        return Shown(str(metadata["uid"]), int(metadata["generation"]), status, created)
    except (yaml.YAMLError, ValidationError, ValueError, KeyError, TypeError, AttributeError):
        return None
