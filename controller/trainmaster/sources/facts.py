"""Size and time of files that YARN is to bring to the processes: its local resources must name both exactly.

(org.apache.hadoop.yarn.api.records.LocalResource: a NodeManager refuses a file whose time is another.)
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlsplit

from trainmaster.errors import InvalidError, NoSuchFileError, RefusedError, UnavailableError
from trainmaster.hadoop import configuration
from trainmaster.settings import Settings
from trainmaster.sources.authorities import authorities
from trainmaster.sources.bulkhead import Bulkhead
from trainmaster.sources.files import Files
from trainmaster.sources.stores import open_files

FRESH = 5.0
"""seconds for which an answer is used again: long enough for a gang, short enough for a replaced file"""
PATIENCE = 300.0
"""seconds of silence after which a store that isn't the cluster's own is given up, until it answers again"""


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
        conf = configuration.read(settings.hadoop_conf_dir, settings.hadoop)
        store = settings.store if settings.source == "folder" else ""
        self._allowed = authorities(conf, store, settings.file_stores)
        self._stores: dict[str, Files] = {}
        self._bulkheads: dict[str, Bulkhead] = {}
        """one for each store, so that one that hangs holds up nobody's files in others"""
        self._known: dict[str, tuple[float, asyncio.Task[FileFact]]] = {}
        self._swept = monotonic()
        self._silent: dict[str, float] = {}
        """since when a store that isn't the cluster's own has answered nothing"""

    async def stat(self, url: str, user: str = "") -> FileFact:
        """One file, asked for a job of `user`. NoSuchFileError (there is none, or its store is not allowed), InvalidError
        (its store was silent for too long) and RefusedError name it; UnavailableError: ask again.
        """
        self._drop_old()
        at, task = self._known.get(url, (0.0, None))
        if task is None or self._is_old(at, task):
            task = asyncio.ensure_future(self._look(url, user))
            self._known[url] = self._now(), task
        # Shielded: whoever asked first may be cancelled, and others wait for the same answer.
        return await asyncio.shield(task)

    def _drop_old(self) -> None:
        if self._now() - self._swept < FRESH:
            return
        self._swept = self._now()
        self._known = {url: each for url, each in self._known.items() if not self._is_old(*each)}

    def _is_old(self, at: float, task: asyncio.Task[FileFact]) -> bool:
        """One that isn't answered yet is waited for, however long: a second question would only take another thread."""
        failed = task.done() and (task.cancelled() or task.exception() is not None)
        return failed or (task.done() and self._now() - at > FRESH)

    async def _look(self, url: str, user: str) -> FileFact:
        qualified = self._allowed.qualified(url)
        store = self._allowed.store_of(qualified)
        bulkhead = self._bulkheads.setdefault(store, Bulkhead())
        try:
            fact = await bulkhead.call(user, self._stat, store, qualified)
        except FileNotFoundError as error:
            raise NoSuchFileError(f"{url}: no such file") from error
        except UnavailableError as error:
            self._give_up(store, url, error)
            raise
        except RefusedError as error:
            raise type(error)(error.kind, f"{url}: {error.message}") from error
        self._silent.pop(store, None)
        return fact

    def _give_up(self, store: str, url: str, error: UnavailableError) -> None:
        """The cluster's own stores are waited for: everything waits with them. Another one may never have been there."""
        if store in self._allowed.own:
            return
        silent = self._now() - self._silent.setdefault(store, self._now())
        if silent >= PATIENCE:
            raise InvalidError(f"{url}: its store has not answered for {silent:.0f} s: {error}") from error

    def _stat(self, store: str, url: str) -> FileFact:
        files = self._stores.get(store)
        if files is None:
            conf_dir = self._settings.hadoop_conf_dir
            files = self._stores[store] = open_files(url, conf_dir, self._settings.hadoop)[0]
        entry = files.stat(urlsplit(url).path.rstrip("/") or "/")
        return FileFact(f"{files.base}{entry.path}", entry.size, entry.modified // 1_000_000, entry.folder)

    def close(self) -> None:
        for _, task in self._known.values():
            task.cancel()
        for bulkhead in self._bulkheads.values():
            bulkhead.close()
