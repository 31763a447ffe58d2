"""`events`: what happened to a job and when, in order. Never here: the store, or the API server's Events (history.py)."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer

from trainmaster.cli import terminal
from trainmaster.cli.options import Choices, with_choices
from trainmaster.cli.store import open_store
from trainmaster.cli.tables import with_sentences
from trainmaster.errors import NoSuchJobError
from trainmaster.observe.ages import since

if TYPE_CHECKING:
    from trainmaster.api.status import JobStatus
    from trainmaster.settings import Kubernetes
    from trainmaster.sources.kubernetes.history import History, Told
    from trainmaster.sources.store import StoredJob

HEADER = ("LAST SEEN", "REASON", "OBJECT", "MESSAGE")
Happened = tuple[str, str, str, str]
"""time as RFC 3339, reason, what it is about, sentence"""


@with_choices
def events(choices: Choices, name: Annotated[str, typer.Argument(help="The job.")]) -> None:
    """Tell what happened to a job: the last turn of each condition, the last end of each process; on Kubernetes its Events."""
    rows = [(f"{since(at, time.time())} ago", *rest) for at, *rest in _known(choices, name)]
    nothing = [f"Nothing is known to have happened to {name} yet."]
    print("\n".join(with_sentences(HEADER, rows, ("OBJECT",), terminal.room()) if rows else nothing))


def _known(choices: Choices, name: str) -> list[Happened]:
    """Of the API server where that is the source, and else, or where it knows nothing, of a store that was named."""
    settings = choices.settings()
    if settings.source == "kubernetes" and choices.store is None:
        try:
            return in_order(asyncio.run(_asked(settings.kubernetes, choices.named_namespace, name)))
        except NoSuchJobError:
            if "store" not in settings.model_fields_set:
                raise
    return happened(open_store(choices).get(choices.in_namespace, name))


def happened(stored: StoredJob) -> list[Happened]:
    """What is known of a job in a store, oldest first."""
    seen = [(stored.created, "Declared", "job", f"first seen in {stored.path}")] if stored.created else []
    return sorted([*seen, *_of(stored.status)], key=_moment)


def in_order(history: History) -> list[Happened]:
    """What is known of a job on Kubernetes, oldest first; what an event tells is not told of the status again."""
    created = [(history.created, "Declared", "job", "created")] if history.created else []
    told = [(each.at, each.reason, "job", _note(each)) for each in history.events]
    rest = (row for row in _of(history.status) if not any(_is(row, each) for each in history.events))
    return sorted([*created, *told, *rest], key=_moment)


def _moment(row: Happened) -> tuple[datetime, Happened]:
    """Events have fractions of seconds, conditions have none."""
    return datetime.fromisoformat(row[0]), row


def _note(event: Told) -> str:
    return f"{event.note} ({event.count} times)" if event.count > 1 else event.note


def _is(row: Happened, event: Told) -> bool:
    """Whether an event told this turn of a condition."""
    _, reason, _, sentence = row
    return reason == event.reason and bool(event.note) and sentence.endswith(event.note)


async def _asked(settings: Kubernetes, namespace: str, name: str) -> History:
    """In that namespace, or else in the kubeconfig context's own, as kubectl does."""
    from trainmaster.sources.kubernetes.api import Api
    from trainmaster.sources.kubernetes.history import history

    api = Api.connect(settings)
    try:
        return await history(api, namespace or api.connection.namespace, name)
    finally:
        await api.close()


def _of(status: JobStatus | None) -> Iterator[Happened]:
    if status is not None:
        yield from _turns(status)
        yield from _ends(status)


def _turns(status: JobStatus) -> Iterator[Happened]:
    """Conditions that are so, and the one that says no to what was declared. The summary says nothing of its own."""
    for c in status.conditions:
        refused = c.type == "Accepted" and c.status != "True"
        if refused or (c.status == "True" and c.type not in {"Ready", "Stalled", "Reconciling"}):
            yield c.last_transition_time, c.reason, "job", f"{c.type}: {c.message}"


def _ends(status: JobStatus) -> Iterator[Happened]:
    for role, of_role in status.roles.items():
        for replica in of_role.replicas:
            if end := replica.last_exit:
                yield end.time, end.cause, f"{role}-{replica.index}", f"{end.message} on {end.node}"
