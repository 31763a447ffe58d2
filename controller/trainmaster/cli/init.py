"""`init`: a job to begin with, one for each framework, in a folder of one's own. Nothing that is there is written over."""

from __future__ import annotations

import getpass
import os
import re
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from trainmaster.cli.exits import MissingError, UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

WITH_SCRIPTS: Final = "train.py"
"""a starter that has one saves checkpoints, by a module that all share"""
SHARED: Final = "checkpoints.py"


def init(
    framework: Annotated[str, typer.Argument(help="As in spec.framework, such as PyTorch.")],
    folder: Annotated[Path, typer.Argument(help="Where to; made if it isn't there.")] = Path(),
    name: Annotated[str, typer.Option(help="The job's name; left out: the folder's.")] = "",
) -> None:
    """Write a job to begin with, and its script, with comments on what to change."""
    written = starter(framework, name or _name_of(folder))
    try:
        there = [file for file in written if (folder / file).exists()]
        if there:
            raise UsageError(f"{folder / there[0]} is there already, and nothing is written over")
        folder.mkdir(parents=True, exist_ok=True)
        for file, text in written.items():
            (folder / file).write_text(text)
    except OSError as error:
        where = error.filename or folder
        raise UsageError(f"nothing can be written to {folder}: {where}: {error.strerror}") from error
    print(f"wrote {', '.join(str(folder / file) for file in written)}")
    print(f"next: trainmaster validate {folder / 'job.yaml'}")


def starter(framework: str, name: str) -> Mapping[str, str]:
    """File names and texts. Raises MissingError for a framework without one, with those that have."""
    found = {
        each.name: each for each in _starters().iterdir() if each.is_dir() and not each.name.startswith("_")
    }
    chosen = found.get(framework.lower())
    if chosen is None:
        raise MissingError(
            f"there is no starter for {framework}; there is one for {', '.join(sorted(found))}"
        )
    texts = {
        each.name: each.read_text()
        for each in sorted(chosen.iterdir(), key=lambda each: each.name)
        if each.is_file()
    }
    if WITH_SCRIPTS in texts:
        texts[SHARED] = (_starters() / SHARED).read_text()
    return texts | {"job.yaml": _filled(texts["job.yaml"], name)}


def _filled(job: str, name: str) -> str:
    """The name in quotes where it stands alone: in YAML 2024 is a number, and `on` to some a truth. Raises UsageError for what no
    job may be called."""
    from trainmaster.api import messages
    from trainmaster.api.job import JOB_NAME, MAX_NAME

    if len(name) > MAX_NAME or not re.fullmatch(JOB_NAME, name):
        raise UsageError(
            f"{name!r} is no name of a job: it {messages.JOB_NAME}, and has {MAX_NAME} characters at most"
        )
    named = job.replace("name: NAME", f'name: "{name}"').replace("NAME", name)
    return named.replace("/user/USER/", f"/user/{_user()}/")


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a uid without a name
        return str(os.getuid())


def _starters() -> Traversable:
    return files("trainmaster.cli") / "starters"


def _name_of(folder: Path) -> str:
    """The folder's name as a job may be called."""
    from trainmaster.api.job import MAX_NAME

    words = re.sub(r"[^a-z0-9-]+", "-", folder.resolve().name.lower()).strip("-")[:MAX_NAME].strip("-")
    return words or "training"
