"""From a YAML document to a TrainingJob, or to the list of what is wrong with it, by field and line."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache

from pydantic import ValidationError

from trainmaster.api import messages
from trainmaster.api.complaints import complaint, cut, location, parsed, shortened, written
from trainmaster.api.job import API_VERSION, JOB_NAME, KIND, MAX_NAME, TrainingJob
from trainmaster.api.rules import check
from trainmaster.api.status import FieldProblem
from trainmaster.api.yaml_tree import MAX_DEPTH, Path, TextProblem, Tree, read_tree

MAX_PROBLEMS = 20
"""told of one document: nobody reads further, and status must stay small"""

KUBERNETES_METADATA = ("name", "namespace", "labels", "annotations")
"""what of an object's metadata is the declaration's own; the rest is the API server's"""

SERVER_METADATA = frozenset(
    {
        "uid",
        "generation",
        "resourceVersion",
        "managedFields",
        "creationTimestamp",
        "selfLink",
        "ownerReferences",
        "finalizers",
    }
    | {"deletionTimestamp", "deletionGracePeriodSeconds"}
)
"""what a printed object has beside its declaration: read over, so that it can be applied again"""

PATH_NOTE, OWNER_NOTE = "trainmaster.io/path", "trainmaster.io/owner"
"""annotations in which the command line shows where a job's file lies, and whose it is"""

SHARED = 64
"""texts that are kept parsed"""
LONGEST_SHARED = 16 << 10
"""letters of each of them at most"""

Read = tuple[TrainingJob | None, tuple[FieldProblem, ...]]


@dataclass(frozen=True, slots=True)
class Document:
    """One YAML text, parsed once."""

    job: TrainingJob | None
    problems: tuple[FieldProblem, ...]
    namespace: object
    """as the text gives it, whatever else it says; None where it gives none, or can't be read"""
    name: object
    """likewise"""
    suspends: bool
    """whether it asks for suspension, whatever else it says"""


def read_job(text: str, default_name: str = "") -> Read:
    """One job from one YAML text. Never raises for bad input: the problems say it all.

    `default_name` serves a document without metadata.name (a file's stem).
    """
    return _job(read_tree(text), default_name)


def read_document(text: str, default_name: str = "") -> Document:
    """The same, with what can be told of a text that gives no job. Copies of one text are parsed once, and share what they say:
    people make thousands of them that differ in nothing but the names of their files."""
    if len(text) > LONGEST_SHARED or not (
        len(default_name) <= MAX_NAME and re.fullmatch(JOB_NAME, default_name)
    ):
        return _document(text, default_name)
    found = _shared(text)
    if found.job is None or found.name is not None:
        return found
    metadata = found.job.metadata.model_copy(update={"name": default_name})
    return replace(found, job=found.job.model_copy(update={"metadata": metadata}))


@lru_cache(SHARED)
def _shared(text: str) -> Document:
    return _document(text, "a-copy")


def _document(text: str, default_name: str) -> Document:
    tree = read_tree(text)
    job, problems = _job(tree, default_name)
    metadata = tree.value.get("metadata") if isinstance(tree.value, dict) else None
    names = metadata if isinstance(metadata, dict) else {}
    return Document(job, problems, names.get("namespace"), names.get("name"), suspends(tree.value))


def declared_in(text: str) -> dict[str, object]:
    """What of a text that gives a job is declaration, as plain values: nothing that a server filled in, and no null."""
    value = _declared(read_tree(text).value)
    return value if isinstance(value, dict) else {}


def _job(tree: Tree, default_name: str) -> Read:
    if tree.problems:
        told = [_text_problem(problem) for problem in tree.problems[:MAX_PROBLEMS]]
        return None, _with_rest(told, len(tree.problems))
    if tree.value is None:
        return None, (FieldProblem(field="", value="", reason="the file is empty: it holds no job", line=1),)
    if is_list(tree.value):
        line = tree.line(("kind",))
        return None, (FieldProblem(field="kind", value="List", reason=messages.A_LIST, line=line),)
    return _read(_named(_declared(tree.value), default_name), tree)


def read_object(document: Mapping[str, object]) -> Read:
    """One job from an object of the Kubernetes API (or any JSON): the same problems, without lines.

    The status and the API server's own metadata are left aside, and null counts as left out, as it does there. Never
    raises for bad input. Defaults that the server filled in are read like written ones: crd_schema.py says why that is
    safe.
    """
    own = _own(document)
    metadata = own.get("metadata")
    if isinstance(metadata, Mapping):
        own["metadata"] = {key: metadata[key] for key in KUBERNETES_METADATA if key in metadata}
    return _read(own, Tree(own))


def _declared(value: object) -> object:
    """What of a file is declaration: `get -o yaml` and `kubectl get -o yaml` print more. Null counts as left out, as it
    does at the API server.
    """
    if not isinstance(value, dict):
        return value
    own = {
        key: _without_nulls(below) for key, below in value.items() if key != "status" and below is not None
    }
    metadata = own.get("metadata")
    if isinstance(metadata, dict):
        kept = {key: below for key, below in metadata.items() if key not in SERVER_METADATA}
        own["metadata"] = _without_notes(kept)
    return own


def _own(document: Mapping[str, object]) -> dict[str, object]:
    return {k: _without_nulls(v) for k, v in document.items() if k != "status" and v is not None}


def _without_notes(metadata: dict[str, object]) -> dict[str, object]:
    notes = metadata.get("annotations")
    if not isinstance(notes, dict):
        return metadata
    kept = {key: note for key, note in notes.items() if key not in (PATH_NOTE, OWNER_NOTE)}
    return (
        {**metadata, "annotations": kept}
        if kept
        else {k: v for k, v in metadata.items() if k != "annotations"}
    )


def is_list(value: object) -> bool:
    """Whether a document is a list of objects, as `get -o yaml` and kubectl print several."""
    return (
        isinstance(value, Mapping)
        and str(value.get("kind")).endswith("List")
        and isinstance(value.get("items"), list)
    )


def suspends(document: object) -> bool:
    """Whether a document asks for suspension, whatever else it says: a job that can't be read can still be stopped."""
    for field in ("spec", "runPolicy"):
        document = document.get(field) if isinstance(document, Mapping) else None
    return isinstance(document, Mapping) and document.get("suspend") is True


def _without_nulls(value: object, depth: int = MAX_DEPTH) -> object:
    """Null fields go, null entries of lists stay: the API server refuses those. Nothing of ours lies deeper than `depth`."""
    if not depth:
        return value
    if isinstance(value, list):
        return [_without_nulls(entry, depth - 1) for entry in value]
    if not isinstance(value, Mapping):
        return value
    return {key: _without_nulls(below, depth - 1) for key, below in value.items() if below is not None}


def _text_problem(problem: TextProblem) -> FieldProblem:
    return FieldProblem(field=written(problem.path), value="", reason=problem.reason, line=problem.line)


def _named(value: object, default_name: str) -> object:
    """The document with a name in its metadata, where it has none and the default serves."""
    if not default_name or not isinstance(value, dict):
        return value
    metadata = value.get("metadata") or {}
    if not isinstance(metadata, dict) or metadata.get("name") is not None:
        return value
    return {**value, "metadata": {**metadata, "name": default_name}}


def _read(value: object, tree: Tree) -> Read:
    if problem := _wrong_kind(value, tree):
        return None, (problem,)
    try:
        job = TrainingJob.model_validate(value, by_alias=True, by_name=False)
    except ValidationError as error:
        findings = sorted(error.errors(include_url=False), key=lambda finding: tree.line(location(finding)))
        told = [complaint(finding, tree) for finding in findings[:MAX_PROBLEMS]]
        return None, _with_rest(told, len(findings))
    problems = [_with_line(problem, tree) for problem in check(job)]
    return (None, _with_rest(problems[:MAX_PROBLEMS], len(problems))) if problems else (job, ())


def _wrong_kind(value: object, tree: Tree) -> FieldProblem | None:
    """Something else than a TrainingJob is told at once: its fields would only be noise."""
    if not isinstance(value, dict):
        return _problem((), "must be a mapping of fields: apiVersion, kind, metadata, spec", tree)
    for field, wanted in (("kind", KIND), ("apiVersion", API_VERSION)):
        found = value.get(field, wanted)
        if found != wanted:
            return _problem((field,), f"must be {wanted}, not {shortened(found, tree, (field,))}", tree)
    return None


def _problem(path: Path, reason: str, tree: Tree) -> FieldProblem:
    value = tree.marks[path].text if path in tree.marks else ""
    return FieldProblem(field=written(path), value=value[:80], reason=reason, line=tree.line(path))


def _with_line(problem: FieldProblem, tree: Tree) -> FieldProblem:
    """The same problem with its line, and with its value shortened."""
    line = tree.line(parsed(problem.field))
    return problem.model_copy(update={"line": line, "value": cut(problem.value)})


def _with_rest(told: list[FieldProblem], found: int) -> tuple[FieldProblem, ...]:
    rest = found - len(told)
    more = [FieldProblem(field="", value="", reason=f"and {rest} more problems")] if rest else []
    return (*told, *more)
