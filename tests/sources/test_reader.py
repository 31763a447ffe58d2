"""A file counts only as it was listed: what changes between the listing and the end of reading waits for the next look."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sources.building import job_text, leading, only, put
from trainmaster.errors import UnavailableError
from trainmaster.sources import reader
from trainmaster.sources.files import Entry
from trainmaster.sources.reading import MAX_BYTES

Changed = Callable[[Entry], Entry]
LONGER: Changed = lambda entry: replace(entry, size=entry.size + 1)  # noqa: E731
SOMEBODY_ELSES: Changed = lambda entry: replace(entry, owner="mallory")  # noqa: E731
OPEN_TO_ALL: Changed = lambda entry: replace(entry, mode=0o666)  # noqa: E731
LATER: Changed = lambda entry: replace(entry, modified=entry.modified + 1)  # noqa: E731


@pytest.mark.parametrize(
    ("settle", "changed", "is_read"),
    [
        (0.0, LONGER, False),
        (0.0, SOMEBODY_ELSES, False),
        (0.0, OPEN_TO_ALL, False),  # whoever may write it by now may have written what was read
        (0.0, LATER, True),  # on HDFS closing a file moves its time once more
        (0.01, LONGER, False),
        (0.01, SOMEBODY_ELSES, False),
        (0.01, OPEN_TO_ALL, False),
        (0.01, LATER, False),
    ],
)
async def test_a_file_that_is_another_after_reading_waits(
    tmp_path: Path, settle: float, changed: Changed, is_read: bool
) -> None:
    """`changed` is how the file looks after reading, its bytes the same as long as listed."""
    made = await leading(tmp_path)
    made._files.settle = settle
    put(tmp_path, "a.yaml", job_text())
    stat = made._files.stat
    made._files.stat = lambda path: changed(stat(path)) if path.endswith("a.yaml") else stat(path)
    assert len(await made.look()) == is_read
    made._files.stat = stat
    assert only(await made.look()).name == "a"


async def test_what_is_written_while_a_new_file_rests_waits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = await leading(tmp_path)
    made._files.settle = 0.01
    path = put(tmp_path, "a.yaml", job_text())
    rest = asyncio.sleep

    async def writing(seconds: float) -> None:
        path.write_text(job_text(command="half"))
        await rest(seconds)

    monkeypatch.setattr("trainmaster.sources.reader.asyncio.sleep", writing)
    assert await made.look() == {}
    monkeypatch.undo()
    assert only(await made.look()).name == "a"


async def test_bytes_that_are_not_as_many_as_listed_wait(tmp_path: Path) -> None:
    """Though the file looks the same before and after, as one that is written and truncated again."""
    made = await leading(tmp_path)
    put(tmp_path, "a.yaml", job_text())
    read = made._files.read
    made._files.read = lambda path, limit, top: read(path, limit, top)[:-1]
    assert await made.look() == {}
    made._files.read = read
    assert only(await made.look()).name == "a"


async def test_a_file_that_goes_before_it_is_read_is_nobodys_trouble(tmp_path: Path) -> None:
    made = await leading(tmp_path)
    put(tmp_path, "good.yaml", job_text())
    gone = put(tmp_path, "gone.yaml", job_text())
    read = made._files.read

    def late(path: str, limit: int, top: str) -> bytes:
        gone.unlink(missing_ok=True)
        return read(path, limit, top)

    made._files.read = late
    assert {each.name for each in (await made.look()).values()} == {"good"}


async def test_a_folder_that_is_a_link_for_the_moment_of_a_read_gives_out_nobody_elses_file(
    tmp_path: Path,
) -> None:
    """What the controller may read and the folder's owner may not would be taken for his."""
    made = await leading(tmp_path)
    mine = put(tmp_path, "mine/a.yaml", job_text("a")).parent
    (tmp_path / "closed").mkdir()
    (tmp_path / "closed/a.yaml").write_text(job_text("b"))
    read = made._files.read

    def exchanged(*about: Any) -> bytes:
        mine.rename(tmp_path / "aside")
        mine.symlink_to(tmp_path / "closed")
        try:
            return read(*about)
        finally:
            mine.unlink()
            (tmp_path / "aside").rename(mine)

    made._files.read = exchanged
    await made.look()  # what may be half written is looked at twice
    (found,) = (await made.look()).values()
    assert found.job is None
    assert "a link or a file is on the way" in found.problems[0].reason
    made._files.read = read
    assert any(each.job for each in (await made.look()).values())


async def test_the_largest_file_that_is_read_may_be_used_up(tmp_path: Path) -> None:
    made = await leading(tmp_path)
    put(tmp_path, "a.yaml", job_text() + "#" * (MAX_BYTES - len(job_text())))
    assert only(await made.look()).job
    assert not made._reader.behind


async def test_a_link_is_no_mark_that_a_job_was_deleted(tmp_path: Path) -> None:
    """Its owner may be whoever its target belongs to."""
    made = await leading(tmp_path)
    put(tmp_path, "a.yaml", job_text())
    await made.look()
    (tmp_path / "jobs/.a.yaml.delete").symlink_to(tmp_path / "jobs/a.yaml")
    assert not only(await made.look()).deleted


async def test_a_refused_file_is_told_only_when_nobody_is_changing_it(tmp_path: Path) -> None:
    """One that others may write at this moment may be on its way to its right mode."""
    made = await leading(tmp_path)
    made._files.settle = 0.01
    put(tmp_path, "a.yaml", job_text()).chmod(0o646)
    stat = made._files.stat
    made._files.stat = lambda path: LATER(stat(path)) if path.endswith("a.yaml") else stat(path)
    assert await made.look() == {}
    assert await made.look() == {}
    made._files.stat = stat
    assert "others" in only(await made.look()).problems[0].reason


async def test_a_file_that_nobody_can_read_keeps_no_other_from_its_turn(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where only one of an owner's files is read at one look."""
    monkeypatch.setattr(reader, "FILES", 1)
    made = await leading(tmp_path)
    put(tmp_path, "a.yaml", job_text())
    put(tmp_path, "b.yaml", job_text())
    read, asked = made._files.read, []

    def dark(path: str, limit: int, top: str) -> bytes:
        asked.append(path)
        if path == asked[0]:
            raise UnavailableError("no DataNode has it")
        return read(path, limit, top)

    made._files.read = dark
    await made.look()
    assert made._reader.behind
    assert [bool(each.job) for each in (await made.look()).values()].count(True) == 1
    assert not made._reader.behind, "what was tried isn't looked for more often"


async def test_a_root_that_can_not_be_asked_for_a_moment_refuses_no_file(tmp_path: Path) -> None:
    """The superuser owns it, and with it the folders that were made for all."""
    made = await leading(tmp_path)
    put(tmp_path, "a.yaml", job_text())
    await made.look()
    stat = made._files.stat

    def away(path: str) -> Entry:
        if path == "/":
            raise UnavailableError("no answer")
        return stat(path)

    made._files.stat = away
    put(tmp_path, "b.yaml", job_text("b"))
    with pytest.raises(UnavailableError, match="no answer"):
        await made.look()
    made._files.stat = stat
    assert {each.name for each in (await made.look()).values() if each.job} == {"a", "b"}
