"""Everything below a folder, within limits: nobody's folders can end a listing, or make it long, for others. Pure but for the
store's own listing of one folder.

What lies beyond a limit is left out and told to its owner (unread.py); it was not seen, and is not gone.
Breadth first and without recursion: a tree may be as deep as its store lets people make it.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace

from trainmaster.errors import DeniedError
from trainmaster.sources.files import Entry, LeftOut, Listing

EXAMPLES = 3
"""paths that are named of what was left out of one owner"""

Scan = Callable[[str], Iterable[Entry]]
"""the entries of one folder; FileNotFoundError when it went, DeniedError when we may not or can't look into it"""


@dataclass(frozen=True, slots=True)
class Limits:
    """What people may put below one folder."""

    depth: int = 32
    """levels of folders"""
    path: int = 1000
    """bytes of a path, from the folder on: systems take 4,096 (PATH_MAX of Linux) with whatever stands before it"""
    name: int = 200
    """bytes of a name: systems take 255, and statuses and marks beside it have longer ones"""
    beside: int = 150
    """bytes by which path and name of what is hidden may be longer: it is no job, but may be a mark beside one (layout.py)"""
    entries: int = 20_000
    """files and folders of one owner"""
    most: int | None = None
    """files and folders of all owners together, after which a listing is broken off; None: it goes on to its end"""


JOBS = Limits()
"""those of the jobs folder; the controller's own folders have none"""


def walk(root: str, scan: Scan, limits: Limits | None = None) -> Listing:
    """The listing of a folder. What `scan` raises about the root itself comes through."""
    return _Walk(root, scan, limits).listing()


@dataclass
class _Walk:
    root: str
    scan: Scan
    limits: Limits | None
    entries: list[Entry] = field(default_factory=list)
    blind: list[str] = field(default_factory=list)
    owned: Counter[str] = field(default_factory=Counter)
    seen: int = 0
    left_out: dict[str, LeftOut] = field(default_factory=dict)

    def listing(self) -> Listing:
        self._take_all(self.root)
        waiting = deque(self._folders(0))
        while waiting:
            begin = len(self.entries)
            self._try(waiting.popleft())
            waiting.extend(self._folders(begin))
        return Listing(tuple(self.entries), tuple(self.blind), tuple(self.left_out.values()))

    def _folders(self, begin: int) -> list[str]:
        return [entry.path for entry in self.entries[begin:] if entry.folder and self._is_open(entry)]

    def _is_open(self, folder: Entry) -> bool:
        """Whether it is looked into; one that is too deep is listed itself."""
        if self.limits and self._below(folder).count("/") >= self.limits.depth:
            self._leave(folder, f"lies deeper than {self.limits.depth} folders")
            return False
        return True

    def _try(self, folder: str) -> None:
        try:
            self._take_all(folder)
        except FileNotFoundError:
            return  # it went between two looks of the same listing
        except DeniedError:
            self.blind.append(folder)

    def _take_all(self, folder: str) -> None:
        for entry in self.scan(folder):
            if self.limits and self.seen == self.limits.most:
                self.left_out[entry.owner] = LeftOut(entry.owner, count=1, crowded=True)
                return
            self.seen += 1
            why = self._why_not(entry)
            if why:
                self._leave(entry, why)
            else:
                self.entries.append(entry)

    def _why_not(self, entry: Entry) -> str:
        """Why an entry is left out; empty when it isn't."""
        if self.limits is None:
            return ""
        self.owned[entry.owner] += 1
        if self.owned[entry.owner] > self.limits.entries:
            return _crowded(self.limits)
        path = self._below(entry)
        try:
            length, name = len(path.encode()), len(path.rpartition("/")[2].encode())
        except UnicodeEncodeError:  # Python's way of telling a name that isn't UTF-8
            return "has a name that is not UTF-8"
        more = self.limits.beside if path.rpartition("/")[2].startswith(".") else 0
        if name > self.limits.name + more:
            return f"has a name longer than {self.limits.name} bytes"
        return f"has a path longer than {self.limits.path} bytes" if length > self.limits.path + more else ""

    def _leave(self, entry: Entry, why: str) -> None:
        before = self.left_out.get(entry.owner, LeftOut(entry.owner))
        crowded = before.crowded or self.owned[entry.owner] > (self.limits or JOBS).entries
        after = replace(before, count=before.count + 1, crowded=crowded)
        if len(before.examples) < EXAMPLES:
            after = replace(after, examples=(*before.examples, (entry.path, why)))
        self.left_out[entry.owner] = after
        if entry.folder or not crowded:  # a crowded owner's own files may all be hidden
            self.blind.append(entry.path)

    def _below(self, entry: Entry) -> str:
        return entry.path[len(self.root.rstrip("/")) + 1 :]


def _crowded(limits: Limits) -> str:
    return f"is beyond the {limits.entries} files and folders that one owner may have"
