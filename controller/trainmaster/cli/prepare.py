"""`store init`: makes the root of a store ready for people and a controller, or says what whoever may has to type."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from trainmaster.cli.exits import ExitCode
from trainmaster.cli.options import Choices, with_choices

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from trainmaster.settings import Settings
    from trainmaster.sources.files import Files
    from trainmaster.sources.preparing import Finding, Folder

app = typer.Typer(help="The store of jobs that are files: make its root ready.", no_args_is_help=True)


@app.callback()
def _group() -> None:
    """With one command alone typer would leave out its name."""


@app.command()
@with_choices
def init(
    choices: Choices,
    owner: Annotated[
        str,
        typer.Option(help="Who the controller is to the store; left out: what the settings say, else you."),
    ] = "",
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Change nothing, and say what is missing or wrong.")
    ] = False,
) -> None:
    """Make a store's root and its folders ready for the controller and all who declare jobs there.

    Where you may not, the commands for an administrator are printed.
    """
    settings = choices.settings()
    codes = [
        prepare(files, wanted, owner or settings.own_user, dry_run) for files, wanted in _places(settings)
    ]
    raise typer.Exit(max(codes))


def prepare(files: Files, wanted: Sequence[Folder], owner: str, dry_run: bool = False) -> int:
    """Have these folders ready for a controller that is `owner`, and tell what was not; the exit code."""
    from trainmaster.errors import DeniedError
    from trainmaster.sources import preparing

    findings = preparing.find(files, wanted, owner)
    for finding in findings:
        print(f"{files.base}{finding.path}: {finding.words}")
    try:
        if not dry_run:
            preparing.prepare(files, wanted, owner)
    except DeniedError as error:
        return _for_others(files, preparing.find(files, wanted, owner), error.message)
    left = preparing.find(files, wanted, owner)
    print(f"{files.base}{wanted[0].path} {'is not ready' if left else 'is ready'} for {owner}")
    return ExitCode.INVALID if any(not finding.steps for finding in left) else ExitCode.OK


def _for_others(files: Files, findings: Sequence[Finding], said: str) -> int:
    """What we may not do ourselves."""
    from trainmaster.sources.preparing import commands

    print(f"You may not change all of that: {said}")
    print(f"Whoever may, such as the owner of {files.base}/, types:")
    for line in commands(files, findings):
        print(f"  {line}")
    return ExitCode.DENIED


def _places(settings: Settings) -> Iterator[tuple[Files, list[Folder]]]:
    """The store of jobs, and that of the controller's own files where it is another one."""
    from trainmaster.sources import preparing
    from trainmaster.sources.stores import open_files

    def opened(url: str) -> tuple[Files, str]:
        return open_files(url, settings.hadoop_conf_dir, settings.hadoop, settings.hadoop_ca_file)

    files, root = opened(settings.store)
    yield files, preparing.of_jobs(root) if settings.state else preparing.folders(root)
    if settings.state:
        files, root = opened(settings.state)
        yield files, preparing.of_controller(root)
