"""`get`: jobs as a table, as documents or as bare names; once, or again at each change."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator, Sequence
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from trainmaster.cli import tables, terminal
from trainmaster.cli.exits import MissingError
from trainmaster.cli.options import Choices, with_choices
from trainmaster.cli.store import open_store

if TYPE_CHECKING:
    from trainmaster.sources.jobs import Jobs
    from trainmaster.sources.stored import StoredJob

WATCH_SECONDS = 1.0


class Output(StrEnum):
    """How jobs are printed."""

    TABLE = "table"
    WIDE = "wide"
    YAML = "yaml"
    JSON = "json"
    NAME = "name"


@with_choices
def get(
    choices: Choices,
    name: Annotated[str, typer.Argument(help="One job; left out: all of the namespace.")] = "",
    all_namespaces: Annotated[
        bool, typer.Option("--all-namespaces", "-A", help="Jobs of all namespaces.")
    ] = False,
    watch: Annotated[bool, typer.Option("--watch", "-w", help="Go on, and print what changes.")] = False,
    output: Annotated[Output, typer.Option("--output", "-o", help="How to print.")] = Output.TABLE,
) -> None:
    """List jobs, or show one."""
    store = open_store(choices)
    namespace = None if all_namespaces else choices.in_namespace(store)
    jobs = _jobs(store, namespace, name)
    sheet = None
    if output in {Output.TABLE, Output.WIDE}:
        sheet = _print_table(jobs, namespace, output is Output.WIDE, watch, store.place)
    else:
        _print_documents(jobs, output, single=bool(name))
    for changed in _changes(store, namespace, name, jobs) if watch else ():
        if sheet is None and output in {Output.TABLE, Output.WIDE}:
            sheet = _print_table([changed], namespace, output is Output.WIDE, watch, store.place)
        elif sheet is not None:
            print(sheet.further(tables.row(changed, time.time(), namespace is None, output is Output.WIDE)))
        else:
            _print_documents([changed], output, single=True)


def document(stored: StoredJob) -> dict[str, Any]:
    """A job as the Kubernetes API would show it: what was declared as it was written, and the status."""
    if stored.object is not None:
        return dict(stored.object)
    from trainmaster.api.documents import OWNER_NOTE, PATH_NOTE

    job = stored.job.model_dump(mode="json", by_alias=True, exclude_unset=True) if stored.job else {}
    metadata = {"name": stored.name, "namespace": stored.namespace, **job.get("metadata", {})}
    metadata["annotations"] = {
        **metadata.get("annotations", {}),
        PATH_NOTE: stored.path,
        OWNER_NOTE: stored.owner,
    }
    metadata |= {"uid": stored.uid, "generation": stored.generation} if stored.uid else {}
    metadata |= {"creationTimestamp": stored.created} if stored.created else {}
    shown: dict[str, Any] = {
        "apiVersion": "trainmaster.io/v1alpha1",
        "kind": "TrainingJob",
        "metadata": metadata,
    }
    if "spec" in job:
        shown["spec"] = job["spec"]
    if stored.status is not None:
        shown["status"] = stored.status.model_dump(mode="json", by_alias=True, exclude_none=True)
    return shown


def _jobs(store: Jobs, namespace: str | None, name: str) -> list[StoredJob]:
    if name and namespace:
        return [store.get(namespace, name)]
    found = [stored for stored in store.list(namespace) if name in {"", stored.name}]
    if name and not found:
        raise MissingError(f"there is no job {name} in any namespace of the {store.place}")
    return sorted(found, key=lambda s: (s.namespace, s.name))


def _print_table(
    jobs: Sequence[StoredJob], namespace: str | None, wide: bool, goes_on: bool, place: str
) -> tables.Sheet | None:
    """The table, for later rows; None where there was nothing to show yet."""
    if not jobs:
        where = f"in namespace {namespace} of" if namespace else "in"
        print(f"No jobs {where} the {place}.", file=sys.stderr)
        return None
    rows = [tables.row(stored, time.time(), namespace is None, wide) for stored in jobs]
    room = None if wide else terminal.room()
    sheet = tables.Sheet(tables.header(namespace is None, wide), rows, room, goes_on=goes_on)
    print("\n".join(sheet.lines))
    return sheet


def _print_documents(jobs: Sequence[StoredJob], output: Output, single: bool) -> None:
    if output is Output.NAME:
        for stored in jobs:
            print(f"trainingjob.trainmaster.io/{stored.name}")
        return
    documents = [document(stored) for stored in jobs]
    whole = documents[0] if single and documents else {"apiVersion": "v1", "kind": "List", "items": documents}
    print(_dumped(whole, output), end="")


def _dumped(document_: dict[str, Any], output: Output) -> str:
    if output is Output.JSON:
        return json.dumps(document_, indent=2, ensure_ascii=False) + "\n"
    import yaml

    return yaml.safe_dump(document_, sort_keys=False, allow_unicode=True)


def _changes(store: Jobs, namespace: str | None, name: str, seen: Sequence[StoredJob]) -> Iterator[StoredJob]:
    from trainmaster.errors import UnavailableError

    known = {(s.namespace, s.name): s for s in seen}
    while True:
        sys.stdout.flush()
        time.sleep(WATCH_SECONDS)
        try:
            listed = store.list(namespace)
        except UnavailableError as error:  # not seen is not gone: look again
            print(f"warning: {error}", file=sys.stderr)
            continue
        now = {(s.namespace, s.name): s for s in listed if name in {"", s.name}}
        yield from (stored for key, stored in sorted(now.items()) if known.get(key) != stored)
        known = now
