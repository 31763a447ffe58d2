"""`events`: what a job's status tells of when, in the order in which it happened. Never here: the store."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from trainmaster.cli.options import Choices, with_choices
from trainmaster.cli.store import open_store
from trainmaster.cli.tables import table
from trainmaster.observe.ages import since

if TYPE_CHECKING:
    from trainmaster.sources.store import StoredJob

HEADER = ("LAST SEEN", "REASON", "OBJECT", "MESSAGE")
Happened = tuple[str, str, str, str]
"""time as RFC 3339, reason, what it is about, sentence"""


@with_choices
def events(choices: Choices, name: Annotated[str, typer.Argument(help="The job.")]) -> None:
    """Tell what happened to a job: the last turn of each condition, and the last end of each process."""
    stored = open_store(choices).get(choices.in_namespace, name)
    rows = [(f"{since(at, time.time())} ago", *rest) for at, *rest in happened(stored)]
    print("\n".join(table(HEADER, rows)) if rows else f"Nothing is known to have happened to {name} yet.")


def happened(stored: StoredJob) -> list[Happened]:
    """Oldest first."""
    return sorted([*_known(stored), *_turns(stored), *_ends(stored)])


def _known(stored: StoredJob) -> Iterator[Happened]:
    if stored.created:
        yield stored.created, "Declared", "job", f"first seen in {stored.path}"


def _turns(stored: StoredJob) -> Iterator[Happened]:
    """Conditions that are so, and the one that says no to what was declared. The summary says nothing of its own."""
    for c in stored.status.conditions if stored.status else ():
        refused = c.type == "Accepted" and c.status != "True"
        if refused or (c.status == "True" and c.type not in {"Ready", "Stalled", "Reconciling"}):
            yield c.last_transition_time, c.reason, "job", f"{c.type}: {c.message}"


def _ends(stored: StoredJob) -> Iterator[Happened]:
    for role, of_role in stored.status.roles.items() if stored.status else ():
        for replica in of_role.replicas:
            if end := replica.last_exit:
                yield end.time, end.cause, f"{role}-{replica.index}", f"{end.message} on {end.node}"
