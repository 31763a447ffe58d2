"""Size and time of files that YARN is to bring to the processes: its local resources must name both exactly.

(org.apache.hadoop.yarn.api.records.LocalResource: a NodeManager refuses a file whose time is another.)
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass

from trainmaster.errors import InvalidError, NoSuchFileError, RefusedError, UnavailableError
from trainmaster.settings import Settings
from trainmaster.sources.as_users import Seen
from trainmaster.sources.lookups import LookUps

FRESH = 5.0
"""seconds for which an answer is used again: long enough for a gang, short enough for a replaced file"""
HERE = "file://"
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
    owner: str = ""
    mode: int = 0
    """permission bits"""


class FileFacts:
    """Looks files up, together for all replicas that ask at one time."""

    def __init__(self, settings: Settings, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._now = monotonic
        self._stores = LookUps(settings)
        self._known: dict[tuple[str, str], tuple[float, asyncio.Task[FileFact]]] = {}
        """by user and URL: what one may see is nothing for another"""
        self._swept = monotonic()
        self._silent: dict[str, tuple[float, float]] = {}
        """since when a store that isn't the cluster's own has answered nothing, and when it was last asked in vain"""

    async def stat(self, url: str, user: str) -> FileFact:
        """One file as `user` sees it. NoSuchFileError (there is none for him, or its store is not allowed), InvalidError
        (its store was silent for too long) and RefusedError name it; UnavailableError: ask again.
        """
        self._drop_old()
        at, task = self._known.get((user, url), (0.0, None))
        if task is None or self._is_old(at, task):
            task = asyncio.ensure_future(self._look(url, user))
            self._known[user, url] = self._now(), task
        # Shielded: whoever asked first may be cancelled, and others wait for the same answer.
        return await asyncio.shield(task)

    def _drop_old(self) -> None:
        if self._now() - self._swept < FRESH:
            return
        self._swept = self._now()
        self._known = {key: each for key, each in self._known.items() if not self._is_old(*each)}

    def _is_old(self, at: float, task: asyncio.Task[FileFact]) -> bool:
        """One that isn't answered yet is waited for, however long: a second question would only take another thread."""
        failed = task.done() and (task.cancelled() or task.exception() is not None)
        return failed or (task.done() and self._now() - at > FRESH)

    async def _look(self, url: str, user: str) -> FileFact:
        store = self._stores.store_of(url)
        try:
            fact = await self._stores.call(url, user, _stat)
        except FileNotFoundError as error:
            # Of this machine's disk nobody learns whether there is something that he may not see.
            or_hidden = f", or {user} may not see it" if store == HERE else ""
            raise NoSuchFileError(f"{url}: no such file{or_hidden}") from error
        except UnavailableError as error:
            self._give_up(store, url, error)
            raise
        except RefusedError as error:
            if (
                error.kind.rpartition(".")[2] == "AccessControlException"
            ):  # no node and no second try could bring it
                raise NoSuchFileError(f"{url}: {error.message}") from error
            raise type(error)(error.kind, f"{url}: {error.message}") from error
        self._silent.pop(store, None)
        return fact

    def _give_up(self, store: str, url: str, error: UnavailableError) -> None:
        """The cluster's own stores are waited for: everything waits with them. Another one may never have been there."""
        if self._stores.is_own(store):
            return
        now = self._now()
        since, asked = self._silent.get(store, (now, now))
        if now - asked >= 2 * PATIENCE:  # nobody has asked meanwhile
            since = now
        self._silent[store] = since, now
        if (silent := now - since) >= PATIENCE:
            raise InvalidError(f"{url}: its store has not answered for {silent:.0f} s: {error}") from error

    def close(self) -> None:
        for _, task in self._known.values():
            task.cancel()
        self._stores.close()


def not_private(fact: FileFact, user: str) -> str:
    """Why a file is none that this user alone may read; empty when it is."""
    if fact.owner != user:
        return f"it belongs to {fact.owner}, and a value for a job of {user} must lie in a file of {user}"
    if fact.mode & 0o077:
        return f"others may read or write it (mode {fact.mode & 0o777:03o}): chmod 400 is needed"
    return ""


def _stat(files: Seen, path: str) -> FileFact:
    entry = files.stat(path)
    where = f"{files.base}{entry.path}"
    return FileFact(where, entry.size, entry.modified // 1_000_000, entry.folder, entry.owner, entry.mode)
