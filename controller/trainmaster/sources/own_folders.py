"""The folders in which a controller keeps what it rests on: its journal, its lease, what it knows of files.

Whoever may write there, or put another folder in their place, could have it run anything as anybody. So each leader looks whose
they are before it reads them, and makes those that aren't there. Never here: what lies in them.
"""

from __future__ import annotations

from collections.abc import Container

from trainmaster.errors import InvalidError
from trainmaster.sources.files import STICKY, WRITABLE_BY_OTHERS, Entry, Files
from trainmaster.sources.in_folders import superusers, who_we_are
from trainmaster.sources.layout import Layout

FOLDERS = ("journal", "known", "lease")
LATER = ("status", "installation", "history", "cleared-nodes")
"""what it makes there as it runs, and takes for its own"""
PRIVATE = 0o700
WRITABLE_BY_ALL = 0o002


def check(files: Files, root: str) -> str:
    """Raises InvalidError for one that isn't the controller's alone, with what mends it. That a group may write in the root stops
    no installation that has run there: its jobs would be lost. That is told instead; empty when all is well."""
    files.make_folder(root)
    us, base = who_we_are(files, root), files.stat(root)
    if base.owner not in {us, *superusers(files)}:
        raise InvalidError(
            f"{files.base}{root}: it belongs to {base.owner}, who may put folders in the place of the controller's: give it to "
            f"the controller (chown {us})"
        )
    said, new = exposed(files, root), not _has_run(files, root, us)
    if said and (base.mode & WRITABLE_BY_ALL or new):
        raise InvalidError(said)
    for name in LATER if new else ():
        if problem := _of_a_stranger(files, f"{root}/{name}", us):
            raise InvalidError(f"{files.base}{root}/{name}: {problem}")
    for name in FOLDERS:
        path = f"{root}/{name}"
        files.make_folder(path, PRIVATE)
        if problem := not_ours(files.stat(path), us):
            raise InvalidError(f"{files.base}{path}: {problem}")
    return said


def exposed(files: Files, root: str) -> str:
    """Whether others may write in the root itself, with what mends it; empty when they may not."""
    mode = files.stat(root).mode
    if not mode & WRITABLE_BY_OTHERS or mode & STICKY:
        return ""
    return f"{files.base}{root}: others may put folders in the place of the controller's (mode {mode & 0o7777:o}): chmod go-w"


def _has_run(files: Files, root: str, us: str) -> bool:
    """By the identity that the first leader makes, which nobody can make in our name."""
    try:
        return files.stat(Layout(root).installation).owner == us
    except FileNotFoundError:
        return False


def _of_a_stranger(files: Files, path: str, us: str) -> str:
    try:
        return taken(files.stat(path), {us, *superusers(files)})
    except FileNotFoundError:
        return ""


def taken(entry: Entry, trusted: Container[str]) -> str:
    """Why what lies in the place of something that a controller makes later may not stay there, a link or whatever; empty when it
    may: its owner is among those who are trusted with all of it."""
    if entry.owner in trusted:
        return ""
    return f"it belongs to {entry.owner}, and the controller would take it for its own: take it away"


def not_ours(entry: Entry, us: str) -> str:
    """Why a controller that is `us` may not rest on a folder, with what mends it; empty when it may."""
    if not entry.folder:
        return "it is no folder (links are not followed)"
    if entry.owner != us:
        return (
            f"it belongs to {entry.owner}, and what the controller rests on must be its own: if all in it is {us}'s, give it "
            f"back (chown {us}), else take it away"
        )
    if entry.mode & WRITABLE_BY_OTHERS:
        return f"others may write in it (mode {entry.mode & 0o7777:o}): chmod go-w, once you know that nobody has"
    return ""
