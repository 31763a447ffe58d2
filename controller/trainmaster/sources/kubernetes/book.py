"""Which objects there are, and what the engine is told of them. Pure but for its own memory: no IO, no clock.

Events and complete lists come in, the picture goes out. The rules:
- What was not seen is not gone: only the API server's word DELETED, or a complete list that lacks an object, says so.
- Newer is what has the higher resourceVersion; and a list that was begun after something was noted is newer than that note,
  whatever the numbers say (they go back when etcd is restored from a copy).
- An object is told as a job only with its finalizer on it, so that none can vanish unnoticed while its job runs.
- An object that another installation drives is none of ours, and never told; one that names nobody is told once it names us.
- An object that shows its end, and of which the journal knows nothing, never runs again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from trainmaster.api.declared import Declared
from trainmaster.sources.kubernetes.objects import Seen, revision

Identity = tuple[str, str]
"""namespace and name"""

EVERYWHERE = ""
"""the scope of a list of all namespaces; other scopes are namespaces"""


@dataclass(slots=True)
class Entry:
    """One object, there or expected."""

    uid: str
    identity: Identity
    noted: int
    """step at which it changed last"""
    seen: Seen | None = None
    """None for a journalled one that nobody has seen yet"""
    absent: bool = False
    """it is no longer there"""
    driven: bool = False
    """the engine drives it: it is in the journal, or was told with its job"""
    over: bool = False
    """the engine is done with it, and somebody else's finalizer keeps it"""
    lost: str = ""
    """the application that it showed when it was first told, and the journal didn't know it"""
    holder: str = ""
    """uid of another object of this name whose job is still being stopped"""
    told: Declared | None = None
    stale: bool = True
    """something changed since it was told"""

    @property
    def holds_name(self) -> bool:
        """Whether its job may still run though the object is gone, or may be."""
        return self.absent or self.seen is None

    def wants_claim(self, installation: str) -> bool:
        """Whether its job is driven, or waits to be, and nothing would hold it, or nobody is named as the one who drives it."""
        seen = self.seen
        if seen is None or self.absent or self.over or seen.deleting or seen.job is None:
            return False
        if self.is_foreign(installation) or (seen.held and seen.controller == installation):
            return False
        return self.driven or not seen.finished

    def is_foreign(self, installation: str) -> bool:
        """Whether the object is there, and names another installation."""
        return self.seen is not None and not self.absent and self.seen.controller not in ("", installation)


class Book:
    def __init__(self, source: str, owner_of: Callable[[str], str]) -> None:
        """`owner_of` gives the YARN user that a namespace stands for."""
        self._source = source
        self.installation = ""
        """ours, told before the first picture"""
        self._owner_of = owner_of
        self._entries: dict[str, Entry] = {}
        self._step = 0
        self._listed: dict[str, int] = {}

    # --- what comes in

    @property
    def step(self) -> int:
        """Rises with each note: taken before a list is asked for, it says what the list is newer than."""
        return self._step

    def adopt(self, known: Mapping[str, Identity]) -> None:
        """A new leadership: who is driven is what its journal knows, and nothing was told yet."""
        for entry in list(self._entries.values()):
            if entry.holds_name and entry.uid not in known:
                del self._entries[entry.uid]
        for uid, entry in self._entries.items():
            entry.driven, entry.over, entry.lost, entry.told = uid in known, False, "", None
            entry.stale = True
        for uid in known.keys() - self._entries.keys():
            self._entries[uid] = Entry(uid, known[uid], self._next(), driven=True)

    def note(self, seen: Seen) -> bool:
        """The object is there as it was seen. Whether the engine, or its finalizer, is to be seen to."""
        entry = self._entries.get(seen.uid)
        if entry is None:
            if seen.revision <= self._listed_at(seen.namespace):
                return False  # a complete list of that version or a later one lacked it
            return self._put(self._new(seen), seen)
        if entry.seen and seen.revision <= entry.seen.revision:
            return False
        return self._put(entry, seen)

    def refresh(self, seen: Seen) -> bool:
        """The same for what an answer to a call of ours says: the object may have gone while it was under way."""
        return seen.uid in self._entries and self.note(seen)

    def note_gone(self, uid: str) -> bool:
        """The API server says that the object is no longer there. Whether the engine has to hear of it."""
        entry = self._entries.get(uid)
        return entry is not None and not entry.absent and self._mark_gone(entry)

    def note_list(self, scope: str, found: Iterable[Seen], version: str, begun: int) -> None:
        """All objects of a scope, complete; asked for when the book's step was `begun`."""
        listed = {seen.uid: seen for seen in found}
        at = self._listed[scope] = revision(version)
        for entry in list(self._entries.values()):
            if entry.uid not in listed and _is_in(entry, scope) and _is_lacking(entry, at, begun):
                self._mark_gone(entry)
        for seen in listed.values():
            self._note_listed(seen, begun)

    def forget(self, uid: str) -> None:
        """Nothing of its job is left."""
        entry = self._entries.get(uid)
        if entry is None:
            return
        if entry.holds_name:
            del self._entries[uid]
        else:
            entry.over, entry.driven, entry.told, entry.stale = True, False, None, True

    def _note_listed(self, seen: Seen, begun: int) -> None:
        entry = self._entries.get(seen.uid)
        if entry is None:
            self._put(self._new(seen), seen)
        elif _is_newer(seen, entry, begun):
            self._put(entry, seen)

    def _new(self, seen: Seen) -> Entry:
        entry = Entry(seen.uid, (seen.namespace, seen.name), self._step)
        self._entries[seen.uid] = entry
        return entry

    def _put(self, entry: Entry, seen: Seen) -> bool:
        entry.seen, entry.noted, entry.stale = seen, self._next(), True
        return self._declared(entry) != entry.told or entry.wants_claim(self.installation)

    def _mark_gone(self, entry: Entry) -> bool:
        """Whether the engine has to hear of it: it was told of the job. Others are let go."""
        entry.noted, entry.stale = self._next(), True
        entry.absent = entry.driven or entry.told is not None
        if not entry.absent:
            del self._entries[entry.uid]
        return entry.absent

    def _next(self) -> int:
        self._step += 1
        return self._step

    def _listed_at(self, namespace: str) -> int:
        return max(self._listed.get(EVERYWHERE, 0), self._listed.get(namespace, 0))

    # --- what goes out

    @property
    def complete(self) -> bool:
        """Whether a complete list came in: before, nothing can be said."""
        return bool(self._listed)

    def seen(self, uid: str) -> Seen | None:
        """The object as it was seen last; None when it isn't there, or was not seen yet."""
        entry = self._entries.get(uid)
        return entry.seen if entry and not entry.absent else None

    def awaits(self, uid: str) -> bool:
        """Whether only the journal knows it so far: nobody has seen it, nor a list that lacks it."""
        entry = self._entries.get(uid)
        return entry is not None and entry.seen is None and not entry.absent

    def unclaimed(self) -> list[Seen]:
        """Objects that are to get our name, or our finalizer."""
        ours = self.installation
        return [entry.seen for entry in self._entries.values() if entry.seen and entry.wants_claim(ours)]

    def drives(self, uid: str) -> bool:
        """Whether the engine drives it: its journal knows it, or it was told with its job."""
        entry = self._entries.get(uid)
        return entry is not None and entry.driven

    def foreign(self) -> list[Seen]:
        """Objects that other installations drive, by their own word. Also other threads may ask."""
        ours = self.installation
        return [entry.seen for entry in list(self._entries.values()) if entry.seen and entry.is_foreign(ours)]

    def picture(self) -> dict[str, Declared]:
        """What the engine is to know, by uid; from now on it was told so."""
        holders = {entry.identity: entry.uid for entry in self._entries.values() if entry.holds_name}
        for entry in self._entries.values():
            holder = "" if entry.holds_name else holders.get(entry.identity, "")
            if entry.stale or entry.holder != holder:
                entry.holder = holder
                self._tell(entry)
        return {uid: entry.told for uid, entry in self._entries.items() if entry.told}

    def _tell(self, entry: Entry) -> None:
        first = entry.told is None and not entry.driven
        if first and entry.seen and not entry.seen.finished:
            entry.lost = entry.seen.application
        declared = self._declared(entry)
        if declared != entry.told:  # else the same object, which is quickly compared
            entry.told = declared
        entry.driven = entry.driven or (declared is not None and declared.job is not None)
        entry.stale = False

    def _declared(self, entry: Entry) -> Declared | None:
        """The first row that fits; None where there is nothing to tell."""
        seen = entry.seen
        if entry.over:
            return None
        if entry.absent:
            return self._of(entry, deleted=True)
        if seen is None:
            return None  # the engine goes on with what it remembers
        if entry.is_foreign(self.installation):
            return (
                entry.told if entry.driven else None
            )  # what runs goes on as it was told, until a person decides
        if seen.deleting:
            concerns = entry.driven or entry.told or seen.held
            return self._of(entry, deleted=True) if concerns else None
        if seen.finished and not entry.driven:
            return None  # its record is lost, and it must not run again
        if entry.wants_claim(self.installation) and not entry.driven:
            return entry.told  # its finalizer and our name come first
        return self._of(entry, deleted=False)

    def _of(self, entry: Entry, *, deleted: bool) -> Declared:
        (namespace, name), seen = entry.identity, entry.seen
        path = f"{namespace}/{name}"
        return Declared(
            source=self._source,
            namespace=namespace,
            name=name,
            uid=entry.uid,
            path=path,
            owner=self._owner_of(namespace),
            generation=seen.generation if seen else 1,
            job=seen.job if seen else None,
            problems=seen.problems if seen else (),
            suspends=seen is not None and bool(seen.problems) and seen.suspends,
            created=seen.created if seen else 0.0,
            known=seen is not None and bool(seen.shown),
            deleted=deleted,
            duplicate_of=f"{path} of uid {entry.holder}, which is being stopped" if entry.holder else "",
            lost_application=entry.lost,
        )


def _is_in(entry: Entry, scope: str) -> bool:
    return scope in (EVERYWHERE, entry.identity[0])


def _is_lacking(entry: Entry, listed_at: int, begun: int) -> bool:
    """Whether a list without it is news of it."""
    if entry.absent:
        return False
    return entry.noted <= begun or (entry.seen is not None and entry.seen.revision <= listed_at)


def _is_newer(seen: Seen, entry: Entry, begun: int) -> bool:
    """Whether a listed object is news of it."""
    if entry.seen is None:
        return True
    other = seen.version != entry.seen.version
    return other and (entry.noted <= begun or seen.revision > entry.seen.revision)
