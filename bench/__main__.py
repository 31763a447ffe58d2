"""`python -m bench`: everything once, a table on the terminal, the records in bench/out/latest.json."""

from __future__ import annotations

import argparse
import json
import os
import platform
import random
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, ExitStack
from dataclasses import asdict
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

from rich.console import Console

from bench import controller, gangs, gpus, kubernetes, lab, lives, many, process
from bench.figures import Sample, summarise
from bench.scale import measure
from bench.scenarios import Scenarios
from bench.systems import System
from bench.table import number, to_table
from bench.yarn import Late, Yarn
from bench.yarn_services import YarnServices

OUT = Path(__file__).parent / "out"
SEED = 3
"""of the pauses between runs, so that two runs of the bench are alike"""
_number = count(1)
"""of the controllers, which each have their own store and log"""


def main() -> None:
    options = _options()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that everything is taken down
    console = Console(stderr=True)
    shutil.rmtree(OUT, ignore_errors=True)
    OUT.mkdir(parents=True)
    started = time.monotonic()
    samples: list[Sample] = []
    try:
        for sample in _measure(options, console):
            samples.append(sample)
            console.log(f"{sample.system}: {sample.figure}: {number(sample.value)} {sample.unit}")
    except Late as error:  # what was measured before is worth keeping
        console.log(f"given up: {error}")
        sys.exit(1)
    finally:
        _write(samples, time.monotonic() - started)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--runs", type=int, default=5, help="measurements of each figure (default 5)")
    parser.add_argument(
        "--quick", action="store_true", help="2 measurements, 20 jobs, 300 nodes: does it work at all?"
    )
    parser.add_argument("--jobs", type=int, default=200, help="jobs declared at once (default 200)")
    parser.add_argument(
        "only",
        nargs="?",
        choices=("trainmaster", "peer", "gangs", "many", "lives", "scale", "gpus"),
        help="leave the others out",
    )
    options = parser.parse_args()
    if options.quick:
        options.runs, options.jobs = 2, 20
    return options


def _measure(options: argparse.Namespace, console: Console) -> Iterator[Sample]:
    with tempfile.TemporaryDirectory(prefix="trainmaster-bench-") as folder:
        sizes = measure.QUICK if options.quick else measure.Sizes()
        if options.only in (None, "scale"):
            yield from measure.measure(Path(folder) / "scale", OUT, console.log, sizes)
        if options.only in (None, "gpus"):
            yield from gpus.measure()
        if options.only not in ("scale", "gpus"):
            with lab.running(Path(folder) / "lab", console.log) as place:
                yield from _on_hadoop(options, place)


def _on_hadoop(options: argparse.Namespace, place: lab.Lab) -> Iterator[Sample]:
    if options.only in (None, "trainmaster", "peer"):
        yield from _side_by_side(options, place)
    if options.only in (None, "gangs"):
        yield from _gangs(options, place)
    if options.only in (None, "many"):
        yield from _many(options, place)
    if options.only in (None, "lives"):
        yield from _lives(place)


def _side_by_side(options: argparse.Namespace, place: lab.Lab) -> Iterator[Sample]:
    address = place.hadoop.addresses.rm_web
    stamps = OUT / "stamps"
    stamps.mkdir()
    scenarios = Scenarios(Yarn(address), stamps, random.Random(SEED))
    with ExitStack() as stack:
        systems: list[System] = []
        if options.only != "peer":
            systems += [stack.enter_context(_folder(place)), stack.enter_context(_kubernetes(place))]
        if options.only != "trainmaster":
            systems.append(YarnServices(address))
        for _ in range(options.runs):
            for system in systems:
                yield from scenarios.start_and_heal(system)
            for system in systems:
                yield from scenarios.whole(system)


def _gangs(options: argparse.Namespace, place: lab.Lab) -> Iterator[Sample]:
    """In place, and beside it as a whole restart through new containers goes."""
    in_place = "TRAINMASTER_RESTART_IN_PLACE"
    with _folder(place, **{in_place: "true"}) as kept, _folder(place, **{in_place: "false"}) as renewed:
        both = (
            gangs.Gang(kept.name, kept, OUT / "gang-kept"),
            gangs.Gang(f"{renewed.name}, new containers", renewed, OUT / "gang-renewed"),
        )
        yield from gangs.measure(both, 4 * options.runs, random.Random(SEED))


def _many(options: argparse.Namespace, place: lab.Lab) -> Iterator[Sample]:
    yarn = Yarn(place.hadoop.addresses.rm_web)
    for start in (_folder, _kubernetes):
        with start(place) as ours:
            yield from many.measure(ours, options.jobs, OUT / f"stamps-{start.__name__}")
        yarn.end_all()


def _lives(place: lab.Lab) -> Iterator[Sample]:
    with _kubernetes(place, "lives") as ours:
        yield from lives.measure(ours)
        yield from lives.measure_idle(ours)
    started = time.monotonic()
    with _kubernetes(place, "lives") as successor:
        yield from lives.measure_start(successor, started)


def _folder(place: lab.Lab, **settings: str) -> AbstractContextManager[controller.Trainmaster]:
    number = next(_number)
    return controller.running(place.hadoop, f"/bench-{number}", OUT / f"controller-{number}.log", settings)


def _kubernetes(place: lab.Lab, namespace: str = "") -> AbstractContextManager[kubernetes.OnKubernetes]:
    """A controller on its own namespace, or on one that is there already."""
    number = next(_number)
    log = OUT / f"controller-{number}.log"
    return kubernetes.running(place.hadoop, place.kubernetes, namespace or f"bench-{number}", log)


def _write(samples: Iterable[Sample], seconds: float) -> None:
    records = summarise(samples)
    machine = f"{os.cpu_count()} cores, {platform.system()} {platform.machine()}, Python {platform.python_version()}"
    made = datetime.now(UTC).isoformat(timespec="seconds")
    result = {
        "made": made,
        "machine": machine,
        "seconds": round(seconds),
        "records": list(map(asdict, records)),
    }
    (OUT / "latest.json").write_text(json.dumps(result, indent=2) + "\n")
    title = f"{made}, {machine}, load {process.load():.1f}, {seconds:.0f} s"
    Console(width=None if sys.stdout.isatty() else 160).print(to_table(records, title))


if __name__ == "__main__":
    main()
