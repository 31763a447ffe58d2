"""What is known of one declared job beyond its file: the record that outlives the controller. Pure.

The journal is the master's; this is the source's own. It keeps the last good text, so that a file that is broken when a
controller starts doesn't hurt the job that runs from it, the path and owner of a file that is gone, and the generation.
Nothing rests on it that can't be repeated: without it, a job is found again by namespace and name.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

from trainmaster.api.documents import read_job
from trainmaster.api.job import TrainingJob
from trainmaster.json_text import loads
from trainmaster.sources.layout import default_name, default_namespace
from trainmaster.sources.reading import with_namespace


@dataclass(frozen=True, slots=True)
class Record:
    uid: str
    namespace: str
    name: str
    path: str = ""
    """below jobs/; empty for a job that only the journal knows of"""
    owner: str = ""
    generation: int = 1
    text: str = ""
    """the last good one"""
    created: float = 0.0
    """seconds since the epoch: when the file was first seen; 0 where that isn't known"""
    drafts: tuple[str, ...] = ()
    """digests of the documents without a name that stood beside it when it was last declared: it is none of them"""

    def to_bytes(self) -> bytes:
        return json.dumps(asdict(self)).encode()

    def job(self) -> TrainingJob | None:
        """What the last good text says to this version of the program."""
        if not self.text:
            return None
        job, _ = read_job(self.text, default_name(self.path))
        return with_namespace(job, default_namespace(self.path)) if job else None


def from_bytes(data: bytes) -> Record | None:
    """None for a record that is broken: the job is then found by its namespace and name. What a newer version added is left."""
    try:
        found = {key: value for key, value in loads(data).items() if key in Record.__slots__}
        return Record(**{**found, "drafts": tuple(map(str, found.get("drafts") or ()))})
    except (ValueError, TypeError, AttributeError):
        return None
