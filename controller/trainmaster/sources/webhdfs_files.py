"""webhdfs:// as a store, and over HTTPS swebhdfs://, through fsspec: for reading jobs and for the command line, where
hdfs:// is out of reach.

Its rename doesn't replace and its errors hide in answers, so it can't carry a journal or a lease.
"""

from __future__ import annotations

import functools
import secrets
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, ParamSpec, TypeVar, cast
from urllib.parse import SplitResult

import fsspec
import requests

from trainmaster.errors import DeniedError, InvalidError, RefusedError, UnavailableError
from trainmaster.hadoop.kerberos.negotiation import NegotiationError
from trainmaster.hadoop.sessions import equip, trust, why
from trainmaster.sources import walking
from trainmaster.sources.files import Entry, Listing, Still
from trainmaster.sources.walking import Limits

HTTP_PORT, HTTPS_PORT = 9870, 9871
"""of a NameNode (dfs.namenode.http-address and https-address in hdfs-default.xml)"""

P = ParamSpec("P")
T = TypeVar("T")


def _told(call: Callable[P, T]) -> Callable[P, T]:
    """fsspec's and requests' errors as ours; a missing file keeps its own."""

    @functools.wraps(call)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return call(*args, **kwargs)
        except FileNotFoundError:
            raise
        except PermissionError as error:
            raise DeniedError("AccessControlException", str(error)) from error
        except NegotiationError as error:
            raise error.of(cast("WebHdfsFiles", args[0]).where) from error
        except (requests.RequestException, OSError) as error:
            where = cast("WebHdfsFiles", args[0]).where
            raise UnavailableError(f"{where}: {why(error)}") from error
        except (AttributeError, LookupError, TypeError) as error:
            where = cast("WebHdfsFiles", args[0]).where
            raise UnavailableError(
                f"{where} answers in a form that isn't known ({type(error).__name__})"
            ) from error
        except (RuntimeError, ValueError) as error:
            raise RefusedError("RemoteException", str(error)) from error

    return wrapped


class WebHdfsFiles:
    settle = 0.0
    private = False

    def __init__(self, url: SplitResult, ca_file: Path | None = None) -> None:
        secure = url.scheme == "swebhdfs"
        usual = HTTPS_PORT if secure else HTTP_PORT
        if not url.hostname:
            example = f"{url.scheme}://host:{usual}/folder"
            raise InvalidError(f"a {url.scheme}:// URL names the NameNode's web server: {example}")
        self.base = f"{url.scheme}://{url.netloc}"
        self.where = f"{url.scheme}://{url.hostname}:{url.port or usual}"
        # Listings must be fresh, and one caller's session isn't another's.
        self._fs: Any = fsspec.filesystem(
            "webhdfs",
            host=url.hostname,
            port=url.port or usual,
            user=url.username,
            use_https=secure,
            use_listings_cache=False,
            skip_instance_cache=True,
        )
        equip(self._fs.session, trust(ca_file))

    @_told
    def walk(self, path: str, limits: Limits | None = None) -> Listing:
        return walking.walk(path, self._scan, limits)

    def _scan(self, folder: str) -> Iterator[Entry]:
        try:
            yield from map(_entry, self._fs.ls(folder, detail=True))
        except PermissionError as error:
            raise DeniedError("AccessControlException", str(error)) from error

    @_told
    def stat(self, path: str) -> Entry:
        return _entry(self._fs.info(path))

    @_told
    def read(self, path: str, limit: int, top: str = "") -> bytes:
        del top  # HDFS has no links
        data: bytes = self._fs.cat_file(path, start=0, end=limit)
        return data

    def read_own(self, path: str, limit: int) -> bytes:
        return self.read(path, limit)

    @_told
    def replace(self, path: str, data: bytes, mode: int = 0o644, owner: str = "") -> None:
        temporary = self._beside(path)
        self._fs.pipe_file(temporary, data, permissions=f"{mode:o}")
        if owner and owner != self._fs.info(temporary)["owner"]:
            self.set_owner(temporary, owner)
        self._move(temporary, path)

    def replace_if(
        self, path: str, data: bytes, mode: int, still: Still, owner: str = "", lasting: bool = True
    ) -> None:
        del lasting  # a file is complete when it is on the DataNodes
        still()
        self.replace(path, data, mode, owner)

    def create(self, path: str, data: bytes) -> None:
        raise InvalidError(
            f"{self.base}{path}: webhdfs:// can't create a file exclusively ({len(data)} bytes)"
        )

    def touch(self, path: str, modified: int) -> None:
        raise InvalidError(f"{self.base}{path}: webhdfs:// can't set the time {modified} of a file")

    def move(self, path: str, target: str) -> None:
        raise InvalidError(f"{self.base}{path}: webhdfs:// can't give it the name {target} at once")

    @_told
    def make_folder(self, path: str, mode: int = 0o755) -> None:
        if not self._fs.exists(path):
            self._fs.mkdir(path, permission=f"{mode:o}")

    @_told
    def set_owner(self, path: str, owner: str) -> None:
        self._fs._call("SETOWNER", method="put", path=path, owner=owner)

    @_told
    def set_mode(self, path: str, mode: int) -> None:
        self._fs._call("SETPERMISSION", method="put", path=path, permission=f"{mode:o}")

    @_told
    def delete(self, path: str) -> None:
        if self._fs.exists(path):
            self._fs.rm(path, recursive=True)

    def delete_below(self, top: str, below: str) -> None:
        self.delete(f"{top}/{below}")  # HDFS has no links

    @_told
    def upload(self, local: Path, path: str) -> None:
        temporary = self._beside(path)
        self._fs.put_file(str(local), temporary)
        self._move(temporary, path)

    def _beside(self, path: str) -> str:
        folder, _, name = path.rpartition("/")
        return f"{folder}/.{name}.{secrets.token_hex(4)}.tmp"

    def _move(self, temporary: str, path: str) -> None:
        """In two steps, since the rename refuses to replace, and says so only in its answer."""
        size = self._fs.info(temporary)["size"]
        if self._fs.exists(path):
            self._fs.rm(path)
        self._fs.mv(temporary, path)
        if self._fs.exists(temporary) or self._fs.info(path)["size"] != size:
            raise RefusedError("rename", f"{path} could not be replaced; its new content is in {temporary}")

    def close(self) -> None:
        self._fs.session.close()


def _entry(info: dict[str, Any]) -> Entry:
    return Entry(
        path=info["name"],
        size=info["size"],
        modified=info["modificationTime"] * 1_000_000,
        owner=info["owner"],
        mode=int(info["permission"], 8),
        folder=info["type"] == "directory",
        regular=info["type"] == "file",
    )
