"""Looking through the files of a store for the document that declares a job.

Lives here: reading them without a controller's memory. Never here: statuses, or changing anything.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import replace
from itertools import chain

from trainmaster.errors import InvalidError, NoStoreError, NoSuchJobError, RefusedError
from trainmaster.sources.files import Entry, Files, Listing
from trainmaster.sources.layout import DELETE, Layout, file_of, is_job, mark_of, place_of
from trainmaster.sources.presence import why_none
from trainmaster.sources.reading import MAX_BYTES, FileRead, problem, read_all, refused
from trainmaster.sources.unread import notices
from trainmaster.sources.walking import JOBS

Identity = tuple[str, str]
"""namespace and name"""

READERS = 16
"""files that are read at one time"""


class Search:
    def __init__(self, files: Files, layout: Layout) -> None:
        self._files, self._layout = files, layout
        self._found_at: dict[Identity, str] = {}
        """where jobs were that were asked for by name: all of a large store is searched once at most"""
        self._seeming: dict[Identity, FileRead] = {}
        """what seemed to declare them when all was searched, and nothing did"""
        self.reads: tuple[FileRead, ...] = ()
        """all that was read when all was read last"""
        self.deleted: frozenset[str] = frozenset()
        """paths with a mark beside them by then that counts: their job was deleted on purpose"""

    def all(self, pool: Executor) -> tuple[FileRead, ...]:
        """All documents, and what is told of files that nobody reads. NoStoreError where there is no store."""
        listing = self.listing()
        self.deleted = frozenset(self._heeded(listing))
        read = chain(*pool.map(self._read, self._entries(listing)), notices(listing, self._layout).values())
        self.reads = tuple(read)
        return self.reads

    def listing(self) -> Listing:
        try:
            return self._files.walk(self._layout.jobs, JOBS)
        except FileNotFoundError as error:
            raise NoStoreError(why_none(self._files, self._layout)) from error

    def _heeded(self, listing: Listing) -> Iterator[str]:
        """Where a mark counts: anybody may leave one where all may write. The owner of a file that went isn't known here."""
        below = {self._layout.below_jobs(each.path): each for each in listing.entries if not each.folder}
        marks = {mark_of(path, DELETE): each.owner for path, each in below.items() if each.regular}
        admin = self._admin() if any(marks) else ""
        for path, owner in marks.items():
            if path and ((file := below.get(file_of(path))) is None or owner in (file.owner, admin)):
                yield path

    def _admin(self) -> str:
        try:
            return self._files.stat(self._layout.jobs).owner
        except FileNotFoundError:  # gone since it was listed
            return ""

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

    def refusal(self, namespace: str, name: str) -> InvalidError | NoSuchJobError:
        """Why nothing can be changed of what `find` didn't find: there is none, or something that can't be read may be it."""
        if seeming := self.seeming(namespace, name):
            return InvalidError(
                f"{file_of(seeming.path)} seems to declare {namespace}/{name}, and can't be read: {seeming.problems[0]}."
                " Mend it first"
            )
        return self.none(namespace, name)

    def none(self, namespace: str, name: str) -> NoSuchJobError:
        where = f"{self._files.base}{self._layout.jobs}"
        return NoSuchJobError(f"there is no job {namespace}/{name} in {where}")

    def look(self, namespace: str, name: str) -> FileRead | None:
        """To look at it: what declares it, else what can't be read and seems to, under the job's name and at its place."""
        identity = namespace, name
        before = self._seeming.get(identity)
        known = before is not None and self._is_as_it_was(before)
        found = self._near(identity) or (None if known else self._search(identity))
        return found or self.seeming(namespace, name)

    def seeming(self, namespace: str, name: str) -> FileRead | None:
        """What seemed to declare it when all was searched last, and nothing did."""
        seeming = self._seeming.get((namespace, name))
        if seeming is None:
            return None
        path = place_of(file_of(seeming.path), namespace, name) if seeming.number else seeming.path
        return replace(seeming, namespace=namespace, name=name, path=path)

    def _is_as_it_was(self, read: FileRead) -> bool:
        try:
            return self._files.stat(read.entry.path).stamp == read.entry.stamp
        except FileNotFoundError:
            return False

    def find(self, namespace: str, name: str) -> FileRead | None:
        """Where it was last, then where `apply` puts files; else the oldest that declares it, as the controller takes it."""
        return self._near((namespace, name)) or self._search((namespace, name))

    def note(self, namespace: str, name: str, path: str) -> None:
        """It was put there."""
        self._found_at[namespace, name] = path

    def _near(self, identity: Identity) -> FileRead | None:
        last, usual = self._found_at.get(identity, ""), "/".join(identity) + ".yaml"
        return (self._at(last, identity) if last else None) or self._at(usual, identity)

    def _at(self, path: str, identity: Identity) -> FileRead | None:
        file = file_of(path)
        try:
            read = self._read((file, self._files.stat(self._layout.job(file))))
        except FileNotFoundError:
            return None
        return self._noted(identity, read)

    def _search(self, identity: Identity) -> FileRead | None:
        with ThreadPoolExecutor(READERS) as pool:
            found = [each for each in self.all(pool) if identity in (each.identity, each.seems)]
        self._seeming.pop(identity, None)
        if seeming := min((each for each in found if each.seems == identity), key=_order, default=None):
            self._seeming[identity] = seeming
        return self._noted(identity, found)

    def _noted(self, identity: Identity, reads: Iterable[FileRead]) -> FileRead | None:
        """Of those that declare this job the one that counts: a sound one, and the oldest."""
        found = min((each for each in reads if each.identity == identity), key=_order, default=None)
        if found:
            self.note(*identity, found.path)
        return found


def _order(read: FileRead) -> tuple[bool, int, str, int]:
    return read.job is None, *read.order
