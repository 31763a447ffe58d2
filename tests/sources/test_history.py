"""The history's folder: one creation for each run, halves told, months removed as wholes, whatever the store."""

from __future__ import annotations

import os
import secrets
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from trainmaster.api.history import EndedRun, decode, encode, file_of
from trainmaster.api.past_runs import Wanted
from trainmaster.errors import DeniedError, InvalidError, RefusedError, UnavailableError
from trainmaster.settings import Settings
from trainmaster.sources import history
from trainmaster.sources.history import HistoryFolder, Writer, check_url, history_url, open_history
from trainmaster.sources.local_files import LocalFiles
from trainmaster.sources.past_runs import find


def run(uid: str = "u-1", ended: str = "2026-11-27T10:00:00Z", **more: Any) -> EndedRun:
    return EndedRun(uid=uid, namespace="vision", name="mnist", state="Failed", ended_at=ended, **more)


def settings(url: str) -> Settings:
    return Settings(history={"url": url})


@pytest.fixture(params=["file", "memory"])
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> HistoryFolder:
    """On a store of ours, and on one that only fsspec knows."""
    url = f"file://{tmp_path}/h" if request.param == "file" else f"memory://{secrets.token_hex(8)}/h"
    return open_history(settings(url))


def put(folder: HistoryFolder, ended: EndedRun) -> str:
    path = file_of(ended).path
    folder.put(path, encode(ended))
    return path


def test_a_record_is_read_as_it_was_filed(folder: HistoryFolder) -> None:
    path = put(folder, run())
    assert decode(folder.read(path)) == run()
    assert folder.names("2026-11/27") == [path.rpartition("/")[2]]


def test_a_second_write_of_the_same_run_changes_nothing(folder: HistoryFolder) -> None:
    path = put(folder, run(page="http://first/"))
    assert put(folder, run(page="http://second/")) == path
    assert decode(folder.read(path)).page == "http://first/"
    assert len(folder.names("2026-11/27")) == 1


@pytest.mark.parametrize("left", [0, 1, 50])
def test_half_a_file_that_a_crash_left_is_written_anew(folder: HistoryFolder, left: int) -> None:
    path = file_of(run()).path
    folder.put(path, encode(run())[:left])
    assert put(folder, run()) == path
    assert decode(folder.read(path)) == run()


ALL = Wanted(datetime(2026, 11, 27, tzinfo=UTC), datetime(2026, 11, 28, tzinfo=UTC))


def whole(uid: str) -> str:
    """Where such a record lies below the history's folder."""
    return file_of(run(uid, ended="2026-11-27T11:00:00Z")).path


@pytest.fixture
def local(tmp_path: Path) -> HistoryFolder:
    """With a record in it."""
    folder = open_history(settings(f"file://{tmp_path}/h"))
    put(folder, run())
    return folder


@pytest.mark.parametrize("kind", ["folder", "link", "pipe", "name"])
def test_what_is_no_file_among_the_records_spoils_no_answer(
    local: HistoryFolder, tmp_path: Path, kind: str
) -> None:
    odd = tmp_path / "h" / whole("u-2")
    if kind == "folder":
        odd.mkdir()
    elif kind == "link":
        odd.symlink_to("/etc/passwd")
    elif kind == "pipe":
        os.mkfifo(odd)
    else:
        Path(os.fsdecode(os.fsencode(odd).replace(b"mnist", b"\xff"))).touch()
    assert find(local, ALL, 10).runs == (run(),)


@pytest.mark.parametrize("error", [DeniedError("AccessControlException", "no"), RefusedError("Odd", "no")])
def test_a_file_that_the_store_does_not_give_is_one_that_can_not_be_read(
    local: HistoryFolder, error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    refused, read = put(local, run("u-2")), LocalFiles.read

    def denied(self: LocalFiles, path: str, limit: int) -> bytes:
        if path.endswith(refused):
            raise error
        return read(self, path, limit)

    monkeypatch.setattr(LocalFiles, "read", denied)
    found = find(local, ALL, 10)
    assert (found.runs, found.unread) == ((run(),), 1)


@pytest.mark.parametrize("kind", ["folder", "link"])
def test_where_something_else_has_a_records_name_that_is_said(
    local: HistoryFolder, tmp_path: Path, kind: str
) -> None:
    """It may be somebody's, so it stays; the record is written once it has been moved away."""
    odd = tmp_path / "h" / file_of(run("u-2")).path
    odd.mkdir() if kind == "folder" else odd.symlink_to("/nowhere")
    with pytest.raises(RefusedError, match=f"{file_of(run('u-2')).path} is no file: move it away"):
        put(local, run("u-2"))
    odd.rename(odd.with_suffix(".odd"))
    put(local, run("u-2"))
    assert len(find(local, ALL, 10).runs) == 2


def test_a_day_without_records_is_empty(folder: HistoryFolder) -> None:
    assert list(folder.names("2026-11/28")) == []


def test_months_are_removed_as_wholes_and_nothing_else(folder: HistoryFolder) -> None:
    for month in ("2025-09", "2025-10", "2025-11"):
        put(folder, run(ended=f"{month}-03T00:00:00Z"))
    folder.put("0000-notes/01/x", b"somebody's own")
    assert folder.prune("2025-11") == ["2025-09", "2025-10"]
    assert [len(folder.names(f"2025-{month}/03")) for month in ("09", "10", "11")] == [0, 0, 1]
    assert folder.read("0000-notes/01/x") == b"somebody's own"
    assert folder.prune("2025-11") == []


def test_of_an_empty_history_nothing_is_removed(folder: HistoryFolder) -> None:
    assert folder.prune("2025-11") == []


def test_a_run_costs_one_creation_and_a_day_its_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = Counter[str]()
    for name in ("create", "make_folder", "replace", "move", "walk", "stat", "read", "delete", "touch"):
        _count(monkeypatch, name, calls)
    folder = open_history(settings(f"file://{tmp_path}/h"))
    for number in range(100):
        put(folder, run(f"u-{number}"))
    assert calls == {"create": 100, "make_folder": 1}


def _count(monkeypatch: pytest.MonkeyPatch, name: str, calls: Counter[str]) -> None:
    real = getattr(LocalFiles, name)

    def counted(self: LocalFiles, *args: Any, **kwargs: Any) -> Any:
        calls[name] += 1
        return real(self, *args, **kwargs)

    monkeypatch.setattr(LocalFiles, name, counted)


def test_a_folder_that_was_removed_meanwhile_is_made_again(tmp_path: Path) -> None:
    folder = open_history(settings(f"file://{tmp_path}/h"))
    put(folder, run())
    folder.prune("2027-01")
    with pytest.raises(UnavailableError, match="went meanwhile"):
        put(folder, run())
    assert put(folder, run())


@pytest.mark.parametrize(
    ("given", "url"),
    [
        ({"store": "hdfs://nn/tm"}, "hdfs://nn/tm/history"),
        ({"store": "hdfs://nn/tm", "history": {"url": "s3://bucket/h"}}, "s3://bucket/h"),
        ({"store": "hdfs://nn/tm", "history": {"enabled": False}}, ""),
        ({"source": "kubernetes"}, ""),
        ({"source": "kubernetes", "history": {"url": "hdfs://nn/h"}}, "hdfs://nn/h"),
        ({"source": "kubernetes", "history": {"url": "hdfs://nn/h", "enabled": False}}, ""),
    ],
)
def test_where_it_lies(given: dict[str, Any], url: str) -> None:
    assert history_url(Settings(**given)) == url


def test_a_url_that_nobody_knows_is_told_at_the_start() -> None:
    with pytest.raises(InvalidError, match=r"history\.url"):
        check_url("ftpx://somewhere/h")
    for known in ("", "/tmp/h", "file:///tmp/h", "hdfs:///h", "memory://h"):
        check_url(known)


async def test_the_writer_opens_its_store_when_it_is_needed(tmp_path: Path) -> None:
    blocked = tmp_path / "h"
    blocked.write_text("a file where a folder is wanted")
    writer = Writer(settings(f"file://{blocked}"))
    with pytest.raises((InvalidError, UnavailableError)):
        await writer.put(file_of(run()).path, encode(run()))
    blocked.unlink()
    await writer.put(file_of(run()).path, encode(run()))
    await writer.prune("2020-01")
    writer.close()
    assert (blocked / file_of(run()).path).exists()


def test_a_file_of_the_root_is_not_one_of_the_working_directory(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def shelf(_: Settings, url: str) -> Any:
        asked.append(url)
        raise InvalidError("nothing is written here")

    monkeypatch.setattr(history, "_shelf", shelf)
    with pytest.raises(InvalidError):
        history.put_file(settings("file:///h"), "/bill.csv", b"")
    assert asked == ["/"]
