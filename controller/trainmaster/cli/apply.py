"""`apply`: declarations from files to where jobs are, local files of theirs into staging. `diff`: what that would change."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from trainmaster.cli import hearing
from trainmaster.cli.exits import ExitCode
from trainmaster.cli.options import Choices, with_choices
from trainmaster.cli.store import make_if_new, open_store
from trainmaster.printable import printable

if TYPE_CHECKING:
    from trainmaster.api.job import TrainingJob
    from trainmaster.cli.documents import Document
    from trainmaster.sources.jobs import Jobs
    from trainmaster.sources.stored import Applied

Files = Annotated[
    list[str],
    typer.Option("--file", "-f", help="File, folder, or - for standard input; may be repeated."),
]


class DryRun(StrEnum):
    """How much is only tried."""

    NONE = "none"
    CLIENT = "client"
    SERVER = "server"


@with_choices
def apply(
    choices: Choices,
    files: Files,
    force_conflicts: Annotated[
        bool, typer.Option("--force-conflicts", help="Undo what scale, suspend and resume set since.")
    ] = False,
    dry_run: Annotated[
        DryRun,
        typer.Option(
            "--dry-run", help="Change nothing. client: only check the files; server: also what they would do."
        ),
    ] = DryRun.NONE,
) -> None:
    """Declare jobs, or change them. Nothing is applied while anything in the files is wrong."""
    from trainmaster.cli.documents import read_documents, valid_jobs

    jobs = valid_jobs(read_documents(files))
    if dry_run is DryRun.CLIENT:
        for _, job in jobs:
            print(f"trainingjob/{job.metadata.name} valid (client dry run)")
        return
    store = open_store(choices)
    for document, job in jobs:
        if dry_run is DryRun.SERVER:
            text, namespace = _planned(choices, store, document, job)
            applied = store.apply(text, namespace, job.metadata.name, force_conflicts, dry=True)
            print(f"{outcome(applied)} (server dry run)")
        else:
            _apply(choices, store, document, job, force_conflicts)


@with_choices
def diff(choices: Choices, files: Files) -> None:
    """Show what applying these files would change; the exit code is 1 where that is anything."""
    from trainmaster.cli.documents import read_documents, valid_jobs

    jobs = valid_jobs(read_documents(files))
    store = open_store(choices)
    changed = False
    for document, job in jobs:
        text, namespace = _planned(choices, store, document, job)
        for line in _compared(store, text, namespace, job.metadata.name):
            changed = True
            print(printable(line))
    if changed:
        raise typer.Exit(ExitCode.FAILED)


def outcome(applied: Applied) -> str:
    """As kubectl says it: trainingjob/mnist created."""
    return f"trainingjob/{applied.name} {applied.outcome}"


def _apply(choices: Choices, store: Jobs, document: Document, job: TrainingJob, force: bool) -> None:
    from trainmaster.cli.uploads import pointed, to_staging

    namespace, name = choices.namespace_of(job, store), job.metadata.name
    make_if_new(store, choices.settings())
    upload = to_staging(store.scope + namespace, name, choices.settings())
    text = pointed(document.text, document.folder, upload)
    applied = store.apply(text, namespace, name, force)
    print(outcome(applied))
    hearing.told(store, applied.before)


def _planned(choices: Choices, store: Jobs, document: Document, job: TrainingJob) -> tuple[str, str]:
    """The text as it would be applied, and the namespace; no file is uploaded."""
    from trainmaster.cli.uploads import not_yet, pointed

    namespace = choices.namespace_of(job, store)
    before = store.find(namespace, job.metadata.name) if store.is_there else None
    upload = not_yet(before, choices.settings().store)
    return pointed(document.text, document.folder, upload), namespace


def _compared(store: Jobs, text: str, namespace: str, name: str) -> Iterator[str]:
    """A unified diff; nothing where both are alike."""
    before, after = (each.strip("\n").splitlines() for each in store.compared(text, namespace, name))
    named = f"{namespace}/{name}"
    return difflib.unified_diff(before, after, f"declared/{named}", f"applied/{named}", lineterm="")
