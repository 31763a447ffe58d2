"""Looking for the newest checkpoint of a job: one listing of its folder, and of the two newest folders in it.

Lives here: the listing, and what was seen at the look before. Never here: what is a checkpoint (frameworks/checkpoints.py), or
when one looks (master/checkpoints.py).

Only a folder that belongs to the user whom the job runs as is looked into, and as that user: what lies in somebody else's folder
is nothing for this job's status.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from trainmaster.api.checkpoint_status import CheckpointStatus
from trainmaster.api.status import timestamp
from trainmaster.errors import CrowdedError, RefusedError
from trainmaster.frameworks.checkpoints import (
    STATE_FILE,
    Listed,
    candidates,
    may_be_checkpoint,
    name_of,
    newest,
    newness,
    step_of,
)
from trainmaster.plan.values import CheckpointLook, SavedModelLook
from trainmaster.settings import Settings
from trainmaster.sources.as_users import Seen
from trainmaster.sources.files import Entry
from trainmaster.sources.lookups import LookUps
from trainmaster.sources.saved_models import look_at_model
from trainmaster.sources.walking import Limits

LIMITS = Limits(depth=0, most=20_000)
"""of one folder"""
REMEMBERED = 32
"""of one job, from look to look: the newest that may be checkpoints"""
INTO = 2
"""folders that are looked into: the newest may still be written"""
_STATE = 65536
"""bytes of TensorFlow's state file that are read"""


@dataclass(frozen=True, slots=True)
class _Before:
    """What the look before came to."""

    url: str
    there: frozenset[Listed]
    found: CheckpointStatus | None = None
    """the newest of those that were ever found"""


class Checkpoints:
    """Remembers of each job what lay in its folder at the last look."""

    def __init__(self, settings: Settings) -> None:
        self._stores = LookUps(settings)
        self._before: dict[str, _Before] = {}

    async def newest(self, uid: str, url: str, user: str) -> CheckpointLook | None:
        """The newest settled checkpoint of a job below a URL; None where that isn't known yet, after a first look at it.

        Raises UnavailableError, RefusedError, CrowdedError and NoSuchFileError (the folder's store isn't allowed).
        """
        listed, state = await self._stores.call(url, user, lambda files, path: _listing(files, path, user))
        there = frozenset(candidates(listed, REMEMBERED))
        before = self._before.get(uid)
        if before is None or before.url != url:
            self._before[uid] = _Before(url, there)
            return None if there else CheckpointLook(url)
        found = _status(url, newest(there, before.there, state)) or _still_there(before.found, there)
        self._before[uid] = _Before(url, there, found)
        return CheckpointLook(url, found)

    async def saved_model(self, url: str, user: str) -> SavedModelLook:
        """What lies below a job's savedModelPath. Raises what `newest` does."""
        return SavedModelLook(
            url, await self._stores.call(url, user, lambda files, path: look_at_model(files, path, url, user))
        )

    def store_of(self, url: str) -> str:
        """The store of a URL. NoSuchFileError where it isn't an allowed one."""
        return self._stores.store_of(url)

    def keep_only(self, uids: Iterable[str]) -> None:
        """Forget the others."""
        self._before = {uid: self._before[uid] for uid in uids if uid in self._before}

    def close(self) -> None:
        self._stores.close()


def _status(url: str, found: tuple[str, int] | None) -> CheckpointStatus | None:
    if found is None:
        return None
    name, modified = found
    time = timestamp(modified // 1_000_000_000)
    return CheckpointStatus(path=f"{url.rstrip('/')}/{name}", step=step_of(name), time=time)


def _still_there(found: CheckpointStatus | None, there: Iterable[Listed]) -> CheckpointStatus | None:
    """What was found before, where it is only being written anew."""
    if found is None:
        return None
    return found if found.path.rpartition("/")[2] in {name_of(each) for each in there} else None


def _listing(files: Seen, path: str, user: str) -> tuple[list[Listed], str]:
    """What lies in the folder, and TensorFlow's word on it. Nothing where there is no such folder, or it is another's."""
    try:
        folder = files.stat(path)
        listed = _entries(files, path) if folder.folder and folder.owner == user else []
        named = any(each.name == STATE_FILE and not each.folder for each in listed)
        state = _state(files, f"{path}/{STATE_FILE}") if named else ""
        return _with_contents(files, path, listed), state
    except FileNotFoundError:
        return [], ""


def _state(files: Seen, path: str) -> str:
    """Nothing where the file is closed to the user, or to us: then names and times must tell."""
    try:
        return files.read(path, _STATE).decode(errors="replace")
    except RefusedError:
        return ""


def _with_contents(files: Seen, path: str, listed: list[Listed]) -> list[Listed]:
    """The same, with sizes and times of the newest folders told by what is in them."""
    folders = sorted(filter(may_be_checkpoint, listed), key=lambda each: newness(each.name, each.modified))
    filled = {each.name: _filled(files, path, each) for each in folders[-INTO:]}
    return [filled.get(each.name, each) for each in listed]


def _filled(files: Seen, path: str, folder: Listed) -> Listed:
    inside = [each for each in _entries(files, f"{path}/{folder.name}") if not each.folder]
    modified = max((each.modified for each in inside), default=0)
    size = sum(each.size for each in inside)
    return Listed(folder.name, folder=True, size=size, modified=max(folder.modified, modified))


def _entries(files: Seen, path: str) -> list[Listed]:
    """CrowdedError where there are too many: which of them are the newest isn't known then."""
    listing = files.walk(path, LIMITS)
    if any(each.crowded for each in listing.left_out):
        raise CrowdedError(f"{files.base}{path} holds more than {LIMITS.most} files and folders")
    return [_listed(entry) for entry in listing.entries]


def _listed(entry: Entry) -> Listed:
    size = 0 if entry.folder else entry.size
    return Listed(entry.path.rpartition("/")[2], entry.folder, size, entry.modified)
