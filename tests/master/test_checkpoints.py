"""When jobs' checkpoints are looked for: seldom, few at one time, and nobody's folder or store keeps others from it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import replace

import pytest

from plan.build import World, job
from trainmaster.api.checkpoint_status import CheckpointStatus, SavedModelStatus
from trainmaster.errors import CrowdedError, NoSuchFileError, RefusedError, UnavailableError
from trainmaster.master import checkpoints
from trainmaster.master.checkpoints import (
    AT_ONE_TIME,
    LAST,
    LATE,
    REST,
    SETTLED,
    SHARE,
    CheckpointWatch,
    FoundCheckpoints,
    Training,
    trainings_of,
)
from trainmaster.master.found import Found
from trainmaster.plan.values import CheckpointLook, SavedModelLook
from trainmaster.plan.verdict import Verdict

INTERVAL = 60.0
NEWEST = CheckpointLook(
    "hdfs:///c", CheckpointStatus(path="hdfs:///c/step_1.pt", step=1, time="2026-11-01T00:00:00Z")
)
MODEL = SavedModelLook("hdfs:///m", SavedModelStatus(path="hdfs:///m", files=2, size=8))


class Looked:
    """Answers with the newest from the second look on. Stores that hang answer nothing."""

    def __init__(self) -> None:
        self.looks: list[str] = []
        self.fails: Exception | None = None
        self.under_way = 0
        self.most = 0
        self.hanging: dict[str, asyncio.Event] = {}

    async def newest(self, uid: str, url: str, user: str) -> CheckpointLook | None:
        self.looks.append(uid)
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        try:
            await self.hanging[url].wait() if url in self.hanging else await asyncio.sleep(0)
        finally:
            self.under_way -= 1
        if self.fails and uid == "0":
            raise self.fails
        return NEWEST if self.looks.count(uid) > 1 else None

    async def saved_model(self, url: str, user: str) -> SavedModelLook:
        self.looks.append(url)
        return MODEL

    def store_of(self, url: str) -> str:
        if url.startswith("ftp:"):
            raise NoSuchFileError(url)
        return url

    def keep_only(self, uids: Iterable[str]) -> None:
        self.kept = set(uids)

    def close(self) -> None:
        """Nothing is held."""

    def hangs(self, url: str) -> asyncio.Event:
        return self.hanging.setdefault(url, asyncio.Event())


class Fleet:
    def __init__(self, jobs: int) -> None:
        self.jobs = {str(n): Training(str(n), "hdfs:///c", f"user-{n % 9}") for n in range(jobs)}
        self.shown: dict[str, CheckpointLook] = {}
        self.models: dict[str, SavedModelLook] = {}

    def trainings(self, since: float) -> Mapping[str, Training]:
        assert since == LATE
        return dict(self.jobs)

    def show_checkpoint(self, uid: str, found: CheckpointLook) -> None:
        self.shown[uid] = found

    def show_saved_model(self, uid: str, found: SavedModelLook) -> None:
        self.models[uid] = found

    def keep_looks(self, trainings: Iterable[Training]) -> None:
        self.kept = {each.key for each in trainings}

    def end(self, uid: str) -> None:
        self.jobs[uid] = replace(self.jobs[uid], over=True)


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
        await self.rest()
        return self.look.looks[before:]

    async def rest(self) -> None:
        """Until nothing moves."""
        before = -1
        while before != len(self.look.looks):
            before = len(self.look.looks)
            for _ in range(10):
                await asyncio.sleep(0)


async def test_the_second_look_comes_soon_and_the_others_seldom(monkeypatch: pytest.MonkeyPatch) -> None:
    turns = Turns(1, monkeypatch)
    assert await turns.turn() == ["0"]
    assert turns.fleet.shown == {}
    assert await turns.turn(SETTLED - 1) == []
    assert await turns.turn(1) == ["0"]
    assert turns.fleet.shown == {"0": NEWEST}
    assert await turns.turn(INTERVAL - 1) == []
    assert await turns.turn(1) == ["0"]


async def test_few_are_looked_at_at_one_time_and_the_next_as_soon_as_one_ends(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    turns = Turns(1000, monkeypatch)
    assert len(await turns.turn()) == 1000
    assert turns.look.most == AT_ONE_TIME
    assert len(set(turns.look.looks)) == 1000
    assert await turns.turn(SETTLED - 1) == []


async def test_a_store_that_hangs_keeps_nobody_elses_checkpoints_from_being_looked_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    turns = Turns(200, monkeypatch)
    hung = {uid for uid in turns.fleet.jobs if int(uid) < 100}
    for uid in hung:
        turns.fleet.jobs[uid] = replace(turns.fleet.jobs[uid], url="hdfs://dead/c")
    answers = turns.look.hangs("hdfs://dead/c")
    first = await turns.turn()
    assert set(first) - hung == turns.fleet.jobs.keys() - hung
    assert len(set(first) & hung) == AT_ONE_TIME
    assert set(await turns.turn(INTERVAL)) == turns.fleet.jobs.keys() - hung, "nobody there has answered yet"
    answers.set()
    await turns.rest()
    assert hung <= set(turns.look.looks)


async def test_a_user_whose_looks_take_long_leaves_others_their_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    turns = Turns(20, monkeypatch)
    slow = [f"s{n}" for n in range(50)]
    turns.fleet.jobs |= {uid: Training(uid, "hdfs:///slow", "mallory") for uid in slow}
    monkeypatch.setattr(turns.look, "store_of", lambda url: "hdfs://one-store")
    answers = turns.look.hangs("hdfs:///slow")
    first = await turns.turn()
    assert len([uid for uid in first if uid in slow]) == SHARE
    assert len(first) == SHARE + 20
    answers.set()
    await turns.rest()
    assert set(slow) <= set(turns.look.looks)


async def test_a_store_that_is_not_allowed_is_told_of_by_the_look_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    turns = Turns(2, monkeypatch)
    turns.fleet.jobs["0"] = replace(turns.fleet.jobs["0"], url="ftp://x/c")
    assert sorted(await turns.turn()) == ["0", "1"]


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


async def test_a_folder_that_holds_too_much_rests_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    turns = Turns(1, monkeypatch)
    turns.look.fails = CrowdedError("hdfs:///c holds too much")
    assert await turns.turn() == ["0"]
    assert await turns.turn(REST - 1) == []
    assert await turns.turn(1) == ["0"]


async def test_who_has_ended_is_looked_at_until_that_told_what_it_left(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """However late that is, where the store was away or others had their turn."""
    turns = Turns(1, monkeypatch)
    await turns.turn()
    turns.fleet.end("0")
    turns.look.fails = UnavailableError("it is away")
    for _ in range(5):
        assert await turns.turn(INTERVAL) == ["0"]
    turns.look.fails = None
    for _ in range(LAST):
        assert await turns.turn(INTERVAL) == ["0"]
    assert turns.fleet.shown == {"0": NEWEST}
    assert await turns.turn(INTERVAL) == []
    assert turns.fleet.kept == {"0"}, "what was found is still on its way"
    turns.fleet.jobs["0"] = replace(turns.fleet.jobs["0"], over=False)
    assert await turns.turn(INTERVAL) == ["0"], "it runs again"


async def test_what_can_not_be_looked_at_after_its_end_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    turns = Turns(1, monkeypatch)
    turns.fleet.end("0")
    turns.look.fails = RefusedError("AccessControlException", "no")
    looked = [await turns.turn(INTERVAL) for _ in range(5)]
    assert looked == [["0"]] * LAST + [[]] * (5 - LAST)


async def test_who_is_gone_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    turns = Turns(AT_ONE_TIME + 2, monkeypatch)
    answers = turns.look.hangs("hdfs:///c")
    began = await turns.turn()
    assert len(began) == AT_ONE_TIME
    waiting = turns.fleet.jobs.keys() - set(began)
    for uid in waiting:
        del turns.fleet.jobs[uid]
    await turns.turn(INTERVAL)
    answers.set()
    await turns.rest()
    assert set(turns.look.looks) == turns.look.kept == turns.fleet.kept == set(began)


async def test_an_interval_of_nothing_looks_for_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    assert await Turns(2, monkeypatch, interval=0.0).turn() == []


async def test_what_is_under_way_ends_with_the_watch(monkeypatch: pytest.MonkeyPatch) -> None:
    turns = Turns(3 * AT_ONE_TIME, monkeypatch)
    turns.look.hangs("hdfs:///c")
    running = asyncio.create_task(turns.watch.run(turns.fleet))
    await turns.rest()
    assert turns.look.under_way == AT_ONE_TIME
    running.cancel()
    await asyncio.wait([running])
    await turns.rest()
    assert turns.look.under_way == 0


def test_only_another_checkpoint_is_news() -> None:
    found = FoundCheckpoints()
    assert found.put("0", NEWEST)
    assert not found.put("0", NEWEST)
    assert found.put("0", CheckpointLook("hdfs:///c"))
    found.keep_only(())
    assert found.of("0") is None


async def test_a_model_is_looked_at_beside_the_checkpoints_of_its_job(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    turns = Turns(1, monkeypatch)
    await turns.turn()
    turns.fleet.end("0")
    model = Training("0", "hdfs:///m", "ada", over=True, model=True)
    turns.fleet.jobs[model.key] = model
    assert sorted(await turns.turn(SETTLED)) == ["0", "hdfs:///m"]
    assert (turns.fleet.shown, turns.fleet.models) == ({"0": NEWEST}, {"0": MODEL})
    assert sorted(await turns.turn(INTERVAL)) == ["0", "hdfs:///m"]
    assert await turns.turn(INTERVAL) == [], "both were looked at as often as what has ended is"


def test_what_was_found_is_kept_by_its_kind_until_nobody_looks_there_any_more() -> None:
    """A job without a checkpointPath has a model as well, and one that runs again has no model of its last run."""
    rung: list[str] = []
    found = Found(lambda: (), rung.append, exclusions=1)
    checkpoints, model = Training("0", "hdfs:///c", "ada"), Training("0", "hdfs:///m", "ada", model=True)
    for kept, there in (((model,), (None, MODEL)), ((checkpoints,), (NEWEST, None)), ((), (None, None))):
        found.show_checkpoint("0", NEWEST)
        found.show_saved_model("0", MODEL)
        found.keep_looks(kept)
        assert (found.checkpoints.of("0"), found.saved_models.of("0")) == there
    assert set(rung) == {"0"}


ENDED = Verdict(succeeded=True, reason="Succeeded", message="", at=1000.0)
PATHS = {"checkpointPath": "hdfs:///c", "savedModelPath": "hdfs:///m"}


@pytest.mark.parametrize(
    ("paths", "verdict", "closed", "looked_at"),
    [
        (PATHS, None, False, ["hdfs:///c"]),
        (PATHS, ENDED, False, ["hdfs:///c"]),
        (PATHS, ENDED, True, ["hdfs:///c", "hdfs:///m"]),
        (PATHS, replace(ENDED, succeeded=False), True, ["hdfs:///c"]),
        (PATHS, replace(ENDED, at=1.0), True, []),
        ({"savedModelPath": "hdfs:///m"}, ENDED, True, ["hdfs:///m"]),
        ({"checkpointPath": "hdfs:///c"}, ENDED, True, ["hdfs:///c"]),
        ({}, ENDED, True, []),
    ],
)
def test_a_model_counts_once_its_job_has_succeeded(
    paths: dict[str, str], verdict: Verdict | None, closed: bool, looked_at: list[str]
) -> None:
    world = World(job(worker=1, spec=paths)).runs()
    memory = replace(world.memory, verdict=verdict, closed_at=1000.0 if closed else 0.0)
    assert [each.url for each in trainings_of(world.declared, memory, 500.0)] == looked_at
