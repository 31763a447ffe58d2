"""How `get` prints jobs otherwise than as its own table: as documents, bare names, or what of them is asked for. Pure."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from trainmaster.cli.exits import UsageError
from trainmaster.cli.tables import table
from trainmaster.errors import InvalidError

if TYPE_CHECKING:
    from trainmaster.sources.stored import StoredJob

Document = dict[str, Any]
Print = Callable[[Sequence[Document], bool], str]
"""of all documents the whole text; the second tells whether one job was asked for by its name, so that no list is wanted"""

TABLES = ("table", "wide")
FORMS = ("yaml", "json", "name", "jsonpath=TEMPLATE", "custom-columns=HEADER:PATH,...")
HELP = f"How to print: {', '.join((*TABLES, *FORMS))}"


def output(word: str) -> Print | None:
    """What prints so; None for the tables. Raises UsageError."""
    kind, _, given = word.partition("=")
    if word in TABLES:
        return None
    if word in _PLAIN:
        return _PLAIN[word]
    try:
        if kind == "jsonpath" and given:
            return _jsonpath(given)
        if kind == "custom-columns" and given:
            return _columns(given)
    except InvalidError as error:
        raise UsageError(f"-o {kind}: {error}") from error
    raise UsageError(f"-o {word}: one of {', '.join((*TABLES, *FORMS))} is needed")


def document(stored: StoredJob) -> Document:
    """A job as the Kubernetes API shows it: what was declared as it was written, and the status."""
    if stored.object is not None:
        return dict(stored.object)
    from trainmaster.api.documents import OWNER_NOTE, PATH_NOTE

    job = stored.job.model_dump(mode="json", by_alias=True, exclude_unset=True) if stored.job else {}
    metadata = {"name": stored.name, "namespace": stored.namespace, **job.get("metadata", {})}
    notes = {PATH_NOTE: stored.path, OWNER_NOTE: stored.owner}
    metadata["annotations"] = {**metadata.get("annotations", {}), **notes}
    metadata |= {"uid": stored.uid, "generation": stored.generation} if stored.uid else {}
    metadata |= {"creationTimestamp": stored.created} if stored.created else {}
    head: Document = {"apiVersion": "trainmaster.io/v1alpha1", "kind": "TrainingJob", "metadata": metadata}
    spec = {"spec": job["spec"]} if "spec" in job else {}
    if stored.status is None:
        return head | spec
    return head | spec | {"status": stored.status.model_dump(mode="json", by_alias=True, exclude_none=True)}


def _whole(documents: Sequence[Document], single: bool) -> Document:
    if single and len(documents) == 1:
        return documents[0]
    return {"apiVersion": "v1", "kind": "List", "items": list(documents)}


def _as_json(documents: Sequence[Document], single: bool) -> str:
    return json.dumps(_whole(documents, single), indent=2, ensure_ascii=False) + "\n"


def _as_yaml(documents: Sequence[Document], single: bool) -> str:
    import yaml

    text: str = yaml.safe_dump(_whole(documents, single), sort_keys=False, allow_unicode=True)
    return text


def _as_names(documents: Sequence[Document], _: bool) -> str:
    return "".join(f"trainingjob.trainmaster.io/{each['metadata']['name']}\n" for each in documents)


def _jsonpath(text: str) -> Print:
    """To the letter: as kubectl's, it ends without a new line unless the template has one."""
    from trainmaster.cli.jsonpath import template

    made = template(text if "{" in text else f"{{{text}}}")
    return lambda documents, single: made(_whole(documents, single))


def _columns(text: str) -> Print:
    from trainmaster.cli.jsonpath import path, shown

    pairs = [column.partition(":") for column in text.split(",")]
    if not all(header and where for header, _, where in pairs):
        raise InvalidError("HEADER:PATH is needed for each column, such as NAME:.metadata.name")
    headers, paths = [header for header, _, _ in pairs], [path(where) for _, _, where in pairs]

    def lines(documents: Sequence[Document], _: bool) -> str:
        rows = [[",".join(map(shown, each(one))) for each in paths] for one in documents]
        return "\n".join(table(headers, rows)) + "\n"

    return lines


_PLAIN: dict[str, Print] = {"json": _as_json, "yaml": _as_yaml, "name": _as_names}
