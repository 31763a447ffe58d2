"""Looking through the files of a store for the document that declares a job.

Lives here: reading them without a controller's memory. Never here: statuses, or changing anything.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from itertools import chain

from trainmaster.errors import NoStoreError, RefusedError
from trainmaster.sources.files import Entry, Files, Listing
from trainmaster.sources.layout import DELETE, Layout, file_of, is_job, mark_of
from trainmaster.sources.presence import why_none
from trainmaster.sources.reading import MAX_BYTES, FileRead, problem, read_all, refused
from trainmaster.sources.unread import notices
from trainmaster.sources.walking import JOBS

READERS = 16
"""files that are read at one time"""


class Search:
    def __init__(self, files: Files, layout: Layout) -> None:
        self._files, self._layout = files, layout
        self._found_at: dict[tuple[str, str], str] = {}
        """where jobs were that were asked for by name: all of a large store is searched once at most"""
        self.reads: tuple[FileRead, ...] = ()
        """all that was read when all was read last"""
        self.deleted: frozenset[str] = frozenset()
        """paths with a mark beside them by then, which says that their job was deleted on purpose"""

    def all(self, pool: Executor) -> tuple[FileRead, ...]:
        """All documents, and what is told of files that nobody reads. NoStoreError where there is no store."""
        listing = self.listing()
        marks = (mark_of(self._layout.below_jobs(entry.path), DELETE) for entry in listing.entries)
        self.deleted = frozenset(filter(None, marks))
        read = chain(*pool.map(self._read, self._entries(listing)), notices(listing, self._layout).values())
        self.reads = tuple(read)
        return self.reads

    def listing(self) -> Listing:
        try:
            return self._files.walk(self._layout.jobs, JOBS)
        except FileNotFoundError as error:
            raise NoStoreError(why_none(self._files, self._layout)) from error

    def _entries(self, listing: Listing) -> Iterator[tuple[str, Entry]]:
        for entry in listing.entries:
            path = self._layout.below_jobs(entry.path)
            if not entry.folder and is_job(path):
                yield path, entry

    def _read(self, item: tuple[str, Entry]) -> tuple[FileRead, ...]:
        """The documents of one file; none when it went since it was listed."""
        path, entry = item
        if entry.size > MAX_BYTES or not entry.regular:
            return (refused(path, entry, problem("it is too large, or not a plain file")),)
        try:
            return read_all(path, entry, self._files.read(entry.path, MAX_BYTES))
        except FileNotFoundError:
            return ()
        except RefusedError as error:
            return (refused(path, entry, problem(f"the file can't be read: {error}")),)

    def find(self, namespace: str, name: str) -> FileRead | None:
        """Where it was last, then where `apply` puts files; else the oldest that declares it, as the controller takes it."""
        identity = namespace, name
        last, usual = self._found_at.get(identity, ""), f"{namespace}/{name}.yaml"
        found = (last and self._at(last, identity)) or self._at(usual, identity) or self._search(identity)
        if found:
            self._found_at[identity] = found.path
        return found or None

    def _at(self, path: str, identity: tuple[str, str]) -> FileRead | None:
        file = file_of(path)
        try:
            read = self._read((file, self._files.stat(self._layout.job(file))))
        except FileNotFoundError:
            return None
        return _oldest(read, identity)

    def _search(self, identity: tuple[str, str]) -> FileRead | None:
        with ThreadPoolExecutor(READERS) as pool:
            return _oldest(self.all(pool), identity)


def _oldest(reads: Iterable[FileRead], identity: tuple[str, str]) -> FileRead | None:
    """Of those that declare this job the one that counts: a sound one, and the oldest."""
    found = [each for each in reads if each.identity == identity]
    return min(found, key=lambda each: (each.job is None, *each.order), default=None)
