"""Who is who among the files: which file declares which job, under which uid, and when a job counts as deleted.

Pure but for its own memory: files as read and the time come in, declarations come out. Never here: IO or a clock.
The rules, in the words of the design: the path gives no identity; the first holder of a namespace and name wins; what
was not seen is not gone; a job never changes its owner, since its processes run as that user.
"""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace

from trainmaster.api.declared import Declared
from trainmaster.api.job import TrainingJob
from trainmaster.sources import absences
from trainmaster.sources.known import Record
from trainmaster.sources.layout import DELETE
from trainmaster.sources.reading import FileRead, problem
from trainmaster.sources.sightings import Identity, JobState, Look, Mark


class Registry:
    def __init__(
        self, source: str, root: str, grace: float, new_uid: Callable[[], str] = lambda: str(uuid.uuid4())
    ) -> None:
        self._source = source
        self._root = root
        self._grace = grace
        self._new_uid = new_uid
        self._jobs: dict[Identity, JobState] = {}
        self._strays: dict[str, Declared] = {}
        self._shown: dict[Identity, tuple[JobState, Declared]] = {}
        self._finished: dict[str, bool] = {}
        self._by_path: Mapping[str, list[Identity]] = {}
        self._told: dict[str, Declared] | None = None
        """what the last look came to, where the next one comes to the same unless it finds other files"""
        self._told_at: int | None = None
        self._records: dict[str, Record] = {}
        self.stale_marks: tuple[Mark, ...] = ()
        """marks of the last look that no job answers to any more"""

    # --- what is known before the first look

    def remember(self, records: Iterable[Record]) -> None:
        """What the source wrote down before it was started anew."""
        for record in records:
            self._jobs[record.namespace, record.name] = JobState(record)

    def adopt(self, known: Mapping[str, Identity]) -> None:
        """The journal's jobs: where it and the source's record differ, the journal's uid is the true one.

        A record that can't be read may not even tell whose it is; the source's own record knows that.
        """
        for uid, identity in known.items():
            if not all(identity):
                continue
            state = self._jobs.get(identity)
            if state is None:
                self._jobs[identity] = JobState(Record(uid, *identity))
            elif state.record.uid != uid:
                self._jobs[identity] = replace(state, record=replace(state.record, uid=uid))

    # --- one look

    def update(self, look: Look) -> dict[str, Declared]:
        """Everything that is declared, by uid; the same object again where nothing can have changed."""
        if self._told is not None and look.version == self._told_at and not look.marks and not look.blind:
            return self._told
        self._heed_marks(look)
        present, strays = self._assign(look)
        self._jobs = absences.counted(self._jobs, look, present, self._grace)
        self._keep_strays(look, strays)
        shown = (self._show(identity, state) for identity, state in self._jobs.items())
        told = {declared.uid: declared for declared in (*self._strays.values(), *shown)}
        self._records = {s.record.uid: s.record for s in self._jobs.values() if s.record.path}
        rests = look.version is not None and not look.marks and not look.blind and self._rests()
        self._told, self._told_at = told if rests else None, look.version
        return told

    def _rests(self) -> bool:
        """Whether neither time nor what is told of a job could change anything before another file does."""
        moving = any(state.deleting or state.missing_since is not None for state in self._jobs.values())
        return not moving and not any(stray.deleted for stray in self._strays.values())

    def _heed_marks(self, look: Look) -> None:
        stale = []
        for mark in look.marks:
            marked = [(i, s) for i, s in self._jobs.items() if s.record.path == mark.path]
            for identity, state in marked:
                if mark.owner in (state.record.owner, look.admin) and self._is_due(mark, state):
                    self._jobs[identity] = replace(state, deleting=True)
            if not marked or self._is_idle(mark, marked):
                stale.append(mark)
        self.stale_marks = tuple(stale)

    def _is_due(self, mark: Mark, state: JobState) -> bool:
        """A rerun waits for the end of the job; it is not known before the first status after a start."""
        return mark.kind == DELETE or self._finished.get(state.record.uid, False)

    def _is_idle(self, mark: Mark, marked: Sequence[tuple[Identity, JobState]]) -> bool:
        """A rerun of a job that still runs: there is nothing to run again."""
        uids = (state.record.uid for _, state in marked)
        return mark.kind != DELETE and all(self._finished.get(uid) is False for uid in uids)

    def _assign(self, look: Look) -> tuple[set[Identity], dict[str, Declared]]:
        """The jobs whose file is there, and the files that are nobody's."""
        claims: dict[Identity, list[FileRead]] = defaultdict(list)
        broken = []
        for read in sorted(look.reads.values(), key=lambda read: (read.entry.modified, read.path)):
            if read.job is None:
                broken.append(read)
            else:
                claims[read.identity].append(read)
        self._by_path = self._paths_of_jobs()
        present = self._attach(broken)
        attached = set(present.values())
        strays = {read.path: self._stray(read, "") for read in broken if read.path not in attached}
        holders = dict(present)
        for identity, reads in claims.items():
            holder = holders.get(identity) or self._hold(identity, reads)
            if holder:
                holders[identity] = holder
            strays.update(self._others(identity, reads, holder))
        return set(holders), strays

    def _paths_of_jobs(self) -> dict[str, list[Identity]]:
        """Which jobs came from which path; those that are there before those that are missing."""
        paths: dict[str, list[Identity]] = defaultdict(list)
        for identity, state in sorted(self._jobs.items(), key=lambda item: item[1].missing_since is not None):
            paths[state.record.path].append(identity)
        return paths

    def _attach(self, broken: list[FileRead]) -> dict[Identity, str]:
        """A file that was good once is still its job's: that goes on as it was, with the problems shown."""
        found = {}
        for read in broken:
            identity = self._identity_of(read)
            if identity is None:
                continue
            found[identity] = read.path
            state = self._jobs[identity]
            if state.read is not read or state.missing_since is not None:
                record = replace(state.record, path=read.path, owner=read.entry.owner)
                self._jobs[identity] = JobState(record, _last_good(state), read.problems, read)
        return found

    def _identity_of(self, read: FileRead) -> Identity | None:
        """Whose broken file this is: by its path and owner, or by its name where no path is known."""
        candidates: list[Identity] = [*self._by_path.get(read.path, ()), read.identity]
        for identity in candidates:
            state = self._jobs.get(identity)
            known = state is not None and not state.deleting and state.record.path in ("", read.path)
            if state is not None and known and state.record.owner in ("", read.entry.owner):
                return identity
        return None

    def _hold(self, identity: Identity, reads: list[FileRead]) -> str:
        """The path of the file that declares this job; empty when none of them may."""
        state = self._jobs.get(identity)
        if state is None:
            self._jobs[identity] = _first_seen(self._new_uid(), reads[0])
            return reads[0].path
        if state.deleting:
            return ""
        own = [read for read in reads if state.record.owner in ("", read.entry.owner)]
        if not own:
            return ""
        read = next((read for read in own if read.path == state.record.path), own[0])
        self._jobs[identity] = _taken(state, read)
        return read.path

    def _others(self, identity: Identity, reads: list[FileRead], holder: str) -> dict[str, Declared]:
        state = self._jobs[identity]
        rest = [read for read in reads if read.path != holder]
        if state.deleting:  # the file is about to be its successor: it is shown when the old job is gone
            rest = [read for read in rest if read.path != state.record.path]
        return {
            read.path: self._stray(read, holder or state.record.path or "/".join(identity)) for read in rest
        }

    def _stray(self, read: FileRead, duplicate_of: str) -> Declared:
        """A file without a job of its own. Its uid comes from its path, so that it is the same after a restart."""
        return Declared(
            source=self._source,
            namespace=read.namespace,
            name=read.name,
            uid=str(uuid.uuid5(uuid.NAMESPACE_URL, f"{self._root}/{read.path}")),
            path=read.path,
            owner=read.entry.owner,
            job=read.job,
            problems=read.problems,
            duplicate_of=duplicate_of,
        )

    # --- what is not there

    def _keep_strays(self, look: Look, strays: dict[str, Declared]) -> None:
        """A stray runs nothing, so it goes without a grace; it is told as deleted until that was taken note of."""
        for path, before in self._strays.items():
            if path not in strays:
                hidden = look.may_hide(path, before.owner)
                strays[path] = before if hidden else replace(before, deleted=True)
        self._strays = strays

    # --- what comes out, and what is told afterwards

    def _show(self, identity: Identity, state: JobState) -> Declared:
        before = self._shown.get(identity)
        if before is not None and before[0] is state:
            return before[1]
        declared = self._declared(state)
        self._shown[identity] = state, declared
        return declared

    def _declared(self, state: JobState) -> Declared:
        record, problems, job = state.record, state.problems, _last_good(state)
        if job is None and not problems:
            problems = (
                problem("the file of this job was not found; it counts as deleted when it stays away"),
            )
        return Declared(
            source=self._source,
            namespace=record.namespace,
            name=record.name,
            uid=record.uid,
            path=record.path,
            owner=record.owner,
            generation=record.generation,
            job=job,
            problems=problems,
            suspends=state.read is not None and state.read.suspends,
            deleted=state.deleting,
        )

    @property
    def held(self) -> str:
        """Why deletions wait for a person; empty when none does."""
        count = sum(state.held for state in self._jobs.values())
        return f"the files of {count} of {len(self._jobs)} jobs vanished together" if count else ""

    def records(self) -> dict[str, Record]:
        """What is to be written down, by uid."""
        return self._records

    def paths(self) -> set[str]:
        """The paths that have a declaration, seen or remembered."""
        return {state.record.path for state in self._jobs.values()} | set(self._strays)

    def holds(self, declared: Declared) -> bool:
        """Whether that uid is still what its path stands for."""
        stray = self._strays.get(declared.path)
        state = self._jobs.get((declared.namespace, declared.name))
        is_stray = stray is not None and stray.uid == declared.uid and not stray.deleted
        return is_stray or (state is not None and state.record.uid == declared.uid)

    def is_shared(self, declared: Declared) -> bool:
        """Whether its path stands for another declaration as well: a file that came to declare another job."""
        uids = {state.record.uid for state in self._jobs.values() if state.record.path == declared.path}
        stray = self._strays.get(declared.path)
        return bool((uids | ({stray.uid} if stray else set())) - {declared.uid})

    def finished(self, uid: str, *, over: bool) -> None:
        """What the last status of a job said."""
        self._finished[uid] = over

    def deleted(self, declared: Declared) -> None:
        """Its file was removed on the job's own wish: no grace is needed."""
        self._told = None
        identity = declared.namespace, declared.name
        state = self._jobs.get(identity)
        if state is not None and state.record.uid == declared.uid:
            self._jobs[identity] = replace(state, deleting=True)

    def forget(self, declared: Declared) -> None:
        """Everything of it was cleaned up: its namespace and name are free."""
        self._told = None
        identity = declared.namespace, declared.name
        state = self._jobs.get(identity)
        if state is not None and state.record.uid == declared.uid:
            del self._jobs[identity]
            self._shown.pop(identity, None)
        stray = self._strays.get(declared.path)
        if stray is not None and stray.uid == declared.uid:
            del self._strays[declared.path]
        self._finished.pop(declared.uid, None)


def _first_seen(uid: str, read: FileRead) -> JobState:
    record = Record(uid, read.namespace, read.name, read.path, read.entry.owner, 1, read.text)
    return JobState(record, read.job, read=read)


def _last_good(state: JobState) -> TrainingJob | None:
    """What it goes by. Before its file was read for the first time that is its record's text, which mostly needn't be read."""
    return state.job or (state.record.job() if state.read is None else None)


def _differ(old: TrainingJob | None, new: TrainingJob | None) -> bool:
    return old is not None and new is not None and old.spec != new.spec


def _taken(state: JobState, read: FileRead) -> JobState:
    """The state after its file was read; the same object when nothing changed."""
    if state.read is read and state.missing_since is None:
        return state
    edited = read.text != state.record.text and _differ(_last_good(state), read.job)
    record = replace(
        state.record,
        path=read.path,
        owner=read.entry.owner,
        generation=state.record.generation + edited,
        text=read.text,
    )
    return JobState(record, read.job, read=read)
