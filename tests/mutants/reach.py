"""Which tests reach which lines: each file of tests is run once under coverage, and asked again only when it has changed.

Lives here: measuring and reading that. Never here: a mutant.
"""

from __future__ import annotations

import json
import os
import sqlite3
import time
from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import coverage
import pytest
from coverage.numbits import num_in_numbits

from mutants.child import tested
from mutants.tree import COPY, KEPT, SOURCES, digest, helping_files, test_files
from mutants.trial import Test, room

BITS = """
    SELECT file.path, context.context, line_bits.numbits FROM line_bits
    JOIN file ON file.id = line_bits.file_id JOIN context ON context.id = line_bits.context_id
"""
"""as coverage's documentation has it (Coverage.py database schema)"""
PATIENCE = 1800.0
"""seconds for one file of tests"""


class Reach:
    """What the tests reach, kept between runs."""

    def __init__(self) -> None:
        self._kept = KEPT / "reach"
        self._kept.mkdir(parents=True, exist_ok=True)
        self._tests: dict[str, Test] = {}
        self._reached: dict[str, list[tuple[str, bytes]]] = {}
        """by source: tests, each with the lines that it reaches"""

    def measure(self) -> Iterator[tuple[int, int]]:
        """Ask every file of tests that has changed since it was asked; yields how many of how many are known."""
        helping, files = digest(helping_files()), test_files()
        for at, path in enumerate(files):
            yield at, len(files)
            data = self._kept / f"{path.relative_to(COPY / 'tests').with_suffix('')}".replace("/", "-")
            stamp = f"{helping} {digest([path])}"
            if (
                not data.with_suffix(".json").exists()
                or json.loads(data.with_suffix(".json").read_text())["stamp"] != stamp
            ):
                _measured(path, data, stamp)
            self._take(data)

    def _take(self, data: Path) -> None:
        told = json.loads(data.with_suffix(".json").read_text())
        self._tests |= {name: Test(name, *times) for name, times in told["tests"].items()}
        with closing(sqlite3.connect(data.with_suffix(".coverage"))) as base:
            for path, name, bits in base.execute(BITS):
                self._reached.setdefault(path, []).append((name, bits))

    def tests(self, file: str, lines: Iterable[int], loading: bool) -> list[Test]:
        """Those that may notice a change there: the room's own first, each by how little it takes.

        What acts when its module is loaded may be used anywhere: then those that come to the file at all, and the whole room.
        """
        lines, reached = tuple(lines), self._reached.get(str(SOURCES / file), [])
        near = {
            name for name, bits in reached if loading or any(num_in_numbits(line, bits) for line in lines)
        }
        own = {name for name in self._tests if name.startswith(room(file))}
        known = [self._tests[name] for name in (near | own if loading else near) if name in self._tests]
        return sorted(
            known, key=lambda test: (test.name not in own, test.name not in near, test.cpu, test.name)
        )


class _Watch:
    """A pytest plugin that tells coverage which test is running, and writes down what each took.

    A test that doesn't pass (or is skipped) without any mutant can't tell anything about one, and is left out.
    """

    def __init__(self, data: Path, stamp: str) -> None:
        self._data, self._stamp = data, stamp
        file = str(data.with_suffix(".coverage"))
        self._cover = coverage.Coverage(data_file=file, source=[str(SOURCES)], config_file=False)
        self._cover.set_option("run:disable_warnings", ["no-data-collected", "module-not-imported"])
        self._tests: dict[str, tuple[float, float]] = {}
        self._bad: set[str] = set()

    def pytest_configure(self) -> None:
        self._cover.start()

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[Any]:
        cpu, wall = _spent(), time.monotonic()
        self._cover.switch_context(item.nodeid)
        result = yield
        self._cover.switch_context("")
        self._tests[item.nodeid] = round(_spent() - cpu, 3), round(time.monotonic() - wall, 3)
        return result

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if not report.passed:
            self._bad.add(report.nodeid)

    def pytest_unconfigure(self) -> None:
        self._cover.stop()
        self._cover.save()
        good = {name: times for name, times in self._tests.items() if name not in self._bad}
        told = {"stamp": self._stamp, "tests": good, "left out": sorted(self._bad)}
        self._data.with_suffix(".json").write_text(json.dumps(told, indent=1))


def _spent() -> float:
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def _measured(path: Path, data: Path, stamp: str) -> None:
    """In a process of its own, which writes what it learnt."""
    for suffix in (".coverage", ".json"):
        data.with_suffix(suffix).unlink(missing_ok=True)
    output = data.with_suffix(".out")
    tested([str(path.relative_to(COPY))], output, PATIENCE, PATIENCE, _Watch(data, stamp), writes=True)
    if not data.with_suffix(".json").exists():
        raise RuntimeError(f"{path.relative_to(COPY)} can't be run in a copy of the repository: see {output}")
