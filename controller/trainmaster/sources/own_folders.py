"""The folders in which a controller keeps what it rests on: its journal, its lease, what it knows of files.

Whoever may write there, or put another folder in their place, could have it run anything as anybody. So each leader looks whose
they are before it reads them, and makes those that aren't there. Never here: what lies in them.
"""

from __future__ import annotations

from trainmaster.errors import InvalidError
from trainmaster.sources.files import STICKY, WRITABLE_BY_OTHERS, Entry, Files
from trainmaster.sources.in_folders import who_we_are

FOLDERS = ("journal", "known", "lease")
PRIVATE = 0o700


def check(files: Files, root: str) -> None:
    """Raises InvalidError for one that isn't the controller's alone, with what mends it."""
    files.make_folder(root)
    us = who_we_are(files, root)
    base = files.stat(root)
    if base.mode & WRITABLE_BY_OTHERS and not base.mode & STICKY:
        raise InvalidError(
            f"{files.base}{root}: others may put folders in the place of the controller's (mode {base.mode & 0o7777:o}): "
            "chmod go-w"
        )
    for name in FOLDERS:
        path = f"{root}/{name}"
        files.make_folder(path, PRIVATE)
        if problem := _not_ours(files.stat(path), us):
            raise InvalidError(f"{files.base}{path}: {problem}")


def _not_ours(entry: Entry, us: str) -> str:
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
