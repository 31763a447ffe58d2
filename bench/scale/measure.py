"""What is measured at scale, each on a controller and a stand-in of its own: many starts, a full cluster, a great loss, a start.

Each wait is bounded: where a limit was reached first, the figure says how far it got.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import yaml

from bench import process
from bench.controller import Trainmaster, whole
from bench.figures import Sample
from bench.scale import finished, lab, pages, shown
from bench.scale.lab import StandIn
from bench.scale.runs import LIMIT, all_run, sample, small, spec, until
from bench.scale.usage import Usage, spent
from trainmaster.master.publisher import YOUNG

CALM = 30.0
"""seconds over which the full cluster is watched"""
SCRAPES = 40
"""one after the other, where that is what is measured: people scrape twice a minute"""


@dataclass(frozen=True)
class Sizes:
    """How much of everything."""

    nodes: int = 6000
    starts: int = 1000
    """small jobs declared at once, on an empty cluster"""
    running: int = 1000
    """jobs that run, each of so many parameter servers and workers"""
    servers: int = 2
    workers: int = 5
    large: int = 5000
    """replicas of one job beside them: together they fill the cluster"""
    waiting: int = 3000
    declared: int = 10_000
    finished: int = 10_000
    """jobs that end, one thousand after the other"""
    shown: int = 2000
    """jobs that run while it is measured how soon their statuses are there"""


QUICK = Sizes(nodes=300, starts=20, running=20, large=460, waiting=10, declared=100, finished=40, shown=20)
"""does it work at all?"""


def measure(folder: Path, out: Path, say: Callable[[str], None], sizes: Sizes) -> Iterator[Sample]:
    """Everything. `folder` is for what is thrown away, `out` for the logs."""
    for name, part in (
        ("starts", _starts),
        ("full", _full),
        ("taken-in", _taken_in),
        ("finished", _finished),
        ("shown", _shown),
    ):
        say(f"at scale: {name}")
        yield from part(folder / name, out / f"controller-scale-{name}.log", sizes)


# --- many starts


def _starts(folder: Path, log: Path, sizes: Sizes) -> Iterator[Sample]:
    with _place(folder, log, sizes.nodes) as (yarn, ours):
        all_run(ours, yarn, "warm", 40, 1, small(), LIMIT)
        time.sleep(2)
        before = Usage(ours, yarn)
        seconds, started = all_run(ours, yarn, "starts", sizes.starts, 1, small(), LIMIT)
        after = Usage(ours, yarn)
        yield sample(f"{sizes.starts} small jobs at once, running after {LIMIT:g} s", "", started)
        yield sample(f"{sizes.starts} small jobs at once, started", "per s", started / seconds)
        yield sample(
            f"{sizes.starts} small jobs at once, CPU of each", "ms", 1000 * (after.cpu - before.cpu) / started
        )
        yield from spent(f"{sizes.starts} small jobs at once", before, after)


# --- a full cluster, and a great loss


def _full(folder: Path, log: Path, sizes: Sizes) -> Iterator[Sample]:
    with _place(folder, log, sizes.nodes) as (yarn, ours):
        seconds, started = all_run(
            ours, yarn, "large", 1, sizes.large, spec("Generic", worker=sizes.large), LIMIT
        )
        yield sample(f"one job of {sizes.large} replicas, {started} running", "s", seconds)
        each = sizes.servers + sizes.workers
        seconds, started = all_run(
            ours,
            yarn,
            "running",
            sizes.running,
            each,
            spec("TensorFlow", ps=sizes.servers, worker=sizes.workers),
            1.5 * LIMIT,
        )
        yield sample(
            f"{sizes.running} jobs of {each} replicas beside it, {started} processes running", "s", seconds
        )
        yield from _scraped(yarn, ours, f"{sizes.running + 1} jobs run")
        yield from pages.measure(ours, f"{sizes.running + 1} jobs run")
        yield from _waiting(yarn, ours, sizes)
        yield from _loss(yarn, ours)


def _scraped(yarn: StandIn, ours: Trainmaster, when: str) -> Iterator[Sample]:
    """Heartbeats while nobody scrapes, and while somebody does without a pause."""
    time.sleep(5)
    before = Usage(ours, yarn)
    time.sleep(CALM)
    calm = Usage(ours, yarn)
    sizes = [ours.scraped() for _ in range(SCRAPES)]
    after = Usage(ours, yarn)
    otherwise = (calm.cpu - before.cpu) / (calm.at - before.at) * (after.at - calm.at)
    yield sample(f"{when}, CPU of a scrape", "ms", 1000 * (after.cpu - calm.cpu - otherwise) / SCRAPES)
    yield sample(f"{when}, what a scrape brings", "MiB", sizes[-1] / 2**20)
    yield from spent(f"{when}, not scraped", before, calm)
    yield from spent(f"{when}, scraped all the time", calm, after)


def _waiting(yarn: StandIn, ours: Trainmaster, sizes: Sizes) -> Iterator[Sample]:
    before = yarn.counts()["applications"]
    started = time.monotonic()
    ours.declare_all("waiting", {f"waiting-{n}": spec("Generic", worker=2) for n in range(sizes.waiting)})
    opened = until(lambda: yarn.counts()["applications"] - before, sizes.waiting, 2 * LIMIT)
    yield sample(f"{sizes.waiting} more declared, {opened} of them waiting", "s", time.monotonic() - started)
    time.sleep(5)
    calm = Usage(ours, yarn)
    time.sleep(CALM)
    after = Usage(ours, yarn)
    when = f"{sizes.running + 1} jobs run and {opened} wait"
    busy = (after.cpu - calm.cpu) / (after.at - calm.at)
    yield sample(f"{when}, share of one core", "%", 100 * busy)
    yield sample(f"{when}, memory", "MiB", process.resident_bytes(ours.pid) / 2**20)
    yield from spent(when, calm, after)


def _loss(yarn: StandIn, ours: Trainmaster) -> Iterator[Sample]:
    before = Usage(ours, yarn)
    lost, running = yarn.lose("large-0"), yarn.counts()["started"]
    began = time.monotonic()
    back = until(lambda: yarn.counts()["started"] - running, lost, LIMIT)
    after = Usage(ours, yarn)
    yield sample(
        f"{lost} replicas of one job lost at once, {back} running again", "s", time.monotonic() - began
    )
    yield sample(f"{lost} replicas lost at once, CPU", "s", after.cpu - before.cpu)
    yield from spent(f"{lost} replicas lost at once", before, after)


# --- many declared at a start


def _taken_in(folder: Path, log: Path, sizes: Sizes) -> Iterator[Sample]:
    jobs = folder / "store" / "jobs"
    jobs.mkdir(parents=True)
    text = yaml.safe_dump(whole(spec("Generic", worker=1) | {"runPolicy": {"suspend": True}}))
    for number in range(sizes.declared):
        (jobs / f"declared-{number}.yaml").write_text(text)
    began = time.monotonic()
    with _place(folder, log, sizes.nodes) as (_, ours):
        found = until(lambda: ours.jobs()["Suspended"], sizes.declared, LIMIT, every=1.0)
        yield sample(
            f"started with {sizes.declared} declared, {found} taken in", "s", time.monotonic() - began
        )
        yield sample(f"{sizes.declared} declared, memory", "MiB", process.resident_bytes(ours.pid) / 2**20)


# --- many that end


def _finished(folder: Path, log: Path, sizes: Sizes) -> Iterator[Sample]:
    with _place(folder, log, sizes.nodes) as (yarn, ours):
        yield from finished.measure(ours, yarn, sizes.finished)


# --- what people are shown


def _shown(folder: Path, log: Path, sizes: Sizes) -> Iterator[Sample]:
    store, many = folder / "store", sizes.shown
    with lab.running(folder / "yarn", sizes.nodes) as yarn:
        with lab.driven(folder, yarn, log) as ours:
            yield from shown.first_statuses(ours, log, {f"shown-{n}": small() for n in range(many)})
            yield from shown.listing(f"file://{store}", yarn.conf_dir, many)
            time.sleep(YOUNG)  # until they are no new jobs any more
        (store / "jobs" / "one-more.yaml").write_text(yaml.safe_dump(whole(small())))
        began, again = time.time(), log.with_suffix(".again.log")
        with lab.driven(folder, yarn, again) as successor:
            yield from shown.one_more(successor, again, "one-more", many, began)


# --- small things


@contextmanager
def _place(folder: Path, log: Path, nodes: int) -> Iterator[tuple[StandIn, Trainmaster]]:
    with ExitStack() as stack:
        yarn = stack.enter_context(lab.running(folder / "yarn", nodes))
        yield yarn, stack.enter_context(lab.driven(folder, yarn, log))
