"""Whoever owns a folder may exchange the files in it: so nobody's file counts in another's, and `apply` puts none there."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import pytest

from sources.building import job_text
from trainmaster.sources.files import Entry, Files
from trainmaster.sources.in_folders import places, trusted_owners, who_we_are
from trainmaster.sources.local_files import LocalFiles
from trainmaster.sources.reading import why_not_trusted
from trainmaster.sources.store import JobStore

SWAPS = (
    "its folder /jobs/vision belongs to mallory, who may put another file in its place and so run it as alice"
)


def folder(path: str, owner: str, mode: int = 0o1777) -> Entry:
    return Entry(path, 0, 1, owner, mode, folder=True)


@pytest.mark.parametrize(
    ("owner", "says"), [("alice", ""), ("trainmaster", ""), ("hdfs", ""), ("mallory", SWAPS)]
)
@pytest.mark.parametrize("mode", [0o755, 0o1777])
def test_a_file_counts_in_its_owners_folders_and_in_those_of_the_store(
    owner: str, says: str, mode: int
) -> None:
    entry = Entry("/jobs/vision/a.yaml", 9, 1, "alice", 0o644)
    parents = (folder("/jobs/vision", owner, mode), folder("/jobs", "trainmaster"))
    assert why_not_trusted(entry, parents, {"trainmaster", "hdfs"}).startswith(says)
    assert bool(why_not_trusted(entry, parents, {"trainmaster", "hdfs"})) is bool(says)


def test_a_folder_further_up_counts_as_well() -> None:
    entry = Entry("/jobs/vision/deep/a.yaml", 9, 1, "alice", 0o644)
    parents = (folder("/jobs/vision/deep", "alice", 0o755), folder("/jobs/vision", "mallory", 0o755))
    assert why_not_trusted(entry, parents, {"trainmaster"}).startswith(SWAPS)


class Others:
    """A store of several users; `me` is who makes something."""

    def __init__(self, me: str, **owners: str) -> None:
        self.me = me
        self.owners = {"/": "hdfs", **{f"/{path.replace('_', '/')}": owner for path, owner in owners.items()}}

    def stat(self, path: str) -> Entry:
        if path not in self.owners:
            raise FileNotFoundError(path)
        return Entry(path, 0, 1, self.owners[path], 0o1777, folder=True)

    def replace(self, path: str, _: bytes) -> None:
        self.owners[path] = self.me

    def delete(self, path: str) -> None:
        del self.owners[path]


@pytest.mark.parametrize(
    ("store", "path"),
    [
        (Others("alice"), "vision/mnist.yaml"),
        (Others("alice", jobs="trainmaster", jobs_vision="trainmaster"), "vision/mnist.yaml"),
        (Others("alice", jobs="trainmaster", jobs_vision="hdfs"), "vision/mnist.yaml"),
        (Others("alice", jobs="trainmaster", jobs_vision="mallory"), "vision.mnist.yaml"),
        (Others("alice", jobs="trainmaster"), "vision.mnist.yaml"),
        (Others("trainmaster", jobs="trainmaster"), "vision/mnist.yaml"),
        (Others("hdfs", jobs="trainmaster"), "vision/mnist.yaml"),
    ],
)
def test_apply_puts_a_file_where_nobody_else_can_exchange_it(store: Others, path: str) -> None:
    found = places(cast("Files", cast("Any", store)), "/jobs", "vision", "mnist")
    assert next(found) == path
    assert next(found) == path.replace(".yaml", "-2.yaml")
    assert not [each for each in store.owners if "/." in each]


def test_who_may_not_look_at_the_root_trusts_the_owner_of_jobs_alone() -> None:
    class Closed(Others):
        def stat(self, path: str) -> Entry:
            raise PermissionError(path)

    store = cast("Files", cast("Any", Closed("alice")))
    assert trusted_owners(store, folder("/jobs", "trainmaster")) == {"trainmaster"}


def test_what_lies_in_jobs_itself_says_its_namespace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = JobStore(f"file://{tmp_path}")
    (tmp_path / "jobs").mkdir()
    real = LocalFiles.stat

    def others(files: LocalFiles, path: str) -> Entry:
        entry = real(files, path)
        return (
            Entry(entry.path, entry.size, entry.modified, "somebody", entry.mode, entry.folder)
            if entry.folder
            else entry
        )

    monkeypatch.setattr(LocalFiles, "stat", others)
    applied = store.apply(job_text("mnist", "vision"))
    assert applied.path == "vision.mnist.yaml"
    assert store.get("vision", "mnist").path == "vision.mnist.yaml"
    assert store.apply(job_text("mnist", "vision")).outcome == "unchanged"


@pytest.mark.parametrize("where", ["/", "/store"])
def test_who_we_are_is_asked_by_a_path_that_hdfs_takes(where: str) -> None:
    """It refuses an empty name between two slashes."""
    paths = list[str]()

    class Asked(LocalFiles):
        def replace(self, path: str, data: bytes, mode: int = 0o644, owner: str = "") -> None:
            paths.append(path)

        def stat(self, path: str) -> Entry:
            return Entry(path, 0, 1, "alice", 0o644)

        def delete(self, path: str) -> None:
            paths.append(path)

    assert who_we_are(Asked(), where) == "alice"
    assert len(set(paths)) == 1
    assert "//" not in paths[0]
