"""The YAML files that a person names: found, read, split into documents and validated, each problem with its line.

Never here: the store.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trainmaster.api import messages
from trainmaster.cli.exits import MissingError, UsageError
from trainmaster.cli.uploads import is_local, pointed, stand_in
from trainmaster.errors import InvalidError

if TYPE_CHECKING:
    from trainmaster.api.job import TrainingJob
    from trainmaster.api.status import FieldProblem

STDIN = "-"
LIST = re.compile(r"""^[ {]*["']?kind["']?:[ ]*["']?\w*List\b""", re.MULTILINE)
SOURCE = re.compile(r"files\[\d+\]\.source$")


@dataclass(frozen=True, slots=True)
class Document:
    """One YAML document of one file."""

    origin: str
    """path of the file as the person wrote it, or <stdin>"""
    text: str
    """with empty lines in front where earlier documents stood, so that lines keep their numbers"""
    default_name: str = ""
    folder: Path = Path()
    """what relative paths in it are relative to"""


@dataclass(frozen=True, slots=True)
class Checked:
    """A document, and the job in it or what is wrong."""

    document: Document
    job: TrainingJob | None
    problems: tuple[FieldProblem, ...]

    def complaints(self) -> list[str]:
        """`file:line: field: reason`, as editors understand it."""
        return [_complaint(self.document.origin, problem) for problem in self.problems]


def read_documents(names: Sequence[str]) -> list[Document]:
    """All documents of files, of folders' *.yaml and *.yml, and of standard input (`-`). Raises MissingError."""
    if not names:
        raise UsageError("name at least one file, folder, or - for standard input")
    return [document for name in names for document in _read(name)]


def check(documents: Sequence[Document]) -> list[Checked]:
    """Each document read as a TrainingJob; a source that is a file on this machine is fine: it will be uploaded."""
    return [_checked(document) for document in documents]


def valid_jobs(documents: Sequence[Document]) -> list[tuple[Document, TrainingJob]]:
    """All jobs, or InvalidError with everything that is wrong: nothing is applied while one is."""
    checked = check(documents)
    complaints = [line for one in checked for line in one.complaints()]
    for line in complaints[:-1]:
        print(f"error: {line}", file=sys.stderr)
    if complaints:
        raise InvalidError(complaints[-1])
    return [(one.document, one.job) for one in checked if one.job is not None]


def renamed(document: Document, name: str) -> Document:
    """The same declaration under another name."""
    from trainmaster.sources.editing import edited

    try:
        return replace(document, text=edited(document.text, {("metadata", "name"): name}))
    except InvalidError:
        return document  # no YAML or not a mapping: validation says it better


def _read(name: str) -> Iterator[Document]:
    if name == STDIN:
        yield from _split("<stdin>", sys.stdin.read(), Path())
        return
    for path in _files(Path(name)):
        yield from _split(str(path), _text(path), path.parent, path.stem)


def _files(path: Path) -> list[Path]:
    if not path.exists():
        raise MissingError(f"no such file or folder: {path}")
    if not path.is_dir():
        return [path]
    found = sorted(
        p for p in path.rglob("*") if p.suffix.lower() in {".yaml", ".yml"} and not p.name.startswith(".")
    )
    if not found:
        raise MissingError(f"no .yaml or .yml file in {path}")
    return found


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise InvalidError(f"{path}: not UTF-8 text: byte {error.start} can't be read") from error
    except OSError as error:
        raise MissingError(f"{path}: {error.strerror}") from error


def _split(origin: str, text: str, folder: Path, stem: str = "") -> Iterator[Document]:
    from trainmaster.api.yaml_documents import Span, spans

    parts = spans(text) or (Span(0, 0, len(text), 0),)
    for part in parts:
        padded = "\n" * part.line + part.of(text)
        document = Document(origin, padded, stem if len(parts) == 1 else "", folder)
        yield from _items(document) or [document]


def _items(document: Document) -> list[Document]:
    """The objects of a list, each as a document of its own; none where it is no list."""
    from trainmaster.api.documents import is_list
    from trainmaster.api.yaml_tree import read_tree
    from trainmaster.sources.yaml_text import to_text

    value: Any = read_tree(document.text).value if LIST.search(document.text) else None
    if not is_list(value):
        return []
    origins = (f"{document.origin}: items[{i}]" for i in range(len(value["items"])))
    return [
        replace(
            document,
            origin=origin,
            text=to_text(item) if isinstance(item, dict) else str(item),
            default_name="",
        )
        for origin, item in zip(origins, value["items"], strict=True)
    ]


def _checked(document: Document) -> Checked:
    from trainmaster.api.documents import read_job

    job, problems = read_job(document.text, document.default_name)
    local = [problem for problem in problems if _is_local_file(document, problem)]
    if not local or len(local) < len(problems):
        rest = (_mistyped(document, problem) for problem in problems if problem not in local)
        return Checked(document, job, tuple(rest))
    checked_text = pointed(document.text, document.folder, stand_in)
    return Checked(document, *read_job(checked_text, document.default_name))


def _is_local_file(document: Document, problem: FieldProblem) -> bool:
    """The one complaint that goes away by uploading: `files:` names a file on this machine."""
    return _names_local(problem) and (document.folder / problem.value).exists()


def _mistyped(document: Document, problem: FieldProblem) -> FieldProblem:
    """Who names a local file that isn't there has mistyped it, and wants no URL."""
    if not _names_local(problem) or problem.reason != messages.NO_URL:
        return problem
    return problem.model_copy(update={"reason": f"no such file: {document.folder / problem.value}"})


def _names_local(problem: FieldProblem) -> bool:
    return bool(SOURCE.search(problem.field) and problem.value and is_local(problem.value))


def _complaint(origin: str, problem: FieldProblem) -> str:
    return ": ".join(part for part in (f"{origin}:{problem.line}", problem.field, problem.reason) if part)
