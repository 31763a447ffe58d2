"""The controller's private memory in a folder that only it may read: one file per uid, replaced whole."""

from __future__ import annotations

import asyncio
import json
import logging
import re
from collections.abc import Callable, Mapping

from trainmaster.errors import FencedError, InvalidError, UnavailableError
from trainmaster.sources.files import Entry, Files
from trainmaster.sources.threads import Threads

log = logging.getLogger(__name__)

_UID = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,63}")
_SUFFIX = ".json"
_LIMIT = 64 << 20
"""bytes of one record; 10,000 replicas are about 5 MB"""


class FolderJournal:
    """Records are JSON, so that a broken one is known as such before the master sees it."""

    def __init__(self, files: Files, folder: str, threads: Threads, held: Callable[[], bool]) -> None:
        self._files = files
        self._folder = folder
        self._threads = threads
        self._held = held
        self._made = False
        self._under_way: set[str] = set()

    async def load(self) -> Mapping[str, bytes]:
        """All records, by uid. A broken one is put aside as `<uid>.json.broken` and reported; the others are kept."""
        try:
            listing = await self._threads.call(self._files.walk, self._folder)
        except FileNotFoundError:
            return {}
        found = [entry for entry in listing.entries if entry.path.endswith(_SUFFIX) and _uid(entry)]
        records = await asyncio.gather(*(self._read(entry) for entry in found))
        return {
            _uid(entry): record for entry, record in zip(found, records, strict=True) if record is not None
        }

    async def _read(self, entry: Entry) -> bytes | None:
        try:
            data = await self._threads.call(self._files.read, entry.path, _LIMIT)
        except FileNotFoundError:
            return None  # removed since it was listed
        try:
            json.loads(data)
        except ValueError as error:
            await self._set_aside(entry, data, error)
            return None
        return data

    async def _set_aside(self, entry: Entry, data: bytes, error: ValueError) -> None:
        log.error("journal record %s is broken (%s): put aside as %s.broken", entry.path, error, entry.path)
        await self._threads.call(self._files.replace_if, f"{entry.path}.broken", data, 0o600, self._still)
        await self._threads.call(self._files.delete, entry.path)

    async def write(self, uid: str, record: bytes) -> None:
        """Returns when the record is durable. FencedError when the lease is no longer ours, with nothing replaced."""
        path = self._path(uid)
        self._still()
        await self._make_folder()
        await self._threads.call(self._alone, path, lambda: self._replace(path, record))

    async def remove(self, uid: str) -> None:
        path = self._path(uid)
        self._still()
        await self._threads.call(self._alone, path, lambda: self._files.delete(path))

    def _replace(self, path: str, record: bytes) -> None:
        self._files.replace_if(path, record, 0o600, self._still)

    def _alone(self, path: str, change: Callable[[], None]) -> None:
        """A write that was given up as unanswered may still be under way: a later one must not be overtaken by it."""
        if path in self._under_way:
            raise UnavailableError(f"{path}: an earlier write has not ended yet")
        self._under_way.add(path)
        try:
            change()
        finally:
            self._under_way.discard(path)

    async def _make_folder(self) -> None:
        if not self._made:
            await self._threads.call(self._files.make_folder, self._folder, 0o700)
            self._made = True

    def _path(self, uid: str) -> str:
        if not _UID.fullmatch(uid):
            raise InvalidError(f"{uid!r} can't be the uid of a job")
        return f"{self._folder}/{uid}{_SUFFIX}"

    def _still(self) -> None:
        if not self._held():
            raise FencedError("the lease is not ours (any more): nothing was written to the journal")


def _uid(entry: Entry) -> str:
    """The uid in a record's name; empty for files that are none."""
    name = entry.path.rpartition("/")[2].removesuffix(_SUFFIX)
    return name if not entry.folder and _UID.fullmatch(name) else ""
