"""`get`: jobs as a table, as documents or as bare names; once, or again at each change."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from trainmaster.cli import completing, outputs, tables, terminal
from trainmaster.cli.chosen import Selector, for_each, selected
from trainmaster.cli.exits import MissingError
from trainmaster.cli.options import Choices, with_choices
from trainmaster.cli.store import open_store

if TYPE_CHECKING:
    from trainmaster.sources.jobs import Jobs
    from trainmaster.sources.stored import StoredJob

WATCH_SECONDS = 1.0
PAUSES = 5
"""times that a look took are waited at least before the next"""


@with_choices
def get(
    choices: Choices,
    names: Annotated[
        list[str] | None,
        typer.Argument(
            help="Jobs; left out: all of the namespace.", metavar="[NAME]", autocompletion=completing.jobs
        ),
    ] = None,
    selector: Selector = "",
    all_namespaces: Annotated[
        bool, typer.Option("--all-namespaces", "-A", help="Jobs of all namespaces.")
    ] = False,
    watch: Annotated[bool, typer.Option("--watch", "-w", help="Go on, and print what changes.")] = False,
    form: Annotated[str, typer.Option("--output", "-o", help=outputs.HELP)] = "table",
) -> None:
    """List jobs, or show some."""
    as_text = outputs.output(form)
    store = open_store(choices)
    wanted = Wanted(None if all_namespaces else choices.in_namespace(store), tuple(names or ()), selector)
    jobs, missing = _jobs(store, wanted)
    if missing and (watch or not jobs):
        for_each(missing, _tell_missing)
    show = _Shown(wanted.namespace, form == "wide", watch, store.place)
    if as_text is None:
        show.table(jobs)
    else:
        _print(as_text, jobs, single=len(wanted.names) == 1)
    for changed in _changes(store, wanted, jobs) if watch else ():
        if as_text is None:
            show.further(changed)
        else:
            _print(as_text, [changed], single=True)
    for_each(missing, _tell_missing)


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which jobs."""

    namespace: str | None
    """None for all"""
    names: tuple[str, ...]
    """none for all"""
    selector: str

    def of(self, jobs: Sequence[StoredJob]) -> list[StoredJob]:
        found = [job for job in jobs if not self.names or job.name in self.names]
        return selected(found, self.selector)


def _jobs(store: Jobs, wanted: Wanted) -> tuple[list[StoredJob], list[str]]:
    """Those that are there, by namespace and name, and what is to be said of those that were named and aren't."""
    if wanted.namespace and wanted.names and not wanted.selector:
        found = {name: store.find(wanted.namespace, name) for name in wanted.names}
        missing = [f"{wanted.namespace}/{name}" for name, job in found.items() if job is None]
        return [job for job in found.values() if job], [
            f"job {each} in the {store.place}" for each in missing
        ]
    jobs = sorted(wanted.of(store.list(wanted.namespace)), key=lambda s: (s.namespace, s.name))
    names = {job.name for job in jobs}
    where = f"namespace {wanted.namespace}" if wanted.namespace else "any namespace"
    lacking = [name for name in wanted.names if name not in names]
    return jobs, [f"job {name} in {where} of the {store.place}" for name in lacking]


def _tell_missing(what: str) -> None:
    raise MissingError(f"there is no {what}")


def _print(as_text: outputs.Print, jobs: Sequence[StoredJob], single: bool) -> None:
    if jobs or not single:
        print(as_text([outputs.document(job) for job in jobs], single), end="")


class _Shown:
    """The table, which goes on with what changes."""

    def __init__(self, namespace: str | None, wide: bool, goes_on: bool, place: str) -> None:
        self._namespace, self._wide, self._goes_on, self._place = namespace, wide, goes_on, place
        self._sheet: tables.Sheet | None = None

    def table(self, jobs: Sequence[StoredJob]) -> None:
        if not jobs:
            where = f"in namespace {self._namespace} of" if self._namespace else "in"
            print(f"No jobs {where} the {self._place}.", file=sys.stderr)
            return
        header = tables.header(self._namespace is None, self._wide)
        room = None if self._wide else terminal.room()
        self._sheet = tables.Sheet(header, [self._row(job) for job in jobs], room, goes_on=self._goes_on)
        print("\n".join(self._sheet.lines))

    def further(self, job: StoredJob) -> None:
        if self._sheet is None:
            self.table([job])
        else:
            print(self._sheet.further(self._row(job)))

    def _row(self, job: StoredJob) -> tuple[str, ...]:
        return tables.row(job, time.time(), self._namespace is None, self._wide)


def _changes(store: Jobs, wanted: Wanted, seen: Sequence[StoredJob]) -> Iterator[StoredJob]:
    """What is another at each look. A place that takes long to list is left alone for longer."""
    from trainmaster.errors import UnavailableError

    known = {(s.namespace, s.name): s for s in seen}
    took = 0.0
    while True:
        sys.stdout.flush()
        time.sleep(max(WATCH_SECONDS, PAUSES * took))
        began = time.monotonic()
        try:
            listed = store.list(wanted.namespace)
        except UnavailableError as error:  # not seen is not gone: look again
            print(f"warning: {error}", file=sys.stderr)
            continue
        took = time.monotonic() - began
        now = {(s.namespace, s.name): s for s in wanted.of(listed)}
        yield from (stored for key, stored in sorted(now.items()) if known.get(key) != stored)
        known = now
