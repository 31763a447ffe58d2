"""`history`: runs of jobs that are over, newest first, also of jobs that are long gone."""

from __future__ import annotations

import json
import re
import sys
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from trainmaster.cli import tables, terminal
from trainmaster.cli.exits import UsageError
from trainmaster.cli.options import Choices, with_choices
from trainmaster.cli.store import settings_of, usual_namespace

if TYPE_CHECKING:
    from trainmaster.api.history import EndedRun
    from trainmaster.api.past_runs import Found, Wanted
    from trainmaster.sources.history import HistoryFolder

HEADER = ("NAMESPACE", "NAME", "RUN", "STATE", "REASON", "USER", "QUEUE", "TOOK", "GPU-HOURS", "ENDED")
WIDE = ("FRAMEWORK", "RESTARTS", "VCORE-HOURS", "GIB-HOURS", "APPLICATION", "MESSAGE")
FIRST_TO_GO = ("RUN", "REASON", "QUEUE", "TOOK", "USER", "GPU-HOURS")
UNITS = {"m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0}
AGE = re.compile(r"(\d{1,6})([mhdw])")
USUAL = "30d"


class Output(StrEnum):
    """How runs are printed."""

    TABLE = "table"
    WIDE = "wide"
    JSON = "json"


SinceOption = Annotated[
    str,
    typer.Option("--since", help="Ended so long ago at most (90m, 12h, 7d, 4w), or since a date or time."),
]


@with_choices
def history(
    choices: Choices,
    name: Annotated[str, typer.Argument(help="One job, or a pattern such as mnist-*.")] = "",
    all_namespaces: Annotated[
        bool, typer.Option("--all-namespaces", "-A", help="Jobs of all namespaces.")
    ] = False,
    user: Annotated[str, typer.Option("--user", "-u", help="YARN user that it ran as, or a pattern.")] = "",
    queue: Annotated[str, typer.Option("--queue", "-q", help="Queue that it ran in, or a pattern.")] = "",
    state: Annotated[str, typer.Option("--state", help="Succeeded, Failed or Deleted.")] = "",
    since: SinceOption = USUAL,
    until: Annotated[str, typer.Option("--until", help="Ended before that; as --since.")] = "",
    limit: Annotated[int, typer.Option("--limit", min=1, max=10_000, help="So many at most.")] = 100,
    output: Annotated[Output, typer.Option("--output", "-o", help="How to print.")] = Output.TABLE,
) -> None:
    """List runs of jobs that are over."""
    from trainmaster.api.past_runs import Wanted
    from trainmaster.sources.past_runs import find

    tomorrow = datetime.now(UTC) + timedelta(days=1)  # no run has ended later, whatever other clocks say
    wanted = Wanted(
        since=moment(since, "--since"),
        until=min(tomorrow, moment(until, "--until")) if until else tomorrow,
        namespace="" if all_namespaces else usual_namespace(choices),
        name=name,
        user=user,
        queue=queue,
        state=_state(state),
    )
    found = find(opened(choices), wanted, limit)
    _print(found, output, wanted)


def opened(choices: Choices) -> HistoryFolder:
    """The history of the settings. Raises SettingsError, InvalidError where none is kept."""
    from trainmaster.sources.history import open_history

    return open_history(settings_of(choices))


def moment(word: str, option: str) -> datetime:
    """A time, or so long ago. Raises UsageError."""
    try:
        if age := AGE.fullmatch(word):
            return datetime.now(UTC) - timedelta(seconds=int(age[1]) * UNITS[age[2]])
        at = datetime.fromisoformat(word)
        return at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        raise UsageError(
            f"{option}: a time such as 7d, 2026-11-27 or 2026-11-27T10:00:00Z is needed, not {word!r}"
        ) from None


def warn_of_unread(unread: int) -> None:
    if unread:
        print(f"warning: {unread} files of the history can't be read, and are left out", file=sys.stderr)


def row(run: EndedRun, now: float, wide: bool = False) -> tuple[str, ...]:
    """One run's cells under the header."""
    from trainmaster.observe.ages import short_age, since

    held = run.held
    cells = (
        run.namespace,
        run.name,
        str(run.run),
        run.state,
        run.reason,
        run.user,
        run.queue,
        short_age(run.seconds) if run.started_at else "",
        hours(held.gpu_seconds) if held else "?",
        since(run.ended_at, now),
    )
    return cells + (_wide(run) if wide else ())


def hours(seconds: float) -> str:
    """Of seconds times something; two digits behind the point."""
    return f"{seconds / 3600:.2f}"


def _wide(run: EndedRun) -> tuple[str, ...]:
    held = run.held
    return (
        run.framework,
        str(run.restarts),
        hours(held.vcore_seconds) if held else "?",
        hours(held.memory_mib_seconds / 1024) if held else "?",
        run.applications[-1] if run.applications else "",
        run.message,
    )


def _state(word: str) -> str:
    from trainmaster.api.history import STATES

    found = next((state for state in STATES if state.casefold() == word.casefold()), "")
    if word and not found:
        raise UsageError(f"--state: one of {', '.join(STATES)} is needed, not {word!r}")
    return found


def _print(found: Found, output: Output, wanted: Wanted) -> None:
    from trainmaster.api.history import as_document

    warn_of_unread(found.unread)
    if output is Output.JSON:
        print(json.dumps({"runs": [as_document(run) for run in found.runs]}, indent=2, ensure_ascii=False))
    elif not found.runs:
        where = f" in namespace {wanted.namespace}" if wanted.namespace else ""
        print(f"No run{where} ended since {wanted.since:%Y-%m-%d %H:%M} UTC.", file=sys.stderr)
    else:
        _print_table(found.runs, output is Output.WIDE)
    if found.more:
        print("note: there are more; narrow the question, or raise --limit", file=sys.stderr)


def _print_table(runs: tuple[EndedRun, ...], wide: bool) -> None:
    now = datetime.now(UTC).timestamp()
    rows = [row(run, now, wide) for run in runs]
    head = HEADER + (WIDE if wide else ())
    print("\n".join(tables.narrow(head, rows, FIRST_TO_GO, None if wide else terminal.room())))
