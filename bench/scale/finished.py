"""What a controller keeps of jobs that are over: its memory while one thousand after the other runs, succeeds and goes.

Lives here: what is measured, with a controller and a stand-in that are given. Never here: where they run.
"""

from __future__ import annotations

import time
from collections.abc import Iterator

from bench import process
from bench.controller import Trainmaster
from bench.figures import Sample
from bench.scale.lab import StandIn
from bench.scale.runs import LIMIT, all_run, sample, small, until

WAVES = 10
KEPT = 5
"""one of so many: jobs whose declarations stay"""
SETTLE = 5.0
"""seconds after which memory is looked at"""
GONE = {"ttlAfterFinished": "1s", "ttlDeletesResource": True}


def measure(ours: Trainmaster, yarn: StandIn, jobs: int) -> Iterator[Sample]:
    """So many jobs that take their declarations with them, in waves, then a fifth as many whose declarations stay."""
    wave, ended = jobs // WAVES, 0
    first = 0.0
    for number in range(WAVES):
        ended += _wave(ours, yarn, f"gone{number}", wave, GONE)
        left = -until(lambda: -ours.jobs().total(), 0, LIMIT, every=1.0)
        memory = _memory(ours)
        first = first or memory
        if number in (0, WAVES - 1):
            yield sample(f"{ended} jobs over, {left} of them still known, memory", "MiB", memory / 2**20)
    yield sample(
        f"each of {ended - wave} more jobs that are over and gone, memory",
        "KiB",
        (memory - first) / 1024 / max(1, ended - wave),
    )
    kept = _wave(ours, yarn, "kept", jobs // KEPT, {})
    yield sample(
        f"each of {kept} jobs that are over and stay declared, memory",
        "KiB",
        (_memory(ours) - memory) / 1024 / max(1, kept),
    )


def _wave(ours: Trainmaster, yarn: StandIn, group: str, jobs: int, run_policy: dict[str, object]) -> int:
    """All run, and succeed, also those that are started late; how many did."""
    before, ended = ours.jobs()["Succeeded"], 0

    def over() -> int:
        nonlocal ended
        ended += yarn.succeed(f"{group}-")
        return ended

    all_run(ours, yarn, group, jobs, 1, small(**run_policy), 2 * LIMIT)
    until(over, jobs, 2 * LIMIT, every=1.0)
    if not run_policy:
        until(lambda: ours.jobs()["Succeeded"] - before, ended, LIMIT, every=1.0)
    return ended


def _memory(ours: Trainmaster) -> float:
    time.sleep(SETTLE)
    return process.resident_bytes(ours.pid)
