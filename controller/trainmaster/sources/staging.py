"""Local files of a job, put where its processes can get them: staging/<user>/<namespace>/<name>/<hash>/ in the store.

The hash is of the content, so that what is unchanged is not uploaded again, and what changed never takes the place of what
a running job still uses. The controller removes a job's staging with the job.
"""

from __future__ import annotations

import gzip
import hashlib
import os
import posixpath
import tarfile
import tempfile
from collections.abc import Iterator, Set
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from trainmaster.errors import InvalidError
from trainmaster.sources.files import STICKY, WRITABLE_BY_OTHERS
from trainmaster.sources.in_folders import superusers, trusted_owners, who_we_are
from trainmaster.sources.layout import Layout
from trainmaster.sources.stores import open_files

LEFT_OUT = frozenset(
    {
        ".git",
        ".hg",
        ".svn",
        "__pycache__",
        ".pytest_cache",
        ".mypy_cache",
        ".ruff_cache",
        ".ipynb_checkpoints",
    }
)
"""folders that are never packed: history and caches"""


@dataclass(frozen=True, slots=True)
class StagedFile:
    """A local file or folder as it now lies in the store."""

    url: str
    archive: bool
    """it was a folder, and is to be unpacked: FileRef.type is Archive"""
    uploaded: bool
    """False when the same content was there already"""


class Staging:
    def __init__(
        self,
        url: str,
        user: str = "",
        hadoop_conf_dir: Path | None = None,
        hadoop_ca_file: Path | None = None,
    ) -> None:
        """`user` as the store knows us; asked of the store when left empty."""
        self._files, root = open_files(url, hadoop_conf_dir, ca_file=hadoop_ca_file)
        self._layout = Layout(root)
        self._user, self._us = user, ""

    def upload(self, namespace: str, name: str, local: Path) -> StagedFile:
        """Bring a file or folder into the store. InvalidError when there is none, or it can't be packed."""
        with _prepared(local) as (file, as_name):
            return self._bring(namespace, name, file, as_name, archive=local.is_dir())

    def _bring(self, namespace: str, name: str, file: Path, as_name: str, *, archive: bool) -> StagedFile:
        folder = f"{self._home(namespace, name)}/{_digest(file)}"
        path = f"{folder}/{as_name}"
        url = f"{self._files.base}{path}"
        if self._is_there(path, file.stat().st_size):
            return StagedFile(url, archive, uploaded=False)
        self._files.make_folder(folder)
        self._files.upload(file, path)
        return StagedFile(url, archive, uploaded=True)

    def _is_there(self, path: str, size: int) -> bool:
        try:
            return self._files.stat(path).size == size
        except FileNotFoundError:
            return False

    def _home(self, namespace: str, name: str) -> str:
        staging = self._layout.under("staging")
        self._files.make_folder(staging, STICKY | 0o777)
        self._us = self._us or who_we_are(self._files, staging)
        self._user = self._user or self._us
        own = f"{staging}/{self._user}"
        self._files.make_folder(own)
        self._look_whose(staging, self._trusted())
        self._look_whose(own, {self._us})
        return self._layout.staging(self._user, namespace, name)

    def _look_whose(self, folder: str, owners: Set[str]) -> None:
        owner = self._files.stat(folder).owner
        if owner not in {self._us, *owners}:
            raise InvalidError(
                f"{self._files.base}{folder} belongs to {owner}, who may exchange what {self._user}'s processes would run: have "
                f"an administrator give it to {' or '.join(sorted(owners))}, or take it away"
            )

    def _trusted(self) -> Set[str]:
        try:
            return trusted_owners(self._files, self._files.stat(self._layout.jobs))
        except FileNotFoundError:
            return {*superusers(self._files), *self._owner_of_root()}

    def _owner_of_root(self) -> Set[str]:
        """Whoever owns the store may exchange all that is in it. But where anybody may make one, that may be anybody."""
        above = self._files.stat(posixpath.dirname(self._layout.root) or "/")
        return set() if above.mode & WRITABLE_BY_OTHERS else {self._files.stat(self._layout.root).owner}

    def close(self) -> None:
        """Wait for writes under way."""
        self._files.close()


def place(local: Path) -> str:
    """The end of the path at which a file or folder lies once it was uploaded: it depends on the content alone."""
    with _prepared(local) as (file, as_name):
        return f"/{_digest(file)}/{as_name}"


@contextmanager
def _prepared(local: Path) -> Iterator[tuple[Path, str]]:
    """What is uploaded of it, and by which name."""
    if not local.exists():
        raise InvalidError(f"{local}: no such file or folder")
    if not local.is_dir():
        yield local, local.name
        return
    with tempfile.TemporaryDirectory() as folder:
        packed = Path(folder) / "packed"
        pack(local, packed)
        yield packed, f"{local.resolve().name}.tar.gz"


def pack(folder: Path, target: Path) -> None:
    """A .tar.gz of a folder whose bytes depend on names, contents and the right to execute alone."""
    with (
        target.open("wb") as raw,
        gzip.GzipFile("", "wb", compresslevel=6, fileobj=raw, mtime=0) as packed,
        tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as archive,
    ):
        for path in _files_below(folder):
            info = tarfile.TarInfo(path.relative_to(folder).as_posix())
            info.size = path.stat().st_size
            info.mode = 0o755 if os.access(path, os.X_OK) else 0o644
            with path.open("rb") as content:
                archive.addfile(info, content)


def _files_below(folder: Path) -> Iterator[Path]:
    """All plain files (links to files are files), in one order everywhere."""
    for parent, folders, names in os.walk(folder):
        folders[:] = sorted(set(folders) - LEFT_OUT)
        for each in (*folders, *sorted(names)):
            path = Path(parent) / each
            if path.is_dir() and path.is_symlink():
                raise InvalidError(f"{path}: a link to a folder can't be packed")
            if path.is_file():
                yield path


def _digest(file: Path) -> str:
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()[:16]
