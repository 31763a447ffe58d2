"""From the bytes of one file to its jobs under their namespaces and names, or to what is wrong with them. Pure."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Set
from dataclasses import dataclass, replace

from trainmaster.api.complaints import MISSING
from trainmaster.api.documents import Document, read_document
from trainmaster.api.job import NAMESPACE_NAME, TrainingJob
from trainmaster.api.status import FieldProblem
from trainmaster.api.yaml_documents import Span, spans
from trainmaster.sources.files import STICKY, WRITABLE_BY_OTHERS, Entry
from trainmaster.sources.layout import (
    MAX_SHARED_NAME,
    can_be_named,
    default_name,
    default_namespace,
    file_of,
    numbered,
    place_of,
)
from trainmaster.sources.seeming import names_in

MAX_BYTES = 1 << 20
"""of one file: what is larger is no job, and reading it could hurt the controller"""
MAX_DOCUMENTS = 200
"""of one file: each costs a status"""

_TWICE = re.compile(r"( here twice, first on line )(\d+)$")


@dataclass(frozen=True, slots=True)
class FileRead:
    """One file of the jobs folder as it was last read, or one of several documents in it."""

    path: str
    """below jobs/; of a document among others its place (layout.py)"""
    entry: Entry
    namespace: str
    name: str
    job: TrainingJob | None
    problems: tuple[FieldProblem, ...] = ()
    text: str = ""
    suspends: bool = False
    """whether it asks for suspension, though it gives no job"""
    unread: bool = False
    """the store didn't give it out this time: the next look tries again"""
    number: int = 0
    """which document of its file it is, from 1; 0 for the only one, and for a file that isn't read further"""
    named: bool = False
    """whether a document among others tells its own name, though it may give no job"""
    seems: tuple[str, str] | None = None
    """namespace and name of the job that a text without a name of its own seems to declare (seeming.py): a guess, for telling"""
    drafts: tuple[str, ...] = ()
    """digests of the documents beside it that tell no name"""

    @property
    def identity(self) -> tuple[str, str]:
        return self.namespace, self.name

    @property
    def digest(self) -> str:
        """Equal for equal texts."""
        return hashlib.sha256(self.text.encode(errors="replace")).hexdigest()[:16]

    @property
    def order(self) -> tuple[int, str, int]:
        """The older file first, and in it the upper document."""
        return self.entry.modified, file_of(self.path), self.number


def problem(reason: str) -> FieldProblem:
    """Something that is wrong with a file as a whole."""
    return FieldProblem(field="", value="", reason=reason)


def refused(path: str, entry: Entry, *reasons: FieldProblem, text: str = "") -> FileRead:
    """A file that gives no job: it goes by the name that its path stands for."""
    return FileRead(path, entry, default_namespace(path), default_name(path), None, reasons, text)


def read_all(path: str, entry: Entry, data: bytes) -> tuple[FileRead, ...]:
    """What one file says: each of several documents is a job of its own. Never empty, never raises for what it may hold."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        return (refused(path, entry, problem(f"the file is not UTF-8 text (byte {error.start})")),)
    found = spans(text)
    if len(found) < 2:
        return (_read_text(path, entry, text),)
    if why := _why_not_several(path, len(found)):
        return (refused(path, entry, problem(why), text=text),)
    return _read_several(path, entry, [(span.of(text), span) for span in found])


def read_file(path: str, entry: Entry, data: bytes) -> FileRead:
    """What one document says that has this path. Never raises for what it may hold."""
    try:
        return _read_text(path, entry, data.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        return refused(path, entry, problem(f"the file is not UTF-8 text (byte {error.start})"))


def _read_text(path: str, entry: Entry, text: str) -> FileRead:
    return _told(path, entry, text, read_document(text, default_name(path)))


def _told(path: str, entry: Entry, text: str, document: Document) -> FileRead:
    job, problems = document.job, document.problems
    if job is None:
        read = replace(refused(path, entry, *problems, text=text), suspends=document.suspends)
        return read if can_be_named("any", document.name) else replace(read, seems=_seems(path, text))
    job = with_namespace(job, default_namespace(path))
    namespace, name = job.metadata.namespace, job.metadata.name
    if not re.fullmatch(NAMESPACE_NAME, namespace):
        words = f"the folder {namespace} can't be a namespace: name it otherwise, or set metadata.namespace"
        return refused(path, entry, problem(words), text=text)
    return FileRead(path, entry, namespace, name, job, problems, text)


def _seems(path: str, text: str) -> tuple[str, str] | None:
    namespace, name = names_in(text)
    identity = namespace or default_namespace(path), name
    return identity if can_be_named(*identity) else None


def _why_not_several(path: str, count: int) -> str:
    if count > MAX_DOCUMENTS:
        return f"the file holds {count} documents, and at most {MAX_DOCUMENTS} are read: use several files"
    if len(path.rpartition("/")[2].encode()) > MAX_SHARED_NAME:
        return f"the file holds several documents: its name may have {MAX_SHARED_NAME} bytes then"
    return ""


def _read_several(path: str, entry: Entry, texts: list[tuple[str, Span]]) -> tuple[FileRead, ...]:
    read, taken = [], set[str]()
    for number, (text, span) in enumerate(texts, 1):
        one = _read_one_of(path, entry, text, span, number)
        if one.path in taken:  # of the same name: who has it is claims.py's to say
            one = replace(one, path=numbered(path, number))
        taken.add(one.path)
        read.append(one)
    drafts = tuple(sorted({one.digest for one in read if not one.named}))
    return tuple(replace(one, drafts=drafts) if drafts and one.named else one for one in read)


def _read_one_of(path: str, entry: Entry, text: str, span: Span, number: int) -> FileRead:
    """One of several documents: it names itself, since the file's name can't serve them all."""
    document = read_document(text)
    read = _told(numbered(path, number), entry, text, document)
    told = tuple(_in_file(each, span.line) for each in read.problems)
    read = replace(read, problems=told, number=number, suspends=False)
    if read.job is not None:
        return replace(read, path=place_of(path, *read.identity), named=True)
    namespace, name = document.namespace, document.name
    namespace = default_namespace(path) if namespace is None else namespace
    if not can_be_named(namespace, name):
        return replace(read, namespace=default_namespace(path), name=f"{default_name(path)}-{number}")
    names = str(namespace), str(name)
    read = replace(read, path=place_of(path, *names), named=True, suspends=document.suspends)
    return replace(read, namespace=names[0], name=names[1])


def _in_file(found: FieldProblem, above: int) -> FieldProblem:
    """The problem with its lines in the file, and with what to do about a document without a name."""
    reason = _TWICE.sub(lambda match: f"{match[1]}{int(match[2]) + above}", found.reason)
    if reason == MISSING and found.field in ("metadata", "metadata.name"):
        reason = f"{reason}: of several documents in a file each names its job"
    return found.model_copy(update={"line": max(found.line, 1) + above, "reason": reason})


def with_namespace(job: TrainingJob, namespace: str) -> TrainingJob:
    """The job in that namespace, unless it names one itself."""
    if "namespace" in job.metadata.model_fields_set:
        return job
    metadata = job.metadata.model_copy(update={"namespace": namespace})
    return job.model_copy(update={"metadata": metadata})


def why_not_trusted(entry: Entry, parents: tuple[Entry, ...], trusted: Set[str] = frozenset()) -> str:
    """Why the owner of a file can't be taken for its author; empty when he can.

    Who may write the file, or may put another in its place, would run processes as its owner. A sticky folder lets
    everybody add files, and only owners replace them; but a folder's own owner may exchange all that is in it. So that is the
    file's owner, or one of the `trusted`.
    """
    if not entry.regular:
        return "it is not a plain file (links are not followed)"
    if entry.mode & WRITABLE_BY_OTHERS:
        return f"others than its owner {entry.owner} may write the file (mode {entry.mode:o}): chmod go-w"
    for parent in parents:
        if parent.mode & WRITABLE_BY_OTHERS and not parent.mode & STICKY:
            return (
                f"others may replace files in its folder {parent.path} (mode {parent.mode:o}): "
                "take their right to write away, or set the sticky bit (chmod +t)"
            )
        if parent.owner not in {entry.owner, *trusted}:
            return (
                f"its folder {parent.path} belongs to {parent.owner}, who may put another file in its place and so run it as "
                f"{entry.owner}: keep it in a folder of its owner's, or have an administrator own that one (chown)"
            )
    return ""
