"""Looks into stores that jobs name: only those that are allowed, as the job's user, and never so that one that hangs holds up
another.

Lives here: which store a URL is in, and its connection. Never here: what is looked up (facts.py, checkpoints.py), or what a user
may see (as_users.py).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar
from urllib.parse import urlsplit

from trainmaster.hadoop import configuration
from trainmaster.settings import Settings
from trainmaster.sources.as_users import Seen, SeenHere, SeenInHdfs, Views
from trainmaster.sources.authorities import authorities
from trainmaster.sources.bulkhead import Bulkhead
from trainmaster.sources.files import Files
from trainmaster.sources.local_files import LocalFiles
from trainmaster.sources.stores import open_files

T = TypeVar("T")


class LookUps:
    """Stores by the beginning of their URLs, each with threads of its own."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        conf = configuration.read(settings.hadoop_conf_dir, settings.hadoop)
        store = settings.store if settings.source == "folder" else ""
        self._allowed = authorities(conf, store, settings.file_stores)
        self._views = Views(conf)
        self._stores: dict[str, Files] = {}
        self._bulkheads: dict[str, Bulkhead] = {}

    def store_of(self, url: str) -> str:
        """The store of a URL or absolute path. NoSuchFileError when it is not an allowed one."""
        return self._allowed.store_of(self._allowed.qualified(url))

    def is_own(self, store: str) -> bool:
        """Whether it is the cluster's or the controller's own: everything waits where that is away."""
        return store in self._allowed.own

    async def call(self, url: str, user: str, look: Callable[[Seen, str], T]) -> T:
        """`look` at the path of a URL in its store, in a thread, as the user of a job.

        Raises what the look does, NoSuchFileError for a store that isn't allowed, and UnavailableError where it doesn't answer.
        """
        return await self._aside(url, user, lambda files, path: look(self._seen(files, user), path))

    async def as_ourselves(self, url: str, user: str, work: Callable[[Files, str], T]) -> T:
        """The same by our own rights, for what nobody is told of; it counts as the user's."""
        return await self._aside(url, user, work)

    async def _aside(self, url: str, user: str, work: Callable[[Files, str], T]) -> T:
        whole = self._allowed.qualified(url)
        store = self._allowed.store_of(whole)
        bulkhead = self._bulkheads.setdefault(store, Bulkhead())
        return await bulkhead.call(user, self._look, store, whole, work)

    def _look(self, store: str, url: str, work: Callable[[Files, str], T]) -> T:
        files = self._stores.get(store)
        if files is None:
            opened = open_files(url, self._settings.hadoop_conf_dir, self._settings.hadoop)
            files = self._stores[store] = opened[0]
        return work(files, urlsplit(url).path.rstrip("/") or "/")

    def _seen(self, files: Files, user: str) -> Seen:
        if isinstance(files, LocalFiles):
            return SeenHere(files, user)
        return SeenInHdfs(files, self._views, urlsplit(files.base).netloc, user)

    def close(self) -> None:
        for bulkhead in self._bulkheads.values():
            bulkhead.close()
        self._views.close()
