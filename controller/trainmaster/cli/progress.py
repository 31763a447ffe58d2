"""How a running job is shown while `run` follows it: a live table on a terminal, else one line per change.

Pure but for the two displays at the end, which print. Never here: the store.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

from trainmaster.cli.tables import aligned, fitting, message, state
from trainmaster.printable import printable

if TYPE_CHECKING:
    from rich.console import Group
    from rich.live import Live

    from trainmaster.api.status import ExitStatus, JobStatus, RoleStatus
    from trainmaster.sources.stored import StoredJob

ROLE_COLUMNS = ("role", "wanted", "running", "succeeded", "failed", "restarts")
TONES = {
    "Running": "blue",
    "Succeeded": "green",
    "Failed": "red",
    "Refused": "red",
    "Invalid": "red",
    "Restarting": "yellow",
    "Suspended": "yellow",
}


class Display(Protocol):
    """What shows a job's progress."""

    def show(self, stored: StoredJob) -> None:
        """The job as it is now; called often, also when nothing changed."""

    def stop(self) -> None:
        """Leave the terminal as it is; `show` starts it again."""


def changes(before: StoredJob | None, after: StoredJob) -> list[str]:
    """What happened between two looks, one line each, ends before what follows from them."""
    lines = [*_new_ends(before.status if before else None, after.status)]
    if before is None or (state(before), message(before)) != (state(after), message(after)):
        lines.append(": ".join(part for part in (state(after), message(after)) if part))
    lines += _new_counts(before.status if before else None, after.status)
    return [printable(line) for line in lines]


def counts(role: RoleStatus) -> str:
    """`2/3 running, 1 failed`."""
    parts = [f"{role.running}/{role.wanted} running"]
    parts += [f"{role.succeeded} succeeded"] if role.succeeded else []
    parts += [f"{role.failed} failed"] if role.failed else []
    return ", ".join(parts)


def ends(status: JobStatus | None) -> dict[str, ExitStatus]:
    """The last end of each replica that had one, by role-index."""
    return {
        f"{role}-{replica.index}": replica.last_exit
        for role, of_role in (status.roles.items() if status else ())
        for replica in of_role.replicas
        if replica.last_exit is not None
    }


def end_sentence(replica: str, end: ExitStatus) -> str:
    """`worker-0 ended on node1 (Retryable): exit code 42`; every message tells the code."""
    return f"{replica} ended on {end.node} ({end.cause}): {end.message}"


def _new_ends(before: JobStatus | None, after: JobStatus | None) -> Iterator[str]:
    known = ends(before)
    for replica, end in ends(after).items():
        if known.get(replica) != end:
            yield end_sentence(replica, end)


def _new_counts(before: JobStatus | None, after: JobStatus | None) -> Iterator[str]:
    for name, role in after.roles.items() if after else ():
        known = before.roles.get(name) if before else None
        if known is None or counts(known) != counts(role):
            yield f"{name}: {counts(role)}"


def panel(stored: StoredJob, room: int = 80) -> Group:
    """The live view, on so many columns: the state, one row per role, the last ends."""
    from rich.console import Group
    from rich.text import Text

    word = state(stored)
    title = Text.assemble((f"{stored.namespace}/{stored.name} ", "bold"), (word, TONES.get(word, "cyan")))
    return Group(
        title,
        Text(printable(message(stored))),
        Text(_roles(stored, room)),
        Text(_last_ends(stored), style="dim"),
    )


def _roles(stored: StoredJob, room: int) -> str:
    cells: list[tuple[str, ...]] = [ROLE_COLUMNS]
    for name, role in stored.status.roles.items() if stored.status else ():
        numbers = (role.wanted, role.running, role.succeeded, role.failed, role.restarts)
        cells.append((name, *map(str, numbers)))
    kept = fitting(cells, ("restarts", "succeeded", "failed", "wanted"), room)
    return "\n".join(aligned([[row[i] for i in kept] for row in cells]))


def _last_ends(stored: StoredJob) -> str:
    bad = [item for item in ends(stored.status).items() if item[1].cause != "Succeeded"]
    latest = sorted(bad, key=lambda item: item[1].time)[-3:]
    return "\n".join(printable(end_sentence(replica, end)) for replica, end in latest)


class LiveDisplay:
    """On a terminal: the panel, drawn in place."""

    def __init__(self) -> None:
        self._live: Live | None = None

    def show(self, stored: StoredJob) -> None:
        if self._live is None:
            from rich.live import Live

            self._live = Live(auto_refresh=False)
            self._live.start()
        self._live.update(panel(stored, self._live.console.width), refresh=True)

    def stop(self) -> None:
        if self._live is not None:
            self._live.stop()
            self._live = None


class LineDisplay:
    """Elsewhere: a line for each change, with the time."""

    def __init__(self) -> None:
        self._before: StoredJob | None = None

    def show(self, stored: StoredJob) -> None:
        for line in changes(self._before, stored):
            print(f"{datetime.now().astimezone():%H:%M:%S} {stored.name}: {line}", flush=True)
        self._before = stored

    def stop(self) -> None:
        """Lines stay as they are."""
