"""The source's own records in the store, one file per uid: loaded at the start, written beside the path of work."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from functools import partial

from trainmaster.errors import FencedError, TrainmasterError
from trainmaster.sources import known
from trainmaster.sources.files import Files, NearFiles
from trainmaster.sources.known import Record
from trainmaster.sources.threads import Threads, in_turns

log = logging.getLogger(__name__)

_LIMIT = 16 << 20
TOGETHER = 16
"""records that are written by one thread at one time, where that costs less"""


class Records:
    def __init__(self, files: Files, folder: str, threads: Threads, held: Callable[[], bool]) -> None:
        self._files = files
        self._folder = folder
        self._threads = threads
        self._held = held
        self._written: dict[str, Record] = {}
        self._saving: asyncio.Task[None] | None = None
        self._all_written: Mapping[str, Record] | None = None
        """what was given last and is written: given again, as by a look that found nothing new, it needn't be compared"""

    async def load(self) -> list[Record]:
        """All that can be read; a broken one is left out, since a job is found again without it."""
        try:
            listing = await self._threads.call(self._files.walk, self._folder)
        except FileNotFoundError:
            self._written = {}
            return []
        paths = [entry.path for entry in listing.entries if entry.path.endswith(".json")]
        read = await in_turns(lambda path: self._threads.call(self._read, path), paths)
        records = [record for record in read if record]
        self._written = {record.uid: record for record in records}
        return records

    def _read(self, path: str) -> Record | None:
        try:
            return known.from_bytes(self._files.read_own(path, _LIMIT))
        except FileNotFoundError:
            return None

    def save(self, records: Mapping[str, Record]) -> None:
        """Have what differs written, in the background; what fails is tried again with the next call."""
        if records is self._all_written or (self._saving is not None and not self._saving.done()):
            return
        changed = [record for uid, record in records.items() if self._written.get(uid) != record]
        gone = self._written.keys() - records.keys()
        if changed or gone:
            self._saving = asyncio.create_task(self._save(changed, gone))
        else:
            self._all_written = records

    async def _save(self, changed: list[Record], gone: set[str]) -> None:
        try:
            await self._threads.call(self._files.make_folder, self._folder, 0o700)
            await asyncio.gather(self._write_all(changed), in_turns(self._remove, gone))
        except FencedError:
            return  # the new leader writes its own
        except (TrainmasterError, OSError) as error:  # a folder that was taken away is one, and is made again
            log.warning("what is known of the job files could not be written: %s", error)

    async def _write_all(self, changed: list[Record]) -> None:
        if not isinstance(self._files, NearFiles):
            await in_turns(self._write, changed)
            return
        batches = (changed[start : start + TOGETHER] for start in range(0, len(changed), TOGETHER))
        await in_turns(partial(self._write_some, self._files), batches)

    async def _write_some(self, near: NearFiles, records: list[Record]) -> None:
        await self._threads.call(
            lambda: near.replace_all({self._path(r): r.to_bytes() for r in records}, 0o600, self._still)
        )
        self._written.update((record.uid, record) for record in records)

    async def _write(self, record: Record) -> None:
        path = self._path(record)
        await self._threads.call(self._files.replace_if, path, record.to_bytes(), 0o600, self._still)
        self._written[record.uid] = record

    def _path(self, record: Record) -> str:
        return f"{self._folder}/{record.uid}.json"

    async def _remove(self, uid: str) -> None:
        self._still()
        await self._threads.call(self._files.delete, f"{self._folder}/{uid}.json")
        self._written.pop(uid, None)

    def _still(self) -> None:
        if not self._held():
            raise FencedError("the lease is not ours (any more)")

    async def close(self) -> None:
        if self._saving is not None:
            await self._saving
