"""The few operations on a tree of files that jobs, statuses, journal and lease need.

Lives here: the protocol, and the entry of a listing. Never here: what a file means.
All calls block, and belong in a thread. Every one may raise UnavailableError (nothing is known), DeniedError or
RefusedError (the store's own no), and FileNotFoundError or FileExistsError where its docstring says so.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, runtime_checkable

if TYPE_CHECKING:
    from trainmaster.sources.walking import Limits

WRITABLE_BY_OTHERS = 0o022
STICKY = 0o1000


@dataclass(frozen=True, slots=True)
class Entry:
    """One file or folder as the store lists it."""

    path: str
    """absolute, without scheme and host"""
    size: int
    """bytes"""
    modified: int
    """nanoseconds, by the store's clock: says that something changed, and is never compared with another clock"""
    owner: str
    mode: int
    """permission bits, sticky bit included"""
    folder: bool = False
    regular: bool = True
    """False for links, sockets and other things that aren't read"""

    @property
    def stamp(self) -> tuple[int, int, str]:
        """Equal stamps mean equal content."""
        return self.size, self.modified, self.owner


@dataclass(frozen=True, slots=True)
class LeftOut:
    """What a listing left out of one owner, since it lies beyond a limit."""

    owner: str
    count: int = 0
    crowded: bool = False
    """the owner has too many files: any of them may be among those that were left out"""
    examples: tuple[tuple[str, str], ...] = ()
    """a few paths, each with its reason"""


@dataclass(frozen=True, slots=True)
class Listing:
    """Everything below one folder, but for what lies beyond the limits."""

    entries: tuple[Entry, ...]
    blind: tuple[str, ...] = ()
    """folders and files that we may not look into, or didn't: what lies there was not seen, and is not gone"""
    left_out: tuple[LeftOut, ...] = ()


class Files(Protocol):
    """A store of files. Paths are absolute, without scheme and host."""

    base: str
    """scheme and authority: base + path is the URL of a file"""
    settle: float
    """seconds for which a file must not have changed before it is read; 0 where a listing tells closed files only"""
    private: bool
    """True where files can be replaced and created atomically and kept from others: needed for journal and lease"""

    def walk(self, path: str, limits: Limits | None = None) -> Listing:
        """Everything below a folder, whole but for the limits. FileNotFoundError when there is no such folder."""

    def stat(self, path: str) -> Entry:
        """FileNotFoundError when there is nothing."""

    def read(self, path: str, limit: int, top: str = "") -> bytes:
        """At most `limit` bytes from the start. FileNotFoundError. Below a folder `top`, in which others write, no link on the
        way is followed: RefusedError where there is one."""

    def read_own(self, path: str, limit: int) -> bytes:
        """The same of a file that nobody may write any more, even if its writer was gone before the store knew it to be whole.

        Whoever wrote it is shut out, so it is for files that are the caller's alone, such as the journal's of a leader.
        """

    def replace(self, path: str, data: bytes, mode: int = 0o644, owner: str = "") -> None:
        """Put a whole file in place of what is there, durably: a reader sees the old or the new one, never half.

        It belongs to `owner`, if given; DeniedError when that is somebody else whom we may not give files to.
        """

    def replace_if(
        self, path: str, data: bytes, mode: int, still: Still, owner: str = "", lasting: bool = True
    ) -> None:
        """As `replace`, and asks `still` just before the file takes its place; what that raises comes through.

        What isn't `lasting` needn't be on a disk when this returns: after a crash of the store's machine the file may be the
        old one, or empty. So it is for what is made again by itself.
        """

    def create(self, path: str, data: bytes) -> None:
        """A new file; FileExistsError when the name is taken: of several callers, one succeeds."""

    def touch(self, path: str, modified: int) -> None:
        """Set the modification time (nanoseconds, whole milliseconds). FileNotFoundError."""

    def make_folder(self, path: str, mode: int = 0o755) -> None:
        """Make a folder with all its parents; an existing one stays as it is."""

    def set_owner(self, path: str, owner: str) -> None:
        """Give a file or folder to somebody. FileNotFoundError; DeniedError where we may not."""

    def set_mode(self, path: str, mode: int) -> None:
        """Set the permission bits of a folder. FileNotFoundError; DeniedError where it isn't ours."""

    def move(self, path: str, target: str) -> None:
        """Give a file or folder another name, at once and durably. FileNotFoundError when it isn't there (any more).

        A file of the new name is replaced, and a folder if it is empty; else it is an error of another kind.
        """

    def delete(self, path: str) -> None:
        """Remove a file, or a folder with all below it; no error when there is none."""

    def delete_below(self, top: str, below: str) -> None:
        """The same of a path below a folder in which others write: no link of theirs on the way is followed. RefusedError where
        there is one."""

    def upload(self, local: Path, path: str) -> None:
        """Copy a local file into the store; it appears under its name when it is whole."""

    def close(self) -> None:
        """Wait for writes under way."""


@runtime_checkable
class NearFiles(Protocol):
    """A store on this machine: a call takes no longer than to hand it to a thread, so that several are best made by one."""

    def replace_all(self, files: Mapping[str, bytes], mode: int, still: Still) -> None:
        """`replace_if` of each path, and `still` is asked once. Where one fails it isn't known which of them were replaced."""


class Still(Protocol):
    """Asked right before something irrevocable; raises when it must not be done any more."""

    def __call__(self) -> None: ...
