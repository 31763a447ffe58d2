"""Marks beside job files that the command line leaves: that a job was deleted on purpose, and what commands set in it.

Never here: what they come to (registry.py, owned.py), or reading and changing the files themselves.
"""

from __future__ import annotations

from trainmaster.sources.editing import Changes
from trainmaster.sources.files import STICKY, Files
from trainmaster.sources.layout import Layout
from trainmaster.sources.owned import Owned, from_bytes, to_bytes, with_set
from trainmaster.sources.reading import MAX_BYTES, FileRead


class Marks:
    def __init__(self, files: Files, layout: Layout) -> None:
        self._files, self._layout = files, layout

    def leave(self, place: str, kinds: tuple[str, ...], owner: str = "") -> None:
        """`owner` is its file's, where that stays: nobody else's mark counts. The folder may have gone with all its files."""
        if kinds:
            self.make_folder(place)
        for kind in kinds:
            self._files.replace(self._layout.mark(place, kind), b"", owner=owner)

    def make_folder(self, path: str) -> None:
        """For a job's file, and for everybody: only owners replace their files."""
        for folder in (self._layout.jobs, self._layout.job(path).rpartition("/")[0]):
            self._files.make_folder(folder, STICKY | 0o777)

    def owned(self, read: FileRead) -> tuple[Owned, ...]:
        """What commands set in this job."""
        try:
            return from_bytes(self._files.read(self._layout.set_mark(read.path, *read.identity), MAX_BYTES))
        except FileNotFoundError:
            return ()

    def own(self, read: FileRead, changes: Changes, by: str) -> None:
        """Remember that this command sets these fields."""
        mark = self._layout.set_mark(read.path, *read.identity)
        fields = with_set(self.owned(read), changes, by)
        self._files.replace(mark, to_bytes(fields), owner=read.entry.owner)

    def disown(self, path: str, namespace: str, name: str) -> None:
        """What commands set in the job at this path counts no more."""
        self._files.delete(self._layout.set_mark(path, namespace, name))
