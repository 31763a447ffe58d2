"""From a listing of the jobs folder to its files as read, document by document: only what is new or changed is read again.

When a file is left for the next look, so that nobody's half-written job is started:
- hidden names, names that begin with `_`, and `._COPYING_` (`hdfs dfs -put` in progress) are never jobs;
- on file://, a new or changed file is looked at twice, 0.2 s apart, and must not have changed in between;
  hdfs:// lists the length of an open file as 0, so there an unfinished file is an empty one;
- what can't be read or understood counts only when two looks in a row saw the same size and time;
- a file whose size, owner or mode (on file:// also time) is another after reading than it was in the listing.
Until then the job goes on as the file was before.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Container, Mapping, Sequence
from dataclasses import replace

from trainmaster.errors import RefusedError, UnavailableError
from trainmaster.sources.files import Entry, Files, Listing, NearFiles
from trainmaster.sources.in_folders import trusted_owners
from trainmaster.sources.layout import Layout
from trainmaster.sources.namespaces import Guard, as_it_is
from trainmaster.sources.reading import MAX_BYTES, FileRead, problem, read_all, refused
from trainmaster.sources.shares import BYTES, FILES, share
from trainmaster.sources.sightings import Mark
from trainmaster.sources.surveys import Candidate, Survey, survey
from trainmaster.sources.threads import AT_ONCE, Threads, in_turns
from trainmaster.sources.walking import JOBS

Reads = tuple[FileRead, ...]
"""the documents of one file"""

TOGETHER = 8
"""files that are read by one thread at one time, in a store on this machine"""
LOOKS = 8
"""after which all of a large store is read, whoever owns it: the more there is, the longer a look takes anyway"""


class Reader:
    def __init__(self, files: Files, layout: Layout, threads: Threads, guard: Guard = as_it_is) -> None:
        """`guard` takes the job out of what may not declare it."""
        self._files = files
        self._layout = layout
        self._threads, self._guard = threads, guard
        self._stamps: dict[str, object] = {}
        self._doubtful: dict[str, object] = {}
        self._listing: Listing | None = None
        """the last one that was begun with"""
        self._survey: Survey | None = None
        """of it, or of an equal one before"""
        self._left: list[Candidate] = []
        """what of it is new, and waits for its turn"""
        self._due: set[str] = set()
        """what of it had its turn, and isn't known yet"""
        self._tried: set[str] = set()
        self._tried_before: set[str] = set()
        """what had its turn since the last listing, and since the one before"""
        self._ahead: asyncio.Task[list[tuple[Candidate, Reads | None]]] | None = None
        """what is read for the next look, while this one's is handed out"""
        self.reads: dict[str, FileRead] = {}
        """the documents of the last listing's files as read, by path below jobs/"""
        self._paths: dict[str, tuple[str, ...]] = {}
        """those of each file that was read"""
        self._several: Counter[str] = Counter()
        """how many documents of an owner share a file with others"""
        self.version = 0
        """rises with each listing that isn't the one before, or wasn't read to its end: else `reads` are the same"""
        self.added: dict[str, FileRead] | None = None
        """the documents that this version brought, by path; None where it took or changed others"""
        self.marks: tuple[Mark, ...] = ()
        """those that the command line left, as last listed"""
        self.paths: set[str] = set()
        """the files of the last listing, read or not"""

    async def read(self, listing: Listing, folder: Entry) -> Mapping[str, FileRead]:
        """All documents of a listing; of the very one of the last time, what has had its turn since. `folder` is the jobs folder
        itself."""
        before = self._survey
        goes_on = self.behind and self._listing is listing
        found = before if goes_on else await self._threads.call(self._surveyed, listing, folder)
        if not goes_on and found is before and not (self._left or self._due):
            return self.reads
        self.version, self.added = self.version + 1, {}
        await self._take_share()
        if found is not None and not goes_on:
            await self._begin(found, listing)
            self._read_share()
            await self._take_share()
        if self.behind:
            self._read_share()
        return self.reads

    @property
    def behind(self) -> bool:
        """Whether files of the last listing still wait for their turn. Those that had one at the listing before, and that nobody
        can read, are not waited for."""
        return self._ahead is not None or any(each.path not in self._tried_before for each in self._left)

    def _surveyed(self, listing: Listing, folder: Entry) -> Survey:
        """In a thread: of ten thousand files even a glance at each takes longer than a heartbeat may wait."""
        before = self._survey
        if before is not None and (before.listing, before.folder) == (listing, folder):
            return before
        return survey(listing, folder, self._layout, trusted_owners(self._files, folder))

    async def _begin(self, found: Survey, listing: Listing) -> None:
        """With this survey's files, once for a listing. Those come first that had no turn at the last one: files that nobody can
        read keep no others from theirs."""
        new = [each for each in found.candidates if self._stamps.get(each.path) != each.stamp]
        if new:
            await asyncio.sleep(self._files.settle)
        before, self._listing = self._survey, listing
        self._survey, self.marks = found, found.marks
        if found.listing.left_out or (before and before.listing.left_out):
            self.added = None  # what is told of those that were left out is among what was read (unread.py)
        self._tried_before, self._tried, self._due = self._tried, set(), set()
        self._left = sorted(new, key=lambda each: each.path in self._tried_before)
        self.paths = {each.path for each in found.candidates}
        self._forget_all_but(self.paths)

    def _read_share(self) -> None:
        """Begin to read those whose turn it is."""
        all_ = self._survey.candidates if self._survey else ()
        files, size = max(FILES, len(all_) // LOOKS), max(BYTES, sum(e.entry.size for e in all_) // LOOKS)
        now = share(self._left, lambda each: each.entry, files, size)
        paths = {each.path for each in now}
        self._left = [each for each in self._left if each.path not in paths]
        self._tried |= paths
        self._due |= paths
        self._ahead = asyncio.get_running_loop().create_task(self._read_all(now))

    async def _take_share(self) -> None:
        """Take in what was being read. Where that is broken off, it isn't known, and is read with the next listing."""
        ahead, self._ahead = self._ahead, None
        for each, read in await ahead if ahead else ():
            self._take(each, read)
            if self._stamps.get(each.path) == each.stamp:
                self._due.discard(each.path)

    def close(self) -> None:
        """Nobody waits for what is being read any more."""
        if self._ahead is not None:
            self._ahead.cancel()

    def _is_same(self, entry: Entry) -> bool:
        """Whether nobody wrote since the listing, and nobody else may. On HDFS closing a file moves its time once more, after its
        content is whole; a change of the content is seen by the next listing.
        """
        try:
            now = self._files.stat(entry.path)
        except FileNotFoundError:
            return False
        same = (now.size, now.owner, now.mode) == (entry.size, entry.owner, entry.mode)
        return same and (now.modified == entry.modified or not self._files.settle)

    @property
    def unread(self) -> set[str]:
        """The files of the last listing of which nothing was read yet."""
        return self.paths - self._paths.keys()

    async def _read_all(self, files: Sequence[Candidate]) -> list[tuple[Candidate, Reads | None]]:
        """Each alone where the store is elsewhere, since a file that hangs must hold up no other."""
        most = TOGETHER if isinstance(self._files, NearFiles) else 1
        size = max(1, min(most, len(files) // AT_ONCE))
        some = (files[start : start + size] for start in range(0, len(files), size))
        read = [one for part in await in_turns(self._read_some, some) for one in part]
        return list(zip(files, read, strict=True))

    async def _read_some(self, files: Sequence[Candidate]) -> list[Reads | None]:
        try:
            return await self._threads.call(lambda: [*map(self._read, files)])
        except UnavailableError as error:
            return [_unread(each, error) for each in files]

    def _read(self, each: Candidate) -> Reads | None:
        """One file; None when it went or changed meanwhile. One that can't be read is its own problem alone."""
        try:
            return self._read_one(each)
        except (RefusedError, UnavailableError) as error:
            return _unread(each, error)

    def _read_one(self, each: Candidate) -> Reads | None:
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

    def _why_not_read(self, each: Candidate) -> str:
        large = f"the file is larger than {MAX_BYTES} bytes" if each.entry.size > MAX_BYTES else ""
        return each.distrust or large

    def _take(self, each: Candidate, read: Reads | None) -> None:
        if read is None:
            return
        doubtful = any(document.job is None for document in read) and not each.distrust
        if doubtful and self._doubtful.get(each.path) != each.stamp:
            self._doubtful[each.path] = each.stamp
            return
        if not any(document.unread for document in read):
            self._doubtful.pop(each.path, None)
            self._stamps[each.path] = each.stamp
        self._keep(each, self._bounded(each, read))

    def _keep(self, each: Candidate, read: Reads) -> None:
        self._note_added(each, read)
        self._drop(each.path, {document.path for document in read})
        self._paths[each.path] = tuple(document.path for document in read)
        if len(read) > 1:
            self._several[each.entry.owner] += len(read)
        for document in read:
            if self.reads.get(document.path) != document:
                self.reads[document.path] = document

    def _note_added(self, each: Candidate, read: Reads) -> None:
        known = each.path in self._paths
        if known and tuple(map(self.reads.get, self._paths[each.path])) != read:
            self.added = None
        elif not known and self.added is not None:
            self.added.update((document.path, document) for document in read)

    def _bounded(self, each: Candidate, read: Reads) -> Reads:
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
            self.added = None
        for table in (self._stamps, self._doubtful):
            for path in table.keys() - there:
                del table[path]


def _unread(each: Candidate, error: Exception) -> Reads:
    reason = problem(f"the file can't be read: {error}")
    return (replace(refused(each.path, each.entry, reason), unread=True),)
