"""Which jobs a command is about, by names or by labels, and doing one thing to each of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from trainmaster.cli import completing
from trainmaster.cli.exits import UsageError, tell
from trainmaster.errors import InvalidError, TrainmasterError

if TYPE_CHECKING:
    from trainmaster.sources.jobs import Jobs
    from trainmaster.sources.stored import StoredJob

T = TypeVar("T")

Names = Annotated[
    list[str] | None, typer.Argument(help="The jobs.", metavar="NAME", autocompletion=completing.jobs)
]
Name = Annotated[str, typer.Argument(help="The job.", autocompletion=completing.jobs)]
Selector = Annotated[
    str,
    typer.Option("--selector", "-l", help="Those with such labels, as kubectl takes it: team=vision,!old."),
]


def selected(jobs: Sequence[StoredJob], selector: str) -> list[StoredJob]:
    """Those whose labels are chosen. Raises UsageError for what is no selector."""
    from trainmaster.api.selectors import selector as parsed

    try:
        chooses = parsed(selector)
    except InvalidError as error:
        raise UsageError(f"-l: {error}") from error
    return [job for job in jobs if chooses(job.labels)]


def names_of(store: Jobs, namespace: str, names: Sequence[str] | None, selector: str) -> list[str]:
    """The names that were given, or those of the jobs that a selector chooses. Raises UsageError for both, for none, and for
    blank ones: a variable that isn't set never means all jobs."""
    if bool(names) == bool(selector) or not all(each.strip() for each in (*(names or ()), selector or "-")):
        raise UsageError("name jobs, or choose them with -l; neither may be blank")
    return list(names or ()) or [job.name for job in selected(store.list(namespace), selector)]


def for_each(items: Sequence[T], do: Callable[[T], None]) -> None:
    """Do it to each, also where it fails for another: each error is told, and the first one's code is the command's."""
    if len(items) == 1:
        do(items[0])
        return
    codes: list[int] = []
    for item in items:
        try:
            do(item)
        except TrainmasterError as error:
            codes.append(tell(error))
        except typer.Exit as end:
            codes.append(end.exit_code)
    if any(codes):
        raise typer.Exit(next(filter(None, codes)))
