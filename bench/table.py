"""The records as a table for a person: a row per figure, a column per system. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from rich.table import Table

from bench.figures import Record


def to_table(records: Sequence[Record], title: str) -> Table:
    """Each cell holds the median, the least and the most, and how many times trainmaster's median that is."""
    systems = list(dict.fromkeys(record.system for record in records))
    cells = {(record.figure, record.system): cell(record) for record in records}
    units = {record.figure: record.unit for record in records}
    table = Table(title=title)
    table.add_column("figure")
    table.add_column("unit")
    for system in systems:
        table.add_column(system, justify="right")
    for figure, unit in units.items():
        table.add_row(figure, unit, *(cells.get((figure, system), "") for system in systems))
    return table


def cell(record: Record) -> str:
    """`1.34 (1.10 to 1.62)`, and for a peer `13.8 (13.1 to 14.9), 10.3 times`."""
    shown = number(record.median)
    if record.n > 1:
        shown += f" ({number(record.min)} to {number(record.max)})"
    if record.ratio is not None and record.ratio != 1:
        shown += f", {number(record.ratio)} times"
    return shown


def number(value: float) -> str:
    """Three significant digits, never in powers of ten."""
    if value and abs(value) < 0.0995:
        return f"{value:.2g}" if abs(value) >= 0.0001 else f"{value:.6f}"
    digits = next((digits for limit, digits in ((9.995, 2), (99.95, 1)) if abs(value) < limit), 0)
    return f"{value:,.{digits}f}"
