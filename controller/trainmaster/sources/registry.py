"""Who is who among the files: under which uid a job is declared, what is told of it, and when it counts as deleted.

Pure but for its own memory: files as read and the time come in, declarations come out. Never here: IO or a clock. Which file
declares which job is settled in claims.py, and what of those that are not there in absences.py.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

from trainmaster.api.declared import Declared
from trainmaster.sources import absences, additions
from trainmaster.sources.claims import Claims, last_good
from trainmaster.sources.known import Record
from trainmaster.sources.layout import NOW
from trainmaster.sources.moves import LeftBehind, is_left, why_waiting
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
        self._told: dict[str, Declared] = {}
        """what the last look came to"""
        self._told_at: int | None = None
        """its version; None where it can't be known by that what the next one comes to"""
        self._calm = False
        """whether the next one comes to the same unless it finds other files"""
        self._absent: set[Identity] = set()
        """jobs whose file it lacked"""
        self._left: set[Identity] = set()
        """jobs that had no document where theirs was: what is new may be what one of them was (moves.py)"""
        self._open = False
        """whether something waits that isn't its own job: for one that is left behind, or since its file may be there unseen"""
        self._records: dict[str, Record] = {}
        self._known: set[str] = set()
        """uids that were there before the first look"""
        self.stale_marks: tuple[Mark, ...] = ()
        """marks of the last look that no job answers to (any more)"""

    # --- what is known before the first look

    def remember(self, records: Iterable[Record]) -> None:
        """What the source wrote down before it was started anew."""
        for record in records:
            self._jobs[record.namespace, record.name] = JobState(record)
            self._known.add(record.uid)

    def adopt(self, known: Mapping[str, Identity]) -> None:
        """The journal's jobs: where it and the source's record differ, the journal's uid is the true one.

        A record that can't be read may not even tell whose it is; the source's own record knows that.
        """
        self._known |= known.keys()
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
        known = look.version is not None and self._told_at is not None
        if known and self._calm and look.version == self._told_at and not look.marks and not look.blind:
            return self._told
        follows = known and look.version == (self._told_at or 0) + 1
        added = self._plainly_added(look) if follows else None
        if added is not None:
            self.stale_marks = ()
            self._jobs.update(added)
            self._absent -= added.keys()
            self._left -= added.keys()
            new = {identity: self._jobs[identity] for identity in added}
            self._records = {**self._records, **_records(new)}
            self._told = {**self._told, **self._all_shown(new)}
        else:
            self._settle(look)
        self._told_at = look.version
        self._calm = not look.marks and not look.blind and self._rests()
        return self._told

    def _plainly_added(self, look: Look) -> dict[Identity, JobState] | None:
        if self._open:
            return None
        others = {(stray.namespace, stray.name) for stray in self._strays.values()}
        return additions.plainly(look, self._jobs, self._absent, self._left, others, self._new_uid)

    def _settle(self, look: Look) -> None:
        """Go over all documents and all jobs."""
        self._heed_marks(look)
        claims = Claims(self._jobs, self._new_uid, look.today)
        present, unheld = claims.settled(look.reads)
        strays = {read.path: self._stray(read, holder) for read, holder in unheld}
        strays |= {read.path: self._waiting(read, claims.left) for read in claims.moved}
        self._jobs = absences.counted(self._jobs, look, present, self._grace)
        self._absent = self._jobs.keys() - present
        self._left = {i for i, state in self._jobs.items() if is_left(state, look.reads)}
        self._open = bool(claims.moved)
        self._keep_strays(look, strays)
        self._records = _records(self._jobs)
        told = {declared.uid: declared for declared in self._strays.values()}
        self._told = told | self._all_shown(self._jobs)

    def _rests(self) -> bool:
        """Whether neither time nor what is told of a job could change anything before another file does."""
        moving = any(state.deleting or state.missing_since is not None for state in self._jobs.values())
        return not moving and not any(stray.deleted for stray in self._strays.values())

    def _heed_marks(self, look: Look) -> None:
        stale = []
        for mark in look.marks:
            marked = [(i, s) for i, s in self._jobs.items() if s.record.path == mark.path]
            heeding = [(i, s) for i, s in marked if mark.owner in (s.record.owner, look.admin)]
            for identity, state in heeding:
                at_once = state.at_once or mark.kind == NOW
                self._jobs[identity] = replace(state, deleting=True, at_once=at_once)
            if not heeding:  # also another's: it would be in the way of the owner's
                stale.append(mark)
        self.stale_marks = tuple(stale)

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

    def _waiting(self, read: FileRead, left: LeftBehind) -> Declared:
        """A file that was another job's a moment ago: two trainings on the same checkpoints would spoil both."""
        was = left.was(read)
        return replace(self._stray(read, ""), job=None, problems=(why_waiting(was),) if was else ())

    # --- what is not there

    def _keep_strays(self, look: Look, strays: dict[str, Declared]) -> None:
        """A stray runs nothing, so it goes without a grace; it is told as deleted until that was taken note of."""
        for path, before in self._strays.items():
            if path not in strays:
                hidden = look.may_hide(path, before.owner)
                strays[path] = before if hidden else replace(before, deleted=True)
                self._open |= hidden
        self._strays = strays

    # --- what comes out, and what is told afterwards

    def _all_shown(self, jobs: Mapping[Identity, JobState]) -> dict[str, Declared]:
        shown = (self._show(identity, state) for identity, state in jobs.items())
        return {declared.uid: declared for declared in shown}

    def _show(self, identity: Identity, state: JobState) -> Declared:
        before = self._shown.get(identity)
        if before is not None and before[0] is state:
            return before[1]
        declared = self._declared(state)
        self._shown[identity] = state, declared
        return declared

    def _declared(self, state: JobState) -> Declared:
        record, problems, job = state.record, state.problems, last_good(state)
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
            created=record.created,
            known=record.uid in self._known,
            deleted=state.deleting,
            at_once=state.at_once,
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

    def deleted(self, declared: Declared) -> None:
        """Its file was removed on the job's own wish: no grace is needed."""
        self._told_at = None
        identity = declared.namespace, declared.name
        state = self._jobs.get(identity)
        if state is not None and state.record.uid == declared.uid:
            self._jobs[identity] = replace(state, deleting=True)

    def forget(self, declared: Declared) -> bool:
        """Everything of it was cleaned up. Whether its namespace and name are free by that: what only bore them had no job."""
        self._told_at = None
        identity = declared.namespace, declared.name
        state = self._jobs.get(identity)
        held = state is not None and state.record.uid == declared.uid
        if held:
            del self._jobs[identity]
            self._shown.pop(identity, None)
        stray = self._strays.get(declared.path)
        if stray is not None and stray.uid == declared.uid:
            del self._strays[declared.path]
        return held


def _records(jobs: Mapping[Identity, JobState]) -> dict[str, Record]:
    return {state.record.uid: state.record for state in jobs.values() if state.record.path}
