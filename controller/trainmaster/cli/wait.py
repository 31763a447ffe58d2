"""`wait`: until a condition of jobs is so, or until they are gone."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from trainmaster.cli.chosen import Names, Selector, for_each, names_of
from trainmaster.cli.exits import ExitCode, TimedOutError, UsageError
from trainmaster.cli.options import Choices, with_choices
from trainmaster.cli.outputs import document
from trainmaster.cli.store import open_store
from trainmaster.errors import InvalidError

if TYPE_CHECKING:
    from trainmaster.api.status import JobStatus
    from trainmaster.sources.jobs import Jobs
    from trainmaster.sources.stored import StoredJob

T = TypeVar("T")
Holds = Callable[["StoredJob"], bool]
LOOK_SECONDS, LOOK_SECONDS_AT_MOST = 0.5, 5.0
"""between two looks, first and at last: each costs the API server or the NameNode something, and many may wait for a long time"""
LATE = 0.05
"""part of the time waited that may pass between two looks"""


@with_choices
def wait(
    choices: Choices,
    names: Names = None,
    selector: Selector = "",
    for_: Annotated[
        str,
        typer.Option(
            "--for",
            help="condition=TYPE, condition=TYPE=False, jsonpath={PATH}=VALUE, jsonpath={PATH}, or delete.",
        ),
    ] = "condition=Finished",
    timeout: Annotated[str, typer.Option(help="How long at most for all, such as 30s or 5m.")] = "5m",
) -> None:
    """Wait for a condition of jobs, or for their deletion."""
    end = time.monotonic() + _seconds(timeout)
    holds = None if for_ == "delete" else _wanted(for_)
    store = open_store(choices)
    namespace = choices.in_namespace(store)

    def wait_for_one(name: str) -> None:
        left = max(0.0, end - time.monotonic())
        if holds is None:
            until_gone(store, namespace, name, left)
            print(f"trainingjob/{name} deleted")
            return
        stored = _until(lambda: _decided(store.get(namespace, name), holds), left, f"{name}: {for_}")
        if not holds(stored):
            raise typer.Exit(_never(name, stored))
        print(f"trainingjob/{name} condition met")

    for_each(names_of(store, namespace, names, selector), wait_for_one)


def until_gone(
    store: Jobs, namespace: str, name: str, seconds: float, deleted: StoredJob | None = None
) -> None:
    """Return when nothing of the job is left: no declaration, no process. Raises TimedOutError.

    `deleted` is the job as it was, where its declaration was taken back already. Another job of its name isn't waited for.
    """
    last = deleted

    def gone() -> bool | None:
        nonlocal last
        stored = store.find(namespace, name)
        if stored and (last is None or not last.uid or stored.uid == last.uid):
            last = stored
        elif stored and stored.uid:
            return True
        return (stored is None and store.is_gone(namespace, name, last)) or None

    _until(gone, seconds, f"{name} to be gone")


def _until(look: Callable[[], T | None], seconds: float, what: str) -> T:
    """What a look finds, the first one or a later; there is one, however short the time."""
    from trainmaster.errors import UnavailableError

    began = time.monotonic()
    end = began + seconds
    while True:
        last = ""
        try:
            found = look()
        except UnavailableError as error:  # nothing is known: look again
            found, last = None, f" ({error})"
        if found is not None:
            return found
        if (now := time.monotonic()) >= end:
            raise TimedOutError(f"timed out waiting for {what}{last}")
        pause = min(LOOK_SECONDS_AT_MOST, max(LOOK_SECONDS, LATE * (now - began)))
        time.sleep(min(pause, end - now))


def _wanted(text: str) -> Holds:
    """What is waited for, as a question to a job. Raises UsageError."""
    kind, _, rest = text.partition("=")
    if kind == "jsonpath" and rest:
        return _jsonpath(rest)
    type_, status = _condition(text)
    return lambda stored: _holds(stored.status, type_, status)


def _jsonpath(text: str) -> Holds:
    """A path, and the value that it is to lead to; without one it is enough that it leads to something."""
    from trainmaster.cli.jsonpath import path, shown

    inner, brace, rest = text.rpartition("}")
    where, equals, value = (inner + brace, *rest.partition("=")[1:]) if brace else text.partition("=")
    try:
        found = path(where)
    except InvalidError as error:
        raise UsageError(f"--for=jsonpath: {error}") from error
    if not equals:
        return lambda stored: bool(found(document(stored)))
    return lambda stored: value in map(shown, found(document(stored)))


def _condition(text: str) -> tuple[str, str]:
    from trainmaster.api.status import ConditionType

    kind, _, rest = text.partition("=")
    type_, _, status = rest.partition("=")
    types = {str(c).lower(): str(c) for c in ConditionType}
    statuses = {"": "True", **{word.lower(): word for word in ("True", "False", "Unknown")}}
    if kind != "condition" or type_.lower() not in types or status.lower() not in statuses:
        forms = "condition=TYPE, condition=TYPE=False, jsonpath={PATH}=VALUE, or delete"
        raise UsageError(f"--for={text}: say {forms}; TYPE is one of {', '.join(types.values())}")
    return types[type_.lower()], statuses[status.lower()]


def _seconds(text: str) -> float:
    from trainmaster.api.quantities import parse_duration

    try:
        return float(str(parse_duration(text)))
    except ValueError as error:
        raise UsageError(f"--timeout: {error}") from error


def _decided(stored: StoredJob, holds: Holds) -> StoredJob | None:
    """The job once it is so, or once the job has ended and it can't come true any more."""
    if stored.runs_again:
        return None
    over = _holds(stored.status, "Finished", "True")
    return stored if over or holds(stored) else None


def _holds(status: JobStatus | None, type_: str, wanted: str) -> bool:
    return status is not None and any(c.type == type_ and c.status == wanted for c in status.conditions)


def _never(name: str, stored: StoredJob) -> ExitCode:
    from trainmaster.cli.tables import message, state

    print(f"error: {name} ended: {state(stored)}: {message(stored)}", file=sys.stderr)
    return ExitCode.FAILED
