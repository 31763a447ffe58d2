"""`describe`: everything that is known of a job, for a person to read."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from trainmaster.cli import terminal
from trainmaster.cli.chosen import Names, Selector, for_each, names_of
from trainmaster.cli.options import Choices, with_choices
from trainmaster.cli.pages_of import Controller, TokenFile, address_of
from trainmaster.cli.store import open_store
from trainmaster.cli.tables import age, aligned, message, narrow, state, with_sentences
from trainmaster.cli.use_of import UseOf, nobody, use_of
from trainmaster.observe.ages import since
from trainmaster.observe.checkpoint_words import checkpoint_words, saved_model_words
from trainmaster.observe.goodput_words import goodput_words, lost_words
from trainmaster.observe.progress_words import progress_words, slow_words
from trainmaster.printable import printable

if TYPE_CHECKING:
    from trainmaster.api.status import JobStatus, ReplicaStatus
    from trainmaster.sources.stored import StoredJob

INDENT = "  "
PLACE_TO_GO = ("PORTS", "USE", "RESTARTS", "CONTAINER", "NODE")
"""columns of replicas that a narrow terminal leaves out first"""


@with_choices
def describe(
    choices: Choices,
    names: Names = None,
    selector: Selector = "",
    controller: Controller = "",
    token_file: TokenFile = None,
) -> None:
    """Show all that is known of jobs; what they use, where the controller's pages can be reached."""
    store = open_store(choices)
    namespace = choices.in_namespace(store)
    before, used = "", use_of(address_of(choices.settings(), controller), token_file)

    def describe_one(name: str) -> None:
        nonlocal before
        lines = description(store.get(namespace, name), time.time(), terminal.room(), used)
        print(before + "\n".join(lines))
        before = "\n\n"

    for_each(names_of(store, namespace, names, selector), describe_one)


def description(stored: StoredJob, now: float, room: int | None = None, used: UseOf = nobody) -> list[str]:
    """The lines of `describe`; `room` is the width of the terminal, None for whoever wants all columns."""
    lines = aligned([(f"{name}:", printable(value)) for name, value in _facts(stored, now) if value])
    if stored.problems:
        lines += ["", "Problems:", *(f"  {printable(str(problem))}" for problem in stored.problems)]
    if stored.status is not None:
        inner = None if room is None else room - len(INDENT)
        live = any(r.container for role in stored.status.roles.values() for r in role.replicas)
        told = used(stored.namespace, stored.name) if live else {}
        lines += _roles(stored.status, now, inner, told) + _earlier(stored.status, now)
        lines += _conditions(stored.status, now, inner)
    return lines


def _facts(stored: StoredJob, now: float) -> Iterator[tuple[str, str]]:
    yield "Name", stored.name
    yield "Namespace", stored.namespace
    yield "State", state(stored)
    yield "Message", message(stored)
    yield "Age", age(stored, now)
    yield "Declared in", stored.path
    yield "Owner", stored.owner
    if stored.job is not None:
        from trainmaster.api.hiding import without_secrets

        spec = stored.job.spec
        yield "Framework", str(spec.framework)
        queue = stored.status.queue if stored.status else ""
        other = bool(queue) and queue != spec.queue
        yield "Queue", f"{queue} (declared: {spec.queue}, not taken over)" if other else spec.queue
        yield "Input", without_secrets(spec.input_path)
        yield "Checkpoints", without_secrets(spec.checkpoint_path)
        yield "Saved model", without_secrets(spec.saved_model_path)
    if stored.status is not None:
        yield from _status_facts(stored.status)
    if stored.job is not None and stored.status is not None:
        from trainmaster.observe.job_links import job_links

        yield "Links", "; ".join(f"{name}: {url}" for name, url in job_links(stored.job, stored.status))


def _status_facts(status: JobStatus) -> Iterator[tuple[str, str]]:
    yield "Application", status.application_id
    yield "Earlier applications", ", ".join(status.earlier_application_ids)
    yield "Workers", status.workers_summary
    yield "Progress", progress_words(status.progress)
    yield "Slow", slow_words(status.progress)
    yield "Checkpoint", checkpoint_words(status.checkpoint)
    yield "Model", saved_model_words(status.saved_model)
    yield "Goodput", goodput_words(status.goodput)
    yield "Lost", lost_words(status.goodput)
    yield (
        "Waits",
        "; ".join(f"{name} {role.waits_for}" for name, role in status.roles.items() if role.waits_for),
    )
    yield "Resized", "; ".join(f"{name} {r.resized}" for name, r in status.roles.items() if r.resized)
    yield "GPUs", str(status.gpus or "")
    yield "Restarts", str(status.restarts)
    yield "Rerun", str(status.rerun or "")
    yield "Place in the queue", str(status.queue_position or "")
    yield "The scheduler says", status.scheduler_message
    yield "Started", status.start_time or ""
    yield "Completed", status.completion_time or ""


def _roles(status: JobStatus, now: float, room: int | None, used: Mapping[str, str]) -> list[str]:
    rows, ends = [], []
    for role, of_role in status.roles.items():
        for replica in of_role.replicas:
            use = (used.get(replica.container, ""),) if used else ()
            rows.append((*_replica(role, replica), *use))
            ends += _end(role, replica, now)
    if not rows:
        return []
    header = ("REPLICA", "STATE", "NODE", "PORTS", "CONTAINER", "RESTARTS", *(("USE",) if used else ()))
    lines = ["", "Replicas:", *_indented(narrow(header, rows, PLACE_TO_GO, room))]
    return lines + (["", "Last ends:", *_indented(ends)] if ends else [])


def _replica(role: str, replica: ReplicaStatus) -> tuple[str, ...]:
    ports = ",".join(map(str, replica.ports))
    place = (replica.node, ports, replica.container)
    return (f"{role}-{replica.index}", str(replica.state), *place, str(replica.restarts))


def _end(role: str, replica: ReplicaStatus, now: float) -> list[str]:
    end = replica.last_exit
    if end is None:
        return []
    head = f"{role}-{replica.index}  {end.cause}, exit {end.code} on {end.node}, {since(end.time, now)} ago"
    return [
        line for line in (head, f"  {printable(end.message)}", f"  log: {end.log_url}") if line.strip(" log:")
    ]


def _earlier(status: JobStatus, now: float) -> list[str]:
    lines = []
    for run in status.earlier_runs:
        head = f"{run.rerun}  {run.state}, {run.reason}, {since(run.completion_time, now)} ago"
        lines += [head, f"   {printable(run.message)}", f"   {', '.join(run.application_ids)}"]
    return ["", "Earlier runs (logs --rerun N):", *_indented(lines)] if lines else []


def _conditions(status: JobStatus, now: float, room: int | None) -> list[str]:
    rows = [
        (str(c.type), c.status, c.reason, since(c.last_transition_time, now), c.message)
        for c in status.conditions
    ]
    header = ("TYPE", "STATUS", "REASON", "SINCE", "MESSAGE")
    shown = with_sentences(header, rows, ("SINCE", "REASON"), room) if rows else []
    return ["", "Conditions:", *_indented(shown)] if rows else []


def _indented(lines: list[str]) -> list[str]:
    return [f"{INDENT}{line}" for line in lines]
