"""When jobs' checkpoints are looked for: seldom, few at one time, and nobody's folder keeps others from being looked at."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping

import pytest

from trainmaster.api.checkpoint_status import CheckpointStatus
from trainmaster.errors import UnavailableError
from trainmaster.master import checkpoints
from trainmaster.master.checkpoints import AT_ONE_TIME, SETTLED, CheckpointWatch, FoundCheckpoints, Training

INTERVAL = 60.0
NEWEST = CheckpointStatus(path="hdfs:///c/step_1.pt", step=1, time="2026-11-01T00:00:00Z")


class Looked:
    """Answers with the newest from the second look on."""

    def __init__(self) -> None:
        self.looks: list[str] = []
        self.fails: Exception | None = None
        self.answers = asyncio.Event()
        self.answers.set()

    async def newest(self, uid: str, url: str, user: str) -> CheckpointStatus | None:
        self.looks.append(uid)
        await self.answers.wait()
        if self.fails and uid == "0":
            raise self.fails
        return NEWEST if self.looks.count(uid) > 1 else None

    def knows(self, uid: str) -> bool:
        return uid in self.looks

    def keep_only(self, uids: Iterable[str]) -> None:
        self.kept = set(uids)


class Fleet:
    def __init__(self, jobs: int) -> None:
        self.jobs = {str(n): Training(str(n), "hdfs:///c", "ada") for n in range(jobs)}
        self.shown: dict[str, CheckpointStatus] = {}

    def trainings(self, since: float) -> Mapping[str, Training]:
        assert since == 2 * INTERVAL
        return self.jobs

    def show_checkpoint(self, uid: str, found: CheckpointStatus) -> None:
        self.shown[uid] = found

    def keep_checkpoints(self, uids: Iterable[str]) -> None:
        self.kept = set(uids)


class Turns:
    """A watch whose time is told."""

    def __init__(self, jobs: int, monkeypatch: pytest.MonkeyPatch, interval: float = INTERVAL) -> None:
        self.fleet, self.look, self.now = Fleet(jobs), Looked(), 1000.0
        self.watch = CheckpointWatch(interval, self.look)
        monkeypatch.setattr(checkpoints.clock, "monotonic", lambda: self.now)

    async def turn(self, seconds: float = 0.0) -> list[str]:
        """Whom one turn looks at, so many seconds later."""
        self.now += seconds
        before = len(self.look.looks)
        self.watch.turn(self.fleet, self.now)
        for _ in range(5):
            await asyncio.sleep(0)
        return self.look.looks[before:]


async def test_the_second_look_comes_soon_and_the_others_seldom(monkeypatch: pytest.MonkeyPatch) -> None:
    turns = Turns(1, monkeypatch)
    assert await turns.turn() == ["0"]
    assert turns.fleet.shown == {}
    assert await turns.turn(SETTLED - 1) == []
    assert await turns.turn(1) == ["0"]
    assert turns.fleet.shown == {"0": NEWEST}
    assert await turns.turn(INTERVAL - 1) == []
    assert await turns.turn(1) == ["0"]


async def test_few_are_looked_at_at_one_time_and_all_come_to_their_turn(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    turns = Turns(3 * AT_ONE_TIME, monkeypatch)
    turns.look.answers.clear()
    assert len(await turns.turn()) == AT_ONE_TIME
    assert await turns.turn(1000) == [], "nobody has answered yet"
    turns.look.answers.set()
    await turns.turn()
    await turns.turn()
    await turns.turn()
    assert set(turns.look.looks) == set(turns.fleet.jobs)


@pytest.mark.parametrize("error", [UnavailableError("it is away"), KeyError("unforeseen")])
async def test_a_look_that_fails_is_made_again_and_hurts_nobody_else(
    monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    turns = Turns(2, monkeypatch)
    turns.look.fails = error
    await turns.turn()
    await turns.turn(INTERVAL)
    assert turns.fleet.shown == {"1": NEWEST}
    turns.look.fails = None
    await turns.turn(INTERVAL)
    assert turns.fleet.shown == {"0": NEWEST, "1": NEWEST}


async def test_who_is_gone_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    turns = Turns(2, monkeypatch)
    await turns.turn()
    del turns.fleet.jobs["0"]
    assert await turns.turn(INTERVAL) == ["1"]
    assert turns.look.kept == turns.fleet.kept == {"1"}


async def test_an_interval_of_nothing_looks_for_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    assert await Turns(2, monkeypatch, interval=0.0).turn() == []


def test_only_another_checkpoint_is_news() -> None:
    found = FoundCheckpoints()
    assert found.put("0", NEWEST)
    assert not found.put("0", NEWEST)
    assert found.put("0", NEWEST.model_copy(update={"step": 2}))
    found.keep_only(())
    assert found.of("0") is None
