"""`wait`: until a condition of a job is so, or until the job is gone."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from trainmaster.cli.exits import ExitCode, TimedOutError, UsageError
from trainmaster.cli.options import Choices, with_choices
from trainmaster.cli.store import open_store

if TYPE_CHECKING:
    from trainmaster.api.status import JobStatus
    from trainmaster.sources.jobs import Jobs
    from trainmaster.sources.stored import StoredJob

T = TypeVar("T")
LOOK_SECONDS = 0.5


@with_choices
def wait(
    choices: Choices,
    name: Annotated[str, typer.Argument(help="The job.")],
    for_: Annotated[
        str, typer.Option("--for", help="condition=TYPE, condition=TYPE=False, or delete.")
    ] = "condition=Finished",
    timeout: Annotated[str, typer.Option(help="How long at most, such as 30s or 5m.")] = "5m",
) -> None:
    """Wait for a condition of a job, or for its deletion."""
    seconds = _seconds(timeout)
    store = open_store(choices)
    namespace = choices.in_namespace(store)
    if for_ == "delete":
        until_gone(store, namespace, name, seconds)
        print(f"trainingjob/{name} deleted")
        return
    type_, wanted = _condition(for_)
    stored = _until(lambda: _decided(store.get(namespace, name), type_, wanted), seconds, f"{name}: {for_}")
    if not _holds(stored.status, type_, wanted):
        raise typer.Exit(_never(name, stored))
    print(f"trainingjob/{name} condition met")


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
        if stored and last and stored.uid and last.uid and stored.uid != last.uid:
            return True
        last = stored or last
        return (stored is None and store.is_gone(namespace, name, last)) or None

    _until(gone, seconds, f"{name} to be gone")


def _until(look: Callable[[], T | None], seconds: float, what: str) -> T:
    from trainmaster.errors import UnavailableError

    end = time.monotonic() + seconds
    last = ""
    while time.monotonic() <= end:
        try:
            found = look()
        except UnavailableError as error:  # nothing is known: look again
            found, last = None, f" ({error})"
        if found is not None:
            return found
        time.sleep(LOOK_SECONDS)
    raise TimedOutError(f"timed out waiting for {what}{last}")


def _condition(text: str) -> tuple[str, str]:
    from trainmaster.api.status import ConditionType

    kind, _, rest = text.partition("=")
    type_, _, status = rest.partition("=")
    types = {str(c).lower(): str(c) for c in ConditionType}
    statuses = {"": "True", **{word.lower(): word for word in ("True", "False", "Unknown")}}
    if kind != "condition" or type_.lower() not in types or status.lower() not in statuses:
        forms = "condition=TYPE, condition=TYPE=False, or delete"
        raise UsageError(f"--for={text}: say {forms}; TYPE is one of {', '.join(types.values())}")
    return types[type_.lower()], statuses[status.lower()]


def _seconds(text: str) -> float:
    from trainmaster.api.quantities import parse_duration

    try:
        return float(str(parse_duration(text)))
    except ValueError as error:
        raise UsageError(f"--timeout: {error}") from error


def _decided(stored: StoredJob, type_: str, wanted: str) -> StoredJob | None:
    """The job once the condition is so, or once the job has ended and it can't come true any more."""
    if stored.runs_again:
        return None
    over = _holds(stored.status, "Finished", "True")
    return stored if over or _holds(stored.status, type_, wanted) else None


def _holds(status: JobStatus | None, type_: str, wanted: str) -> bool:
    return status is not None and any(c.type == type_ and c.status == wanted for c in status.conditions)


def _never(name: str, stored: StoredJob) -> ExitCode:
    from trainmaster.cli.tables import message, state

    print(f"error: {name} ended: {state(stored)}: {message(stored)}", file=sys.stderr)
    return ExitCode.FAILED
