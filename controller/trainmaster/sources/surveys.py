"""What one listing of the jobs folder holds: the files that may be jobs, with what speaks against them, and the marks.

Pure: a listing in, values out. Never here: what stands in a file.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass

from trainmaster.sources.files import Entry, Listing
from trainmaster.sources.layout import DELETE, NOW, Layout, is_job, mark_of
from trainmaster.sources.reading import why_not_trusted
from trainmaster.sources.sightings import Mark


@dataclass(frozen=True, slots=True)
class Candidate:
    """One job file of a listing."""

    path: str
    """below jobs/"""
    entry: Entry
    distrust: str
    """why its owner can't be taken for its author; empty when he can"""

    @property
    def stamp(self) -> object:
        """Equal for what needn't be read again."""
        return self.entry.stamp, self.distrust


@dataclass(frozen=True, slots=True)
class Survey:
    """What a listing holds, and what it rests on."""

    listing: Listing
    folder: Entry
    """the jobs folder itself"""
    candidates: tuple[Candidate, ...]
    marks: tuple[Mark, ...]


def survey(listing: Listing, folder: Entry, layout: Layout, trusted: Set[str]) -> Survey:
    """Of all entries. `trusted` are owners who may own folders above others' files."""
    marks = tuple(_marks(listing, layout))
    return Survey(listing, folder, tuple(_candidates(listing, folder, layout, trusted)), marks)


def _marks(listing: Listing, layout: Layout) -> Iterator[Mark]:
    for entry in listing.entries:
        for kind in (DELETE, NOW):
            path = mark_of(layout.below_jobs(entry.path), kind)
            if path and entry.regular and not entry.folder:
                yield Mark(path, entry.owner, kind)


def _candidates(listing: Listing, folder: Entry, layout: Layout, trusted: Set[str]) -> Iterator[Candidate]:
    folders = {entry.path: entry for entry in listing.entries if entry.folder} | {folder.path: folder}
    for entry in listing.entries:
        path = layout.below_jobs(entry.path)
        if not entry.folder and is_job(path):
            yield Candidate(path, entry, why_not_trusted(entry, _parents(entry.path, folders), trusted))


def _parents(path: str, folders: Mapping[str, Entry]) -> tuple[Entry, ...]:
    """The folders of a file, up to and with the jobs folder."""
    found = []
    folder = path.rpartition("/")[0]
    while folder in folders:
        found.append(folders[folder])
        folder = folder.rpartition("/")[0]
    return tuple(found)
