"""`report`: what the runs that ended in a month asked for, held and used, and what that costs; or what became of their time."""

from __future__ import annotations

import csv
import json
import sys
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from enum import StrEnum
from functools import partial
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from trainmaster.cli import tables, terminal
from trainmaster.cli.exits import UsageError
from trainmaster.cli.history import opened, warn_of_unread
from trainmaster.cli.options import Choices, with_choices
from trainmaster.cli.store import settings_of

if TYPE_CHECKING:
    from trainmaster.api.history import EndedRun
    from trainmaster.cli.bill import Prices, Row
    from trainmaster.sources.history import HistoryFolder

Told = dict[str, object]
"""a row by the names that JSON and CSV have for its cells"""
FORMULAS = frozenset("=+-@\t\r\n")
"""with which a formula begins, or what a spreadsheet leaves out before one"""
FIRST_TO_GO = (
    "CONTAINER-H",
    "STOPPING",
    "GATHERING",
    "IDLE",
    "STALLED",
    "REPLAYING",
    "STARTING",
    "GPU-H",
    "QUEUED",
    "RUNS",
)


class Output(StrEnum):
    """How the report is printed."""

    TABLE = "table"
    CSV = "csv"
    JSON = "json"


class What(StrEnum):
    """What is reported."""

    HELD = "held"
    GOODPUT = "goodput"


class By(StrEnum):
    """What a row stands for."""

    USER = "user"
    QUEUE = "queue"
    NAMESPACE = "namespace"
    FRAMEWORK = "framework"
    JOB = "job"
    CAUSE = "cause"
    NODE = "node"


@with_choices
def report(
    choices: Choices,
    what: Annotated[
        What, typer.Argument(help="held: what runs held, and its price; goodput: what became of their time.")
    ] = What.HELD,
    by: Annotated[
        By, typer.Option("--by", help="What a row stands for; cause and node are of lost time.")
    ] = By.USER,
    month: Annotated[str, typer.Option("--month", help="Such as 2026-11; left out: the present one.")] = "",
    prices: Annotated[
        Path | None, typer.Option("--prices", help="File of prices, YAML or JSON: gpu_hour, vcore_hour, …")
    ] = None,
    output: Annotated[Output, typer.Option("--output", "-o", help="How to print.")] = Output.TABLE,
    to: Annotated[
        str,
        typer.Option(
            "--to", help="File to write instead of printing, at a URL such as hdfs:///bills/11.csv."
        ),
    ] = "",
) -> None:
    """Sum up what ended runs held, or what became of their time, by user, queue, namespace, framework or job."""
    from trainmaster.cli import bill

    if to and output is Output.TABLE:
        raise UsageError("--to writes a file for programs: say with -o which")
    reading = _Reading(opened(choices), month or f"{datetime.now(UTC):%Y-%m}", choices.namespace)
    tell = partial(_print, output, partial(_write, choices, to) if to else sys.stdout.write)
    if what is What.GOODPUT:
        _goodput(reading, by, tell)
        return
    if by in {By.CAUSE, By.NODE}:
        raise UsageError(f"--by {by}: only `report goodput` tells what failures cost")
    listed = _prices(prices)
    rows, total = bill.summed(reading, by.value, listed)
    warn_of_unread(reading.unread)
    if total.unaccounted:
        print(
            f"warning: of {total.unaccounted} runs it isn't known what they held: an older controller began them",
            file=sys.stderr,
        )
    tell(
        {"month": reading.month, "by": by.value, "currency": listed.currency},
        [row.rounded() for row in rows],
        total.rounded(),
        lambda: _table(by, [*rows, total], listed.currency, bool(listed.currency or total.cost)),
    )


def _goodput(reading: _Reading, by: By, tell: Callable[..., None]) -> None:
    """What became of the time of a month's runs, or what failures cost of it."""
    from trainmaster.cli import spent

    if by in spent.LOST_BY:
        found, whole = spent.costs(reading, by.value)
        rows, total = [row.told() for row in found], whole.told()
    else:
        sums, all_ = spent.summed(reading, by.value)
        rows, total = [row.told() for row in sums], all_.told()
        if all_.unknown:
            print(
                f"warning: of {all_.unknown} runs it isn't known: an older controller drove them",
                file=sys.stderr,
            )
    warn_of_unread(reading.unread)
    about = {"month": reading.month, "by": by.value}
    tell(about, rows, total, lambda: _goodput_table(by, [*rows, total]))


def _goodput_table(by: By, rows: list[Told]) -> list[str]:
    head = [by.value.upper() if name == "key" else _head(name) for name in rows[0]]
    cells = [[_cell(name, value) for name, value in row.items()] for row in rows]
    return tables.narrow(head, cells, FIRST_TO_GO, terminal.room())


def _head(name: str) -> str:
    return name.removesuffix("_hours").upper() + ("-H" if name in {"gpu_hours", "container_hours"} else "")


def _cell(name: str, value: object) -> str:
    if isinstance(value, float):
        return f"{100 * value:.1f} %" if name == "goodput" else f"{value:.2f}"
    return "?" if value is None else str(value)


class _Reading:
    """The runs of a month, one after the other."""

    def __init__(self, folder: HistoryFolder, month: str, namespace: str | None) -> None:
        from trainmaster.api.history import month_of, month_over
        from trainmaster.api.past_runs import Wanted

        self.month, self.unread, self._folder = month, 0, folder
        self._wanted = Wanted(month_of(month), month_over(month), namespace=namespace or "")

    def __iter__(self) -> Iterator[EndedRun]:
        from trainmaster.sources.past_runs import records

        for run in records(self._folder, self._wanted):
            if run is None:
                self.unread += 1
            else:
                yield run


def _prices(path: Path | None) -> Prices:
    from trainmaster.cli.bill import Prices, read_prices
    from trainmaster.errors import InvalidError

    if path is None:
        return Prices()
    import yaml

    try:
        return read_prices(yaml.safe_load(path.read_text()))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise InvalidError(f"{path}: {' '.join(str(error).split())}") from error


def _print(
    output: Output,
    write: Callable[[str], object],
    about: Mapping[str, str],
    rows: list[Told],
    total: Told,
    table: Callable[[], list[str]],
) -> None:
    """`about`: the month, what a row stands for, and so on, under the names that JSON has for them."""
    if output is Output.JSON:
        write(json.dumps({**about, "rows": rows, "total": total}, indent=2, ensure_ascii=False) + "\n")
    elif output is Output.CSV:
        write(_csv(about["by"], total, rows))
    elif rows:
        write("\n".join(table()) + "\n")
    else:
        print(f"No run ended in {about['month']}.", file=sys.stderr)


def _write(choices: Choices, url: str, text: str) -> None:
    from trainmaster.sources.history import put_file

    put_file(settings_of(choices), url, text.encode())


def _csv(by: str, names: Iterable[str], rows: Iterable[Told]) -> str:
    made = StringIO()
    writer = csv.writer(made, lineterminator="\n")
    writer.writerow([by if name == "key" else name for name in names])
    writer.writerows(map(_plain, row.values()) for row in rows)
    return made.getvalue()


def _plain(cell: object) -> object:
    """For spreadsheets, which take a text that begins like a formula for one, and names are what somebody has declared."""
    if not isinstance(cell, str):
        return cell
    text = unicodedata.normalize("NFKC", cell)
    return f"'{cell}" if FORMULAS & {*text[:1], *text.lstrip()[:1]} else cell


def _table(by: By, rows: list[Row], currency: str, priced: bool) -> list[str]:
    head = (
        by.value.upper(),
        "RUNS",
        "GPU-H ASKED",
        "GPU-H HELD",
        "GPU-H USED",
        "GPU-H IDLE",
        "UNMEASURED",
        "VCORE-H",
        "GIB-H",
    )
    cost = (f"COST {currency}".strip(),) if priced else ()
    return tables.narrow(
        (*head, *cost), [_cells(row, priced) for row in rows], ("UNMEASURED", "GIB-H"), terminal.room()
    )


def _cells(row: Row, priced: bool) -> tuple[str, ...]:
    amounts = (
        row.gpu_hours_asked,
        row.gpu_hours_held,
        row.gpu_hours_used,
        row.gpu_hours_idle,
        row.gpu_hours_unmeasured,
        row.vcore_hours,
        row.memory_gib_hours,
    )
    cost = (f"{row.cost:.2f}",) if priced else ()
    return (row.key, str(row.runs), *(f"{amount:.2f}" for amount in amounts), *cost)
