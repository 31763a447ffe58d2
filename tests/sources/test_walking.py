"""What one person puts into the jobs folder hurts nobody else: deep, long, many and unreadable names."""

from __future__ import annotations

import getpass
import os
import subprocess
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from sources.building import FINISHED, GRACE, Clock, job_text, leading, put
from trainmaster.errors import DeniedError, RefusedError
from trainmaster.sources import walking
from trainmaster.sources.files import Entry
from trainmaster.sources.layout import MAX_SHARED_NAME
from trainmaster.sources.local_files import LocalFiles
from trainmaster.sources.store import JobStore
from trainmaster.sources.walking import JOBS, Limits


@pytest.fixture
def trap(tmp_path: Path) -> Iterator[Path]:
    """A jobs folder with alice's job, and a folder beside it that is to be filled."""
    put(tmp_path, "team/alice.yaml", job_text())
    (tmp_path / "jobs/bob").mkdir()
    yield tmp_path / "jobs/bob"
    subprocess.run(["rm", "-rf", str(tmp_path / "jobs")], check=True)  # Python's own goes only so deep


def dig(folder: Path, name: str, levels: int) -> None:
    """Folders within each other, made step by step: their whole path may be longer than the system takes."""
    descriptor = os.open(folder, os.O_RDONLY)
    for _ in range(levels):
        os.mkdir(name, dir_fd=descriptor)
        below = os.open(name, os.O_RDONLY, dir_fd=descriptor)
        os.close(descriptor)
        descriptor = below
    os.close(descriptor)


@pytest.mark.parametrize(("name", "levels"), [("d", 1500), ("d" * 200, 30)])
async def test_a_folder_too_deep_is_told_to_its_owner_and_blinds_nobody(
    tmp_path: Path, trap: Path, name: str, levels: int
) -> None:
    dig(trap, name, levels)
    found = {d.name: d for d in (await (await leading(tmp_path)).look()).values()}
    assert found["alice"].job
    (notice,) = (d for n, d in found.items() if n != "alice")
    assert (notice.owner, notice.path) == (getpass.getuser(), f"_unread-{getpass.getuser()}.yaml")
    assert "bob/d" in str(notice.problems[0])
    shown = JobStore(f"file://{tmp_path}").list()
    assert {job.name: bool(job.problems) for job in shown} == {"alice": False, notice.name: True}


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("a" * 240 + ".yaml", "has a name longer than 200 bytes"),
        ("ä" * 110 + ".yaml", "has a name longer than 200 bytes"),
        (b"\xff.yaml", "has a name that is not UTF-8"),
    ],
)
async def test_a_name_that_can_not_be_worked_with_is_told_and_blinds_nobody(
    tmp_path: Path, trap: Path, name: str | bytes, words: str
) -> None:
    put(tmp_path, f"{trap.name}/{os.fsdecode(name)}", job_text("odd"))
    found = {d.name: d for d in (await (await leading(tmp_path)).look()).values()}
    assert found.pop("alice").job
    (notice,) = found.values()
    assert words in str(notice.problems[0])
    str(notice.problems[0]).encode()  # it can be written


LONG = {  # by file: as long as may be, and whether another job stands in it
    "f" * (MAX_SHARED_NAME - 5) + ".yaml": True,
    "g" * (MAX_SHARED_NAME - 5) + ".yaml": False,
    "h" * (JOBS.name - 5) + ".yaml": False,
}


@pytest.mark.parametrize(("file", "shared"), LONG.items(), ids="fgh")
@pytest.mark.parametrize("deep", [False, True])
async def test_what_commands_leave_beside_the_longest_names_is_heeded_and_blinds_nobody(
    tmp_path: Path, clock: Clock, file: str, shared: bool, deep: bool
) -> None:
    name, namespace = "n" * 63, "s" * 63
    if deep:
        file = ("d" * 99 + "/") * ((JOBS.path - len(file)) // 100) + file
        assert len(file) == JOBS.path
    store, made = JobStore(f"file://{tmp_path}"), await leading(tmp_path, clock)
    put(tmp_path, file, job_text(name, namespace) + ("---\n" + job_text("other") if shared else ""))
    for declared in (await made.look()).values():
        await made.publish(declared, FINISHED)
    store.edit(namespace, name, {("spec", "runPolicy", "suspend"): True}, by="suspend")
    store.apply(job_text(name, namespace), force=True)
    store.edit(namespace, name, {("spec", "runPolicy", "suspend"): True}, by="suspend")
    listing = LocalFiles().walk(str(tmp_path / "jobs"), JOBS)
    assert (listing.blind, listing.left_out) == ((), ())
    store.delete(namespace, name)
    store.delete(namespace, name, now=True)
    found = {d.name: (d.deleted, d.at_once) for d in (await made.look()).values()}
    assert found == {name: (True, True)} | ({"other": (False, False)} if shared else {})


async def test_what_comes_to_lie_beyond_a_limit_is_not_gone_and_the_notice_goes_with_its_cause(
    tmp_path: Path, trap: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = await leading(tmp_path, clock)
    put(tmp_path, "bob/deep/mnist.yaml", job_text())
    assert {d.name for d in (await made.look()).values()} == {"alice", "mnist"}
    monkeypatch.setattr("trainmaster.sources.listings.JOBS", Limits(depth=1))
    for _ in range(3):
        clock.pass_(GRACE + 1)
        found = {d.name: d for d in (await made.look()).values()}
        assert not found["mnist"].deleted
        assert len(found) == 3
    monkeypatch.undo()
    (notice,) = (d for d in (await made.look()).values() if d.name not in ("alice", "mnist"))
    assert notice.deleted


class Tree:
    """Folders and files of several owners, as a store lists them."""

    def __init__(self, **owners: str) -> None:
        self.entries = [_entry(f"/jobs/{path}", owner) for path, owner in owners.items()]

    def add(self, path: str, owner: str, *, folder: bool = False) -> None:
        self.entries.append(_entry(f"/jobs/{path}", owner, folder=folder))

    def scan(self, folder: str) -> Iterable[Entry]:
        return [entry for entry in self.entries if entry.path.rpartition("/")[0] == folder]


def _entry(path: str, owner: str, *, folder: bool = False) -> Entry:
    return Entry(path=path, size=1, modified=0, owner=owner, mode=0o644, folder=folder)


def test_an_owner_with_too_many_files_loses_sight_of_his_own_only() -> None:
    tree = Tree()
    for number in range(10):
        tree.add(f"b{number}.yaml", "bob")
    tree.add("a.yaml", "alice")
    tree.add("more", "bob", folder=True)
    listing = walking.walk("/jobs", tree.scan, Limits(entries=4))
    assert [e.owner for e in listing.entries] == ["bob"] * 4 + ["alice"]
    (left,) = listing.left_out
    assert (left.owner, left.crowded, left.count, len(left.examples)) == ("bob", True, 7, walking.EXAMPLES)
    assert listing.blind == ("/jobs/more",), "others' files may lie in a folder that wasn't looked into"


def test_without_limits_everything_is_listed() -> None:
    tree = Tree()
    for depth in range(1, 50):
        tree.add("/".join(["d"] * depth), "us", folder=True)
    listing = walking.walk("/jobs", tree.scan)
    assert (len(listing.entries), listing.blind, listing.left_out) == (49, (), ())


def test_a_folder_that_may_not_be_read_hides_what_is_in_it_and_nothing_else() -> None:
    tree = Tree()
    for name in ("closed", "went", "open"):
        tree.add(name, "us", folder=True)
    tree.add("open/a.yaml", "us")

    def scan(folder: str) -> Iterable[Entry]:
        if folder == "/jobs/closed":
            raise DeniedError("PermissionError", folder)
        if folder == "/jobs/went":
            raise FileNotFoundError(folder)
        return tree.scan(folder)

    listing = walking.walk("/jobs", scan)
    assert "/jobs/open/a.yaml" in [e.path for e in listing.entries]
    assert listing.blind == ("/jobs/closed",)


def test_the_root_must_be_there_and_open() -> None:
    def scan(folder: str) -> Iterable[Entry]:
        raise DeniedError("PermissionError", folder)

    with pytest.raises(DeniedError):
        walking.walk("/jobs", scan)


def test_a_folder_too_deep_to_be_deleted_is_said_to_be(trap: Path) -> None:
    dig(trap, "d", 1500)
    with pytest.raises(RefusedError, match="too deep"):
        LocalFiles().delete(str(trap))
