"""A store's jobs folder as somebody with `hdfs dfs` handles it: no help of trainmaster's, and every way to do it wrong."""

from __future__ import annotations

import time
from typing import BinaryIO, cast

import fsspec

from real.rooms import FolderRoom
from trainmaster.api.status import JobStatus
from trainmaster.sources import shown


class Dfs:
    """Paths are below the store's root, such as jobs/default/a.yaml."""

    def __init__(self, room: FolderRoom) -> None:
        self._files, self._root = fsspec.core.url_to_fs(room.url)

    def put(self, path: str, data: bytes) -> None:
        """`-put`: written beside under a name that isn't read, then renamed."""
        beside = f"{path}._COPYING_"
        with self.writer(beside) as file:
            file.write(data)
        self.move(beside, path)

    def put_over(self, path: str, data: bytes, pause: float) -> None:
        """`-put -f`: the old file is deleted first, and for `pause` seconds there is none."""
        self.remove(path)
        time.sleep(pause)
        self.put(path, data)

    def writer(self, path: str) -> BinaryIO:
        """A file being written in its place; readers see it as it grows."""
        self._files.makedirs(self._at(path).rpartition("/")[0], exist_ok=True)
        return cast(BinaryIO, self._files.open(self._at(path), "wb"))

    def read(self, path: str) -> bytes:
        with self._files.client.read(self._at(path)) as file:  # fsspec's own way drops what stands after a #
            return bytes(file.read())

    def exists(self, path: str) -> bool:
        try:
            self._files.client.get_file_info(self._at(path))
        except FileNotFoundError:
            return False
        return True

    def names(self, folder: str) -> list[str]:
        """What lies in a folder, as paths below the root."""
        found = self._files.ls(self._at(folder), detail=False)
        return [f"{folder}/{path.rpartition('/')[2]}" for path in found]

    def mode(self, path: str) -> int:
        """Permission bits."""
        return int(self._files.info(self._at(path))["permission"])

    def move(self, path: str, to: str) -> None:
        self._files.makedirs(self._at(to).rpartition("/")[0], exist_ok=True)
        self._files.mv(self._at(path), self._at(to))

    def remove(self, path: str) -> None:
        self._files.rm(self._at(path))

    def own(self, path: str, owner: str) -> None:
        """`-chown`, which only HDFS's superuser may."""
        self._files.client.set_owner(self._at(path), owner)

    def protect(self, path: str, mode: int) -> None:
        """`-chmod`."""
        self._files.client.set_permission(self._at(path), mode)

    def status(self, path: str) -> JobStatus:
        """What is shown beside jobs/<path>; an empty one while nothing is."""
        try:
            found = shown.from_bytes(self.read(f"status/{path}"))
        except FileNotFoundError:
            return JobStatus()
        return found.status if found else JobStatus()

    def _at(self, path: str) -> str:
        return f"{self._root}/{path}"
