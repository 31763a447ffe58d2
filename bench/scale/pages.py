"""How long people and Prometheus wait for an answer about many jobs that run, and what answering costs the controller.

Lives here: what is asked. Never here: what runs meanwhile.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator, Mapping

import requests

from bench import process
from bench.controller import Controller
from bench.figures import Sample
from bench.scale.runs import sample

TIMES = 20
"""that each is asked for, one after the other"""
ASKED: Mapping[str, str] = {
    "the list of jobs": "/",
    "the list of jobs, filtered and sorted": "/?state=Running&sort=-gpus&text=running",
    "500 jobs as JSON": "/api/jobs?limit=500",
}


def measure(ours: Controller, when: str) -> Iterator[Sample]:
    """Seconds of whoever asks, on the same machine, and what the controller's memory grew by."""
    before = process.resident_bytes(ours.pid)
    waits = [_waited(ours.scraped) for _ in range(TIMES)]
    grown = process.resident_bytes(ours.pid) - before
    yield sample(f"{when}, a scrape, median", "ms", 1000 * statistics.median(waits))
    yield sample(f"{when}, {TIMES} scrapes, memory more than before", "MiB", grown / 2**20)
    with requests.Session() as session:
        session.trust_env = False
        for name, path in ASKED.items():
            yield from _page(ours, session, f"{when}, {name}", path)


def _page(ours: Controller, session: requests.Session, what: str, path: str) -> Iterator[Sample]:
    cpu, url = process.cpu_seconds(ours.pid), f"{ours.pages}{path}"
    waits = [_waited(lambda: session.get(url, timeout=30).raise_for_status()) for _ in range(TIMES)]
    yield sample(f"{what}, median", "ms", 1000 * statistics.median(waits))
    yield sample(f"{what}, slowest of {TIMES}", "ms", 1000 * max(waits))
    spent = process.cpu_seconds(ours.pid) - cpu
    yield sample(f"{what}, CPU of the controller meanwhile", "ms", 1000 * spent / TIMES)


def _waited(ask: Callable[[], object]) -> float:
    began = time.perf_counter()
    ask()
    return time.perf_counter() - began
