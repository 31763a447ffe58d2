"""The files that show statuses, as a folder source writes them. Never here: which of them, or when."""

from __future__ import annotations

from collections.abc import Sequence

from trainmaster.api.declared import Declared
from trainmaster.api.status import JobStatus
from trainmaster.errors import UnavailableError
from trainmaster.sources import shown
from trainmaster.sources.files import Files, NearFiles, Still
from trainmaster.sources.threads import Threads, Together

TOGETHER = 8
"""those that are written by one thread at one time, in a store on this machine"""
APART = 16
"""those that are written by threads of their own, in another one"""
_Written = tuple[str, Declared, JobStatus]


class StatusFiles:
    def __init__(self, files: Files, threads: Threads, still: Still) -> None:
        """`still` is asked before each file takes its place."""
        self._files, self._threads, self._still = files, threads, still
        near = isinstance(files, NearFiles)
        self._writes = (
            Together(threads, self._write_all, TOGETHER)
            if near
            else Together(threads, self._write_all, 1, APART)
        )
        self._folders: set[str] = set()

    async def put(self, path: str, declared: Declared, status: JobStatus) -> None:
        """Put a status in its place."""
        folder = path.rpartition("/")[0]
        if folder not in self._folders:
            await self._threads.call(self._files.make_folder, folder)
            self._folders.add(folder)
        try:
            await self._writes.call((path, declared, status))
        except FileNotFoundError:
            self._folders.discard(folder)  # somebody removed the folder: it is made again at the next pass
            raise UnavailableError(f"{folder} went while a status was written") from None

    def _write_all(self, batch: Sequence[_Written]) -> list[Exception | None]:
        return [self._write(*each) for each in batch]

    def _write(self, path: str, declared: Declared, status: JobStatus) -> Exception | None:
        """In a thread; what goes wrong is this status's alone. It needn't last: whoever leads next shows it anew."""
        try:
            text = shown.to_bytes(declared, status)
            self._files.replace_if(path, text, 0o644, self._still, lasting=False)
        except Exception as error:  # noqa: BLE001 - raised where it was asked for
            return error
        return None
