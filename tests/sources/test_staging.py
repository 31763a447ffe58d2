"""Local code on its way to the processes: packed the same everywhere, uploaded once."""

from __future__ import annotations

import os
import tarfile
from dataclasses import replace
from pathlib import Path

import pytest

from trainmaster.errors import InvalidError
from trainmaster.sources.files import Entry
from trainmaster.sources.local_files import LocalFiles
from trainmaster.sources.staging import Staging, pack


@pytest.fixture
def code(tmp_path: Path) -> Path:
    folder = tmp_path / "code"
    (folder / "pkg").mkdir(parents=True)
    (folder / "train.py").write_text("print(1)")
    (folder / "pkg/__init__.py").write_text("")
    (folder / "run.sh").write_text("#!/bin/sh\n")
    (folder / "run.sh").chmod(0o755)
    (folder / ".git").mkdir()
    (folder / ".git/HEAD").write_text("x")
    return folder


def test_a_folder_is_packed_without_history_and_the_same_each_time(code: Path, tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    pack(code, one)
    os.utime(code / "train.py", (1, 1))
    pack(code, two)
    assert one.read_bytes() == two.read_bytes()
    with tarfile.open(one) as archive:
        assert archive.getnames() == ["run.sh", "train.py", "pkg/__init__.py"]
        assert archive.getmember("run.sh").mode == 0o755


def test_a_link_to_a_folder_is_refused(code: Path, tmp_path: Path) -> None:
    (code / "loop").symlink_to(code)
    with pytest.raises(InvalidError, match="loop"):
        pack(code, tmp_path / "x")


def test_what_is_unchanged_is_not_uploaded_again(code: Path, tmp_path: Path) -> None:
    staging = Staging(f"file://{tmp_path}/store", "alice")
    first = staging.upload("vision", "mnist", code)
    assert first.archive
    assert first.uploaded
    assert first.url.startswith(f"file://{tmp_path}/store/staging/alice/vision/mnist/")
    assert first.url.endswith("/code.tar.gz")
    again = staging.upload("vision", "mnist", code)
    assert (again.url, again.uploaded) == (first.url, False)
    (code / "train.py").write_text("print(2)")
    changed = staging.upload("vision", "mnist", code)
    assert changed.url != first.url
    assert Path(first.url.removeprefix("file://")).exists()


def test_a_file_stays_a_file(code: Path, tmp_path: Path) -> None:
    staging = Staging(f"file://{tmp_path}/store")
    staged = staging.upload("vision", "mnist", code / "train.py")
    assert not staged.archive
    assert f"/staging/{code.owner()}/vision/mnist/" in staged.url
    assert Path(staged.url.removeprefix("file://")).read_text() == "print(1)"
    assert (tmp_path / "store/staging").stat().st_mode & 0o7777 == 0o1777


def test_what_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(InvalidError, match=r"nothing\.py"):
        Staging(f"file://{tmp_path}").upload("a", "b", tmp_path / "nothing.py")


def test_nothing_is_brought_into_anothers_folder(
    code: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever owns it could exchange what the processes run: that of all users, or one that was made in somebody's name."""
    whose = {"staging": "", "alice": ""}
    real = LocalFiles.stat

    def seen(files: LocalFiles, path: str) -> Entry:
        entry = real(files, path)
        return replace(entry, owner=whose.get(path.rpartition("/")[2]) or entry.owner)

    monkeypatch.setattr(LocalFiles, "stat", seen)
    staging = Staging(f"file://{tmp_path}/store", "alice")
    assert staging.upload("vision", "mnist", code).uploaded
    for name in whose:
        whose[name] = "mallory"
        with pytest.raises(InvalidError, match=f"{name} belongs to mallory, who may exchange"):
            staging.upload("vision", "mnist", code)
        whose[name] = ""


@pytest.mark.parametrize(
    ("owners", "open_above", "trusted"),
    [
        ({"staging": "controller", "store": "controller"}, False, True),
        ({"staging": "controller", "store": "admin"}, False, False),
        ({"staging": "mallory", "store": "controller"}, False, False),
        ({"staging": "mallory", "store": "mallory"}, True, False),
    ],
)
def test_without_jobs_the_folder_of_all_uploads_may_be_that_of_the_stores_owner(
    code: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    owners: dict[str, str],
    open_above: bool,
    trusted: bool,
) -> None:
    """As on Kubernetes. Where anybody may make the store, its owner is anybody."""
    (tmp_path / "above/store").mkdir(parents=True)
    (tmp_path / "above").chmod(0o1777 if open_above else 0o755)
    real = LocalFiles.stat

    def seen(files: LocalFiles, path: str) -> Entry:
        entry = real(files, path)
        return replace(entry, owner=owners.get(path.rpartition("/")[2]) or entry.owner)

    monkeypatch.setattr(LocalFiles, "stat", seen)
    staging = Staging(f"file://{tmp_path}/above/store", "alice")
    if trusted:
        assert staging.upload("@abc/vision", "mnist", code).uploaded
        return
    with pytest.raises(InvalidError, match=f"staging belongs to {owners['staging']}") as caught:
        staging.upload("@abc/vision", "mnist", code)
    cure = {real(LocalFiles(), "/").owner} | ({owners["store"]} if not open_above else set())
    assert f"give it to {' or '.join(sorted(cure))}, or take it away" in str(caught.value)
