"""The controller's private memory in a folder that only it may read: one file per uid, replaced whole.

Fencing, beside the lease: the files lie in a folder that is named by the leader's epoch, and each new leader gives it its own
name before it reads. So whoever led before and was stalled, at any point, finds neither its folder nor its half-made file: a
record of a later leader can't be replaced, nor one that was removed brought back.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from functools import partial

from trainmaster.errors import FencedError, InvalidError, RefusedError, TrainmasterError, UnavailableError
from trainmaster.master.boundary import Lease
from trainmaster.sources.files import Entry, Files, NearFiles
from trainmaster.sources.threads import Threads, Together, in_turns

log = logging.getLogger(__name__)

_UID = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,63}")
_SUFFIX = ".json"
_EPOCH = re.compile(r"\d{6,}")
_LIMIT = 64 << 20
"""bytes of one record; 10,000 replicas are about 5 MB"""
_ATTEMPTS = 8
"""looks at the folders before a take-over is given up: mostly three are enough"""
TOGETHER = 16
"""records that are written by one thread at one time, where that costs less"""
_Written = tuple[str, str, bytes]
"""a uid, the path of its record, and the record"""
_READS = 3
"""times that one record is tried to be read, before it counts as one that can't be"""
_PAUSE = 0.5
"""seconds between them"""


class FolderJournal:
    def __init__(self, files: Files, folder: str, threads: Threads, lease: Lease) -> None:
        self._files = files
        self._folder = folder
        self._threads = threads
        self._lease = lease
        self._own = (0, "")
        """our epoch, and its folder once it is there"""
        self._taking = asyncio.Lock()
        self._under_way: set[str] = set()
        near = files if isinstance(files, NearFiles) else None
        self._together = near and Together(threads, partial(self._write_all, near), TOGETHER)

    # --- reading

    async def load(self) -> Mapping[str, bytes]:
        """All records, by uid. One that can't be read is empty: its job is known to be remembered, and not begun anew."""
        own = await self._own_folder()
        try:
            uids, read = await self._read_all(own)
        except FileNotFoundError:
            raise self._taken_away(own) from None
        away = [answer for answer in read if isinstance(answer, UnavailableError)]
        if len(away) == len(uids) > 1:
            raise away[0]  # that is the store's fault, and no record's
        records = (b"" if isinstance(answer, TrainmasterError) else answer for answer in read)
        return {uid: record for uid, record in zip(uids, records, strict=True) if record is not None}

    async def _read_all(self, own: str) -> tuple[list[str], list[bytes | TrainmasterError | None]]:
        listing = await self._threads.call(self._files.walk, own)
        uids = [uid for entry in listing.entries if (uid := _uid(entry, own))]
        read = await in_turns(self._try_to_read, uids)
        await self._threads.call(
            self._files.stat, own
        )  # were it another's by now, records would have been missed
        return uids, read

    async def read(self, uid: str) -> bytes | None:
        """One record; None when there is none."""
        path = self._path(await self._own_folder(), uid)
        try:
            return await self._threads.call(self._files.read_own, path, _LIMIT)
        except FileNotFoundError:
            return None

    async def _try_to_read(self, uid: str) -> bytes | TrainmasterError | None:
        error: TrainmasterError = UnavailableError(uid)
        for attempt in range(_READS):
            try:
                return await self.read(uid)
            except (RefusedError, UnavailableError) as no:
                error = no
            await asyncio.sleep(_PAUSE * attempt)
        log.error("the journal record of %s can't be read: %s", uid, error)
        return error

    # --- writing

    async def write(self, uid: str, record: bytes) -> None:
        """Returns when the record is durable. FencedError when the lease is no longer ours, with nothing replaced."""
        write = self._together.call if self._together else self._write_one
        await self._change(uid, lambda path: write((uid, path, record)))

    async def _write_one(self, written: _Written) -> None:
        uid, path, record = written
        await self._threads.call(
            self._alone, uid, lambda: self._files.replace_if(path, record, 0o600, self._still)
        )

    def _write_all(self, near: NearFiles, batch: Sequence[_Written]) -> Sequence[Exception | None]:
        """In a thread: all of them, or of none it is known that it was written."""
        alone = {uid: (path, record) for uid, path, record in batch if uid not in self._under_way}
        self._under_way.update(alone)
        error: Exception | None = None
        try:
            near.replace_all(dict(alone.values()), 0o600, self._still)
        except Exception as no:  # noqa: BLE001 - raised where it was asked for
            error = no
        finally:
            self._under_way.difference_update(alone)
        return [error if uid in alone else _not_ended(uid) for uid, *_ in batch]

    async def remove(self, uid: str) -> None:
        delete = self._files.delete
        await self._change(uid, lambda path: self._threads.call(self._alone, uid, lambda: delete(path)))

    async def _change(self, uid: str, change: Callable[[str], Awaitable[None]]) -> None:
        self._still()
        own = await self._own_folder()
        path = self._path(own, uid)
        try:
            await change(path)
        except FileNotFoundError:
            raise self._taken_away(own) from None

    def _taken_away(self, own: str) -> TrainmasterError:
        """Our folder isn't there any more: looked for anew by the next call, which says whose it is."""
        self._own = (0, "")
        self._still()
        return UnavailableError(f"{own} went while the journal was read or written")

    def _alone(self, uid: str, change: Callable[[], None]) -> None:
        """A write that was given up as unanswered may still be under way: a later one must not be overtaken by it."""
        if uid in self._under_way:
            raise _not_ended(uid)
        self._under_way.add(uid)
        try:
            change()
        finally:
            self._under_way.discard(uid)

    # --- our folder

    async def _own_folder(self) -> str:
        """The folder of our epoch, with all records in it. FencedError when a later leader has them."""
        async with self._taking:
            epoch, own = self._own
            if epoch != self._lease.epoch:
                epoch, own = self._lease.epoch, f"{self._folder}/{self._lease.epoch:06d}"
                await self._take_over(epoch, own)
                self._own = epoch, own
            return own

    async def _take_over(self, epoch: int, own: str) -> None:
        for _ in range(_ATTEMPTS):
            self._still()
            try:
                if await self._is_taken_over(epoch, own):
                    return
            except FileNotFoundError:
                continue  # another leader was faster
        raise UnavailableError(f"{self._folder} is being taken over by others all the time")

    async def _is_taken_over(self, epoch: int, own: str) -> bool:
        """Whether a look finds all in our folder; else one step is made towards it."""
        entries = await self._entries()
        epochs = _epochs(entries, self._folder)
        if max(epochs, default=0) > epoch:
            raise FencedError(f"the journal is that of a later leader (epoch {max(epochs)})")
        before = max(epochs - {epoch}, default=0)
        if flat := [entry.path for entry in entries if _uid(entry, self._folder)]:
            await self._gather(flat, own)
        elif epoch in epochs and (not before or any(_uid(entry, own) for entry in entries)):
            return True
        elif before:
            await self._threads.call(self._files.move, f"{self._folder}/{before:06d}", own)
        else:
            await self._make(own)
        return False

    async def _gather(self, flat: Iterable[str], own: str) -> None:
        """Records from before there were epochs lie in the journal's own folder."""
        await self._make(own)
        for path in flat:
            await self._threads.call(self._files.move, path, f"{own}/{path.rpartition('/')[2]}")

    async def _make(self, own: str) -> None:
        for folder in (self._folder, own):
            await self._threads.call(self._files.make_folder, folder, 0o700)

    async def _entries(self) -> tuple[Entry, ...]:
        try:
            return (await self._threads.call(self._files.walk, self._folder)).entries
        except FileNotFoundError:
            return ()

    def _path(self, folder: str, uid: str) -> str:
        if not _UID.fullmatch(uid):
            raise InvalidError(f"{uid!r} can't be the uid of a job")
        return f"{folder}/{uid}{_SUFFIX}"

    def _still(self) -> None:
        if not self._lease.held():
            raise FencedError("the lease is not ours (any more): nothing was written to the journal")


def _not_ended(uid: str) -> TrainmasterError:
    return UnavailableError(f"the journal record of {uid}: an earlier write has not ended yet")


def _epochs(entries: Iterable[Entry], folder: str) -> set[int]:
    """The epochs that have a folder."""
    names = (entry.path[len(folder) + 1 :] for entry in entries if entry.folder)
    return {int(name) for name in names if _EPOCH.fullmatch(name)}


def _uid(entry: Entry, folder: str) -> str:
    """The uid in the name of a record of that folder; empty for what is none."""
    place, _, name = entry.path.rpartition("/")
    uid = name.removesuffix(_SUFFIX)
    return uid if place == folder and name.endswith(_SUFFIX) and _UID.fullmatch(uid) else ""
