"""Size and time of files that YARN is to bring to the processes: its local resources must name both exactly.

(org.apache.hadoop.yarn.api.records.LocalResource: a NodeManager refuses a file whose time is another.)
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from trainmaster.errors import InvalidError, RefusedError
from trainmaster.hadoop import configuration
from trainmaster.settings import Settings
from trainmaster.sources.files import Files
from trainmaster.sources.stores import open_files
from trainmaster.sources.threads import Threads

FRESH = 5.0
"""seconds for which an answer is used again: long enough for a gang, short enough for a replaced file"""


@dataclass(frozen=True, slots=True)
class FileFact:
    """One file as YARN wants to be told of it."""

    url: str
    """with scheme and host"""
    size: int
    """bytes"""
    mtime_ms: int
    """milliseconds since the epoch, by the store's clock"""
    folder: bool


class FileFacts:
    """Looks files up, together for all replicas that ask at one time."""

    def __init__(self, settings: Settings, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._settings = settings
        self._now = monotonic
        self._threads = Threads(8)
        self._stores: dict[str, Files] = {}
        self._known: dict[str, tuple[float, asyncio.Task[FileFact]]] = {}

    async def stat(self, url: str) -> FileFact:
        """One file. InvalidError (there is none, or its store can't be read) and RefusedError name it."""
        self._drop_old()
        known = self._known.get(url)
        if known is None:
            known = self._known[url] = (self._now(), asyncio.ensure_future(self._look(url)))
        # Shielded: whoever asked first may be cancelled, and others wait for the same answer.
        return await asyncio.shield(known[1])

    def _drop_old(self) -> None:
        for url, (at, task) in list(self._known.items()):
            failed = task.done() and (task.cancelled() or task.exception() is not None)
            if failed or self._now() - at > FRESH:
                del self._known[url]

    async def _look(self, url: str) -> FileFact:
        try:
            return await self._threads.call(self._stat, url)
        except FileNotFoundError as error:
            raise InvalidError(f"{url}: no such file") from error
        except RefusedError as error:
            raise type(error)(error.kind, f"{url}: {error.message}") from error

    def _stat(self, url: str) -> FileFact:
        qualified = self._qualified(url)
        parts = urlsplit(qualified)
        if parts.scheme not in ("hdfs", "file"):
            raise InvalidError(f"{url}: files come from hdfs:// or file:// URLs")
        base = f"{parts.scheme}://{parts.netloc}"
        files = self._stores.get(base)
        if files is None:
            files = self._stores[base] = open_files(qualified, self._conf_dir, self._settings.hadoop)[0]
        entry = files.stat(parts.path.rstrip("/") or "/")
        return FileFact(f"{files.base}{entry.path}", entry.size, entry.modified // 1_000_000, entry.folder)

    def _qualified(self, url: str) -> str:
        """A plain path is one of the default file system, as everywhere in Hadoop."""
        if "://" in url:
            return url
        if not url.startswith("/"):
            raise InvalidError(f"{url}: a file is named by a URL or an absolute path")
        return configuration.read(self._conf_dir, self._settings.hadoop).default_fs.rstrip("/") + url

    @property
    def _conf_dir(self) -> Path | None:
        return self._settings.hadoop_conf_dir

    def close(self) -> None:
        self._threads.close()
