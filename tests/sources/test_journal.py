"""The journal: whole, private, fenced, and tolerant of one broken record."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path

import pytest

from trainmaster.errors import FencedError, InvalidError, UnavailableError
from trainmaster.sources.files import Still
from trainmaster.sources.journal import FolderJournal
from trainmaster.sources.local_files import LocalFiles
from trainmaster.sources.threads import Threads


class Lead:
    """Whether the lease is held, as the test says."""

    def __init__(self) -> None:
        self.answers = [True]

    def __call__(self) -> bool:
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


@pytest.fixture
def lead() -> Lead:
    return Lead()


@pytest.fixture
def journal(tmp_path: Path, lead: Lead) -> FolderJournal:
    return FolderJournal(LocalFiles(), str(tmp_path / "journal"), Threads(4), lead)


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
    assert (tmp_path / "journal/u1.json").stat().st_mode & 0o777 == 0o600


async def test_a_broken_record_is_put_aside_and_the_others_load(
    journal: FolderJournal, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    await journal.write("u1", b"{}")
    (tmp_path / "journal/u2.json").write_bytes(b'{"half": ')
    assert await journal.load() == {"u1": b"{}"}
    assert (tmp_path / "journal/u2.json.broken").read_bytes() == b'{"half": '
    assert not (tmp_path / "journal/u2.json").exists()
    assert "u2.json" in caplog.text


async def test_leftovers_of_a_killed_writer_are_no_records(journal: FolderJournal, tmp_path: Path) -> None:
    await journal.write("u1", b"{}")
    (tmp_path / "journal/.u1.json.0123.tmp").write_bytes(b"{")
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
    assert [path.name for path in (tmp_path / "journal").iterdir()] == ["u1.json"]


class SlowFiles(LocalFiles):
    """The first write hangs until it is let go."""

    def __init__(self) -> None:
        self.go = threading.Event()

    def replace_if(self, path: str, data: bytes, mode: int, still: Still) -> None:
        if data == b"1":
            self.go.wait(10)
        super().replace_if(path, data, mode, still)


async def test_a_write_that_hung_overtakes_no_later_one(tmp_path: Path, lead: Lead) -> None:
    files = SlowFiles()
    threads = Threads(4, timeout=0.1)
    journal = FolderJournal(files, str(tmp_path / "journal"), threads, lead)
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


@pytest.mark.parametrize("uid", ["", "../x", ".hidden", "a/b", "x" * 65])
async def test_a_uid_is_no_path(journal: FolderJournal, uid: str) -> None:
    with pytest.raises(InvalidError):
        await journal.write(uid, b"{}")
