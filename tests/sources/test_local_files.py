"""Files of this machine: what is written through to the disk, and how often."""

from __future__ import annotations

import os
import stat
import sys
import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from sources.building import job_text, leading, only, put
from trainmaster.api.status import JobStatus
from trainmaster.errors import RefusedError
from trainmaster.sources import shown
from trainmaster.sources.local_files import LocalFiles

WRITERS = 8


class Disk:
    """Counts what is written through below a folder (threads of other tests may still write), and can hold up the first write of
    a folder."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, below: Path) -> None:
        self._below = str(below)
        self.synced: Counter[str] = Counter()
        self.held, self.go = threading.Event(), threading.Event()
        self.go.set()
        self._real = os.fsync
        monkeypatch.setattr(os, "fsync", self._fsync)

    def _fsync(self, descriptor: int) -> None:
        if not str(Path(f"/proc/self/fd/{descriptor}").readlink()).startswith(self._below):
            self._real(descriptor)
            return
        kind = "folder" if stat.S_ISDIR(os.fstat(descriptor).st_mode) else "file"
        self.synced[kind] += 1
        if kind == "folder":
            self.held.set()
            assert self.go.wait(10)
        self._real(descriptor)


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Disk:
    return Disk(monkeypatch, tmp_path)


async def test_a_record_is_on_the_disk_before_it_counts_and_a_status_is_not_waited_for(
    tmp_path: Path, disk: Disk
) -> None:
    """What is shown is made again by the next controller; what is remembered isn't."""
    made = await leading(tmp_path)
    put(tmp_path, "a.yaml", job_text())
    declared = only(await made.look())
    await made.journal.write(declared.uid, b"{}")
    await made._records.close()  # what is known of the files is written beside a look
    disk.synced.clear()
    await made.publish(declared, JobStatus(state="Running"))
    assert (tmp_path / "status/a.yaml").exists()
    assert not disk.synced
    await made.journal.write(declared.uid, b"{}")
    assert disk.synced == {"file": 1, "folder": 1}


async def test_a_status_that_a_crash_left_empty_says_nothing_and_is_shown_anew_by_the_next_leader(
    tmp_path: Path,
) -> None:
    put(tmp_path, "a.yaml", job_text())
    made = await leading(tmp_path)
    await made.publish(only(await made.look()), JobStatus(state="Running"))
    path = tmp_path / "status/a.yaml"
    path.write_bytes(b"")
    assert shown.from_bytes(path.read_bytes()) is None
    await made.lease.release()
    await made.close()
    later = await leading(tmp_path)
    await later.publish(only(await later.look()), JobStatus(state="Running"))
    found = shown.from_bytes(path.read_bytes())
    assert found is not None
    assert found.status.state == "Running"


def test_a_file_is_written_with_as_few_calls_of_the_system_as_will_do(tmp_path: Path) -> None:
    """After each the thread waits for its turn of the interpreter, beside a loop that is busy for up to five milliseconds."""
    files = LocalFiles()
    record = calls_of_the_system(lambda: files.replace_if(f"{tmp_path}/r", b"1", 0o600, lambda: None))
    assert record == [
        *("open", "write", "fsync", "close", "replace"),
        *("open", "fsync", "close"),
    ], "the file, and its folder"
    status = calls_of_the_system(
        lambda: files.replace_if(f"{tmp_path}/s", b"1", 0o644, lambda: None, lasting=False)
    )
    assert status == ["open", "write", "fchmod", "close", "replace"]
    assert [stat.S_IMODE((tmp_path / name).stat().st_mode) for name in "rs"] == [0o600, 0o644]


def test_several_files_are_all_written_before_the_first_is_written_through(tmp_path: Path) -> None:
    """The disk then has them together: what it does for the first is done for the others as well."""
    files = {f"{tmp_path}/{name}": b"1" for name in "abc"}
    several = calls_of_the_system(lambda: LocalFiles().replace_all(files, 0o600, lambda: None))
    assert several == [
        *(3 * ("open", "write")),
        *(3 * ("fsync",)),
        *(3 * ("close",)),
        *(3 * ("replace",)),
        *("open", "fsync", "close"),
    ]


def test_of_several_files_that_cannot_all_be_written_nothing_is_left(tmp_path: Path) -> None:
    descriptors = len(list(Path("/proc/self/fd").iterdir()))
    files = {f"{tmp_path}/a": b"1", f"{tmp_path}/none/b": b"1"}
    with pytest.raises(FileNotFoundError):
        LocalFiles().replace_all(files, 0o600, lambda: None)
    assert not list(tmp_path.iterdir())
    assert len(list(Path("/proc/self/fd").iterdir())) == descriptors


def test_what_is_removed_below_a_folder_lies_there_and_nowhere_else(tmp_path: Path) -> None:
    (tmp_path / "top/a/b").mkdir(parents=True)
    (tmp_path / "top/a/b/file").write_text("1")
    (tmp_path / "linked").symlink_to(tmp_path / "top")
    (tmp_path / "top/away").symlink_to(tmp_path / "top/a")
    files = LocalFiles()
    for below in ("away/b", "a/b/file/c"):
        with pytest.raises(RefusedError, match="a link or a file is on the way"):
            files.delete_below(f"{tmp_path}/top", below)
    files.delete_below(f"{tmp_path}/top", "a/nothing/here")
    assert (tmp_path / "top/a/b/file").exists()
    files.delete_below(f"{tmp_path}/linked", "a/b")
    files.delete_below(f"{tmp_path}/top", "away")
    assert [each.name for each in (tmp_path / "top").iterdir()] == ["a"], (
        "a link itself is removed, not what it leads to"
    )
    assert not list((tmp_path / "top/a").iterdir())


def calls_of_the_system(work: Callable[[], None]) -> list[str]:
    """By which this thread lets others have the interpreter. What opens files as objects makes some beside."""
    found: list[str] = []

    def note(_frame: FrameType, event: str, called: Any) -> None:
        if event == "c_call" and (
            called.__module__ in ("posix", "_io") or "File" in type(called.__self__).__name__
        ):
            found.append(called.__name__)

    sys.setprofile(note)
    try:
        work()
    finally:
        sys.setprofile(None)
    return [name for name in found if name not in ("fspath", "_path_splitroot_ex")]


def test_those_who_wait_for_a_folder_share_its_next_writing(tmp_path: Path, disk: Disk) -> None:
    """One that was under way before a rename doesn't count for it; the next one counts for all who came meanwhile."""
    files = LocalFiles()
    disk.go.clear()
    with ThreadPoolExecutor(WRITERS) as pool:
        first = pool.submit(files.replace, f"{tmp_path}/first", b"1")
        assert disk.held.wait(10)
        others = [pool.submit(files.replace, f"{tmp_path}/{n}", b"1") for n in range(WRITERS - 1)]
        while sum(not path.name.startswith(".") for path in tmp_path.iterdir()) < WRITERS:
            assert not any(each.done() for each in (first, *others)), "the folder isn't written yet"
        disk.go.set()
        for each in (first, *others):
            each.result(10)
    assert disk.synced["file"] == WRITERS
    assert 2 <= disk.synced["folder"] <= WRITERS // 2


def test_a_folder_that_cannot_be_written_fails_everybody_who_waits_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files, real = LocalFiles(), os.fsync

    def broken(descriptor: int) -> None:
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise OSError(5, "Input/output error", "the disk")
        real(descriptor)

    monkeypatch.setattr(os, "fsync", broken)
    for name in ("a", "b"):
        with pytest.raises(Exception, match="Input/output error"):
            files.replace(f"{tmp_path}/{name}", b"1")
    monkeypatch.setattr(os, "fsync", real)
    files.replace(f"{tmp_path}/c", b"1")
