"""What a person reads of the records."""

from __future__ import annotations

import pytest
from rich.console import Console

from bench.figures import REFERENCE, Record
from bench.table import cell, number, to_table


def a_record(median: float, n: int = 5, ratio: float | None = 1, system: str = REFERENCE) -> Record:
    return Record("start", system, "s", n, median, median / 2, median * 2, ratio, 0.1)


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (0, "0.00"),
        (1.337, "1.34"),
        (13.77, "13.8"),
        (99.96, "100"),
        (20_912, "20,912"),
        (0.0421, "0.042"),
        (0.0996, "0.10"),
        (0.000012, "0.000012"),
        (-0.5, "-0.50"),
    ],
)
def test_numbers_have_about_three_digits_and_no_powers(value, shown):
    assert number(value) == shown


def test_a_cell_tells_median_and_range():
    assert cell(a_record(2)) == "2.00 (1.00 to 4.00)"


def test_a_peer_tells_how_many_times_ours_it_is():
    assert cell(a_record(13.8, ratio=10.3)) == "13.8 (6.90 to 27.6), 10.3 times"


def test_one_measurement_has_no_range():
    assert cell(a_record(2, n=1, ratio=None)) == "2.00"


def test_systems_are_columns_and_what_one_has_not_is_left_empty():
    records = [
        a_record(1),
        a_record(12, ratio=12, system="peer"),
        Record("memory", REFERENCE, "KiB", 1, 64, 64, 64, 1, 0),
    ]
    table = to_table(records, "today")
    console = Console(width=200, record=True, quiet=True)
    console.print(table)
    assert [column.header for column in table.columns] == ["figure", "unit", REFERENCE, "peer"]
    assert list(table.columns[3].cells) == ["12.0 (6.00 to 24.0), 12.0 times", ""]
