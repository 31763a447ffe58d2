"""Runs that are over, and a history that has them, for tests of pages."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from observe.pictures import fleet
from trainmaster.api.history import EndedRun, Held, KeptEnd, file_of
from trainmaster.api.past_runs import Found, Wanted
from trainmaster.errors import UnavailableError
from trainmaster.web import past
from web.serving import serving


def ended(name: str = "gone", run: int = 0, **fields: Any) -> EndedRun:
    values: dict[str, Any] = {
        "uid": f"uid-{name}",
        "namespace": "vision",
        "name": name,
        "run": run,
        "state": "Failed",
        "reason": "PermanentExit",
        "message": "worker-0 ended: <exit code 1>",
        "user": "alice",
        "queue": "gpu",
        "started_at": "2025-06-15T14:00:00Z",
        "ended_at": "2025-06-15T15:00:00Z",
        "held": Held(gpu_seconds=7200.0, gpu_asked_seconds=9000.0),
        "restarts": 2,
        "restarts_by_cause": {"NodeLost": 2},
        "ends": (KeptEnd(role="worker", index=0, code=1, cause="Permanent", message="<b>"),),
    }
    return EndedRun(**(values | fields))


class Kept:
    """A history of these runs, which notes what it was asked."""

    def __init__(self, *runs: EndedRun) -> None:
        self.runs, self.asked = runs, list[tuple[Wanted, int, int]]()
        self.away = False
        self.go = threading.Event()
        self.go.set()

    def __call__(
        self,
        wanted: Wanted,
        limit: int,
        most: int,
        sees: Callable[[EndedRun], bool],
        stopped: Callable[[], bool],
    ) -> Found:
        self.asked.append((wanted, limit, most))
        self.go.wait(30)
        if self.away or stopped():
            raise UnavailableError("no NameNode answers")
        newest = sorted(self.runs, key=file_of, reverse=True)
        fits = [run for run in newest if wanted.may_be(file_of(run)) and wanted.is_it(run) and sees(run)]
        return Found(tuple(fits[:limit]))


def kept_by(monkeypatch: pytest.MonkeyPatch, kept: Kept) -> None:
    """Web servers that are made from now on have that history."""
    made = past.Past.__init__

    def with_reader(self: past.Past, *args: Any) -> None:
        made(self, *args)
        self.reader = kept

    monkeypatch.setattr(past.Past, "__init__", with_reader)


@asynccontextmanager
async def serving_past(monkeypatch: pytest.MonkeyPatch, kept: Kept, *jobs: Any, **settings: Any) -> Any:
    kept_by(monkeypatch, kept)
    async with serving(fleet(*jobs), **settings) as client:
        yield client
