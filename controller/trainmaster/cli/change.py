"""`delete`, `suspend`, `resume`, `rerun`, `scale`: changes of a declaration; a controller acts on them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from trainmaster.cli import completing, hearing
from trainmaster.cli.chosen import Name, Names, Selector, for_each, names_of
from trainmaster.cli.exits import UsageError
from trainmaster.cli.options import Choices, with_choices
from trainmaster.cli.store import open_store
from trainmaster.cli.wait import until_gone

if TYPE_CHECKING:
    from trainmaster.sources.jobs import Jobs
    from trainmaster.sources.stored import StoredJob

Namespaced = tuple[str, str]
"""namespace and name"""
DELETE_SECONDS = 300.0


@with_choices
def delete(
    choices: Choices,
    names: Names = None,
    selector: Selector = "",
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
    deleted: list[StoredJob] = []

    def delete_one(named: Namespaced) -> None:
        deleted.append(store.delete(*named, now))
        print(f"trainingjob/{named[1]} deleted")

    for_each(_named(choices, store, names or [], selector, files or []), delete_one)
    for job in deleted if wait else ():
        until_gone(store, job.namespace, job.name, DELETE_SECONDS, job)


@with_choices
def suspend(choices: Choices, names: Names = None, selector: Selector = "") -> None:
    """Stop jobs' processes and give everything back; resume starts them again."""
    _set_suspend(choices, names, selector, "suspend", True)


@with_choices
def resume(choices: Choices, names: Names = None, selector: Selector = "") -> None:
    """Start suspended jobs again."""
    _set_suspend(choices, names, selector, "resume", False)


@with_choices
def rerun(choices: Choices, names: Names = None, selector: Selector = "") -> None:
    """Run finished jobs once more; what is known of their earlier runs stays."""
    store = open_store(choices)
    namespace = choices.in_namespace(store)

    def rerun_one(name: str) -> None:
        job = store.get(namespace, name)
        number = store.rerun(namespace, name)
        held = job.job is not None and job.job.spec.run_policy.suspend
        also = "; runPolicy.suspend was true, and is false now" if held else ""
        print(f"trainingjob/{name} will run again (rerun {number}){also}")

    for_each(names_of(store, namespace, names, selector), rerun_one)


@with_choices
def scale(
    choices: Choices,
    name: Name,
    replicas: Annotated[int, typer.Option(help="How many replicas are wanted.", min=0)],
    role: Annotated[str, typer.Option(help="Of which role.", autocompletion=completing.roles)] = "worker",
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


def _set_suspend(choices: Choices, names: list[str] | None, selector: str, command: str, value: bool) -> None:
    store = open_store(choices)
    namespace = choices.in_namespace(store)

    def set_one(name: str) -> None:
        hearing.refuse_ended(store.get(namespace, name), command)
        store.edit(namespace, name, {("spec", "runPolicy", "suspend"): value}, by=command)
        print(f"trainingjob/{name} {'suspended' if value else 'resumed'}")

    for_each(names_of(store, namespace, names, selector), set_one)


def _named(
    choices: Choices, store: Jobs, names: list[str], selector: str, files: list[str]
) -> list[Namespaced]:
    from trainmaster.cli.documents import read_documents, valid_jobs

    if bool(names or selector) == bool(files):
        raise UsageError("name jobs, choose them with -l, or name files with -f")
    if not files:
        namespace = choices.in_namespace(store)
        return [(namespace, name) for name in names_of(store, namespace, names, selector)]
    jobs = [job for _, job in valid_jobs(read_documents(files))]
    return [(choices.namespace_of(job, store), job.metadata.name) for job in jobs]
