"""`events`: what happened to a job and when, in order. Never here: where that is known from."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING

from trainmaster.cli import terminal
from trainmaster.cli.chosen import Name
from trainmaster.cli.options import Choices, with_choices
from trainmaster.cli.store import open_store
from trainmaster.cli.tables import with_sentences
from trainmaster.observe.ages import since

if TYPE_CHECKING:
    from trainmaster.api.status import JobStatus
    from trainmaster.sources.stored import Past, Told

HEADER = ("LAST SEEN", "REASON", "OBJECT", "MESSAGE")
Happened = tuple[str, str, str, str]
"""time as RFC 3339, reason, what it is about, sentence"""


@with_choices
def events(choices: Choices, name: Name) -> None:
    """Tell what happened to a job: the last turn of each condition, the last end of each process; on Kubernetes its Events."""
    store = open_store(choices)
    known = in_order(store.past(choices.in_namespace(store), name))
    rows = [(f"{since(at, time.time())} ago", *rest) for at, *rest in known]
    nothing = [f"Nothing is known to have happened to {name} yet."]
    print("\n".join(with_sentences(HEADER, rows, ("OBJECT",), terminal.room()) if rows else nothing))


def in_order(past: Past) -> list[Happened]:
    """What is known of a job, oldest first; what an event tells is not told of the status again."""
    declared = [(past.created, "Declared", "job", past.how)] if past.created else []
    told = [(each.at, each.reason, "job", _note(each)) for each in past.told]
    rest = (row for row in _of(past.status) if not any(_is(row, each) for each in past.told))
    return sorted([*declared, *told, *rest], key=_moment)


def _moment(row: Happened) -> tuple[datetime, Happened]:
    """Events have fractions of seconds, conditions have none."""
    return datetime.fromisoformat(row[0]), row


def _note(event: Told) -> str:
    return f"{event.note} ({event.count} times)" if event.count > 1 else event.note


def _is(row: Happened, event: Told) -> bool:
    """Whether an event told this turn of a condition."""
    _, reason, _, sentence = row
    return reason == event.reason and bool(event.note) and sentence.endswith(event.note)


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
