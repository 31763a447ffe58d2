"""The store of jobs for the command line: files, marks and statuses, with or without a controller running.

Synchronous, since a command does one thing. Never here: what only a controller may do (journal, lease, uids).
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

from trainmaster.api.job import TrainingJob
from trainmaster.errors import InvalidError
from trainmaster.sources import shown
from trainmaster.sources.editing import Changes, edited
from trainmaster.sources.in_folders import places
from trainmaster.sources.in_place import change
from trainmaster.sources.judged import agree, placed, refusal_of_edit, same, valid
from trainmaster.sources.layout import DELETE, NOW, Layout, file_of, is_whole, places_of
from trainmaster.sources.marks import Marks
from trainmaster.sources.owned import CURE, conflicts
from trainmaster.sources.preparing import make_store
from trainmaster.sources.presence import is_there, shown_paths
from trainmaster.sources.reading import FileRead
from trainmaster.sources.rewriting import CHANGED, must_be_alone, with_document, without_document
from trainmaster.sources.search import READERS, Search
from trainmaster.sources.stored import Applied, Past, StoredJob
from trainmaster.sources.stores import open_files
from trainmaster.sources.undeclared import Undeclared, not_declared, others, status_at

__all__ = ["Applied", "JobStore", "StoredJob"]


class JobStore:
    def __init__(
        self, url: str, hadoop_conf_dir: Path | None = None, hadoop_ca_file: Path | None = None
    ) -> None:
        self._files, root = open_files(url, hadoop_conf_dir, ca_file=hadoop_ca_file)
        self._layout = Layout(root)
        self._marks = Marks(self._files, self._layout)
        self._search = Search(self._files, self._layout)
        self._undeclared = Undeclared(self._files, self._layout, self._search)

    # --- reading

    def list(self, namespace: str | None = None) -> list[StoredJob]:
        """All jobs, of one namespace or of all, by namespace and name. NoStoreError where there is no store."""
        with ThreadPoolExecutor(READERS) as pool:
            shown_at = pool.submit(shown_paths, self._files, self._layout)
            reads, there = self._search.all(pool), shown_at.result()
            left = self._undeclared.all(there or frozenset(), pool)
            wanted = [each for each in others(reads, left) if namespace in (None, each.namespace)]
            found = pool.map(lambda each: self._stored(each, there is None or each.path in there), wanted)
            jobs = *found, *(each for each in left if namespace in (None, each.namespace))
        return sorted(jobs, key=lambda job: (job.namespace, job.name, job.path))

    def get(self, namespace: str, name: str) -> StoredJob:
        """One job, at whatever path. NoSuchJobError when there is none; NoStoreError where there is no store."""
        found = self.find(namespace, name)
        if found is None:
            raise self._search.none(namespace, name)
        return found

    def find(self, namespace: str, name: str) -> StoredJob | None:
        """The job, or None when the store was asked and has none, or it was deleted. Where only something that can't be read
        seems to declare it, that is shown with what is wrong with it; and it is one where it goes on though nothing does."""
        if read := self._search.look(namespace, name):
            return self._stored(read)
        return self._left(namespace, name)

    def _left(self, namespace: str, name: str) -> StoredJob | None:
        """What goes on of a job that nothing declares."""
        left = self._undeclared.of(namespace, name)
        return next((each for each in left if each.path not in self._search.deleted), None)

    def past(self, namespace: str, name: str) -> Past:
        """What stands in its status."""
        job = self.get(namespace, name)
        return Past(job.created, f"first seen in {job.path}", job.status)

    @property
    def namespace(self) -> str:
        return "default"

    @property
    def place(self) -> str:
        return f"store {self._files.base}{self._layout.root}"

    @property
    def scope(self) -> str:
        return ""

    @property
    def is_there(self) -> bool:
        """Whether anybody has made this store: a controller, or the first `apply`."""
        return is_there(self._files, self._layout.jobs)

    # --- changing

    def make(self, controller: str) -> None:
        """One that belonged to us no other controller would take."""
        make_store(self._files, self._layout, controller)

    def apply(
        self, text: str, namespace: str = "", name: str = "", force: bool = False, dry: bool = False
    ) -> Applied:
        """Create the job, or replace the file or document that declares it. InvalidError says what is wrong with the text, what
        of it can't change while the job has an application, and what commands set that it would undo; the last unless `force`.

        `namespace` and `name` serve a text that doesn't give its own, and must not contradict it.
        """
        wanted, existing, path, text = self._intended(text, namespace, name)
        if existing and same(existing, text):
            return Applied("unchanged", *wanted.identity, path)
        if existing:
            self._judge_edit(existing, wanted.job)
            if not force:
                self._ask(existing, wanted.job)
        before = self._stored(existing) if existing else None
        if not dry:
            self._declare(wanted.identity, existing, path, text)
        return Applied("configured" if existing else "created", *wanted.identity, path, before)

    def compared(self, text: str, namespace: str = "", name: str = "") -> tuple[str, str]:
        """The text that declares the job now, and the one that would."""
        _, existing, _, text = self._intended(text, namespace, name)
        return existing.text if existing else "", text

    def _intended(self, text: str, namespace: str, name: str) -> tuple[FileRead, FileRead | None, str, str]:
        """The text as a job, what declares it now, and where it would stand, and how."""
        first_path = f"{namespace}/{name}.yaml" if namespace else f"{name}.yaml"
        wanted = valid(text, first_path)
        agree("namespace", namespace, wanted.namespace)
        agree("name", name, wanted.name)
        existing = self._search.find(*wanted.identity) if self.is_there else None
        if existing and existing.number and not existing.named:
            existing = None  # a draft, which is called so for want of a name
        path = existing.path if existing else self._free(*wanted.identity)
        return wanted, existing, path, placed(text, path, wanted)

    def _declare(self, identity: tuple[str, str], existing: FileRead | None, path: str, text: str) -> None:
        if existing:
            self._replace(existing, text)
        else:
            self._put(path, text.encode())
            self._search.note(*identity, path)
        self._marks.disown(path, *identity)

    def edit(self, namespace: str, name: str, changes: Changes, by: str = "") -> StoredJob:
        """Set single fields, keeping the author's comments. InvalidError when the result would be no valid job.

        `by` is the command that sets them, on purpose: an older file that is applied doesn't undo it unasked.
        """
        read = self._search.find(namespace, name)
        if read is None:
            left = None if self._search.seeming(namespace, name) else self._left(namespace, name)
            raise not_declared(left) if left else self._search.refusal(namespace, name)
        text = edited(read.text, changes)
        self._judge_edit(read, valid(text, read.path, lines=False).job)
        if self._files.stat(read.entry.path).stamp != read.entry.stamp:
            now = self._search.find(namespace, name)
            if now is None or now.text != read.text:  # HDFS moves the time once more on closing
                raise InvalidError(f"{read.path} {CHANGED}")
        if by:  # before the file: what is remembered of a value that isn't there is nobody's
            self._marks.own(read, changes, by)
        self._replace(read, text)
        return self.get(namespace, name)

    def delete(self, namespace: str, name: str, now: bool = False) -> StoredJob:
        """Remove the job's file, or its document alone. The mark left beside it tells the controller that it was meant; `now`,
        that its processes get no time to end in, also where the job is being deleted already.

        Of a job that no document declares the mark alone is left, and files stay as they are.
        """
        read = self._search.find(namespace, name)
        if read is None:
            return self._delete_undeclared(namespace, name, now)
        job = self._stored(read)
        if read.number:
            change(self._files, read, without_document)
        else:
            must_be_alone(read)
            self._files.delete(read.entry.path)
        for place in places_of(job.path, namespace, name):
            self._marks.leave(place, (NOW, DELETE) if now else (DELETE,))
        self._marks.disown(job.path, namespace, name)
        return job

    def _delete_undeclared(self, namespace: str, name: str, now: bool) -> StoredJob:
        """One that goes on without a document, or, `now`, that a controller hasn't cleaned up yet."""
        left, deleted = self._undeclared.of(namespace, name), self._search.deleted
        places = {each.path for each in left if now or each.path not in deleted}
        if now:
            places |= self._undeclared.marked(left, namespace, name)
        if not places:
            raise self._search.refusal(namespace, name)
        owners = {file_of(read.path): read.entry.owner for read in self._search.reads}
        for place in sorted(places):
            kinds = ((NOW,) if now else ()) + (() if place in deleted else (DELETE,))
            self._marks.leave(place, kinds, owners.get(file_of(place), ""))
        nothing = StoredJob(min(places), "", namespace, name, None, (), "", 0.0)
        return next((each for each in left if each.path in places), nothing)

    def rerun(self, namespace: str, name: str) -> int:
        """Have a finished job run again; the number of that run. InvalidError while it isn't finished.

        It comes up running, also where its declaration was set to be suspended after its end.
        """
        job = self.get(namespace, name)
        number = job.next_rerun
        if job.job and job.job.spec.run_policy.suspend:
            self.edit(namespace, name, {("spec", "runPolicy", "suspend"): False}, by="rerun")
        self.edit(namespace, name, {("spec", "runPolicy", "rerun"): number})
        return number

    def is_gone(self, namespace: str, name: str, last: StoredJob | None) -> bool:
        """Whether a controller has cleaned up all of a deleted job: neither its status nor its mark is left.

        Looked for where it was seen last, and else where `apply` puts files.
        """
        path = last.path if last else f"{namespace}/{name}.yaml"
        return not any(self._is_left(each, (namespace, name)) for each in places_of(path, namespace, name))

    def _is_left(self, place: str, identity: tuple[str, str]) -> bool:
        if is_there(self._files, self._layout.mark(place, DELETE)):
            return True
        if found := self._status(place):
            return found.identity == identity
        # Others may stand in the file of one that isn't alone in it.
        left = self._layout.status_of(place), *([self._layout.job(place)] if is_whole(place) else [])
        return any(is_there(self._files, each) for each in left)

    def confirm_deletions(self) -> None:
        """Say that files which vanished together were deleted on purpose."""
        self._files.replace(self._layout.confirm, b"")

    def close(self) -> None:
        """Wait for writes under way."""
        self._files.close()

    # --- what an edit may do

    def _judge_edit(self, read: FileRead, wanted: TrainingJob | None) -> None:
        shown_ = self._status(read.path)
        if shown_ and (no := refusal_of_edit(shown_.status, read, wanted)):
            raise InvalidError(no)

    def _ask(self, read: FileRead, wanted: TrainingJob | None) -> None:
        if undone := conflicts(self._marks.owned(read), read.job, wanted):
            raise InvalidError(f"{'; '.join(undone)}: {CURE}")

    # --- files

    def _free(self, namespace: str, name: str) -> str:
        """A path for a new job's file: where others' files are, nothing is replaced."""
        usual = places(self._files, self._layout.jobs, namespace, name)
        return next(path for path in usual if not is_there(self._files, self._layout.job(path)))

    def _replace(self, read: FileRead, text: str) -> None:
        """A job stays its owner's, also when an administrator edits it: processes run as the owner."""
        if read.number:
            change(self._files, read, lambda data, read: with_document(data, read, text))
        else:
            must_be_alone(read)
            self._put(read.path, text.encode(), read.entry.owner)

    def _put(self, path: str, data: bytes, owner: str = "") -> None:
        self._marks.make_folder(path)
        self._files.replace(self._layout.job(path), data, owner=owner)

    # --- statuses

    def _stored(self, read: FileRead, shown: bool = True) -> StoredJob:
        """`shown`: whether a status of it may be there."""
        job = StoredJob(
            path=read.path,
            text=read.text,
            namespace=read.namespace,
            name=read.name,
            job=read.job,
            problems=read.problems,
            owner=read.entry.owner,
            mtime=read.entry.modified / 1e9,
        )
        status = self._status(read.path) if shown else None
        if status is None or status.identity != read.identity:  # of the job that a broken file was
            return job
        return replace(
            job, status=status.status, uid=status.uid, generation=status.generation, created=status.created
        )

    def _status(self, path: str) -> shown.Shown | None:
        return status_at(self._files, self._layout, path)
