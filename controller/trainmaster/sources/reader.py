"""From a listing of the jobs folder to its files as read, document by document: only what is new or changed is read again.

When a file is left for the next look, so that nobody's half-written job is started:
- hidden names, names that begin with `_`, and `._COPYING_` (`hdfs dfs -put` in progress) are never jobs;
- on file://, a new or changed file is looked at twice, 0.2 s apart, and must not have changed in between;
  hdfs:// lists the length of an open file as 0, so there an unfinished file is an empty one;
- what can't be read or understood counts only when two looks in a row saw the same size and time;
- a file whose size or owner (on file:// also time) is another after reading than it was in the listing.
Until then the job goes on as the file was before.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from trainmaster.errors import RefusedError, UnavailableError
from trainmaster.sources.files import Entry, Files, Listing, NearFiles
from trainmaster.sources.in_folders import trusted_owners
from trainmaster.sources.layout import DELETE, NOW, Layout, is_job, mark_of
from trainmaster.sources.namespaces import Guard, as_it_is
from trainmaster.sources.reading import (
    MAX_BYTES,
    FileRead,
    problem,
    read_all,
    refused,
    why_not_trusted,
)
from trainmaster.sources.shares import BYTES, FILES, share
from trainmaster.sources.sightings import Mark
from trainmaster.sources.threads import AT_ONCE, Threads, in_turns
from trainmaster.sources.walking import JOBS

Reads = tuple[FileRead, ...]
"""the documents of one file"""

TOGETHER = 8
"""files that are read by one thread at one time, in a store on this machine"""
LOOKS = 8
"""after which all of a large store is read, whoever owns it: the more there is, the longer a look takes anyway"""


@dataclass(frozen=True, slots=True)
class _Candidate:
    """One job file of the present listing."""

    path: str
    entry: Entry
    distrust: str


@dataclass(frozen=True, slots=True)
class _Survey:
    """What a listing holds, and what it rests on."""

    listing: Listing
    folder: Entry
    candidates: tuple[_Candidate, ...]
    marks: tuple[Mark, ...]


class Reader:
    def __init__(self, files: Files, layout: Layout, threads: Threads, guard: Guard = as_it_is) -> None:
        """`guard` takes the job out of what may not declare it."""
        self._files = files
        self._layout = layout
        self._threads, self._guard = threads, guard
        self._stamps: dict[str, object] = {}
        self._doubtful: dict[str, object] = {}
        self._survey: _Survey | None = None
        """of the last listing; None while something of that is still to be read"""
        self._tried: set[str] = set()
        self.behind = False
        """whether files of the last listing still wait for their turn"""
        self.reads: dict[str, FileRead] = {}
        """the documents of the last listing's files as read, by path below jobs/"""
        self._paths: dict[str, tuple[str, ...]] = {}
        """those of each file that was read"""
        self._several: Counter[str] = Counter()
        """how many documents of an owner share a file with others"""
        self.version = 0
        """rises with each listing that isn't the one before, or wasn't read to its end: else `reads` are the same"""
        self.marks: tuple[Mark, ...] = ()
        """those that the command line left, as last listed"""
        self.paths: set[str] = set()
        """the files of the last listing, read or not"""

    async def read(self, listing: Listing, folder: Entry) -> Mapping[str, FileRead]:
        """All documents of a listing. `folder` is the jobs folder itself."""
        survey = await self._threads.call(self._surveyed, listing, folder)
        if survey is self._survey:
            return self.reads
        self.version += 1
        self._survey, self.marks = None, survey.marks
        new = [each for each in survey.candidates if self._stamps.get(each.path) != _stamp(each)]
        changed = self._share_of(new, survey.candidates)
        if changed:
            await asyncio.sleep(self._files.settle)
        read = await self._read_all(changed)
        self.paths = {each.path for each in survey.candidates}
        self._forget_all_but(self.paths)
        for each, result in zip(changed, read, strict=True):
            self._take(each, result)
        if all(self._stamps.get(each.path) == _stamp(each) for each in new):
            self._survey = survey
        return self.reads

    def _surveyed(self, listing: Listing, folder: Entry) -> _Survey:
        """In a thread: of ten thousand files even a glance at each takes longer than a heartbeat may wait."""
        before = self._survey
        if before is not None and (before.listing, before.folder) == (listing, folder):
            return before
        marks = tuple(self._marks(listing))
        return _Survey(listing, folder, tuple(self._candidates(listing, folder)), marks)

    def _share_of(self, new: list[_Candidate], all_: Sequence[_Candidate]) -> list[_Candidate]:
        """What is read at this look, those first that weren't tried at the last one: files that nobody can read keep no others
        from their turn, nor are they waited for."""
        files, size = max(FILES, len(all_) // LOOKS), max(BYTES, sum(e.entry.size for e in all_) // LOOKS)
        tried = self._tried
        changed = share(sorted(new, key=lambda e: e.path in tried), lambda e: e.entry, files, size)
        self._tried = {each.path for each in changed}
        self.behind = any(each.path not in tried and each.path not in self._tried for each in new)
        return changed

    def _marks(self, listing: Listing) -> Iterator[Mark]:
        for entry in listing.entries:
            for kind in (DELETE, NOW):
                path = mark_of(self._layout.below_jobs(entry.path), kind)
                if path and entry.regular and not entry.folder:
                    yield Mark(path, entry.owner, kind)

    def _candidates(self, listing: Listing, folder: Entry) -> Iterator[_Candidate]:
        folders = {entry.path: entry for entry in listing.entries if entry.folder} | {folder.path: folder}
        trusted = trusted_owners(self._files, folder)
        for entry in listing.entries:
            path = self._layout.below_jobs(entry.path)
            if not entry.folder and is_job(path):
                yield _Candidate(path, entry, why_not_trusted(entry, _parents(entry.path, folders), trusted))

    def _is_same(self, entry: Entry) -> bool:
        """Whether nobody wrote since the listing. On HDFS closing a file moves its time once more, after its content
        is whole; a change of the content is seen by the next listing.
        """
        try:
            now = self._files.stat(entry.path)
        except FileNotFoundError:
            return False
        if self._files.settle:
            return now.stamp == entry.stamp
        return (now.size, now.owner) == (entry.size, entry.owner)

    @property
    def unread(self) -> set[str]:
        """The files of the last listing of which nothing was read yet."""
        return self.paths - self._paths.keys()

    async def _read_all(self, files: Sequence[_Candidate]) -> list[Reads | None]:
        """Each alone where the store is elsewhere, since a file that hangs must hold up no other."""
        most = TOGETHER if isinstance(self._files, NearFiles) else 1
        size = max(1, min(most, len(files) // AT_ONCE))
        some = (files[start : start + size] for start in range(0, len(files), size))
        return [read for part in await in_turns(self._read_some, some) for read in part]

    async def _read_some(self, files: Sequence[_Candidate]) -> list[Reads | None]:
        try:
            return await self._threads.call(lambda: [*map(self._read, files)])
        except UnavailableError as error:
            return [_unread(each, error) for each in files]

    def _read(self, each: _Candidate) -> Reads | None:
        """One file; None when it went or changed meanwhile. One that can't be read is its own problem alone."""
        try:
            return self._read_one(each)
        except (RefusedError, UnavailableError) as error:
            return _unread(each, error)

    def _read_one(self, each: _Candidate) -> Reads | None:
        """In a thread, since parsing takes longer than reading. None of one that somebody is writing."""
        if why := self._why_not_read(each):
            settled = not self._files.settle or self._is_same(each.entry)
            return (refused(each.path, each.entry, problem(why)),) if settled else None
        try:
            data = self._files.read(each.entry.path, MAX_BYTES + 1, self._layout.jobs)
        except FileNotFoundError:
            return None
        whole = len(data) == each.entry.size and self._is_same(each.entry)
        return tuple(map(self._guard, read_all(each.path, each.entry, data))) if whole else None

    def _why_not_read(self, each: _Candidate) -> str:
        large = f"the file is larger than {MAX_BYTES} bytes" if each.entry.size > MAX_BYTES else ""
        return each.distrust or large

    def _take(self, each: _Candidate, read: Reads | None) -> None:
        if read is None:
            return
        doubtful = any(document.job is None for document in read) and not each.distrust
        if doubtful and self._doubtful.get(each.path) != _stamp(each):
            self._doubtful[each.path] = _stamp(each)
            return
        if not any(document.unread for document in read):
            self._doubtful.pop(each.path, None)
            self._stamps[each.path] = _stamp(each)
        self._keep(each, self._bounded(each, read))

    def _keep(self, each: _Candidate, read: Reads) -> None:
        self._drop(each.path, {document.path for document in read})
        self._paths[each.path] = tuple(document.path for document in read)
        if len(read) > 1:
            self._several[each.entry.owner] += len(read)
        for document in read:
            if self.reads.get(document.path) != document:
                self.reads[document.path] = document

    def _bounded(self, each: _Candidate, read: Reads) -> Reads:
        """Nobody has more jobs by putting several into a file than by files alone."""
        here = [self.reads[path] for path in self._paths.get(each.path, ())]
        before = len(here) if len(here) > 1 and here[0].entry.owner == each.entry.owner else 0
        if len(read) < 2 or self._several[each.entry.owner] - before + len(read) <= JOBS.entries:
            return read
        why = (
            f"its documents are beyond the {JOBS.entries} that one owner may have in files that hold several"
        )
        return (refused(each.path, each.entry, problem(why)),)

    def _drop(self, path: str, but: Container[str] = ()) -> None:
        """Forget the documents of a file, all but these."""
        paths = self._paths.pop(path, ())
        if len(paths) > 1:
            self._several[self.reads[paths[0]].entry.owner] -= len(paths)
        for each in paths:
            if each not in but:
                del self.reads[each]

    def _forget_all_but(self, there: set[str]) -> None:
        for path in self._paths.keys() - there:
            self._drop(path)
        for table in (self._stamps, self._doubtful):
            for path in table.keys() - there:
                del table[path]


def _unread(each: _Candidate, error: Exception) -> Reads:
    reason = problem(f"the file can't be read: {error}")
    return (replace(refused(each.path, each.entry, reason), unread=True),)


def _stamp(each: _Candidate) -> object:
    return each.entry.stamp, each.distrust


def _parents(path: str, folders: Mapping[str, Entry]) -> tuple[Entry, ...]:
    """The folders of a file, up to and with the jobs folder."""
    found = []
    folder = path.rpartition("/")[0]
    while folder in folders:
        found.append(folders[folder])
        folder = folder.rpartition("/")[0]
    return tuple(found)
