"""What of a store is there at all, for the command line. Never here: what a file says."""

from __future__ import annotations

from trainmaster.sources.files import Files
from trainmaster.sources.layout import Layout


def is_there(files: Files, path: str) -> bool:
    """Whether there is a file or folder of this path. UnavailableError where that can't be asked."""
    try:
        files.stat(path)
    except FileNotFoundError:
        return False
    return True


def why_none(files: Files, layout: Layout) -> str:
    """What it means that the jobs folder isn't there."""
    if any(is_there(files, each) for each in (layout.status, layout.known, layout.lease)):
        return (
            f"{files.base}{layout.jobs} is gone: nothing is known of the jobs of this store until it is back"
        )
    made = "a controller makes it, or `trainmaster store init`"
    if is_there(files, layout.root):
        return f"{files.base}{layout.root} is no store: it has no folder jobs ({made})"
    return f"there is no store {files.base}{layout.root}: {made}"


def shown_paths(files: Files, layout: Layout) -> frozenset[str] | None:
    """Of which jobs a status is there, so that nobody asks for the others one by one; None where not all could be seen."""
    try:
        listing = files.walk(layout.status)
    except FileNotFoundError:
        return frozenset()
    below = len(layout.status) + 1
    return None if listing.blind else frozenset(e.path[below:] for e in listing.entries if not e.folder)
