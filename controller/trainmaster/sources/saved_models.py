"""What a job that has succeeded left below its savedModelPath: how many files, how large, and whether it is published.

Lives here: one listing, in bounds. Never here: writing. The controller has no right to write in users' folders, so the marker is
the program's own, written after all else; a reader that waits for it, as Hadoop's do, sees a model whole or not at all.
"""

from __future__ import annotations

from trainmaster.api.checkpoint_status import SavedModelStatus
from trainmaster.api.status import timestamp
from trainmaster.errors import CrowdedError
from trainmaster.sources.as_users import Seen
from trainmaster.sources.files import Entry
from trainmaster.sources.walking import Limits

MARKER = "_SUCCESS"
"""as Hadoop's FileOutputCommitter names it"""
LIMITS = Limits(depth=8, most=20_000)
_HIDDEN = ("_", ".")
"""how names begin that Hadoop's readers pass over"""


def look_at_model(files: Seen, path: str, url: str, user: str) -> SavedModelStatus | None:
    """None where there is no such folder, or it isn't the user's. Raises CrowdedError where it is too large to be counted."""
    try:
        folder = files.stat(path)
        if not folder.folder or folder.owner != user:
            return None
        listing = files.walk(path, LIMITS)
    except FileNotFoundError:
        return None
    if listing.left_out:
        raise CrowdedError(
            f"{url} can't be counted: it has more than {LIMITS.most} files and folders, or is {LIMITS.depth} deep"
        )
    return _status(url, path, listing.entries)


def _status(url: str, path: str, entries: tuple[Entry, ...]) -> SavedModelStatus:
    counted = [each for each in entries if not each.folder and not _hidden(each.path[len(path) :])]
    newest = max((each.modified for each in counted), default=0)
    marker = next((each for each in entries if each.path == f"{path}/{MARKER}"), None)
    published = marker is not None and not marker.folder and marker.modified >= newest
    return SavedModelStatus(
        path=url,
        files=len(counted),
        size=sum(each.size for each in counted),
        published_at=timestamp(marker.modified // 1_000_000_000) if marker and published else None,
    )


def _hidden(below: str) -> bool:
    """Whether a part of a path below the folder has such a name."""
    return any(part.startswith(_HIDDEN) for part in below.split("/"))
