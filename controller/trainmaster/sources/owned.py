"""Who set what in a job's file: a field that a command set isn't undone by applying an older file. Pure.

As with server-side apply on Kubernetes, whoever applies a file that says otherwise is told of the conflict, and decides. What a
person edits in the file by hand is his own from then on. Never here: reading or writing the record, which lies beside the file.
"""

from __future__ import annotations

import json
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from trainmaster.api.job import TrainingJob
from trainmaster.json_text import loads
from trainmaster.sources.files import Listing
from trainmaster.sources.layout import SET, Layout, file_of, mark_of, may_share

CURE = "write that into the file, or undo it with `trainmaster apply --force-conflicts`"
"""where jobs are files, and on Kubernetes"""
Path = tuple[str, ...]
"""wire names of fields from the top, such as ("spec", "runPolicy", "suspend")"""


@dataclass(frozen=True, slots=True)
class Owned:
    """One field as a command set it."""

    path: Path
    value: bool | int | str
    by: str
    """name of the command"""

    def __str__(self) -> str:
        return f"{'.'.join(self.path)}: `trainmaster {self.by}` set it to {json.dumps(self.value)}"


def to_bytes(fields: Iterable[Owned]) -> bytes:
    return json.dumps([asdict(each) for each in fields]).encode()


def from_bytes(data: bytes) -> tuple[Owned, ...]:
    """Nothing of a record that can't be read: it only serves to ask before something is undone."""
    try:
        return tuple(Owned(tuple(each["path"]), each["value"], str(each["by"])) for each in loads(data))
    except (ValueError, TypeError, KeyError):
        return ()


def with_set(
    fields: Sequence[Owned], changes: Mapping[tuple[str | int, ...], object], by: str
) -> tuple[Owned, ...]:
    """The record once that command set these fields as well."""
    new = [
        Owned(tuple(map(str, path)), value, by)
        for path, value in changes.items()
        if isinstance(value, bool | int | str)
    ]
    paths = {each.path for each in new}
    return (*(each for each in fields if each.path not in paths), *new)


def conflicts(
    fields: Iterable[Owned], now: TrainingJob | None, wanted: TrainingJob | None
) -> tuple[str, ...]:
    """What of it would be undone by this declaration, a sentence each; what was edited by hand since is nobody's."""
    if now is None or wanted is None:
        return ()
    return tuple(
        f"{each}, and the file says {json.dumps(_at(wanted, each.path))}"
        for each in fields
        if _at(now, each.path) == each.value != _at(wanted, each.path)
    )


def _at(job: TrainingJob, path: Path) -> Any:
    """The value there, or its default; None where there is nothing."""
    value: Any = job.model_dump(mode="json", by_alias=True)
    for step in path:
        value = value.get(step) if isinstance(value, dict) else None
    return value


def idle(listing: Listing, layout: Layout, files: Container[str]) -> Iterator[str]:
    """The records in a jobs folder that nobody reads: their file isn't among `files` any more (paths below jobs/), or they have
    the name that such records had once."""
    for entry in listing.entries:
        beside = mark_of(layout.below_jobs(entry.path), SET)
        if beside and not entry.folder and (may_share(beside) or file_of(beside) not in files):
            yield entry.path
