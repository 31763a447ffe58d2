"""hdfs:// as a store, through hdfs-native: no Java, no libhdfs; high availability and Kerberos are inside it.

It is the library that also registers itself as fsspec's hdfs://; its own client is used here because fsspec has no
words for a rename that replaces, an exclusive create, or a flush to disk.
"""

from __future__ import annotations

import functools
import os
import re
import secrets
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, ParamSpec, TypeVar

from hdfs_native import Client, WriteOptions

from trainmaster.errors import DeniedError, InvalidError, RefusedError, TrainmasterError, UnavailableError
from trainmaster.hadoop import configuration
from trainmaster.hadoop.kerberos import words
from trainmaster.sources import walking
from trainmaster.sources.files import Entry, Listing, Still
from trainmaster.sources.walking import Limits

if TYPE_CHECKING:
    from hdfs_native import FileStatus

P = ParamSpec("P")
T = TypeVar("T")

_PATIENCE = {
    # By default a NameNode that is down is tried for three minutes, in a thread that can't be called back.
    "dfs.client.failover.max.attempts": "4",
    "dfs.client.failover.sleep.base.millis": "200",
    "dfs.client.failover.sleep.max.millis": "1000",
}
_RPC_ERROR = re.compile(r'RPCError\("([\w.$]+)", "(.*?)(?:\\n|"\)|$)', re.DOTALL)
_GSSAPI = re.compile(r'GSSAPIError\(.*?\d+, "(.*)"\)', re.DOTALL)
"""what hdfs-native says where the library of Kerberos gave it no proof of who we are: GSSAPI's words, then the mechanism's"""
_PASSING = ("StandbyException", "SafeModeException", "RetriableException", "ObserverRetryOnActiveException")
_DENIED = ("AccessControlException", "AuthorizationException")
_CHUNK = 4 << 20
_CLOSERS = 64
_VISIBLE_POLL = 0.003
_CHECKED = 512
"""bytes under one checksum: blocks are multiples of them (dfs.bytes-per-checksum)"""
_RECOVERY, _RECOVERY_POLL = 10.0, 0.2
"""seconds for a DataNode to close a file's last block, which it is told to with its next heartbeat"""


def _told(call: Callable[P, T]) -> Callable[P, T]:
    """hdfs-native's errors as ours; a missing and an existing file keep their own."""

    @functools.wraps(call)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return call(*args, **kwargs)
        except FileNotFoundError as error:
            raise FileNotFoundError(_first_line(error)) from error
        except FileExistsError as error:
            raise FileExistsError(_first_line(error)) from error
        except (OSError, RuntimeError, ValueError) as error:
            raise _family(error) from error

    return wrapped


def _family(error: Exception) -> TrainmasterError:
    if ticket := _GSSAPI.search(str(error)):
        return words.told(ticket[1].partition(": ")[2] or ticket[1], config=os.environ.get("KRB5_CONFIG", ""))
    found = _RPC_ERROR.search(str(error))
    if found is None or found[1].rsplit(".", 1)[-1] in _PASSING:
        return UnavailableError(f"HDFS: {_first_line(error)}")
    denied = found[1].rsplit(".", 1)[-1] in _DENIED
    return (DeniedError if denied else RefusedError)(found[1], found[2].replace('\\"', '"'))


def _first_line(error: Exception) -> str:
    """Without the Java stack that HDFS appends."""
    return str(error).split("\n", 1)[0][:500]


class HdfsFiles:
    settle = 0.0
    private = True

    def __init__(self, authority: str, conf_dir: Path | None, overrides: Mapping[str, str]) -> None:
        url = f"hdfs://{authority}" if authority else _default_fs(conf_dir, overrides)
        self.base = url.rstrip("/")
        options = {**_PATIENCE, **overrides}
        self._client: Client = _told(Client)(self.base, options, str(conf_dir) if conf_dir else None)
        self._closers = ThreadPoolExecutor(_CLOSERS, thread_name_prefix="hdfs-close")

    @_told
    def walk(self, path: str, limits: Limits | None = None) -> Listing:
        return walking.walk(path, self._scan, limits)

    def _scan(self, folder: str) -> Iterator[Entry]:
        # One by one: a single folder that may not be read, or that went meanwhile, fails a whole recursive listing.
        try:
            yield from map(_entry, self._client.list_status(folder, False))
        except RuntimeError as error:
            family = _family(error)
            if isinstance(family, DeniedError):
                raise family from error
            raise

    @_told
    def stat(self, path: str) -> Entry:
        return _entry(self._client.get_file_info(path))

    @_told
    def read(self, path: str, limit: int, top: str = "") -> bytes:
        del top  # HDFS has no links
        data: bytes = self._client.read(path).read(limit)
        return data

    @_told
    def read_own(self, path: str, limit: int) -> bytes:
        data = self.read(path, limit)
        ends_with_a_block = len(data) < limit and len(data) % _CHECKED == 0
        if ends_with_a_block and self._client.get_file_info(path).length:
            self._close_for_its_writer(path)  # which says so at once of a file that is closed
            data = self.read(path, limit)
        return data

    def _close_for_its_writer(self, path: str) -> None:
        """A NameNode that was restarted before a file was closed tells nothing of its last block, until its writer's lease is
        over (FSNamesystem.recoverLease; 20 minutes by themselves). What was written is on the DataNodes' disks.
        """
        deadline = time.monotonic() + _RECOVERY
        while not self._client.recover_lease(path):
            if time.monotonic() > deadline:
                raise UnavailableError(f"HDFS: {path} is not closed yet, though its writer is gone")
            time.sleep(_RECOVERY_POLL)

    def replace(self, path: str, data: bytes, mode: int = 0o644, owner: str = "") -> None:
        self._replace(path, data, mode, owner, lambda: None)

    def replace_if(
        self, path: str, data: bytes, mode: int, still: Still, owner: str = "", lasting: bool = True
    ) -> None:
        del lasting  # a file is complete when it is on the DataNodes
        self._replace(path, data, mode, owner, still)

    @_told
    def _replace(self, path: str, data: bytes, mode: int, owner: str, still: Still) -> None:
        folder, _, name = path.rpartition("/")
        temporary = f"{folder}/.{name}.{secrets.token_hex(4)}.tmp"
        try:
            self._write(temporary, data, mode)
            if owner and owner != self._client.get_file_info(temporary).owner:
                self._client.set_owner(temporary, owner)
            still()
            self._client.rename(temporary, path, True)
        except BaseException:
            self._forget(temporary)
            raise

    @_told
    def create(self, path: str, data: bytes) -> None:
        self._write(path, data, 0o644)

    def _write(self, path: str, data: bytes, mode: int) -> None:
        """A new file whose content is on the DataNodes' disks and readable; its lease may end a little later.

        hdfs-native asks the NameNode to complete a file once, and again only after 500 ms; the first question mostly
        comes before the DataNode's report. So the file is closed aside, and what counts is waited for: the block is
        complete (from then on a reader is told the whole length, whatever becomes of the writer).
        """
        options = WriteOptions(overwrite=False, permission=mode, create_parent=False)
        writer = self._client.create(path, options)
        if not data:
            writer.close()
            return
        writer.write(data)
        writer.hsync()
        closing = self._closers.submit(writer.close)
        while not closing.done() and len(self._client.read(path)) < len(data):
            time.sleep(_VISIBLE_POLL)
        _raise_early(closing)

    def _forget(self, temporary: str) -> None:
        try:
            self._client.delete(temporary)
        except (OSError, RuntimeError):
            return  # a name beginning with a dot harms nobody, and the error that brought us here matters more

    @_told
    def touch(self, path: str, modified: int) -> None:
        self._client.set_times(path, modified // 1_000_000, modified // 1_000_000)

    @_told
    def make_folder(self, path: str, mode: int = 0o755) -> None:
        if self._is_folder(path):
            return
        parent = path.rpartition("/")[0]
        if parent:
            self._client.mkdirs(parent, 0o755, True)
        self._client.mkdirs(path, mode, True)
        self._client.set_permission(path, mode)

    def _is_folder(self, path: str) -> bool:
        try:
            found = self._client.get_file_info(path)
        except FileNotFoundError:
            return False
        if not found.isdir:
            raise InvalidError(f"{self.base}{path} is a file, where a folder is wanted")
        return True

    @_told
    def set_owner(self, path: str, owner: str) -> None:
        self._client.set_owner(path, owner)

    @_told
    def set_mode(self, path: str, mode: int) -> None:
        self._client.set_permission(path, mode)

    @_told
    def move(self, path: str, target: str) -> None:
        self._client.rename(path, target, True)

    @_told
    def delete(self, path: str) -> None:
        self._client.delete(path, True)

    def delete_below(self, top: str, below: str) -> None:
        self.delete(f"{top}/{below}")  # HDFS has no links

    @_told
    def upload(self, local: Path, path: str) -> None:
        folder, _, name = path.rpartition("/")
        temporary = f"{folder}/.{name}.{secrets.token_hex(4)}.tmp"
        try:
            with (
                local.open("rb") as source,
                self._client.create(temporary, WriteOptions(overwrite=True)) as target,
            ):
                while chunk := source.read(_CHUNK):
                    target.write(chunk)
            self._client.rename(temporary, path, True)
        except BaseException:
            self._forget(temporary)
            raise

    def close(self) -> None:
        self._closers.shutdown(wait=True)


def _raise_early(closing: Future[None]) -> None:
    """An error of closing counts only while it is known at once: later the file may rightly be gone or replaced."""
    if closing.done():
        closing.result()


def _default_fs(conf_dir: Path | None, overrides: Mapping[str, str]) -> str:
    url = configuration.read(conf_dir, overrides).default_fs
    if not url.startswith("hdfs://"):
        raise InvalidError(
            f"hdfs:/// names no NameNode, and fs.defaultFS is {url!r}: is HADOOP_CONF_DIR set?"
        )
    return url


def _entry(status: FileStatus) -> Entry:
    return Entry(
        path=status.path,
        size=status.length,
        modified=status.modification_time * 1_000_000,
        owner=status.owner,
        mode=status.permission & 0o7777,
        folder=status.isdir,
    )
