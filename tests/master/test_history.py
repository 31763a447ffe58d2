"""Runs that are over are filed once each, whoever is killed and whatever is away; only being forgotten waits for that."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import replace
from functools import cache

import pytest

from master.controllers import PAGES, begun, controller, wired
from master.folder import Folder
from master.office import job
from master.virtual import run, until, virtual
from trainmaster.api.history import EndedRun, FileName, decode, file_of, read_name
from trainmaster.errors import InvalidError, RefusedError, UnavailableError
from trainmaster.master import history as filing
from trainmaster.master.beats import Beats
from trainmaster.master.history import Historian, oldest_kept
from yarn.wires import Yarn

END = 40.0
"""seconds after which a job's process ends here"""


class Shelves:
    """A history whose writes take a moment, in the midst of which a controller may be killed."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.written: list[str] = []
        self.away = False
        self.pruned: list[str] = []
        self.at_once = self.most_at_once = 0

    async def put(self, path: str, data: bytes) -> None:
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            await asyncio.sleep(0.02)
            if self.away:
                raise UnavailableError("the history is away")
            if not self._is_whole(path):
                self.files[path] = data[: len(data) // 2]
                await asyncio.sleep(0.08)
                self.files[path] = data
                self.written.append(path)
            await asyncio.sleep(0.02)
        finally:
            self.at_once -= 1

    def _is_whole(self, path: str) -> bool:
        with contextlib.suppress(InvalidError):
            return path in self.files and bool(decode(self.files[path]))
        return False

    async def prune(self, oldest: str) -> None:
        if self.away:
            raise UnavailableError("the history is away")
        self.pruned.append(oldest)

    @property
    def runs(self) -> list[EndedRun]:
        return [decode(data) for data in self.files.values()]


@virtual
async def test_an_ended_job_leaves_one_file_with_what_it_held() -> None:
    folder, yarn, history = Folder(), Yarn(), Shelves()
    folder.put("a", job(worker=2))
    async with controller(folder, yarn, history=history):
        await until(lambda: len(yarn.running()) == 2)
        await asyncio.sleep(END)
        for container in yarn.running():
            yarn.exits(container, 0)
        await until(lambda: history.written)
        await asyncio.sleep(500)
    (ended,) = history.runs
    assert (ended.state, ended.name, ended.user, len(history.written)) == ("Succeeded", "a", "u", 1)
    assert ended.page == f"{PAGES}/{file_of(ended).page}"
    assert ended.uid in ended.page
    assert ended.held
    assert ended.held.vcore_seconds == pytest.approx(2 * END, rel=0.05)


@pytest.mark.parametrize("step", range(60))
def test_a_controller_that_is_killed_at_any_moment_leaves_one_file(step: int) -> None:
    run(lambda: _killed(step * 0.05))


async def _killed(after: float) -> None:
    """Killed so long after a process ended, and once more as long after another took over."""
    folder, yarn, history = Folder(), Yarn(), Shelves()
    folder.put("a", job(worker=1))
    with wired(yarn, looks=False):
        _, running = begun(folder, history=history)
        await until(lambda: len(yarn.running()) == 1)
        await asyncio.sleep(END)
        yarn.exits(yarn.running()[0], 0)
        for _ in range(2):
            await asyncio.sleep(after)
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
            folder.lease.ours = True
            _, running = begun(folder, history=history)
        await until(lambda: history.written)
        await asyncio.sleep(100)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
    assert len(history.files) == len(history.written) == 1
    assert [each.state for each in history.runs] == ["Succeeded"]


@virtual
async def test_while_the_history_is_away_jobs_end_and_begin_as_ever_and_are_filed_later() -> None:
    folder, yarn, history = Folder(), Yarn(), Shelves()
    history.away = True
    folder.put("a", job(worker=1))
    async with controller(folder, yarn, history=history):
        await until(lambda: len(yarn.running()) == 1)
        yarn.exits(yarn.running()[0], 0)
        await until(lambda: folder.shown["a"].state == "Succeeded")
        folder.put("b", job(worker=1))
        await until(lambda: len(yarn.running()) == 1)
        await asyncio.sleep(3600)
        history.away = False
        await until(lambda: history.written, within=filing.LONGEST + 5)


@virtual
async def test_a_deleted_job_is_forgotten_once_its_file_is_there() -> None:
    folder, yarn, history = Folder(), Yarn(), Shelves()
    history.away = True
    folder.put("a", job(worker=1))
    async with controller(folder, yarn, history=history) as ours:
        await until(lambda: len(yarn.running()) == 1)
        folder.jobs["a"] = replace(folder.jobs["a"], deleted=True)
        await until(lambda: not yarn.running())
        await asyncio.sleep(300)
        assert "a" in folder.journal.records
        waits = "the history can't be written, and deleted jobs wait for it: the history is away"
        assert ours.picture().trouble == waits
        history.away = False
        await until(lambda: "a" not in folder.journal.records, within=filing.LONGEST + 5)
        assert not ours.picture().trouble
        await until(lambda: "a" not in folder.jobs)
    assert [each.state for each in history.runs] == ["Deleted"]


@virtual
async def test_without_a_history_a_deleted_job_goes_at_once() -> None:
    folder, yarn = Folder(), Yarn()
    folder.put("a", job(worker=1))
    async with controller(folder, yarn):
        await until(lambda: len(yarn.running()) == 1)
        folder.jobs["a"] = replace(folder.jobs["a"], deleted=True)
        await until(lambda: "a" not in folder.jobs)


@virtual
async def test_old_months_are_removed_now_and_then() -> None:
    history = Shelves()
    historian = Historian(history, lambda _: None, Beats(), keep_months=13)
    working = asyncio.create_task(historian.run())
    history.away = True
    await asyncio.sleep(filing.PRUNE_AFTER + 1)
    assert not history.pruned
    history.away = False
    await asyncio.sleep(2 * filing.PRUNE_EVERY)
    working.cancel()
    await asyncio.gather(working, return_exceptions=True)
    assert history.pruned == ["2022-10", "2022-10"]


@pytest.mark.parametrize(
    ("months", "oldest"), [(0, "2023-11"), (1, "2023-10"), (11, "2022-12"), (13, "2022-10"), (240, "2003-11")]
)
def test_the_oldest_month_that_is_kept(months: int, oldest: str) -> None:
    assert oldest_kept(1_700_000_000.0, months) == oldest


def ended(number: int, at: str = "2026-11-27T00:00:00Z") -> EndedRun:
    return EndedRun(uid=f"u-{number}", namespace="n", name="j", state="Failed", ended_at=at)


@pytest.mark.parametrize(
    ("at", "months", "waits"),
    [
        ("2022-09-30T23:59:59Z", 13, 0),
        ("2022-10-01T00:00:00Z", 13, 1),
        ("2023-11-01T00:00:00Z", 13, 1),
        ("1999-01-01T00:00:00Z", 0, 1),
    ],
)
def test_what_would_be_removed_at_once_counts_as_filed(at: str, months: int, waits: int) -> None:
    run(lambda: _aged(at, months, waits))


async def _aged(at: str, months: int, waits: int) -> None:
    nudged: list[str] = []
    historian = Historian(Shelves(), nudged.append, Beats(), keep_months=months)
    historian.file(ended(0, at))
    assert (historian.waiting, len(historian.filed("u-0")), len(nudged)) == (waits, 1 - waits, 1 - waits)


@virtual
async def test_of_a_flood_some_wait_and_the_others_are_asked_for_later() -> None:
    history, asked = Shelves(), list[str]()
    total = filing.MOST + 500

    def nudge(uid: str) -> None:
        asked.append(uid)
        if (number := int(uid.removeprefix("u-"))) not in filed():
            historian.file(ended(number))

    def filed() -> set[int]:
        return {int(found.uid.removeprefix("u-")) for path in history.files if (found := _named(path))}

    historian = Historian(history, nudge, Beats())
    for number in range(total):
        historian.file(ended(number))
        historian.file(ended(number))
    assert historian.waiting == total
    working = asyncio.create_task(historian.run())
    await until(lambda: len(history.files) == total, within=600)
    await until(lambda: not historian.waiting)
    working.cancel()
    await asyncio.gather(working, return_exceptions=True)
    assert len(history.written) == total
    assert history.most_at_once <= filing.WRITERS


@cache
def _named(path: str) -> FileName | None:
    return read_name(path.rpartition("/")[2])


@virtual
async def test_one_record_that_cannot_be_written_holds_up_no_other() -> None:
    class Picky(Shelves):
        async def put(self, path: str, data: bytes) -> None:
            if "u-0" in path:
                raise UnavailableError("this one not")
            await super().put(path, data)

    history = Picky()
    historian = Historian(history, lambda _: None, Beats())
    working = asyncio.create_task(historian.run())
    for number in range(20):
        historian.file(ended(number))
    await until(lambda: len(history.written) == 19, within=30)
    await asyncio.sleep(1)
    assert historian.waiting == 1
    working.cancel()
    await asyncio.gather(working, return_exceptions=True)


@virtual
async def test_an_error_that_nobody_foresaw_is_shown_and_the_record_is_tried_again() -> None:
    class Odd(Shelves):
        left = 5

        async def put(self, path: str, data: bytes) -> None:
            if self.left:
                self.left -= 1
                raise ZeroDivisionError
            await super().put(path, data)

    history, beats = Odd(), Beats()
    historian = Historian(history, lambda _: None, beats)
    working = asyncio.create_task(historian.run())
    historian.file(ended(0))
    await asyncio.sleep(0.5)
    assert "history" in beats.trouble
    await until(lambda: history.written and not beats.trouble)
    working.cancel()
    await asyncio.gather(working, return_exceptions=True)


@virtual
async def test_a_record_that_the_store_refuses_is_told_of_for_as_long_as_others_are_written() -> None:
    class Picky(Shelves):
        refuses = True

        async def put(self, path: str, data: bytes) -> None:
            if self.refuses and "u-0" in path:
                raise RefusedError("NotAFile", f"{path} is no file")
            await super().put(path, data)

    history, beats = Picky(), Beats()
    historian = Historian(history, lambda _: None, beats)
    working = asyncio.create_task(historian.run())
    historian.file(ended(0))
    for number in range(1, 50):
        historian.file(ended(number))
        await asyncio.sleep(0.2)
        assert "is no file" in historian.trouble
    history.refuses = False
    await until(lambda: not historian.trouble, within=filing.LONGEST + 5)
    assert len(history.written) == 50
    working.cancel()
    await asyncio.gather(working, return_exceptions=True)
