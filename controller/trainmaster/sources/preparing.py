"""What must stand in a store before people and a controller of another user share it: its folders, whose they are and who may
write there. Tells what is missing or wrong, mends it, or names the commands for whoever may.

Never here: the controller's own look before it leads (own_folders.py), or what lies in the folders.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from trainmaster.errors import DeniedError, InvalidError
from trainmaster.sources.files import STICKY, WRITABLE_BY_OTHERS, Entry, Files
from trainmaster.sources.in_folders import superusers, who_we_are
from trainmaster.sources.layout import Layout
from trainmaster.sources.own_folders import FOLDERS, LATER, PRIVATE, not_ours, taken
from trainmaster.sources.presence import is_there

OPEN = 0o755
FOR_ALL = STICKY | 0o777
"""everybody adds files of his own, and replaces nobody else's"""
NO_FOLDER = "it is no folder (links are not followed)"
COMMAND = "trainmaster store init"
CURE = f"have an administrator run `{COMMAND}`, or start the controller first"
MAKE, GIVE, ALLOW = "mkdir -p", "chown", "chmod"
"""as `hdfs dfs` and the shell call them"""


@dataclass(frozen=True, slots=True)
class Folder:
    """One that must be there."""

    path: str
    mode: int
    own: bool = False
    """whether the controller rests on what lies in it"""
    later: bool = False
    """whether the controller makes it itself: only where it is there must it be its own, folder or file"""


@dataclass(frozen=True, slots=True)
class Step:
    """One change of one folder."""

    verb: str
    path: str
    to: str = ""
    """owner or octal mode"""


@dataclass(frozen=True, slots=True)
class Finding:
    """What is wrong with one folder."""

    path: str
    words: str
    steps: tuple[Step, ...] = ()
    """what mends it; nothing where a person must look first"""


def of_jobs(root: str) -> list[Folder]:
    """Those that people and the controller share."""
    layout = Layout(root)
    shared = [Folder(root, OPEN), Folder(layout.jobs, FOR_ALL), Folder(layout.uploads, FOR_ALL)]
    return [*shared, Folder(layout.status, OPEN, later=True)]


def of_controller(root: str) -> list[Folder]:
    """Those of the controller alone, in the store of jobs or, by the setting `state`, in one of their own."""
    under = Layout(root).under
    own = (Folder(under(name), PRIVATE, own=True) for name in FOLDERS)
    return [Folder(root, OPEN), *own, *(Folder(under(name), OPEN, later=True) for name in LATER)]


def folders(root: str) -> list[Folder]:
    """All of one store."""
    return list(dict.fromkeys((*of_jobs(root), *of_controller(root))))


def find(files: Files, wanted: Iterable[Folder], owner: str) -> list[Finding]:
    """What keeps them from being ready for a controller that is `owner`. Raises UnavailableError, and DeniedError where we may
    not even look."""
    return [finding for folder in wanted if (finding := _look(files, folder, owner))]


def prepare(files: Files, wanted: Iterable[Folder], owner: str) -> None:
    """Mend what can be mended, each looked at when those above it are safe: else somebody could put one of his own in its
    place, or something into it, between an earlier look and the mending. DeniedError where we may not."""
    for folder in wanted:
        if finding := _look(files, folder, owner):
            _mend(files, finding)


def _mend(files: Files, finding: Finding) -> None:
    for step in finding.steps:
        if step.verb == MAKE:
            files.make_folder(step.path)
        elif step.verb == GIVE:
            if files.stat(step.path).owner != step.to:
                files.set_owner(step.path, step.to)
        else:
            files.set_mode(step.path, int(step.to, 8))


def commands(files: Files, findings: Iterable[Finding]) -> list[str]:
    """The same, for an administrator to type: one line for all that are treated alike."""
    alike: dict[tuple[str, str], list[str]] = {}
    for verb in (MAKE, GIVE, ALLOW):
        for step in (step for finding in findings for step in finding.steps if step.verb == verb):
            alike.setdefault((verb, step.to), []).append(_named(files, step.path))
    program = "" if files.base.startswith("file:") else "hdfs dfs -"
    return [
        " ".join([program + verb, *([to] if to else []), *map(shlex.quote, paths)])
        for (verb, to), paths in alike.items()
    ]


def make_store(files: Files, layout: Layout, controller: str) -> None:
    """Make a store as a first declaration does: it is of whoever declares. InvalidError where the controller is somebody else,
    who would refuse it; DeniedError where we may make none."""
    try:
        us = who_we_are(files, _nearest(files, layout.root)) if controller else ""
        if us != controller:
            where = f"{files.base}{layout.root}"
            raise InvalidError(
                f"there is no store {where}, and the controller ({controller}) takes none of {us}'s: {CURE}"
            )
        files.make_folder(layout.jobs, FOR_ALL)
    except DeniedError as error:
        raise DeniedError(
            error.kind, f"{error.message}: nobody has made this store ready; `{COMMAND}` does"
        ) from error


def _nearest(files: Files, path: str) -> str:
    """The folder itself, or the first above it that is there."""
    while path and not is_there(files, path):
        path = path.rpartition("/")[0]
    return path or "/"


def _named(files: Files, path: str) -> str:
    return path if files.base.startswith("file:") else f"{files.base}{path}"


def _look(files: Files, folder: Folder, owner: str) -> Finding | None:
    try:
        entry = files.stat(folder.path)
    except FileNotFoundError:
        return None if folder.later else Finding(folder.path, "it isn't there", tuple(_whole(folder, owner)))
    if folder.later:
        problem = taken(entry, {owner, *superusers(files)})
        return Finding(folder.path, problem) if problem else None
    if not entry.folder:
        return Finding(folder.path, NO_FOLDER)
    if folder.own:
        return Finding(folder.path, problem) if (problem := not_ours(entry, owner)) else None
    return _shared(entry, folder, owner)


def _whole(folder: Folder, owner: str) -> Iterator[Step]:
    """Given away last: who is no superuser may do nothing with it afterwards."""
    yield Step(MAKE, folder.path)
    yield Step(ALLOW, folder.path, f"{folder.mode:o}")
    yield Step(GIVE, folder.path, owner)


def _shared(entry: Entry, folder: Folder, owner: str) -> Finding | None:
    words, steps = [], []
    if entry.mode & WRITABLE_BY_OTHERS and not entry.mode & STICKY:
        words.append(f"others may replace what lies in it (mode {entry.mode:o})")
        steps.append(Step(ALLOW, folder.path, f"{folder.mode:o}"))
    if entry.owner != owner:
        words.append(f"it belongs to {entry.owner}, and not to {owner}")
        steps.append(Step(GIVE, folder.path, owner))
    return Finding(folder.path, "; ".join(words), tuple(steps)) if words else None
