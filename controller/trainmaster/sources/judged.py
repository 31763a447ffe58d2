"""What is said of a text before it is put into the store: whether it is a job, whose name it has, and what it may change. Pure.

Never here: what a command set before (owned.py).
"""

from __future__ import annotations

from trainmaster.api.job import TrainingJob
from trainmaster.api.rules import immutable_changes
from trainmaster.api.status import ConditionType, JobStatus
from trainmaster.errors import InvalidError
from trainmaster.sources.editing import edited
from trainmaster.sources.files import Entry
from trainmaster.sources.reading import MAX_BYTES, FileRead, read_file


def valid(text: str, path: str, *, lines: bool = True) -> FileRead:
    """The text as a job at that path. InvalidError lists what is wrong with it, with the lines where a file has them."""
    data = text.encode()
    entry = Entry(path=path, size=len(data), modified=0, owner="", mode=0o644)
    read = read_file(path, entry, data)
    if read.job is None:
        told = read.problems if lines else [p.model_copy(update={"line": 0}) for p in read.problems]
        raise InvalidError("\n".join(map(str, told)))
    if len(data) > MAX_BYTES:
        raise InvalidError(f"the file would be larger than {MAX_BYTES} bytes")
    return read


def same(read: FileRead, text: str) -> bool:
    """Whether the file says this already, or the document among others in it."""
    return read.text.strip("\r\n") == text.strip("\r\n") if read.number else read.text == text


def agree(what: str, asked: str, written: str) -> None:
    if asked and asked != written:
        raise InvalidError(f"metadata.{what}: the file says {written}, the command says {asked}")


def placed(text: str, path: str, wanted: FileRead) -> str:
    """The text, with the names written into it where its path would give it others."""
    read = read_file(path, wanted.entry, text.encode())
    if read.identity == wanted.identity:
        return text
    return edited(text, {("metadata", "namespace"): wanted.namespace, ("metadata", "name"): wanted.name})


def refusal_of_edit(status: JobStatus, read: FileRead, wanted: TrainingJob | None) -> str:
    """Why a job goes on as it was, though its file would say otherwise; empty where the edit is taken over.

    As the Kubernetes API refuses it. What was wrong before is no news: such a file can be mended in steps.
    """
    if wanted is None or read.job is None or not status.queue or status.is_true(ConditionType.FINISHED):
        return ""
    begun, owner = {"spec.queue": status.queue, "spec.user": status.user}, read.entry.owner or status.user
    known = immutable_changes(begun, read.job, owner)
    news = [str(each) for each in immutable_changes(begun, wanted, owner) if each not in known]
    if not news:
        return ""
    return f"{'; '.join(news)}. Suspend the job first (`trainmaster suspend`), or declare another one"
