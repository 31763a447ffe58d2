"""file:// as a store: the folder tree of this machine (or of a mount).

Never follows symbolic links: the controller may read what the writer of a link may not.

A file is written with as few calls of the system as will do: after each of them its thread waits for its turn of the
interpreter, and has the loop wait for it.
"""

from __future__ import annotations

import errno
import functools
import itertools
import os
import secrets
import shutil
import stat
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import ParamSpec, TypeVar

from trainmaster.errors import DeniedError, InvalidError, RefusedError, UnavailableError
from trainmaster.sources import beneath, walking
from trainmaster.sources.accounts import is_own_group, name_of, uid_of
from trainmaster.sources.disk import sync
from trainmaster.sources.files import Entry, Listing, Still
from trainmaster.sources.walking import Limits

P = ParamSpec("P")
T = TypeVar("T")

_OURS_ALONE = 0o600
_OURS, _number = secrets.token_hex(4), itertools.count()
"""parts of the names of files in the making: nobody else's, and none of ours twice"""


def _told(call: Callable[P, T]) -> Callable[P, T]:
    """The system's errors as ours; a missing and an existing file keep their own."""

    @functools.wraps(call)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return call(*args, **kwargs)
        except (FileNotFoundError, FileExistsError):
            raise
        except PermissionError as error:
            raise DeniedError("PermissionError", f"{error.filename}: {error.strerror}") from error
        except OSError as error:
            raise UnavailableError(f"{error.filename}: {error.strerror}") from error
        except RecursionError as error:  # of shutil.rmtree: people make folders deeper than it goes
            raise RefusedError("RecursionError", f"{args[1]}: folders lie too deep in it") from error

    return wrapped


class LocalFiles:
    base = "file://"
    settle = 0.2
    private = True

    @_told
    def walk(self, path: str, limits: Limits | None = None) -> Listing:
        return walking.walk(path, scan, limits)

    @_told
    def stat(self, path: str) -> Entry:
        return _entry(path, os.lstat(path))

    @_told
    def read(self, path: str, limit: int, top: str = "") -> bytes:
        if not top:
            return _read(path, limit)
        with _below(top, path[len(top.rstrip("/")) + 1 :]) as (folder, name):
            return _read(name, limit, folder)

    def read_own(self, path: str, limit: int) -> bytes:
        return self.read(path, limit)

    def replace(self, path: str, data: bytes, mode: int = 0o644, owner: str = "") -> None:
        self._replace(path, data, mode, owner, lambda: None)

    def replace_if(
        self, path: str, data: bytes, mode: int, still: Still, owner: str = "", lasting: bool = True
    ) -> None:
        self._replace(path, data, mode, owner, still, lasting)

    @_told
    def _replace(
        self, path: str, data: bytes, mode: int, owner: str, still: Still, lasting: bool = True
    ) -> None:
        temporary = _temporary(path)
        try:
            _write(temporary, data, mode, owner, lasting)
            still()
            os.replace(temporary, path)  # noqa: PTH105 - as all below a path of text: it is done for every status
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise
        if lasting:
            sync(os.path.dirname(path))  # noqa: PTH120

    @_told
    def replace_all(self, files: Mapping[str, bytes], mode: int, still: Still) -> None:
        """Each is on the disk before it takes its place, and their folders are once for all."""
        made = {_temporary(path): path for path in files}
        try:
            _write_together({temporary: files[path] for temporary, path in made.items()}, mode)
            still()
            for temporary, path in made.items():
                os.replace(temporary, path)  # noqa: PTH105
        except BaseException:
            for temporary in made:
                Path(temporary).unlink(missing_ok=True)
            raise
        for folder in dict.fromkeys(map(os.path.dirname, files)):
            sync(folder)

    @_told
    def create(self, path: str, data: bytes) -> None:
        _write(path, data, 0o644)
        sync(os.path.dirname(path))  # noqa: PTH120

    @_told
    def touch(self, path: str, modified: int) -> None:
        os.utime(path, ns=(modified, modified))

    @_told
    def make_folder(self, path: str, mode: int = 0o755) -> None:
        folder = Path(path)
        if folder.is_dir():
            return
        try:
            folder.parent.mkdir(parents=True, exist_ok=True)
            folder.mkdir()
        except FileExistsError as error:
            if folder.is_dir():
                return  # somebody else has made it meanwhile
            raise InvalidError(f"{error.filename} is a file, where a folder is wanted") from error
        beneath.set_mode(path, mode)

    @_told
    def set_owner(self, path: str, owner: str) -> None:
        try:
            os.chown(path, uid_of(owner), -1, follow_symlinks=False)
        except KeyError as error:
            raise InvalidError(f"{owner}: no such user on this machine") from error

    @_told
    def set_mode(self, path: str, mode: int) -> None:
        try:
            beneath.set_mode(path, mode)
        except NotADirectoryError as error:
            raise InvalidError(f"{path} is no folder, or a link") from error

    @_told
    def move(self, path: str, target: str) -> None:
        Path(path).rename(target)
        for folder in {Path(path).parent, Path(target).parent}:
            sync(str(folder))

    @_told
    def delete(self, path: str) -> None:
        target = Path(path)
        if target.is_dir() and not target.is_symlink():
            shutil.rmtree(target, ignore_errors=False)
        else:
            target.unlink(missing_ok=True)

    @_told
    def delete_below(self, top: str, below: str) -> None:
        with suppress(FileNotFoundError), _below(top, below) as (folder, name):
            beneath.remove(folder, name)

    @_told
    def upload(self, local: Path, path: str) -> None:
        target = Path(path)
        temporary = Path(_temporary(path))
        try:
            shutil.copyfile(local, temporary)
            temporary.replace(target)
        finally:
            temporary.unlink(missing_ok=True)

    def close(self) -> None:
        """Nothing is ever under way after a call."""


@contextmanager
def _below(top: str, below: str) -> Iterator[tuple[int, str]]:
    """The folder of what lies at a path below another one, opened without following a link on the way, and its name there."""
    *folders, name = below.split("/")
    try:
        with beneath.opened(top, folders) as folder:
            yield folder, name
    except NotADirectoryError as error:
        raise RefusedError("NotADirectoryError", f"{top}/{below}: a link or a file is on the way") from error


def _read(path: str, limit: int, folder: int | None = None) -> bytes:
    # O_NONBLOCK: a pipe that took the file's place must not hold us up.
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    with os.fdopen(os.open(path, flags, dir_fd=folder), "rb") as file:
        return file.read(limit)


def _temporary(path: str) -> str:
    """Beside it, and hidden."""
    folder, name = os.path.split(path)
    return f"{folder}/.{name}.{_OURS}{next(_number):x}.tmp"


def _write(path: str, data: bytes, mode: int, owner: str = "", lasting: bool = True) -> None:
    """A new file: if `lasting` on the disk, not only in its cache."""
    descriptor = _filled(path, data, mode, owner)
    try:
        if lasting:
            os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _write_together(files: Mapping[str, bytes], mode: int) -> None:
    """New files, on the disk: all are written before one is waited for, since the disk then does for all what it does for one."""
    with ExitStack() as opened:
        descriptors = list[int]()
        for path, data in files.items():
            descriptors.append(_filled(path, data, mode))
            opened.callback(os.close, descriptors[-1])
        for descriptor in descriptors:
            os.fsync(descriptor)


def _filled(path: str, data: bytes, mode: int, owner: str = "") -> int:
    """A new file that is still open. It is given away by its descriptor: in a folder of somebody else's its name may be another
    file's by then."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, _OURS_ALONE)
    try:
        rest = memoryview(data)
        while rest:
            rest = rest[os.write(descriptor, rest) :]
        if owner and (user := uid_of(owner)) != os.fstat(descriptor).st_uid:
            os.fchown(descriptor, user, -1)
        if mode != _OURS_ALONE:
            os.fchmod(descriptor, mode)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def scan(folder: str) -> Iterator[Entry]:
    """What lies in one folder. DeniedError where we may not look, FileNotFoundError, or another OSError."""
    try:
        with os.scandir(folder) as scan:
            yield from filter(None, map(_listed, scan))
    except PermissionError as error:
        raise DeniedError("PermissionError", f"{folder}: {error.strerror}") from error
    except OSError as error:
        if error.errno == errno.ENAMETOOLONG:  # it can be made step by step, and not be named whole
            raise DeniedError("ENAMETOOLONG", f"{folder}: {error.strerror}") from error
        raise


def _listed(item: os.DirEntry[str]) -> Entry | None:
    try:
        return _entry(item.path, item.stat(follow_symlinks=False))
    except FileNotFoundError:
        return None


def _entry(path: str, found: os.stat_result) -> Entry:
    owner = name_of(found.st_uid)
    mode = stat.S_IMODE(found.st_mode)
    if mode & stat.S_IWGRP and is_own_group(owner, found.st_gid):
        mode &= ~stat.S_IWGRP
    return Entry(
        path=path,
        size=found.st_size,
        modified=found.st_mtime_ns,
        owner=owner,
        mode=mode,
        folder=stat.S_ISDIR(found.st_mode),
        regular=stat.S_ISREG(found.st_mode),
    )
