"""The journal: whole, private, fenced, and tolerant of one broken record."""

from __future__ import annotations

import asyncio
import os
import shutil
import stat
import threading
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

import trainmaster.sources.journal
from sources.stalls import Lead, stalled
from trainmaster.errors import DeniedError, FencedError, InvalidError, TrainmasterError, UnavailableError
from trainmaster.sources.files import Files, Still
from trainmaster.sources.journal import TOGETHER, FolderJournal
from trainmaster.sources.local_files import LocalFiles
from trainmaster.sources.threads import Threads


@pytest.fixture
def lead() -> Lead:
    return Lead()


@pytest.fixture
def journal(tmp_path: Path, lead: Lead) -> FolderJournal:
    return of(tmp_path, lead)


def of(root: Path, lead: Lead, files: Files | None = None) -> FolderJournal:
    return FolderJournal(files or LocalFiles(), str(root / "journal"), Threads(4), lead)


async def test_what_is_written_is_loaded(journal: FolderJournal) -> None:
    assert await journal.load() == {}
    await journal.write("u1", b'{"a": 1}')
    await journal.write("u2", b"[]")
    await journal.write("u1", b'{"a": 2}')
    assert await journal.load() == {"u1": b'{"a": 2}', "u2": b"[]"}
    await journal.remove("u1")
    await journal.remove("u1")
    assert await journal.load() == {"u2": b"[]"}


async def test_only_the_owner_may_read(journal: FolderJournal, tmp_path: Path) -> None:
    await journal.write("u1", b"{}")
    assert (tmp_path / "journal").stat().st_mode & 0o777 == 0o700
    assert (tmp_path / "journal/000001").stat().st_mode & 0o777 == 0o700
    assert (tmp_path / "journal/000001/u1.json").stat().st_mode & 0o777 == 0o600


async def test_a_broken_record_is_handed_out_as_it_is_and_stays(
    journal: FolderJournal, tmp_path: Path
) -> None:
    """Were it left out, its job would be begun anew beside the one that runs."""
    await journal.write("u1", b"{}")
    folder = tmp_path / "journal/000001"
    (folder / "u2.json").write_bytes(b'{"half": ')
    (folder / "u3.json").write_bytes(b"")
    assert await journal.load() == {"u1": b"{}", "u2": b'{"half": ', "u3": b""}
    assert (folder / "u2.json").read_bytes() == b'{"half": '


class PickyFiles(LocalFiles):
    """Some files can't be read, each for a reason of its own."""

    def __init__(self, errors: dict[str, TrainmasterError]) -> None:
        self.errors = errors

    def read(self, path: str, limit: int, top: str = "") -> bytes:
        if error := self.errors.get(Path(path).stem):
            raise error
        return super().read(path, limit, top)


async def test_records_that_can_not_be_read_keep_no_other_from_being_read(
    journal: FolderJournal, tmp_path: Path, lead: Lead, caplog: pytest.LogCaptureFixture
) -> None:
    for uid in ("u1", "u2", "u3"):
        await journal.write(uid, b"{}")
    files = PickyFiles({"u1": DeniedError("x", "not yours"), "u2": UnavailableError("a block is missing")})
    picky = of(tmp_path, lead, files)
    with patch.object(trainmaster.sources.journal, "_PAUSE", 0):
        assert await picky.load() == {"u1": b"", "u2": b"", "u3": b"{}"}
    assert "not yours" in caplog.text
    assert "a block is missing" in caplog.text
    files.errors.clear()
    assert await picky.read("u2") == b"{}"
    assert await picky.read("u4") is None


async def test_a_store_that_goes_away_while_records_are_read_tells_nothing(
    journal: FolderJournal, tmp_path: Path, lead: Lead
) -> None:
    for uid in ("u1", "u2"):
        await journal.write(uid, b"{}")
    away = UnavailableError("away")
    with (
        patch.object(trainmaster.sources.journal, "_PAUSE", 0),
        pytest.raises(UnavailableError, match="away"),
    ):
        await of(tmp_path, lead, PickyFiles({"u1": away, "u2": away})).load()


async def test_leftovers_of_a_killed_writer_are_no_records(journal: FolderJournal, tmp_path: Path) -> None:
    await journal.write("u1", b"{}")
    (tmp_path / "journal/000001/.u1.json.0123.tmp").write_bytes(b"{")
    assert await journal.load() == {"u1": b"{}"}


async def test_without_the_lease_nothing_changes(journal: FolderJournal, lead: Lead) -> None:
    await journal.write("u1", b"1")
    lead.answers = [False]
    with pytest.raises(FencedError):
        await journal.write("u1", b"2")
    with pytest.raises(FencedError):
        await journal.remove("u1")
    assert await journal.load() == {"u1": b"1"}


async def test_a_lease_that_runs_out_while_writing_replaces_nothing(
    journal: FolderJournal, lead: Lead, tmp_path: Path
) -> None:
    await journal.write("u1", b"1")
    lead.answers = [True, False]
    with pytest.raises(FencedError):
        await journal.write("u1", b"2")
    assert await journal.load() == {"u1": b"1"}
    assert [path.name for path in (tmp_path / "journal/000001").iterdir()] == ["u1.json"]


class SlowFiles(LocalFiles):
    """The first write hangs until it is let go."""

    def __init__(self) -> None:
        self.go = threading.Event()

    def replace_all(self, files: Mapping[str, bytes], mode: int, still: Still) -> None:
        if b"1" in files.values():
            self.go.wait(10)
        super().replace_all(files, mode, still)


async def test_a_write_that_hung_overtakes_no_later_one(tmp_path: Path, lead: Lead) -> None:
    files = SlowFiles()
    threads = Threads(4)
    journal = FolderJournal(files, str(tmp_path / "journal"), threads, lead)
    await journal.load()
    threads._timeout = 0.1  # of the write alone
    with pytest.raises(UnavailableError):
        await journal.write("u1", b"1")
    threads._timeout = 30.0
    with pytest.raises(UnavailableError, match="earlier"):
        await journal.write("u1", b"2")
    await journal.write("u2", b"2")
    files.go.set()
    while await journal.load() != {"u1": b"1", "u2": b"2"}:
        await asyncio.sleep(0.01)
    await journal.write("u1", b"2")
    assert (await journal.load())["u1"] == b"2"


async def test_records_that_come_together_are_each_on_the_disk_and_share_the_rest(
    tmp_path: Path, lead: Lead, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a thousand jobs that start at once each has three."""
    threads = Threads(4)
    journal = FolderJournal(LocalFiles(), str(tmp_path / "journal"), threads, lead)
    await journal.load()
    synced, passed_on, fsync, call = Counter[str](), list[Any](), os.fsync, threads.call

    def note(descriptor: int) -> None:
        synced["folder" if stat.S_ISDIR(os.fstat(descriptor).st_mode) else "file"] += 1
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", note)
    monkeypatch.setattr(threads, "call", lambda *args: passed_on.append(args) or call(*args))
    wanted = {f"u{n}": b"%d" % n for n in range(8 * TOGETHER)}
    await asyncio.gather(*(journal.write(uid, record) for uid, record in wanted.items()))
    assert synced["file"] == len(wanted)
    assert len(passed_on) <= 12
    assert synced["folder"] <= len(passed_on)
    assert await journal.load() == wanted


async def test_records_that_come_together_are_fenced_together(tmp_path: Path, lead: Lead) -> None:
    journal = of(tmp_path, lead)
    await journal.write("u1", b"1")
    writes = [asyncio.ensure_future(journal.write(uid, b"2")) for uid in ("u1", "u2", "u3")]
    await asyncio.sleep(0)  # all of them were asked whether they may begin
    lead.answers = [False]
    assert {type(e) for e in await asyncio.gather(*writes, return_exceptions=True)} == {FencedError}
    assert [path.name for path in (tmp_path / "journal/000001").iterdir()] == ["u1.json"]
    lead.answers = [True]
    assert await journal.load() == {"u1": b"1"}


@pytest.mark.parametrize("uid", ["", "../x", ".hidden", "a/b", "x" * 65])
async def test_a_uid_is_no_path(journal: FolderJournal, uid: str) -> None:
    with pytest.raises(InvalidError):
        await journal.write(uid, b"{}")


# --- a later leader


@pytest.mark.parametrize("meanwhile", ["replaced", "removed"])
async def test_a_write_that_was_stalled_changes_nothing_of_a_later_leader(
    tmp_path: Path, meanwhile: str
) -> None:
    await stalled(LocalFiles(), LocalFiles(), str(tmp_path / "journal"), meanwhile)


async def test_whoever_was_superseded_is_fenced_even_by_a_clock_that_stood_still(tmp_path: Path) -> None:
    before = of(tmp_path, Lead(1))
    await before.write("u1", b"1")
    later = of(tmp_path, Lead(2))
    await later.load()
    with pytest.raises(UnavailableError, match="went"):
        await before.write("u1", b"2")
    with pytest.raises(FencedError, match="later leader"):
        await before.write("u1", b"2")
    with pytest.raises(FencedError):
        await before.load()
    assert await later.load() == {"u1": b"1"}


async def test_a_leader_that_leads_again_has_its_records(tmp_path: Path, lead: Lead) -> None:
    journal = of(tmp_path, lead)
    await journal.write("u1", b"1")
    lead.epoch = 7
    assert await journal.load() == {"u1": b"1"}
    await journal.write("u2", b"2")
    assert sorted(path.name for path in (tmp_path / "journal/000007").iterdir()) == ["u1.json", "u2.json"]


async def test_of_leaders_that_take_over_at_once_the_latest_has_the_records(tmp_path: Path) -> None:
    await of(tmp_path, Lead(1)).write("u1", b"1")
    many = [of(tmp_path, Lead(epoch)) for epoch in range(2, 10)]
    found = await asyncio.gather(*(each.load() for each in many), return_exceptions=True)
    assert all(each == {"u1": b"1"} or isinstance(each, TrainmasterError) for each in found)
    for each in many[:-1]:
        with pytest.raises((FencedError, UnavailableError)):
            await each.write("u1", b"late")
    assert await many[-1].load() == {"u1": b"1"}


async def test_records_from_before_there_were_epochs_are_found(tmp_path: Path, lead: Lead) -> None:
    (tmp_path / "journal").mkdir()
    (tmp_path / "journal/u1.json").write_bytes(b"1")
    assert await of(tmp_path, lead).load() == {"u1": b"1"}
    assert await of(tmp_path, Lead(2)).load() == {"u1": b"1"}


async def test_a_journal_that_somebody_removed_is_made_again(tmp_path: Path, lead: Lead) -> None:
    journal = of(tmp_path, lead)
    await journal.write("u1", b"1")
    shutil.rmtree(tmp_path / "journal")
    with pytest.raises(UnavailableError):
        await journal.write("u1", b"2")
    await journal.write("u1", b"2")
    assert await journal.load() == {"u1": b"2"}


async def test_nothing_is_taken_over_without_the_lease(tmp_path: Path, lead: Lead) -> None:
    await of(tmp_path, lead).write("u1", b"1")
    without = Lead(2)
    without.answers = [False]
    with pytest.raises(FencedError):
        await of(tmp_path, without).load()
    assert (tmp_path / "journal/000001/u1.json").exists()
