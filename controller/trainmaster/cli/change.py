"""`delete`, `suspend`, `resume`, `rerun`, `scale`: changes of a declaration; a controller acts on them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from trainmaster.cli import hearing
from trainmaster.cli.exits import UsageError
from trainmaster.cli.options import Choices, with_choices
from trainmaster.cli.store import open_store
from trainmaster.cli.wait import until_gone

if TYPE_CHECKING:
    from trainmaster.sources.jobs import Jobs

Job = Annotated[str, typer.Argument(help="The job.")]
DELETE_SECONDS = 300.0


@with_choices
def delete(
    choices: Choices,
    names: Annotated[list[str] | None, typer.Argument(help="The jobs.")] = None,
    files: Annotated[
        list[str] | None, typer.Option("--file", "-f", help="Delete the jobs declared here.")
    ] = None,
    wait: Annotated[bool, typer.Option("--wait", help="Wait until everything of them is gone.")] = False,
    now: Annotated[
        bool,
        typer.Option(
            "--now", help="Give their processes no time to end in; also of jobs that are being deleted."
        ),
    ] = False,
) -> None:
    """Stop jobs and remove their declarations."""
    store = open_store(choices)
    deleted = []
    for namespace, name in _named(choices, store, names or [], files or []):
        deleted.append(store.delete(namespace, name, now))
        print(f"trainingjob/{name} deleted")
    for job in deleted if wait else ():
        until_gone(store, job.namespace, job.name, DELETE_SECONDS, job)


@with_choices
def suspend(choices: Choices, name: Job) -> None:
    """Stop a job's processes and give everything back; resume starts it again."""
    _set_suspend(choices, name, "suspend", True)
    print(f"trainingjob/{name} suspended")


@with_choices
def resume(choices: Choices, name: Job) -> None:
    """Start a suspended job again."""
    _set_suspend(choices, name, "resume", False)
    print(f"trainingjob/{name} resumed")


@with_choices
def rerun(choices: Choices, name: Job) -> None:
    """Run a finished job once more; what is known of its earlier runs stays."""
    store = open_store(choices)
    job = store.get(choices.in_namespace(store), name)
    number = store.rerun(job.namespace, name)
    held = job.job is not None and job.job.spec.run_policy.suspend
    also = "; runPolicy.suspend was true, and is false now" if held else ""
    print(f"trainingjob/{name} will run again (rerun {number}){also}")


@with_choices
def scale(
    choices: Choices,
    name: Job,
    replicas: Annotated[int, typer.Option(help="How many replicas are wanted.", min=0)],
    role: Annotated[str, typer.Option(help="Of which role.")] = "worker",
) -> None:
    """Change the number of replicas of a role."""
    store = open_store(choices)
    before = store.get(choices.in_namespace(store), name)
    if before.job is not None and role not in before.job.spec.roles:
        raise UsageError(f"{name} has no role {role}; it has {', '.join(before.job.spec.roles)}")
    store.edit(before.namespace, name, {("spec", "roles", role, "replicas"): replicas}, by="scale")
    done = "configured" if hearing.ended(before) else "scaled"
    print(f"trainingjob/{name} {done}: {role} {replicas}")
    hearing.told(store, before)


def _set_suspend(choices: Choices, name: str, command: str, value: bool) -> None:
    store = open_store(choices)
    namespace = choices.in_namespace(store)
    hearing.refuse_ended(store.get(namespace, name), command)
    store.edit(namespace, name, {("spec", "runPolicy", "suspend"): value}, by=command)


def _named(choices: Choices, store: Jobs, names: list[str], files: list[str]) -> list[tuple[str, str]]:
    from trainmaster.cli.documents import read_documents, valid_jobs

    if bool(names) == bool(files):
        raise UsageError("name jobs, or files with -f")
    if names:
        return [(choices.in_namespace(store), name) for name in names]
    jobs = [job for _, job in valid_jobs(read_documents(files))]
    return [(choices.namespace_of(job, store), job.metadata.name) for job in jobs]
