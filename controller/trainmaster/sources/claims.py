"""Which document declares which job, when several say that they do, or one that did can't be read any more.

The rules, in the words of the design: the path gives no identity; the first holder of a namespace and name wins; a job never
changes its owner, since its processes run as that user. Never here: what is told of a job, or of a file that is away.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Container, Iterator, Mapping
from dataclasses import replace

from trainmaster.api.job import TrainingJob
from trainmaster.sources.known import Record
from trainmaster.sources.layout import file_of, is_whole
from trainmaster.sources.moves import LeftBehind
from trainmaster.sources.reading import FileRead
from trainmaster.sources.sightings import Identity, JobState

Unheld = tuple[FileRead, str]
"""a file without a job of its own, and whose name it took; empty where it can't be read"""


class Claims:
    """Those of one look."""

    def __init__(
        self,
        jobs: dict[Identity, JobState],
        new_uid: Callable[[], str],
        today: float,
    ) -> None:
        """`jobs` are known from the look before, and take in what this one brought; `today` is seconds since the epoch."""
        self._jobs, self._new_uid, self._today = jobs, new_uid, today
        self._claims: Mapping[Identity, list[FileRead]] = {}
        self._by_file: defaultdict[str, list[Identity]] = defaultdict(list)
        self._by_path: dict[str, Identity] = {}
        self._missed: dict[str, list[tuple[Identity, frozenset[str]]]] = {}
        """by file: jobs that came from it, and that nothing declares any more; each with the drafts that it isn't"""
        self.left = LeftBehind()
        """jobs whose file isn't there; empty where nothing new is declared"""
        self.moved: list[FileRead] = []
        """files that would be new jobs, once nothing is left of those that they were (moves.py)"""

    def settled(self, reads: Mapping[str, FileRead]) -> tuple[set[Identity], list[Unheld]]:
        """The jobs whose file is there, and the files that declare none, with who holds their job's name instead."""
        claims: dict[Identity, list[FileRead]] = defaultdict(list)
        broken = []
        for read in sorted(reads.values(), key=lambda read: read.order):
            if read.job is None:
                broken.append(read)
            else:
                claims[read.identity].append(read)
        self._claims = claims
        self._sort_by_place()
        if any(identity not in self._jobs for identity in claims):
            self.left = LeftBehind.of(self._jobs.values(), {*reads, *self._still_declared()})
        present = self._attach(broken)
        attached = set(present.values())
        unheld = [(read, "") for read in broken if read.path not in attached]
        holders = dict(present)
        for identity, claimed in claims.items():
            holder = holders.get(identity) or self._hold(identity, claimed)
            if holder:
                holders[identity] = holder
            if identity in self._jobs:
                unheld += self._others(identity, claimed, holder)
            else:
                self.moved += claimed
        return set(holders), unheld

    def _sort_by_place(self) -> None:
        """Which jobs came from which file and path; those that are there before those that are missing."""
        for identity, state in sorted(self._jobs.items(), key=lambda item: item[1].missing_since is not None):
            path = state.record.path
            self._by_file[file_of(path)].append(identity)
            self._by_path.setdefault(path, identity)

    def _still_declared(self) -> Iterator[str]:
        """Where jobs were that are declared elsewhere now: as a document that came among others, or is alone again."""
        for identity, reads in self._claims.items():
            state = self._jobs.get(identity)
            if state and not state.deleting and any(state.record.owner == read.entry.owner for read in reads):
                yield state.record.path

    def _attach(self, broken: list[FileRead]) -> dict[Identity, str]:
        """What was good once is still its job's: that goes on as it was, with the problems shown. Documents that tell their names
        come first, since what is left of their file's jobs may be any of the others; then those that seem to be a job's."""
        found: dict[Identity, str] = {}
        named = [read for read in broken if read.named]
        rest = [read for read in broken if not read.named]
        for reads, whose in ((named, self._named_by), (rest, self._seeming), (rest, self._unnamed)):
            for read in reads:
                for identity in whose(read, found):
                    found[identity] = read.path
                    self._jobs[identity] = _kept(self._jobs[identity], read)
        return found

    def _named_by(self, read: FileRead, found: Container[Identity]) -> list[Identity]:
        """Whose broken document this is that tells its name: by its path and owner, or by that name where nothing else has it."""
        if exact := self._exactly(read, found):
            return exact
        named = (
            read.identity not in found
            and read.identity not in self._claims
            and self._may_be(read, read.identity)
        )
        return [read.identity] if named else []

    def _seeming(self, read: FileRead, found: Container[Identity]) -> list[Identity]:
        """The job whose name its text seems to have, where it may be that job's anyway: so problems are told where they belong,
        and neither more nor fewer jobs are kept."""
        return [read.seems] if read.seems and read.seems in self._left_in(read, found) else []

    def _unnamed(self, read: FileRead, found: Container[Identity]) -> list[Identity]:
        """One that doesn't tell its name among others, and a file that can't be read at all, may be any job's of that file that
        nothing declares any more; but a draft that stood there beside a job isn't that one's."""
        return list(dict.fromkeys((*self._exactly(read, found), *self._left_in(read, found))))

    def _exactly(self, read: FileRead, found: Container[Identity]) -> list[Identity]:
        """The job that came from this very path, else that of the name where no path is known of it."""
        for each in (self._by_path.get(read.path), read.identity):
            if each is None or each in found or not self._may_be(read, each):
                continue
            if self._jobs[each].record.path in ("", read.path):
                return [each]
        return []

    def _left_in(self, read: FileRead, found: Container[Identity]) -> list[Identity]:
        """What is left of a file's jobs; the first of its documents without a name that may be one takes it."""
        file = file_of(read.path)
        if file not in self._missed:
            left = (e for e in self._by_file[file] if self._may_be(read, e) and self._is_unaccounted(read, e))
            self._missed[file] = [(each, frozenset(self._jobs[each].record.drafts)) for each in left]
        missed = self._missed[file]
        digest = read.digest if missed and read.number else ""
        return [each for each, drafts in missed if each not in found and digest not in drafts]

    def _may_be(self, read: FileRead, identity: Identity) -> bool:
        state = self._jobs.get(identity)
        if state is None or state.deleting or state.record.owner not in ("", read.entry.owner):
            return False
        return file_of(state.record.path) in ("", file_of(read.path))

    def _is_unaccounted(self, read: FileRead, identity: Identity) -> bool:
        """Whether a document's job was there until now, and none declares it any more."""
        state = self._jobs[identity]
        among_others = read.number or not is_whole(state.record.path)
        return bool(among_others) and identity not in self._claims and state.missing_since is None

    def _hold(self, identity: Identity, reads: list[FileRead]) -> str:
        """The path of the file that declares this job; empty when none of them may."""
        state = self._jobs.get(identity)
        if state is None:
            if any(map(self.left.was, reads)):
                return ""
            self._jobs[identity] = first_seen(self._new_uid(), reads[0], self._today)
            return reads[0].path
        if state.deleting:
            return ""
        own = [read for read in reads if state.record.owner in ("", read.entry.owner)]
        if not own:
            return ""
        read = next((read for read in own if read.path == state.record.path), own[0])
        self._jobs[identity] = taken(state, read)
        return read.path

    def _others(self, identity: Identity, reads: list[FileRead], holder: str) -> list[Unheld]:
        state = self._jobs[identity]
        rest = [read for read in reads if read.path != holder]
        if state.deleting:  # the file is about to be its successor: it is shown when the old job is gone
            rest = [read for read in rest if read.path != state.record.path]
        return [(read, holder or state.record.path or "/".join(identity)) for read in rest]


def first_seen(uid: str, read: FileRead, today: float) -> JobState:
    """The state of a new job; `today` is seconds since the epoch."""
    record = Record(
        uid, read.namespace, read.name, read.path, read.entry.owner, 1, read.text, today, read.drafts
    )
    return JobState(record, read.job, read=read)


def last_good(state: JobState) -> TrainingJob | None:
    """What it goes by. Before its file was read for the first time that is its record's text, which mostly needn't be read."""
    return state.job or (state.record.job() if state.read is None else None)


def _kept(state: JobState, read: FileRead) -> JobState:
    """The state of a job of which this is what can't be read; the same object when nothing changed."""
    if state.read is read and state.missing_since is None:
        return state
    path = state.record.path if file_of(state.record.path) == file_of(read.path) else read.path
    drafts = read.drafts if read.named else state.record.drafts
    record = replace(state.record, path=path, owner=read.entry.owner, drafts=drafts)
    return JobState(record, last_good(state), read.problems, read)


def _differ(old: TrainingJob | None, new: TrainingJob | None) -> bool:
    return old is not None and new is not None and old.spec != new.spec


def taken(state: JobState, read: FileRead) -> JobState:
    """The state after its file was read; the same object when nothing changed."""
    if state.read is read and state.missing_since is None:
        return state
    edited = read.text != state.record.text and _differ(last_good(state), read.job)
    record = replace(
        state.record,
        path=read.path,
        owner=read.entry.owner,
        generation=state.record.generation + edited,
        text=read.text,
        drafts=read.drafts,
    )
    return JobState(record, read.job, read=read)
