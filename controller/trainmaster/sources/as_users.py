"""Stores as the users of jobs see them: the controller may see more than they may, and none of that is told to them.

HDFS is asked as the user and judges his rights itself. On this machine the permission bits of all folders on the way are heeded
for him, and what he may not see is as if it weren't there. Never here: which stores there are (lookups.py), or writing.
"""

from __future__ import annotations

import asyncio
import os
import stat
import threading
from collections import OrderedDict
from collections.abc import Coroutine, Iterator
from concurrent.futures import CancelledError
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, Protocol, TypeVar

from trainmaster.errors import DeniedError, UnavailableError
from trainmaster.hadoop.configuration import HadoopConf
from trainmaster.hadoop.namespace import View
from trainmaster.hadoop.proto.hdfs_pb2 import HdfsFileStatusProto
from trainmaster.sources import walking
from trainmaster.sources.accounts import Who, who_is
from trainmaster.sources.beneath import opened
from trainmaster.sources.files import Entry, Files, Listing
from trainmaster.sources.local_files import LocalFiles, scan
from trainmaster.sources.walking import Limits

T = TypeVar("T")

VIEWS = 128
"""of users and name services whose connections are kept: the ones that were used last"""
SEARCH, READ = 0o1, 0o4


class Seen(Protocol):
    """The part of Files that only looks."""

    @property
    def base(self) -> str: ...
    def walk(self, path: str, limits: Limits | None = None) -> Listing: ...
    def stat(self, path: str) -> Entry: ...
    def read(self, path: str, limit: int) -> bytes: ...


class Views:
    """Connections to HDFS as users, on a loop in a thread of its own: a long listing is none of the controller's loop's work."""

    def __init__(self, conf: HadoopConf) -> None:
        self._conf = conf
        self._views: OrderedDict[tuple[str, str], View] = OrderedDict()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._lock = threading.Lock()

    def ask(self, authority: str, user: str, question: str, *about: Any) -> Any:
        """One call of a View; blocks. Raises what it raises."""
        return self._run(self._asked(authority, user, question, about))

    async def _asked(self, authority: str, user: str, question: str, about: tuple[Any, ...]) -> Any:
        key = authority, user
        view = self._views.get(key)
        if view is None:
            view = self._views[key] = View(self._conf, authority, user)
        self._views.move_to_end(key)
        if len(self._views) > VIEWS:
            await self._views.popitem(last=False)[1].close()
        return await getattr(view, question)(*about)

    def _run(self, asked: Coroutine[Any, Any, T]) -> T:
        with self._lock:
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                threading.Thread(target=_live, args=(self._loop,), name="hdfs-as-users", daemon=True).start()
            waiting = asyncio.run_coroutine_threadsafe(asked, self._loop)
        try:
            return waiting.result()
        except CancelledError as error:
            raise UnavailableError("HDFS isn't asked any more") from error

    def close(self) -> None:
        """Nobody is asked any more; whoever waits for an answer gets none."""
        with self._lock:
            if self._loop is not None:
                asyncio.run_coroutine_threadsafe(self._end(self._loop), self._loop)
                self._loop = None

    async def _end(self, loop: asyncio.AbstractEventLoop) -> None:
        """Threads wait for what is under way, and the process for its threads."""
        for view in self._views.values():
            await view.close()
        waiting = asyncio.all_tasks() - {asyncio.current_task()}
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
        loop.call_soon(loop.stop)


def _live(loop: asyncio.AbstractEventLoop) -> None:
    loop.run_forever()
    loop.close()


@dataclass(frozen=True, slots=True)
class SeenInHdfs:
    """A name service as one user sees it."""

    files: Files
    """the same as we see it"""
    views: Views
    authority: str
    user: str

    @property
    def base(self) -> str:
        return self.files.base

    def walk(self, path: str, limits: Limits | None = None) -> Listing:
        return walking.walk(path, self._scan, limits)

    def _scan(self, folder: str) -> Iterator[Entry]:
        after, left = b"", 1
        while left:
            found = self._ask("listing", folder, after)
            if found is None:
                raise FileNotFoundError(folder)
            entries, left = found
            yield from (_entry(f"{folder.rstrip('/')}/{_name(each)}", each) for each in entries)
            after = entries[-1].path if entries else b""

    def stat(self, path: str) -> Entry:
        found = self._ask("status", path)
        if found is None:
            raise FileNotFoundError(path)
        return _entry(path, found)

    def read(self, path: str, limit: int) -> bytes:
        """By our own rights, where the user has his: what files hold the DataNodes tell to whoever has a ticket."""
        self._ask("check_read", path)
        return self.files.read(path, limit)

    def _ask(self, question: str, *about: Any) -> Any:
        return self.views.ask(self.authority, self.user, question, *about)


def _name(found: HdfsFileStatusProto) -> str:
    return found.path.decode(errors="surrogateescape")


def _entry(path: str, found: HdfsFileStatusProto) -> Entry:
    return Entry(
        path=path,
        size=found.length,
        modified=found.modification_time * 1_000_000,
        owner=found.owner,
        mode=found.permission.perm & 0o7777,
        folder=found.fileType == HdfsFileStatusProto.IS_DIR,
        regular=found.fileType == HdfsFileStatusProto.IS_FILE,
    )


@dataclass(frozen=True, slots=True)
class SeenHere:
    """This machine's folders as one user sees them; everything else is as if it weren't there."""

    files: LocalFiles
    user: str

    @property
    def base(self) -> str:
        return self.files.base

    def walk(self, path: str, limits: Limits | None = None) -> Listing:
        return walking.walk(path, self._scan, limits)

    def _scan(self, folder: str) -> Iterator[Entry]:
        """Each folder by its own bits: what others have put into one of the user's is theirs."""
        with self._opened(folder, READ | SEARCH) as there:
            for each in scan(there):
                yield replace(each, path=f"{folder.rstrip('/')}{each.path[len(there) :]}")

    def stat(self, path: str) -> Entry:
        folder, _, name = path.rpartition("/")
        with self._opened(folder or "/", SEARCH) as there:
            return replace(self.files.stat(f"{there}/{name or '.'}"), path=path)

    def read(self, path: str, limit: int) -> bytes:
        folder, _, name = path.rpartition("/")
        with self._opened(folder or "/", SEARCH) as there:
            if not _may(os.lstat(f"{there}/{name}"), who_is(self.user), READ):
                raise FileNotFoundError(path)
            return self.files.read(f"{there}/{name}", limit)

    @contextmanager
    def _opened(self, folder: str, wanted: int) -> Iterator[str]:
        """The folder by a descriptor, so that nothing takes its place after the look at it. Links are followed first, and those
        that come into the way afterwards aren't."""
        who, parts = who_is(self.user), filter(None, os.path.realpath(folder).split("/"))
        try:
            with opened("/", parts, lambda passed: _enter(passed, who, SEARCH, folder)) as descriptor:
                _enter(descriptor, who, wanted, folder)
                yield f"/proc/self/fd/{descriptor}"
        except (PermissionError, NotADirectoryError, DeniedError) as error:
            raise FileNotFoundError(folder) from error
        except FileNotFoundError:
            raise
        except OSError as error:
            raise UnavailableError(f"{folder}: {error.strerror}") from error


def _enter(descriptor: int, who: Who, wanted: int, folder: str) -> None:
    if not _may(os.fstat(descriptor), who, wanted):
        raise FileNotFoundError(folder)


def _may(found: os.stat_result, who: Who, wanted: int) -> bool:
    """As the system judges it; access control lists are left out of account, and with them a mask."""
    if who.uid == 0:
        return True
    mode = stat.S_IMODE(found.st_mode)
    if who.uid == found.st_uid:
        mode >>= 6
    elif found.st_gid in who.groups:
        mode >>= 3
    return mode & wanted == wanted
