"""A folder of YAML files as a source of jobs, with statuses, journal and lease beside them in the same store.

Lives here: the order of a look, and writing what is shown. Reading is reader.py's, which file declares which job registry.py's.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence

from trainmaster.api.declared import Declared
from trainmaster.api.job import TrainingJob
from trainmaster.api.status import JobStatus
from trainmaster.errors import FencedError, TrainmasterError, UnavailableError
from trainmaster.master import clock
from trainmaster.master.beats import Beats
from trainmaster.plan.values import Event
from trainmaster.settings import Settings
from trainmaster.sources.cleared import read_marks
from trainmaster.sources.epochs import Epochs
from trainmaster.sources.files import STICKY, Listing
from trainmaster.sources.identity import identity
from trainmaster.sources.in_place import take_away
from trainmaster.sources.journal import FolderJournal
from trainmaster.sources.layout import DELETE, NOW, Layout, file_of
from trainmaster.sources.lease import FolderLease
from trainmaster.sources.listings import Listings
from trainmaster.sources.namespaces import guard
from trainmaster.sources.own_folders import check, exposed
from trainmaster.sources.owned import idle
from trainmaster.sources.reader import Reader
from trainmaster.sources.reading import FileRead
from trainmaster.sources.records import Records
from trainmaster.sources.registry import Registry
from trainmaster.sources.sightings import Look
from trainmaster.sources.statuses import StatusFiles
from trainmaster.sources.stores import open_files, own_files
from trainmaster.sources.threads import Threads
from trainmaster.sources.unread import notices
from trainmaster.sources.values import WithoutObjects

log = logging.getLogger(__name__)

_JOBS_MODE = STICKY | 0o777
"""everybody may add jobs, and only their owners may change them"""


class FolderSource(WithoutObjects):
    """Implements master.boundary.Source for a folder at any URL; one at webhdfs:// needs another store for its own files."""

    name = "folder"
    pace = 0.25
    """a status is one small file"""
    foreign: Mapping[str, str] = {}
    """nobody else looks into this folder"""
    trouble = unable = ""
    """what keeps it from its work makes its calls fail, and stands in their errors"""
    late = 0.0
    """a listing is whole, or fails"""

    def __init__(self, url: str, settings: Settings, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._files, root = open_files(
            url, settings.hadoop_conf_dir, settings.hadoop, settings.hadoop_ca_file
        )
        self._own, own_root = own_files(settings, url, (self._files, root))
        self._layout, own = Layout(root), Layout(own_root)
        self._identity, self._cleared, self._own_root = own.installation, own.cleared, own_root
        self._now = monotonic
        self._threads = Threads()
        self._statuses = StatusFiles(self._files, self._threads, self._still)
        # Each has its own, so that a flood of new files delays neither the journal nor the lease.
        self._own_threads = [Threads(2, timeout=settings.lease_duration), Threads(), Threads(4)]
        for_lease, for_journal, for_records = self._own_threads
        epochs = Epochs(self._own, own.journal)
        self.lease = FolderLease(self._own, own.lease, for_lease, settings.lease_duration, monotonic, epochs)
        self.journal = FolderJournal(self._own, own.journal, for_journal, self.lease)
        self._records = Records(self._own, own.known, for_records, self.lease.held)
        self._reader = Reader(self._files, self._layout, self._threads, guard(settings.namespaces))
        self._listings = Listings(self._files, self._threads, self._layout.jobs, monotonic)
        self._grace = settings.deletion_grace
        self._registry = Registry(self.name, self._files.base + root, self._grace)
        self._adopted: Mapping[str, tuple[str, str]] = {}
        self._started = self._swept = self._goes_on = False
        self._published: dict[str, tuple[str, int, JobStatus]] = {}
        """by uid, what stands there: path, generation and status"""
        self._locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._taking_away = threading.Lock()
        self._taken: dict[str, FileRead] = {}
        """by uid, what was removed, which older listings still hold"""

    @property
    def held(self) -> str:
        """A sentence when the deletion of files that vanished together waits for a person; else empty."""
        return (held := self._registry.held) and (
            f"{held}: nothing of them is stopped until the files are back, or somebody confirms their deletion "
            f"by creating {self._files.base}{self._layout.confirm}"
        )

    def adopt(self, known: Mapping[str, tuple[str, str]]) -> None:
        """uid -> (namespace, name) of the journal's jobs; what is known of files is read anew at the next look."""
        self._adopted = dict(known)
        self._started = False

    def ask(self, advise: Callable[[TrainingJob], str]) -> None:
        """Nobody waits for an answer when a file is written: the status tells."""

    async def identify(self) -> str:
        """Kept beside the journal, once all that lies there was found to be the controller's alone."""
        self.trouble = await self._own_threads[1].call(check, self._own, self._own_root)
        if self.trouble:
            log.warning("others may harm the installation", extra={"error": self.trouble})
        return await self._own_threads[1].call(identity, self._own, self._identity, self._still)

    async def cleared(self) -> Mapping[str, float]:
        """Marks among the controller's own files."""
        return await self._own_threads[1].call(read_marks, self._own, self._cleared)

    async def start(self) -> None:
        """Nothing is needed before the first look."""

    async def run(self, beats: Beats) -> None:  # noqa: ARG002 - nothing is there to be kept up
        """Nothing goes on beside the looks."""
        await asyncio.Event().wait()

    # --- looking

    async def changed(self, most: float) -> None:
        """A folder tells nobody that it changed: only time does. None after a look that left files which are being read now."""
        await asyncio.sleep(0.0 if self._goes_on else most)

    async def look(self) -> Mapping[str, Declared]:
        """Everything declared, by uid. UnavailableError when the listing isn't whole."""
        self._goes_on = False
        if not self._started:
            await self._start()
        if self.trouble:
            self.trouble = await self._own_threads[1].call(exposed, self._own, self._own_root)
        listing, folder, listed_at = await self._listings.next(goes_on=self._reader.behind)
        reads = await self._reader.read(listing, folder)
        confirmed = await self._is_confirmed()
        left_out, below = notices(listing, self._layout), self._layout.below_jobs
        still = self._listings.without_gone(reads)
        look = Look(
            reads={**still, **left_out},
            now=listed_at,
            today=clock.now(),
            version=self._reader.version if still is reads else None,
            added=self._reader.added,
            marks=self._reader.marks,
            # what is there and wasn't read yet is not gone either
            blind=frozenset(below(blind) for blind in listing.blind) | self._reader.unread,
            crowded=frozenset(left.owner for left in listing.left_out if left.crowded),
            admin=folder.owner,
            confirmed=confirmed,
        )
        declared = self._registry.update(look)
        self._records.save(self._registry.records())
        await self._tidy(listing, confirmed=confirmed)
        self._goes_on = self._reader.behind
        return declared

    async def _start(self) -> None:
        """What an earlier controller wrote down; and the jobs folder, where nothing could be lost by making it."""
        records = await self._records.load()
        if not self._adopted and not records:
            for folder in (self._layout.jobs, self._layout.under("staging")):
                await self._threads.call(self._files.make_folder, folder, _JOBS_MODE)
        self._registry = Registry(self.name, self._files.base + self._layout.root, self._grace)
        self._registry.remember(records)
        self._registry.adopt(self._adopted)
        self._published.clear()
        self._listings.forget()
        self._started = True

    async def _is_confirmed(self) -> bool:
        if not self._registry.held:
            return False
        try:
            await self._threads.call(self._files.stat, self._layout.confirm)
        except FileNotFoundError:
            return False
        return True

    async def _tidy(self, listing: Listing, *, confirmed: bool) -> None:
        """Remove what has served: nothing rests on it, so the next look tries again."""
        paths = [self._layout.mark(mark.path, mark.kind) for mark in self._registry.stale_marks]
        if confirmed:
            paths.append(self._layout.confirm)
        if not self._swept and not listing.blind and not self._registry.held:
            paths += [*idle(listing, self._layout, self._reader.paths), *await self._orphans()]
            self._swept = True
        for path in paths:
            await self._clean(self._files.delete, path)

    async def _orphans(self) -> list[str]:
        """Statuses whose job's file went while no controller was there to see it."""
        try:
            listing = await self._threads.call(self._files.walk, self._layout.status)
        except FileNotFoundError:
            return []
        alive, unread = self._registry.paths(), self._reader.unread
        below = len(self._layout.status) + 1
        found = ((each.path, each.path[below:]) for each in listing.entries if not each.folder)
        return [whole for whole, path in found if path not in alive and file_of(path) not in unread]

    # --- showing

    async def publish(self, declared: Declared, status: JobStatus) -> None:
        """Put the status file in its place, if it differs from the one that was put there last."""
        new = declared.path, declared.generation, status
        async with self._locks[declared.uid]:
            before = self._published.get(declared.uid)
            if not declared.path or before == new or not self._registry.holds(declared):
                return
            await self._statuses.put(self._layout.status_of(declared.path), declared, status)
            self._published[declared.uid] = new
            if before is not None and before[0] != declared.path:
                await self._delete_status(before[0])

    def _still(self) -> None:
        if not self.lease.held():
            raise FencedError("the lease is not ours (any more): no status was written")

    async def _delete_status(self, path: str) -> None:
        """Unless the path has come to stand for another declaration."""
        if path not in self._registry.paths():
            await self._threads.call(self._files.delete, self._layout.status_of(path))

    def astray(self) -> Collection[str]:
        """None: only the controller writes below status/."""
        return ()

    async def tell(self, declared: Declared, events: Sequence[Event]) -> None:
        """Nothing: the controller's log has them, and a folder has no better place for what isn't kept."""

    # --- ends

    async def gone(self, declared: Declared) -> None:
        """Remove status, marks and uploaded files of a deleted job; its namespace and name are free from then on."""
        self._still()
        async with self._locks[declared.uid]:
            if declared.path and not self._registry.is_shared(declared):
                await self._threads.call(self._files.delete, self._layout.status_of(declared.path))
                for kind in (DELETE, NOW):
                    await self._threads.call(self._files.delete, self._layout.mark(declared.path, kind))
            if declared.path and not declared.duplicate_of:
                set_ = self._layout.set_mark(declared.path, declared.namespace, declared.name)
                await self._threads.call(self._files.delete, set_)
            if declared.job is not None and not declared.duplicate_of:
                await self._clean_staging(declared)
            if self._registry.forget(declared):
                self._listings.gone(declared.namespace, declared.name)
            self._published.pop(declared.uid, None)
            self._taken.pop(declared.uid, None)
        self._locks.pop(declared.uid, None)

    async def _clean_staging(self, declared: Declared) -> None:
        """Unless a file for the same job is there already, which may need what was uploaded."""
        identity, taken = (declared.namespace, declared.name), self._taken.get(declared.uid)
        there = (read for read in self._reader.reads.values() if read is not taken)
        if declared.owner and all(read.identity != identity for read in there):
            below = "/".join((declared.owner, *identity))  # folders of his: he may have put links into them
            await self._clean(self._files.delete_below, self._layout.uploads, below)

    async def remove(self, declared: Declared) -> None:
        """Delete the job's own file (ttlDeletesResource); it needs no grace."""
        self._still()
        if declared.path and self._registry.holds(declared):
            self._taken[declared.uid] = await self._threads.call(self._take_away, declared.path)
            self._registry.deleted(declared)

    def _take_away(self, path: str) -> FileRead:
        """The file, or one document where others stand in it: the rest stays as it was, and its owner's. One after the other:
        two who take each a document out of one file would put back what the other took."""
        with self._taking_away:
            read = self._reader.reads.get(path)
            if read is None:
                raise UnavailableError(f"{path} isn't where it was")
            take_away(self._files, read, self._still)
            return read

    async def _clean(self, delete: Callable[..., None], *where: str) -> None:
        try:
            await self._threads.call(delete, *where)
        except TrainmasterError as error:
            log.warning("could not clean up: %s", error)

    async def close(self) -> None:
        """Wait for writes under way."""
        self._reader.close()
        await self._records.close()
        for files in {id(f): f for f in (self._files, self._own)}.values():
            await asyncio.to_thread(files.close)
        for threads in (self._threads, *self._own_threads):
            threads.close()
