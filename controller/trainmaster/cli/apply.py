"""`apply`: declarations from files into the store, local files of theirs into staging."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from trainmaster.cli import hearing
from trainmaster.cli.options import Choices, with_choices
from trainmaster.cli.store import open_store, say_if_new

if TYPE_CHECKING:
    from trainmaster.sources.stored import Applied


@with_choices
def apply(
    choices: Choices,
    files: Annotated[
        list[str],
        typer.Option("--file", "-f", help="File, folder, or - for standard input; may be repeated."),
    ],
    force_conflicts: Annotated[
        bool, typer.Option("--force-conflicts", help="Undo what scale, suspend and resume set since.")
    ] = False,
) -> None:
    """Declare jobs, or change them. Nothing is applied while anything in the files is wrong."""
    from trainmaster.cli.documents import read_documents, valid_jobs
    from trainmaster.cli.uploads import pointed, to_staging

    jobs = valid_jobs(read_documents(files))
    store = open_store(choices)
    for document, job in jobs:
        namespace = choices.namespace_of(job, store)
        say_if_new(store)
        upload = to_staging(store.scope + namespace, job.metadata.name, choices.settings())
        text = pointed(document.text, document.folder, upload)
        before = store.find(namespace, job.metadata.name) if store.is_there else None
        applied = store.apply(text, namespace, job.metadata.name, force_conflicts)
        print(outcome(applied))
        if applied.outcome == "configured":
            hearing.told(store, before)


def outcome(applied: Applied) -> str:
    """As kubectl says it: trainingjob/mnist created."""
    return f"trainingjob/{applied.name} {applied.outcome}"
