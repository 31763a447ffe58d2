"""Listings of the jobs folder: one serves for as long as files of it wait for their turn. Never here: what stands in files."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import inf

from trainmaster.errors import UnavailableError
from trainmaster.sources.files import Entry, Files, Listing
from trainmaster.sources.reading import FileRead
from trainmaster.sources.sightings import Identity
from trainmaster.sources.threads import Threads
from trainmaster.sources.walking import JOBS

SERVES = 5.0
"""seconds for which one serves at most: so long others' new files wait to be seen, and marks to be heeded. Listing ten thousand
files takes as long as reading a thousand of them"""


class Listings:
    """Those of one folder."""

    def __init__(self, files: Files, threads: Threads, folder: str, now: Callable[[], float]) -> None:
        self._files, self._threads, self._folder, self._now = files, threads, folder, now
        self._last: tuple[Listing, Entry, float] | None = None
        self._gone: dict[Identity, float] = {}
        """when nothing was left of a job any more"""

    def forget(self) -> None:
        """The next one is made anew."""
        self._last = None

    async def next(self, *, goes_on: bool) -> tuple[Listing, Entry, float]:
        """A listing, the folder itself, and when that was begun, on the monotonic clock: the last one where it is still being
        read, and isn't too old. UnavailableError where there is no such folder."""
        last = self._last
        if last is None or not goes_on or self._now() - last[2] >= SERVES:
            last = self._last = await self._made()
        return last

    def gone(self, namespace: str, name: str) -> None:
        """Nothing is left of that job, its file neither."""
        self._gone[namespace, name] = self._now()

    def without_gone(self, reads: Mapping[str, FileRead]) -> Mapping[str, FileRead]:
        """All but the documents of jobs that went after the last listing was begun: it may show files that went with them, and
        what ended would begin anew. The same object where there are none."""
        since = self._last[2] if self._last else inf
        self._gone = {identity: at for identity, at in self._gone.items() if at > since}
        if not self._gone:
            return reads
        return {path: read for path, read in reads.items() if read.identity not in self._gone}

    async def _made(self) -> tuple[Listing, Entry, float]:
        began = self._now()
        try:
            folder = await self._threads.call(self._files.stat, self._folder)
            listing = await self._threads.call(self._files.walk, self._folder, JOBS)
        except FileNotFoundError as error:
            where = f"{self._files.base}{self._folder}"
            raise UnavailableError(f"{where} does not exist: nothing counts as deleted") from error
        return listing, folder, began
