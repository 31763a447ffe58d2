"""The history's folder: one file for each run that is over, by month and day, at any URL that fsspec knows.

A run's file has a name of its own and is written once, whole, without a temporary name; what a crash left of one is told by its
missing end, and only then is it written anew. So a run costs the NameNode one creation. Never here: what a record says.
All calls block, and belong in a thread.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from threading import Lock
from typing import Any, Protocol
from urllib.parse import urlsplit

from trainmaster.api.hiding import without_logins
from trainmaster.api.history import MOST_BYTES, decode
from trainmaster.errors import InvalidError, RefusedError, UnavailableError
from trainmaster.settings import Settings
from trainmaster.sources.files import Entry, Files
from trainmaster.sources.layout import Layout
from trainmaster.sources.stores import open_files
from trainmaster.sources.threads import Threads
from trainmaster.sources.walking import Limits

OURS = ("file", "hdfs", "webhdfs", "swebhdfs")
"""schemes of the stores that jobs lie in; others are fsspec's alone"""
MONTH = re.compile(r"\d{4}-\d{2}")
_FLAT = Limits(depth=0, path=100_000, name=100_000, entries=10**9)
WRITERS = 4


class Shelf(Protocol):
    """Where the files lie; paths are below the history's folder. Raises as Files does."""

    def create(self, path: str, data: bytes) -> None:
        """A new file with its folders; FileExistsError where there is one."""

    def replace(self, path: str, data: bytes) -> None:
        """The same where there is one."""

    def read(self, path: str) -> bytes:
        """FileNotFoundError."""

    def names(self, folder: str, *, folders: bool = False) -> Sequence[str]:
        """Names of the files in a folder, or of its folders, sorted; nothing where there is none. Links are neither."""

    def is_file(self, path: str) -> bool:
        """Whether there is a file, and nothing else. FileNotFoundError."""

    def delete(self, folder: str) -> None:
        """With all below it."""

    def close(self) -> None: ...


class HistoryFolder:
    """Writing, reading and pruning, whatever the store."""

    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf

    def put(self, path: str, data: bytes) -> None:
        """Write one record. One that is there, and whole, stays as it is: it is the same run's. RefusedError where something else
        has its name."""
        try:
            self._shelf.create(path, data)
        except FileExistsError:
            if not self._shelf.is_file(path):
                raise RefusedError("NotAFile", f"{path} is no file: move it away") from None
            if not self._is_whole(path):
                self._shelf.replace(path, data)

    def _is_whole(self, path: str) -> bool:
        try:
            decode(self._shelf.read(path))
        except (InvalidError, FileNotFoundError):
            return False
        return True

    def read(self, path: str) -> bytes:
        """One record's bytes. FileNotFoundError when it was pruned meanwhile."""
        return self._shelf.read(path)

    def names(self, day: str) -> Sequence[str]:
        """Names of a day's files, oldest first; `day` as in 2026-11/27."""
        return self._shelf.names(day)

    def months(self) -> Sequence[str]:
        """Those of which there is something, oldest first, as in 2026-11."""
        return [name for name in self._shelf.names("", folders=True) if MONTH.fullmatch(name)]

    def prune(self, oldest: str) -> list[str]:
        """Remove the months before this one; which they were."""
        old = [month for month in self.months() if month < oldest]
        for month in old:
            self._shelf.delete(month)
        return old

    def close(self) -> None:
        self._shelf.close()


class Writer:
    """The history as the controller writes it (master/boundary.py), in threads of its own.

    It is opened when it is first needed: a store that is away must not keep a controller from starting.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings, self._threads = settings, Threads(WRITERS)
        self._folder: HistoryFolder | None = None
        self._opening = Lock()

    async def put(self, path: str, data: bytes) -> None:
        await self._threads.call(lambda: self._opened().put(path, data))

    async def prune(self, oldest: str) -> None:
        await self._threads.call(lambda: self._opened().prune(oldest))

    def _opened(self) -> HistoryFolder:
        with self._opening:
            self._folder = self._folder or open_history(self._settings)
            return self._folder

    def close(self) -> None:
        self._threads.close()


def history_url(settings: Settings) -> str:
    """Where the history is; empty where none is kept. Kubernetes has no folder of its own that it could lie in."""
    if not settings.history.enabled:
        return ""
    if settings.history.url or settings.source == "kubernetes":
        return settings.history.url
    return Layout(settings.store).history


def check_url(url: str) -> None:
    """Raises InvalidError for a URL that no library here knows."""
    scheme = urlsplit(url).scheme
    if scheme and scheme not in OURS:
        import fsspec

        try:
            fsspec.get_filesystem_class(scheme)
        except (ImportError, ValueError) as error:
            raise InvalidError(f"history.url: {url}: {error}") from error


def open_history(settings: Settings) -> HistoryFolder:
    """Raises InvalidError where none is kept, or its URL can't be meant."""
    url = history_url(settings)
    if not url:
        raise InvalidError("no history is kept: the setting history.url names no folder")
    try:
        return HistoryFolder(_shelf(settings, url))
    except InvalidError as error:
        raise InvalidError(f"history.url: {error}" if settings.history.url else str(error)) from error


def _shelf(settings: Settings, url: str) -> Shelf:
    """A folder at any URL."""
    if "://" not in url or urlsplit(url).scheme in OURS:
        conf = settings.hadoop_conf_dir, settings.hadoop, settings.hadoop_ca_file
        return _FilesShelf(*open_files(url, *conf))
    return _FsspecShelf(url)


def put_file(settings: Settings, url: str, data: bytes) -> None:
    """One file in place of what is there, at any URL whose folder is there; InvalidError where that names none."""
    folder, slash, name = url.rpartition("/")
    if not name or folder.endswith(("/", ":")):
        raise InvalidError(
            f"{without_logins(url)}: a file in a folder is needed, such as hdfs:///bills/2026-11.csv"
        )
    shelf = _shelf(settings, folder or slash)  # the root is not the working directory
    try:
        shelf.replace(name, data)
    except FileNotFoundError as error:
        raise InvalidError(f"{without_logins(url)}: its folder isn't there") from error
    finally:
        shelf.close()


class _FilesShelf:
    def __init__(self, files: Files, root: str) -> None:
        self._files, self._root, self._made = files, root, ""

    def create(self, path: str, data: bytes) -> None:
        folder = path.rpartition("/")[0]
        if folder != self._made:
            self._files.make_folder(self._at(folder))
            self._made = folder
        try:
            self._create(self._at(path), data)
        except FileNotFoundError as error:  # somebody removed the folder
            self._made = ""
            raise UnavailableError(f"{self._at(folder)} went meanwhile") from error

    def _create(self, path: str, data: bytes) -> None:
        if self._files.private:
            return self._files.create(path, data)
        try:
            self._files.stat(path)
        except FileNotFoundError:
            return self._files.replace(path, data)
        raise FileExistsError(path)

    def replace(self, path: str, data: bytes) -> None:
        self._files.replace(self._at(path), data)

    def read(self, path: str) -> bytes:
        return self._files.read(self._at(path), MOST_BYTES)

    def names(self, folder: str, *, folders: bool = False) -> Sequence[str]:
        try:
            found = self._files.walk(self._at(folder), _FLAT).entries
        except FileNotFoundError:
            return ()
        wanted = (entry for entry in found if (entry.folder if folders else _is_file(entry)))
        return sorted(entry.path.rpartition("/")[2] for entry in wanted)

    def is_file(self, path: str) -> bool:
        return _is_file(self._files.stat(self._at(path)))

    def delete(self, folder: str) -> None:
        self._files.delete(self._at(folder))

    def close(self) -> None:
        self._files.close()

    def _at(self, path: str) -> str:
        return f"{self._root.rstrip('/')}/{path}".rstrip("/")


def _is_file(entry: Entry) -> bool:
    return entry.regular and not entry.folder


class _FsspecShelf:
    """Object stores and the like: a put there is whole, or nothing. Two that write the same file write the same."""

    def __init__(self, url: str) -> None:
        import fsspec

        try:
            fs, self._root = fsspec.url_to_fs(url, use_listings_cache=False)
        except (ImportError, ValueError, OSError) as error:
            raise InvalidError(f"{url}: {error}") from error
        self._fs: Any = fs

    def create(self, path: str, data: bytes) -> None:
        with _told():
            if self._fs.exists(self._at(path)):
                raise FileExistsError(path)
            self._fs.makedirs(self._at(path.rpartition("/")[0]), exist_ok=True)
            self._fs.pipe_file(self._at(path), data)

    def replace(self, path: str, data: bytes) -> None:
        with _told():
            self._fs.pipe_file(self._at(path), data)

    def read(self, path: str) -> bytes:
        with _told():
            data: bytes = self._fs.cat_file(self._at(path), start=0, end=MOST_BYTES)
        return data

    def names(self, folder: str, *, folders: bool = False) -> Sequence[str]:
        kind = "directory" if folders else "file"
        with _told():
            try:
                found = self._fs.ls(self._at(folder), detail=True)
            except FileNotFoundError:
                return ()
        wanted = (entry["name"] for entry in found if entry["type"] == kind)
        return sorted(path.rstrip("/").rpartition("/")[2] for path in wanted)

    def is_file(self, path: str) -> bool:
        with _told():
            return bool(self._fs.info(self._at(path))["type"] == "file")

    def delete(self, folder: str) -> None:
        with _told():
            self._fs.rm(self._at(folder), recursive=True)

    def close(self) -> None:
        """Nothing is ever under way after a call."""

    def _at(self, path: str) -> str:
        return f"{self._root.rstrip('/')}/{path}".rstrip("/")


class _told:  # noqa: N801 - reads as a word at its uses
    """A library's errors as ours; a missing and an existing file keep their own."""

    def __enter__(self) -> None:
        return

    def __exit__(self, kind: object, error: BaseException | None, _trace: object) -> None:
        if isinstance(error, Exception) and not isinstance(error, (FileNotFoundError, FileExistsError)):
            raise UnavailableError(f"the history: {type(error).__name__}: {str(error)[:300]}") from error
