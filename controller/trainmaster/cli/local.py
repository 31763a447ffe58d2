"""`trainmaster local`: a real Hadoop on this machine.

Only words for a person live here; the work is done in `trainmaster.local`.
"""

from __future__ import annotations

import dataclasses
import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from trainmaster.errors import TrainmasterError
from trainmaster.local.cluster import LocalHadoop
from trainmaster.local.options import Options, default_folder

app = typer.Typer(help="A real Hadoop (HDFS and YARN) on this machine.", no_args_is_help=True)

_Dir = Annotated[
    Path | None, typer.Option("--dir", help="Folder of the cluster; default ~/.local/share/trainmaster/local")
]


@app.command()
def up(
    folder: _Dir = None,
    nodes: Annotated[int | None, typer.Option(help="NodeManagers; default 1")] = None,
    memory: Annotated[int | None, typer.Option(help="MiB that each node offers; default 8192")] = None,
    vcores: Annotated[
        int | None, typer.Option(help="Virtual cores that each node offers; default 64")
    ] = None,
    gpus: Annotated[int | None, typer.Option(help="Pretended GPUs of each node; default none")] = None,
    timeout: Annotated[float, typer.Option(help="Seconds to wait until all of it works")] = 180,
) -> None:
    """Start what doesn't run yet, and wait until all of it works. What isn't given stays as it was."""
    chosen = {"nodes": nodes, "memory": memory, "vcores": vcores, "gpus": gpus}
    with _told():
        hadoop = _hadoop(folder, {name: value for name, value in chosen.items() if value is not None})
        hadoop.up(timeout, say=typer.echo)
        typer.echo(_welcome(hadoop))


@app.command()
def down(
    folder: _Dir = None,
    purge: Annotated[
        bool, typer.Option("--purge", help="Remove all data too: HDFS, logs, YARN's memory of jobs")
    ] = False,
) -> None:
    """End all daemons and containers of the cluster."""
    with _told():
        hadoop = _hadoop(folder)
        hadoop.down(purge)
        typer.echo(f"the local Hadoop in {hadoop.folder} is {'gone, with its data' if purge else 'down'}")


@app.command()
def status(folder: _Dir = None) -> None:
    """Say of each daemon whether it works; exits with 1 unless all do."""
    with _told():
        daemons = _hadoop(folder).status()
    for daemon in daemons:
        state = "works" if daemon.ready else f"waits for {daemon.waiting_for}"
        typer.echo(f"{daemon.name:<16} {daemon.pid or '-':>8}  {state}")
    if not all(daemon.ready for daemon in daemons):
        raise typer.Exit(1)


@app.command()
def env(folder: _Dir = None) -> None:
    """Print the environment that points programs at the cluster: eval "$(trainmaster local env)"."""
    with _told():
        for name, value in _hadoop(folder).environment.items():
            typer.echo(f"export {name}={shlex.quote(value)}")


def _hadoop(folder: Path | None, changes: dict[str, int] | None = None) -> LocalHadoop:
    hadoop = LocalHadoop(folder or default_folder())
    if not changes:
        return hadoop
    return LocalHadoop(hadoop.folder, Options.load(dataclasses.asdict(hadoop.options) | changes))


def _welcome(hadoop: LocalHadoop) -> str:
    at, options = hadoop.addresses, hadoop.options
    default = hadoop.folder == default_folder().absolute()
    choice = "" if default else f" --dir {shlex.quote(str(hadoop.folder))}"
    gpus = f", {options.gpus} GPUs" if options.gpus else ""
    size = f"{options.memory} MiB, {options.vcores} vcores{gpus}"
    return "\n".join(
        (
            f"Hadoop is up: {options.nodes} node(s), each with {size}",
            f"  YARN   http://{at.rm_web}/cluster",
            f"  HDFS   {at.hdfs}   http://{at.namenode_web}/webhdfs/v1/?op=LISTSTATUS",
            f"  logs   {hadoop.folder / 'logs'}",
            "Next:",
            f'  eval "$(trainmaster local env{choice})"   # points trainmaster and Hadoop\'s own tools at it',
            "  trainmaster controller",
            f"  trainmaster local down{choice}",
        )
    )


@contextmanager
def _told() -> Iterator[None]:
    """Turn what is wrong into one message for a person and the exit code 1."""
    try:
        yield
    except TrainmasterError as error:
        typer.echo(f"trainmaster local: {error}", err=True)
        raise typer.Exit(1) from error
