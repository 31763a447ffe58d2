"""How soon people are shown what was done: the first status of each job, one more among them, and a listing of all.

Lives here: what is measured, with a controller that is given. Never here: where it runs.
"""

from __future__ import annotations

import json
import os
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import datetime
from pathlib import Path

from bench import process
from bench.controller import Spec, Trainmaster
from bench.figures import REFERENCE, Sample

LIMIT = 300.0
"""seconds that all together may take"""
EVERY = 0.1
"""seconds between two looks for statuses: no figure is finer"""


def first_statuses(ours: Trainmaster, log: Path, specs: Mapping[str, Spec]) -> Iterator[Sample]:
    """All of these jobs declared at once, and of each the time from when it was acted on to its first status."""
    ours.declare_all("at-once", specs)
    seen = _appeared(ours, {f"at-once/{name}.yaml": name for name in specs})
    acted = acted_on(log)
    waits = [max(0.0, at - acted[name]) for name, at in seen.items() if name in acted]
    what = f"{len(specs)} jobs declared at once, from being acted on to the first status"
    yield _sample(f"{what}, jobs", "", len(waits))
    yield _sample(f"{what}, median", "s", statistics.median(waits))
    yield _sample(f"{what}, slowest", "s", max(waits))


def one_more(ours: Trainmaster, log: Path, name: str, among: int, began: float) -> Iterator[Sample]:
    """One job that was declared just before the controller was started, at `began`, in a store of many."""
    seen = _appeared(ours, {f"{name}.yaml": name})
    acted = acted_on(log)[name]
    yield _sample(f"started with {among}, a new one acted on", "s", acted - began)
    yield _sample(
        f"started with {among}, from a new one acted on to its status", "s", max(0.0, seen[name] - acted)
    )


def listing(url: str, conf_dir: Path, among: int) -> Iterator[Sample]:
    """`trainmaster get` of all, as a program of its own."""
    environ = os.environ | {"TRAINMASTER_STORE": url, "HADOOP_CONF_DIR": str(conf_dir)}
    for output in ("table", "json"):
        began, cpu = time.monotonic(), _cpu_of_programs()
        command = [sys.executable, "-m", "trainmaster", "get", "-A", "-o", output]
        done = subprocess.run(command, env=environ, capture_output=True, text=True, check=True)
        yield _sample(f"trainmaster get -o {output} of {among}", "s", time.monotonic() - began)
        yield _sample(f"trainmaster get -o {output} of {among}, CPU", "s", _cpu_of_programs() - cpu)
        assert done.stdout.count("\n") >= among


def _cpu_of_programs() -> float:
    """CPU seconds of the programs that this one has run and waited for."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def acted_on(log: Path) -> dict[str, float]:
    """When something was first decided of each job, by the controller's own log; when it was met, where nothing was."""
    met: dict[str, float] = {}
    decided: dict[str, float] = {}
    for line in log.read_text().splitlines():
        entry = json.loads(line)
        if job := entry.get("job"):
            times = decided if entry["message"] == "decided" else met
            times.setdefault(job, datetime.fromisoformat(entry["time"]).timestamp())
    return met | decided


def _appeared(ours: Trainmaster, paths: Mapping[str, str]) -> dict[str, float]:
    """When the status of each of these files was there for the first time."""
    found: dict[str, float] = {}
    deadline = time.monotonic() + LIMIT
    while len(found) < len(paths) and time.monotonic() < deadline:
        at = time.time()
        for path in _there(ours):
            if path in paths:
                found.setdefault(paths[path], at)
        time.sleep(EVERY)
    return found


def _there(ours: Trainmaster) -> Iterator[str]:
    """Of which files a status is there."""
    folder = ours.layout.status
    with suppress(FileNotFoundError):
        yield from (entry.path.removeprefix(f"{folder}/") for entry in ours.files.walk(folder).entries)


def _sample(figure: str, unit: str, value: float) -> Sample:
    return Sample(figure, REFERENCE, unit, value, process.load())
