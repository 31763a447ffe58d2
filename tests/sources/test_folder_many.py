"""Ten thousand files: what a look costs that finds nothing new, and what a start reads. Counts only."""

from __future__ import annotations

import asyncio
from collections import Counter
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

from sources.building import GRACE, Clock, job_text, leading, only, put, source
from sources.stalls import Lead
from trainmaster.errors import UnavailableError
from trainmaster.sources import reader, records, registry, surveys
from trainmaster.sources.files import Entry
from trainmaster.sources.folder import FolderSource
from trainmaster.sources.journal import FolderJournal
from trainmaster.sources.known import Record
from trainmaster.sources.listings import SERVES
from trainmaster.sources.local_files import LocalFiles
from trainmaster.sources.reader import LOOKS
from trainmaster.sources.threads import AT_ONCE, Threads, in_turns

MANY = 300


@pytest.fixture
async def many(tmp_path: Path, clock: Clock) -> FolderSource:
    made = await leading(tmp_path, clock)
    for number in range(MANY):
        put(tmp_path, f"n{number % 7}/j{number}.yaml", job_text())
    assert len(await made.look()) == MANY
    await made.look()
    return made


async def test_a_look_that_finds_nothing_new_goes_over_no_file_again(many: FolderSource) -> None:
    before = await many.look()
    with (
        patch.object(surveys, "why_not_trusted", side_effect=AssertionError),
        patch.object(registry, "Claims", side_effect=AssertionError),
        patch.object(registry, "absences", None),
    ):
        for _ in range(3):
            assert await many.look() is before


async def test_whatever_is_new_is_found_by_the_next_look(
    many: FolderSource, tmp_path: Path, clock: Clock
) -> None:
    before = dict(await many.look())
    put(tmp_path, "new.yaml", job_text())
    added = await many.look()
    assert len(added) == MANY + 1
    put(tmp_path, "new.yaml", job_text(command="python other.py"))
    new = next(d for d in (await many.look()).values() if d.name == "new")
    assert new.generation == 2
    (tmp_path / "jobs/new.yaml").unlink()
    await many.look()
    clock.pass_(GRACE)
    gone = next(d for d in (await many.look()).values() if d.name == "new")
    assert gone.deleted
    await many.lease.acquire()
    await many.gone(gone)
    assert await many.look() == before
    mark = tmp_path / "jobs/n0/.j0.yaml.delete"
    mark.touch()
    assert next(d for d in (await many.look()).values() if d.name == "j0").deleted


async def test_rights_that_change_are_seen_though_no_file_did(many: FolderSource, tmp_path: Path) -> None:
    (tmp_path / "jobs/n0").chmod(0o777)
    await many.look()
    refused = [d for d in (await many.look()).values() if d.problems]
    assert {d.path.partition("/")[0] for d in refused} == {"n0"}
    (tmp_path / "jobs/n0").chmod(0o755)
    assert not [d for d in (await many.look()).values() if d.problems]


async def test_a_file_that_could_not_be_read_is_tried_with_each_look(tmp_path: Path) -> None:
    made = await leading(tmp_path)
    put(tmp_path, "a.yaml", job_text())
    tries = Counter[str]()
    read = made._files.read

    def picky(path: str, limit: int, top: str) -> bytes:
        tries[path] += 1
        if tries[path] < 4:
            raise FileNotFoundError(path)
        return read(path, limit, top)

    with patch.object(made._files, "read", picky):
        for _ in range(3):
            assert not await made.look()
        assert only(await made.look()).job


async def test_a_start_reads_no_remembered_text_of_a_file_that_is_as_it_was(
    many: FolderSource, tmp_path: Path
) -> None:
    told = await many.look()
    await many._records.close()
    await many.lease.release()
    again = source(tmp_path)
    assert await again.lease.acquire()
    again.adopt({})
    with patch.object(Record, "job", side_effect=AssertionError):
        found = await again.look()
    assert {uid: d.generation for uid, d in found.items()} == {uid: d.generation for uid, d in told.items()}


async def test_an_edit_that_nobody_saw_raises_the_generation_at_the_next_start(
    many: FolderSource, tmp_path: Path
) -> None:
    await many._records.close()
    await many.lease.release()
    put(tmp_path, "n0/j0.yaml", job_text(command="python other.py"))
    put(tmp_path, "n1/j1.yaml", "# a note" + chr(10) + job_text())
    again = source(tmp_path)
    assert await again.lease.acquire()
    again.adopt({})
    generations = {d.name: d.generation for d in (await again.look()).values()}
    assert generations.pop("j0") == 2
    assert set(generations.values()) == {1}


class Counted(LocalFiles):
    def __init__(self) -> None:
        self.calls: Counter[str] = Counter()

    def read(self, path: str, limit: int, top: str = "") -> bytes:
        self.calls["read"] += 1
        return super().read(path, limit, top)

    def walk(self, path: str) -> Any:
        self.calls["walk"] += 1
        return super().walk(path)

    def move(self, path: str, target: str) -> None:
        self.calls["move"] += 1
        super().move(path, target)

    def stat(self, path: str) -> Entry:
        self.calls["stat"] += 1
        return super().stat(path)


async def test_a_take_over_reads_each_record_once_and_renames_one_folder(tmp_path: Path) -> None:
    files, folder = Counted(), str(tmp_path / "journal")
    before = FolderJournal(LocalFiles(), folder, Threads(4), Lead(1))
    for number in range(MANY):
        await before.write(f"u{number}", b"{}")
    assert len(await FolderJournal(files, folder, Threads(4), Lead(2)).load()) == MANY
    assert files.calls == {"read": MANY, "move": 1, "walk": 3, "stat": 1}


async def test_of_thousands_of_works_few_are_begun_at_once_and_all_are_done_in_order() -> None:
    going = most = 0

    async def work(number: int) -> int:
        nonlocal going, most
        going += 1
        most = max(most, going)
        await asyncio.sleep(0)
        going -= 1
        return -number

    assert await in_turns(work, range(1000)) == [-number for number in range(1000)]
    assert most == AT_ONCE


async def test_new_files_are_read_by_few_calls_of_threads_and_noted_by_few(tmp_path: Path) -> None:
    """Handing one to a thread costs as much as reading it."""
    made = await leading(tmp_path)
    for number in range(MANY):
        put(tmp_path, f"j{number}.yaml", job_text())
    calls: Counter[str] = Counter()
    call = Threads.call

    async def counted(self: Threads, function: Any, *args: Any, **kwargs: Any) -> Any:
        calls[function.__qualname__.split(".")[0]] += 1
        return await call(self, function, *args, **kwargs)

    with patch.object(Threads, "call", counted):
        assert len(await made.look()) == MANY
        await made._records.close()
    assert calls["Reader"] <= 1 + max(AT_ONCE, MANY / reader.TOGETHER) + 1
    assert calls["Records"] <= 1 + MANY / records.TOGETHER
    assert len([*(tmp_path / "known").iterdir()]) == MANY
    assert calls.total() < MANY / 2


async def _looked(made: FolderSource) -> int:
    """Looks until nothing waits for its turn."""
    looks = 1
    await made.look()
    while made._reader.behind:
        await made.look()
        looks += 1
    return looks


async def test_a_large_store_is_listed_and_gone_over_once_though_it_is_read_in_many_looks(
    tmp_path: Path,
) -> None:
    made = await leading(tmp_path)
    for number in range(MANY):
        put(tmp_path, f"j{number}.yaml", job_text())
    with (
        patch.object(made._listings._files, "walk", wraps=made._files.walk) as walked,
        patch.object(reader, "survey", wraps=surveys.survey) as surveyed,
        patch.object(registry, "Claims", wraps=registry.Claims) as settled,
        patch.object(reader, "FILES", 1),
    ):
        assert await _looked(made) >= LOOKS
        assert len(await made.look()) == MANY
        again = await made.look()
    assert (surveyed.call_count, settled.call_count) == (1, 1)
    listed = [each for each in walked.call_args_list if each.args[0] == str(tmp_path / "jobs")]
    assert len(listed) == 3, "and each of the two looks that follow lists anew"
    assert again is await made.look()


async def test_a_restart_goes_over_all_remembered_jobs_once(many: FolderSource, tmp_path: Path) -> None:
    told = await many.look()
    await many._records.close()
    await many.lease.release()
    again = await leading(tmp_path)
    with patch.object(registry, "Claims", wraps=registry.Claims) as settled, patch.object(reader, "FILES", 1):
        assert await _looked(again) >= LOOKS
    assert settled.call_count == 1
    assert (await again.look()).keys() == told.keys()


async def test_the_next_files_are_read_while_the_last_ones_are_handed_out(tmp_path: Path) -> None:
    made = await leading(tmp_path)
    for number in range(3):
        put(tmp_path, f"j{number}.yaml", job_text())
    read: list[str] = []
    file_of = made._files.read
    made._files.read = lambda path, limit, top: (read.append(path), file_of(path, limit, top))[1]  # type: ignore[func-returns-value]
    with patch.object(reader, "FILES", 1), patch.object(reader, "LOOKS", 3):
        assert len(await made.look()) == 1
        assert made._reader._ahead is not None
        await asyncio.wait([made._reader._ahead])
        assert len(read) == 2
        assert [len(await made.look()) for _ in range(2)] == [2, 3]


async def test_what_comes_while_a_large_store_is_read_is_seen_within_seconds(
    tmp_path: Path, clock: Clock
) -> None:
    made = await leading(tmp_path, clock)
    for number in range(MANY):
        put(tmp_path, f"old/j{number}.yaml", job_text())
    with patch.object(reader, "FILES", 1), patch.object(reader, "LOOKS", MANY):
        await made.look()
        put(tmp_path, "new.yaml", job_text())
        (tmp_path / "jobs/old/.j0.yaml.delete").touch()
        await made.look()
        assert not {"new.yaml"} & made._reader.paths
        clock.pass_(SERVES)
        await made.look()
        assert made._reader.paths >= {"new.yaml"}
        assert made._reader.marks
    made._reader.close()


async def test_a_listing_that_is_as_the_one_before_is_begun_with_once(tmp_path: Path, clock: Clock) -> None:
    """Else what can't be understood would count as seen by two."""
    made = await leading(tmp_path, clock)
    for number in range(9):
        put(tmp_path, f"j{number}.yaml", job_text() if number else "spec: [")
    with patch.object(reader, "FILES", 1), patch.object(reader, "LOOKS", 9):
        await made.look()
        clock.pass_(SERVES)
        with patch.object(made._reader, "_begin", wraps=made._reader._begin) as begun:
            while made._reader.behind:
                await made.look()
    assert begun.call_count == 1


async def test_a_store_that_went_while_much_was_read_is_not_asked_again_at_once(
    tmp_path: Path, clock: Clock
) -> None:
    made, pauses = await leading(tmp_path, clock), list[float]()
    for number in range(9):
        put(tmp_path, f"j{number}.yaml", job_text())
    with patch.object(reader, "FILES", 1), patch.object(reader, "LOOKS", 9):
        await made.look()
        with patch.object(asyncio, "sleep", side_effect=pauses.append):
            await made.changed(2.0)
        (tmp_path / "jobs").rename(tmp_path / "away")
        clock.pass_(SERVES)
        with pytest.raises(UnavailableError):
            await made.look()
        with patch.object(asyncio, "sleep", side_effect=pauses.append):
            await made.changed(2.0)
    made._reader.close()
    assert pauses == [0.0, 2.0]


async def test_a_file_that_was_left_out_is_told_of_no_more_once_it_has_a_better_name(tmp_path: Path) -> None:
    made = await leading(tmp_path)
    await made.look()
    long = put(tmp_path, "l.yaml", job_text()).rename(tmp_path / "jobs" / ("l" * 220 + ".yaml"))
    assert only(await made.look()).path.startswith("_unread-")
    long.rename(tmp_path / "jobs/short.yaml")
    found = {bool(d.job): d for d in (await made.look()).values()}
    assert found[True].path == "short.yaml"
    assert found[False].deleted


async def test_a_large_store_is_read_in_a_few_looks_though_all_is_one_owners(tmp_path: Path) -> None:
    made = await leading(tmp_path)
    total = 4 * LOOKS
    for number in range(total):
        put(tmp_path, f"j{number}.yaml", job_text())
    looks = 0
    with patch.object(reader, "FILES", 1):
        while len(await made.look()) < total:
            looks += 1
    assert looks < LOOKS
