"""From the bytes of one file to a job under its namespace and name, or to what is wrong with it. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from trainmaster.api.documents import read_job, text_suspends
from trainmaster.api.job import NAMESPACE_NAME, TrainingJob
from trainmaster.api.status import FieldProblem
from trainmaster.sources.files import STICKY, WRITABLE_BY_OTHERS, Entry
from trainmaster.sources.layout import default_name, default_namespace

MAX_BYTES = 1 << 20
"""of one file: what is larger is no job, and reading it could hurt the controller"""


@dataclass(frozen=True, slots=True)
class FileRead:
    """One file of the jobs folder as it was last read."""

    path: str
    """below jobs/"""
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

    @property
    def identity(self) -> tuple[str, str]:
        return self.namespace, self.name


def problem(reason: str) -> FieldProblem:
    """Something that is wrong with a file as a whole."""
    return FieldProblem(field="", value="", reason=reason)


def refused(path: str, entry: Entry, *reasons: FieldProblem, text: str = "") -> FileRead:
    """A file that gives no job: it goes by the name that its path stands for."""
    return FileRead(path, entry, default_namespace(path), default_name(path), None, reasons, text)


def read_file(path: str, entry: Entry, data: bytes) -> FileRead:
    """What one file says. Never raises for what it may hold."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        return refused(path, entry, problem(f"the file is not UTF-8 text (byte {error.start})"))
    job, problems = read_job(text, default_name(path))
    if job is None:
        return replace(refused(path, entry, *problems, text=text), suspends=text_suspends(text))
    job = with_namespace(job, default_namespace(path))
    namespace, name = job.metadata.namespace, job.metadata.name
    if not re.fullmatch(NAMESPACE_NAME, namespace):
        words = f"the folder {namespace} can't be a namespace: name it otherwise, or set metadata.namespace"
        return refused(path, entry, problem(words), text=text)
    return FileRead(path, entry, namespace, name, job, problems, text)


def with_namespace(job: TrainingJob, namespace: str) -> TrainingJob:
    """The job in that namespace, unless it names one itself."""
    if "namespace" in job.metadata.model_fields_set:
        return job
    metadata = job.metadata.model_copy(update={"namespace": namespace})
    return job.model_copy(update={"metadata": metadata})


def why_not_trusted(entry: Entry, parents: tuple[Entry, ...]) -> str:
    """Why the owner of a file can't be taken for its author; empty when he can.

    Who may write the file, or may put another in its place, would run processes as its owner. A sticky folder lets
    everybody add files, and only owners replace them.
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
    return ""
