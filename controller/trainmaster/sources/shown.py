"""A status as people find it beside their job: a whole object in YAML, written by the source, read by the command line."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import yaml
from pydantic import ValidationError
from yaml import events

from trainmaster.api.declared import Declared
from trainmaster.api.job import API_VERSION, KIND
from trainmaster.api.status import JobStatus, timestamp
from trainmaster.api.yaml_tree import LOADER, MAX_DEPTH
from trainmaster.sources import yaml_text

_NULLS = ("", "~", "null")


@dataclass(frozen=True, slots=True)
class Shown:
    """One status file."""

    uid: str
    generation: int
    status: JobStatus
    created: str = ""
    """when the job was first seen, RFC 3339; empty where nobody noted it"""
    identity: tuple[str, str] = ("", "")
    """namespace and name"""


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
        document: Any = _plain(data)
        metadata = document["metadata"]
        status = JobStatus.model_validate(document["status"])
        created = str(metadata.get("creationTimestamp") or "")
        identity = str(metadata.get("namespace")), str(metadata.get("name"))
        return Shown(str(metadata["uid"]), int(metadata["generation"]), status, created, identity)
    except (yaml.YAMLError, ValidationError, ValueError, LookupError, TypeError, AttributeError):
        return None


def _plain(data: bytes) -> object:
    """Mappings and lists of text: the model makes numbers of what is to be one.

    PyYAML's loaders make a tree of nodes first, and look up the type of each: of 2,000 statuses that takes seconds.
    """
    found: list[Any] = []
    around: list[list[Any]] = []
    for event in yaml.parse(data, Loader=LOADER):
        match event:
            case events.ScalarEvent():
                found.append(None if event.implicit[0] and event.value in _NULLS else event.value)
            case events.CollectionStartEvent():
                if len(around) >= MAX_DEPTH:  # the reader's work grows with the square of the depth
                    raise ValueError("no status of ours lies so deep")
                around.append(found)
                found = []
            case events.MappingEndEvent():
                ended, found = dict(zip(found[::2], found[1::2], strict=True)), around.pop()
                found.append(ended)
            case events.SequenceEndEvent():
                items, found = found, around.pop()
                found.append(items)
            case events.AliasEvent():
                raise ValueError("no status of ours has aliases")
    return found[0]
