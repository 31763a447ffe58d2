"""`run`: declare a job, follow it, and exit with its result."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from trainmaster.cli.exits import UsageError
from trainmaster.cli.follow import Follower, OnInterrupt
from trainmaster.cli.options import Choices, with_choices
from trainmaster.cli.store import make_if_new, open_store

if TYPE_CHECKING:
    from trainmaster.cli.documents import Document
    from trainmaster.sources.jobs import Jobs

COMMAND_LINE = "<command line>"


@with_choices
def run(
    choices: Choices,
    file: Annotated[str, typer.Argument(help="File of one job, or - for standard input.")] = "",
    command: Annotated[str, typer.Option(help="Instead of a file: the bash command of each worker.")] = "",
    name: Annotated[str, typer.Option(help="Name of the job; needed with --command.")] = "",
    workers: Annotated[int, typer.Option(help="With --command: number of workers.", min=1)] = 1,
    framework: Annotated[
        str, typer.Option(help="With --command: TensorFlow, PyTorch, XGBoost, JAX and so on.")
    ] = "Generic",
    queue: Annotated[str, typer.Option(help="With --command: YARN queue.")] = "default",
    memory: Annotated[str, typer.Option(help="With --command: memory of each worker.")] = "1Gi",
    vcores: Annotated[int, typer.Option(help="With --command: virtual cores of each worker.", min=1)] = 1,
    gpus: Annotated[int, typer.Option(help="With --command: GPUs of each worker.", min=0)] = 0,
    files: Annotated[
        list[Path] | None,
        typer.Option("--files", help="Local file or folder for the work folder; may be repeated."),
    ] = None,
    on_interrupt: Annotated[
        OnInterrupt, typer.Option(help="What Ctrl-C and SIGTERM do to the job.")
    ] = OnInterrupt.ASK,
) -> None:
    """Declare a job, show its progress, and exit with its result."""
    from trainmaster.cli.documents import read_documents

    if bool(file) == bool(command):
        raise UsageError("name a file, or give --command")
    if command and not name:
        raise UsageError("--command needs --name")
    resources = {"memory": memory, "vcores": vcores, "gpus": gpus}
    role = {"replicas": workers, "resources": resources, "command": command}
    documents = [from_command(name, framework, queue, role)] if command else read_documents([file])
    if len(documents) != 1:
        raise UsageError(f"{file} holds {len(documents)} jobs: run takes one")
    store = open_store(choices)
    namespace, applied = _declare(choices, store, documents[0], name, files or [])
    code = Follower(store, namespace, applied, on_interrupt).follow()
    raise typer.Exit(code)


def from_command(name: str, framework: str, queue: str, worker: dict[str, Any]) -> Document:
    """The declaration that the options say."""
    import yaml

    from trainmaster.cli.documents import Document

    job = {
        "apiVersion": "trainmaster.io/v1alpha1",
        "kind": "TrainingJob",
        "metadata": {"name": name},
        "spec": {"framework": framework, "queue": queue, "roles": {"worker": worker}},
    }
    return Document(COMMAND_LINE, yaml.safe_dump(job, sort_keys=False))


def _declare(
    choices: Choices, store: Jobs, document: Document, name: str, files: list[Path]
) -> tuple[str, str]:
    """Validate, upload, apply; the namespace and name that it got."""
    from trainmaster.cli.documents import renamed, valid_jobs
    from trainmaster.cli.uploads import pointed, to_staging

    document = renamed(document, name) if name else document
    job = valid_jobs([document])[0][1]
    namespace = choices.namespace_of(job, store)
    make_if_new(store, choices.settings())
    _refuse_finished(choices, store, namespace, job.metadata.name)
    upload = to_staging(store.scope + namespace, job.metadata.name, choices.settings())
    applied = store.apply(
        pointed(document.text, document.folder, upload, files), namespace, job.metadata.name
    )
    print(f"trainingjob/{applied.name} {applied.outcome}", file=sys.stderr)
    return applied.namespace, applied.name


def _refuse_finished(choices: Choices, store: Jobs, namespace: str, name: str) -> None:
    stored = store.find(namespace, name) if store.is_there else None
    if stored and stored.finished:
        where = "" if namespace == (choices.usual_namespace or store.namespace) else f" -n {namespace}"
        raise UsageError(
            f"{name} ended already: `trainmaster rerun {name}{where}` runs it once more, as it was declared;"
            " `trainmaster run` with another --name runs this beside it, as a new job"
        )
