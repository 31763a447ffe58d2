"""`validate` and `explain`: what a declaration may say, without a store or a cluster."""

from __future__ import annotations

from typing import Annotated

import typer

from trainmaster.cli.exits import ExitCode


def validate(
    files: Annotated[
        list[str], typer.Argument(help="Files, folders, or - for standard input.", metavar="FILE...")
    ],
) -> None:
    """Check declarations without applying them; problems are printed as file:line: field: reason."""
    from trainmaster.cli.documents import check, read_documents

    checked = check(read_documents(files))
    for one in checked:
        for complaint in one.complaints():
            print(complaint)
        if one.job is not None:
            print(f"{one.document.origin}: {one.job.metadata.namespace}/{one.job.metadata.name} is valid")
    if any(one.problems for one in checked):
        raise typer.Exit(ExitCode.INVALID)


def explain(
    field: Annotated[
        str, typer.Argument(help="A field, such as spec.roles.worker.restartPolicy or gang.")
    ] = "",
) -> None:
    """Tell what a field means, its default, and what an edit of it does."""
    from trainmaster.api.explain import explain as explained

    print(explained(field), end="")
