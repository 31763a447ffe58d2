"""Text for terminals: tables as kubectl prints them, one row per job. Pure: values in, lines out."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from trainmaster.observe.ages import short_age, since
from trainmaster.printable import printable

if TYPE_CHECKING:
    from trainmaster.sources.stored import StoredJob

HEADER = ("NAME", "STATE", "FRAMEWORK", "WORKERS", "GPUS", "QUEUE", "RESTARTS", "AGE")
WIDE = ("APPLICATION", "OWNER", "MESSAGE")
LATER = {"STATE": len("Restarting"), "WORKERS": len("100/100"), "AGE": len("59m")}
"""letters that later rows may need"""
FIRST_TO_GO = ("GPUS", "FRAMEWORK", "QUEUE", "RESTARTS", "AGE", "WORKERS")
"""on a narrow terminal"""
GAP = "   "
NOTHING = "<none>"


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Left-aligned columns; an empty cell shows as <none>."""
    return aligned([header, *map(_filled, rows)])


def aligned(cells: Sequence[Sequence[str]]) -> list[str]:
    widths = widths_of(cells)
    return [line(row, widths) for row in cells]


def widths_of(cells: Sequence[Sequence[str]]) -> list[int]:
    """Letters of each column."""
    return [max(map(len, column)) for column in zip(*cells, strict=True)]


def line(row: Sequence[str], widths: Sequence[int]) -> str:
    return GAP.join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()


def fitting(cells: Sequence[Sequence[str]], first_to_go: Sequence[str], room: int) -> list[int]:
    """Which columns fit into so many letters: those of `first_to_go` are left out one by one, and no letter of the others."""
    head, widths = cells[0], widths_of(cells)
    kept = list(range(len(head)))
    for name in first_to_go:
        if sum(widths[i] for i in kept) + len(GAP) * (len(kept) - 1) <= room:
            break
        kept = [i for i in kept if head[i] != name]
    return kept


def narrow(
    header_: Sequence[str], rows: Sequence[Sequence[str]], first_to_go: Sequence[str], room: int | None
) -> list[str]:
    """A table that fits into so many letters, or whole where `room` is None."""
    cells = [header_, *map(_filled, rows)]
    kept = list(range(len(header_))) if room is None else fitting(cells, first_to_go, room)
    return aligned([[each[i] for i in kept] for each in cells])


def with_sentences(
    header_: Sequence[str], rows: Sequence[Sequence[str]], first_to_go: Sequence[str], room: int | None
) -> list[str]:
    """A table whose last column is a sentence. Where they don't fit beside the others, they stand below their rows."""
    whole = table(header_, rows)
    if room is None or max(map(len, whole)) <= room:
        return whole
    head, *lines = narrow(header_[:-1], [row_[:-1] for row_ in rows], first_to_go, room)
    pairs = zip(lines, rows, strict=True)
    return [head, *(part for line_, row_ in pairs for part in (line_, *_below(row_[-1], room)))]


def _below(sentence: str, room: int) -> Iterator[str]:
    yield from textwrap.wrap(
        printable(sentence),
        max(room, 20),
        initial_indent="  ",
        subsequent_indent="  ",
        break_on_hyphens=False,
    )


class Sheet:
    """A table that goes on: later rows stand in the columns of the first ones, which only grow."""

    def __init__(
        self,
        header_: Sequence[str],
        rows: Sequence[Sequence[str]],
        room: int | None = None,
        *,
        goes_on: bool = False,
    ) -> None:
        """`room` is the width of the terminal; None keeps all columns. `goes_on` leaves room for states yet to come."""
        cells = [header_, *map(_filled, rows)]
        self._kept = list(range(len(header_))) if room is None else fitting(cells, FIRST_TO_GO, room)
        chosen = [self._chosen(row) for row in cells]
        self._widths = widths_of(chosen)
        if goes_on:
            wider = (LATER.get(name, 0) for name in chosen[0])
            self._widths = [max(each) for each in zip(self._widths, wider, strict=True)]
        self.lines = [line(row, self._widths) for row in chosen]

    def further(self, row_: Sequence[str]) -> str:
        """One more row."""
        chosen = self._chosen(_filled(row_))
        self._widths = [max(width, len(cell)) for width, cell in zip(self._widths, chosen, strict=True)]
        return line(chosen, self._widths)

    def _chosen(self, row_: Sequence[str]) -> list[str]:
        return [row_[i] for i in self._kept]


def _filled(row_: Sequence[str]) -> list[str]:
    return [printable(cell) or NOTHING for cell in row_]


def header(all_namespaces: bool, wide: bool) -> tuple[str, ...]:
    return (("NAMESPACE",) if all_namespaces else ()) + HEADER + (WIDE if wide else ())


def row(stored: StoredJob, now: float, all_namespaces: bool = False, wide: bool = False) -> tuple[str, ...]:
    """One job's cells under `header`."""
    front = (stored.namespace,) if all_namespaces else ()
    return front + _cells(stored, now) + (_wide(stored) if wide else ())


def state(stored: StoredJob) -> str:
    """The state that a controller wrote; Invalid or Declared while none has seen the job."""
    if stored.status is not None and stored.status.state:
        return stored.status.state
    return "Invalid" if stored.problems else "Declared"


def message(stored: StoredJob) -> str:
    """The sentence beside the state: that of its condition, or the first problem."""
    if stored.status is None:
        return str(stored.problems[0]) if stored.problems else "no controller has seen it yet"
    wanted = state(stored)
    conditions = stored.status.conditions
    told = next((c.message for c in conditions if c.type == wanted and c.status == "True"), "")
    no = next((c.message for c in conditions if c.type == "Accepted" and c.status != "True"), "")
    return f"{told}; the newest declaration is not taken over: {no}" if told and no else told or no


def _cells(stored: StoredJob, now: float) -> tuple[str, ...]:
    spec, status = stored.job.spec if stored.job else None, stored.status
    return (
        stored.name,
        state(stored),
        str(spec.framework) if spec else "",
        status.workers_summary if status else "",
        str(status.gpus) if status else "",
        (status.queue if status else "") or (spec.queue if spec else ""),
        str(status.restarts) if status else "",
        age(stored, now),
    )


def age(stored: StoredJob, now: float) -> str:
    """Since a controller first saw the job; since the file was written while none has.

    Where the time wasn't noted, the oldest that is known of it stands for it.
    """
    conditions = stored.status.conditions if stored.status else ()
    oldest = min((c.last_transition_time for c in conditions), default=None)
    return since(stored.created or oldest, now) or short_age(now - stored.mtime)


def _wide(stored: StoredJob) -> tuple[str, ...]:
    return (stored.status.application_id if stored.status else "", stored.owner, message(stored))
