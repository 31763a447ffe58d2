"""Folders of this machine opened one below the other, by descriptor: what takes the place of one once it is open is left alone,
and links on the way aren't followed. Never here: what is done in them, or who may.
"""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

_FOLDER = os.O_DIRECTORY | os.O_CLOEXEC
_ANY = getattr(os, "O_PATH", os.O_RDONLY)
"""on Linux a folder may be passed through that may not be read"""


def nothing(_: int) -> None:
    """No look at a folder before it is passed through."""


@contextmanager
def opened(top: str, parts: Iterable[str], look: Callable[[int], None] = nothing) -> Iterator[int]:
    """A descriptor of the folder that lies these parts below `top`, which itself may be a link. `look` is at each before the next
    is opened, and what it raises comes through. FileNotFoundError and NotADirectoryError (a link, too) as the system has them."""
    descriptor = os.open(top, _ANY | _FOLDER)
    try:
        for part in parts:
            look(descriptor)
            inner = os.open(part, _ANY | _FOLDER | os.O_NOFOLLOW, dir_fd=descriptor)
            os.close(descriptor)
            descriptor = inner
        yield descriptor
    finally:
        os.close(descriptor)


def set_mode(path: str, mode: int) -> None:
    """Set a folder's permission bits. NotADirectoryError where that is a link, which may have come a moment ago."""
    descriptor = os.open(path, os.O_RDONLY | _FOLDER | os.O_NOFOLLOW)
    try:
        os.fchmod(descriptor, mode)
    finally:
        os.close(descriptor)


def remove(folder: int, name: str) -> None:
    """Remove what has this name in a folder that was opened, with all that is in it. FileNotFoundError where there is nothing."""
    if stat.S_ISDIR(os.lstat(name, dir_fd=folder).st_mode):
        shutil.rmtree(name, dir_fd=folder)
    else:
        os.unlink(name, dir_fd=folder)
