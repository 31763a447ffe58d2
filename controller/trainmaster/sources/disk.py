"""Folders of this machine written through to their disk, once for all who wait. Never here: what is written in them."""

from __future__ import annotations

import functools
import os
import threading


def sync(folder: str) -> None:
    """Have what was renamed in a folder on its disk: a rename is durable when its folder is."""
    _folder_disk(folder).sync()


class _FolderDisk:
    """Writes one folder through to the disk, once for all who wait: what they renamed before it begins is in it."""

    def __init__(self, folder: str) -> None:
        self._folder, self._alone = folder, threading.Lock()
        self._begun = self._done = 0

    def sync(self) -> None:
        enough = self._begun + 1  # one that has begun already may have missed our rename
        with self._alone:
            if self._done >= enough:
                return
            self._begun += 1
            descriptor = os.open(self._folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
            self._done = self._begun


_folder_disk = functools.lru_cache(maxsize=256)(_FolderDisk)
"""by folder; one that is forgotten while it is used is only shared by fewer"""
