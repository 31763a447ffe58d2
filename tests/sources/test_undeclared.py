"""Jobs that go on though no document declares them: people find them by what is shown of them, and can end them."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from sources.building import FINISHED, GRACE, Clock, job_text, leading, put
from sources.test_seeming import torn
from trainmaster.api.declared import Declared
from trainmaster.errors import DeniedError, InvalidError, NoSuchJobError
from trainmaster.sources.files import Entry, Listing
from trainmaster.sources.folder import FolderSource
from trainmaster.sources.local_files import LocalFiles
from trainmaster.sources.store import JobStore
from trainmaster.sources.walking import Limits

DRAFT, EDITED = "spec: {}\n", "spec: {roles: {}}\n"


def joined(*texts: str) -> str:
    return "---\n".join(texts)


async def look(made: FolderSource) -> dict[str, Declared]:
    """All by name, shown beside their files as a controller does."""
    assert await made.lease.acquire()
    found = await made.look()
    await made._records.close()  # a clock that jumps meanwhile would fence it off
    for declared in found.values():
        if not declared.deleted:
            await made.publish(declared, FINISHED)
        elif declared.job is None:  # what was told of a document that isn't there any more
            await made.gone(declared)
    return {declared.name: declared for declared in found.values()}


async def settled(made: FolderSource, clock: Clock) -> dict[str, Declared]:
    for _ in range(5):
        await look(made)
        clock.pass_(GRACE / 2)  # the lease lasts for less than the grace
    return await look(made)


async def again(made: FolderSource, root: Path, clock: Clock) -> FolderSource:
    await made._records.close()
    await made.lease.release()
    return await leading(root, clock)


@pytest.fixture
def store(tmp_path: Path) -> JobStore:
    (tmp_path / "jobs").mkdir()
    return JobStore(f"file://{tmp_path}")


async def test_a_job_whose_document_went_while_a_draft_was_edited_is_listed_and_can_be_deleted(
    tmp_path: Path, clock: Clock, store: JobStore
) -> None:
    made = await leading(tmp_path, clock)
    put(tmp_path, "default/jobs.yaml", joined(job_text("a"), job_text("b"), DRAFT))
    await settled(made, clock)
    path = put(tmp_path, "default/jobs.yaml", joined(job_text("a"), EDITED))
    assert not (await settled(made, clock))["b"].deleted, "the draft may be b"

    assert [job.name for job in store.list()] == ["a", "b", "jobs-2"]
    assert store.get("default", "b").status == FINISHED
    assert "no document declares this job" in str(store.get("default", "b").problems[0])
    with pytest.raises(InvalidError, match="no document declares default/b"):
        store.edit("default", "b", {("spec", "runPolicy", "suspend"): True})

    deleted = store.delete("default", "b")
    assert path.read_text() == joined(job_text("a"), EDITED)
    assert [job.name for job in store.list()] == ["a", "jobs-2"]
    with pytest.raises(NoSuchJobError):
        store.delete("default", "b")
    assert not store.is_gone("default", "b", deleted)
    found = await look(made)
    assert {name: each.deleted for name, each in found.items()} == {"a": False, "b": True, "jobs-2": False}
    await made.gone(found["b"])
    assert store.is_gone("default", "b", deleted)
    assert sorted(await settled(made, clock)) == ["a", "jobs-2"]


async def test_a_draft_that_always_stood_there_keeps_nothing_that_went_while_nobody_led(
    tmp_path: Path, clock: Clock
) -> None:
    made = await leading(tmp_path, clock)
    put(tmp_path, "jobs.yaml", joined(job_text("a"), job_text("b"), DRAFT))
    await settled(made, clock)
    put(tmp_path, "jobs.yaml", joined(job_text("a"), DRAFT))
    found = await settled(await again(made, tmp_path, clock), clock)
    assert {name: each.deleted for name, each in found.items() if each.job} == {"a": False, "b": True}


async def test_a_draft_that_may_be_a_job_is_kept_in_mind_across_leaders(tmp_path: Path, clock: Clock) -> None:
    made = await leading(tmp_path, clock)
    put(tmp_path, "jobs.yaml", joined(job_text("a"), job_text("b"), DRAFT))
    await settled(made, clock)
    put(tmp_path, "jobs.yaml", joined(job_text("a"), EDITED))
    await settled(made, clock)
    put(tmp_path, "jobs.yaml", joined("# a went as well\n", EDITED, "spec: 1\n"))
    made = await again(made, tmp_path, clock)
    found = await settled(made, clock)
    assert not found["b"].deleted
    assert not found["a"].deleted, "what came as a went may be a"
    put(tmp_path, "jobs.yaml", joined("# a went as well\n", EDITED, DRAFT))
    assert not (await settled(made, clock))["b"].deleted


@pytest.mark.parametrize("data", [b"caf\xe9", b"a: b: c\n"])
async def test_jobs_of_a_file_that_can_not_be_read_are_listed_and_can_be_deleted(
    tmp_path: Path, clock: Clock, store: JobStore, data: bytes
) -> None:
    made = await leading(tmp_path, clock)
    put(tmp_path, "default/jobs.yaml", joined(job_text("a"), job_text("b")))
    put(tmp_path, "default/alone.yaml", job_text("c"))
    await settled(made, clock)
    paths = [put(tmp_path, f"default/{name}.yaml", data) for name in ("jobs", "alone")]
    await settled(made, clock)
    assert [job.name for job in store.list() if job.status] == ["a", "b", "c"]
    gone = [store.delete("default", name) for name in "bc"]
    found = await look(made)
    assert {name: found[name].deleted for name in "abc"} == {"a": False, "b": True, "c": True}
    for name in "bc":
        await made.gone(found[name])
    await settled(made, clock)
    assert [store.is_gone("default", job.name, job) for job in gone] == [True] * 2
    assert [path.read_bytes() for path in paths] == [data, data]


@pytest.mark.parametrize("others", ["", "a"])
async def test_a_list_says_of_a_job_whose_document_is_torn_what_is_said_of_it_by_name(
    tmp_path: Path, clock: Clock, store: JobStore, others: str
) -> None:
    made = await leading(tmp_path, clock)
    beside = [job_text(name, "vision") for name in others]
    put(tmp_path, "vision/jobs.yaml", joined(job_text("b", "vision"), *beside))
    await settled(made, clock)
    put(tmp_path, "vision/jobs.yaml", joined(torn("b"), *beside))
    found = await settled(made, clock)
    listed = {job.name: job for job in store.list("vision")}
    assert listed.keys() == found.keys() == {"b", *others}
    assert listed["b"].problems == found["b"].problems
    assert listed["b"] == store.get("vision", "b")
    store.delete("vision", "b")
    broken = store.list("vision")[-1]
    assert broken.name.startswith("jobs"), "the document is there, and a mended one begins it anew"
    assert broken.problems == listed["b"].problems


async def test_jobs_whose_files_vanished_together_are_listed_and_one_can_be_deleted(
    tmp_path: Path, clock: Clock, store: JobStore
) -> None:
    made = await leading(tmp_path, clock)
    files = [put(tmp_path, f"default/{n}.yaml", job_text(f"j{n}")) for n in range(8)]
    await settled(made, clock)
    for file in files:
        file.unlink()
    await settled(made, clock)
    assert made.held
    assert len(store.list()) == 8
    store.delete("default", "j3")
    assert [name for name, each in (await look(made)).items() if each.deleted] == ["j3"]


async def test_a_job_whose_folder_vanished_can_be_deleted(
    tmp_path: Path, clock: Clock, store: JobStore
) -> None:
    made = await leading(tmp_path, clock)
    for n in range(8):
        put(tmp_path, f"team/deep/{n}.yaml", job_text(f"j{n}"))
    put(tmp_path, "k.yaml", job_text("k"))
    await settled(made, clock)
    shutil.rmtree(tmp_path / "jobs/team")
    await settled(made, clock)
    store.delete("team", "j3")
    found = await look(made)
    assert [name for name, each in found.items() if each.deleted] == ["j3"]
    assert (tmp_path / "jobs/team/deep").stat().st_mode & 0o7777 == 0o1777


async def test_who_may_not_speak_for_the_files_owner_is_told_so(
    tmp_path: Path, clock: Clock, store: JobStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = await leading(tmp_path, clock)
    put(tmp_path, "jobs.yaml", joined(job_text("a"), job_text("b")))
    await settled(made, clock)
    path = put(tmp_path, "jobs.yaml", b"caf\xe9")
    await settled(made, clock)
    given: list[str] = []

    def refuse(path: str, data: bytes, mode: int = 0o644, owner: str = "") -> None:
        given.append(owner)
        raise DeniedError("AccessControlException", "Non-super user cannot change owner")

    monkeypatch.setattr(store._files, "replace", refuse)
    with pytest.raises(DeniedError):
        store.delete("default", "b")
    assert given == [path.owner()]


def owned_by(monkeypatch: pytest.MonkeyPatch, owners: dict[str, str]) -> None:
    """As if the files with these endings, and the folders that hold them, were others'."""
    walk, stat = LocalFiles.walk, LocalFiles.stat

    def owned(entry: Entry) -> Entry:
        found = (owner for ending, owner in owners.items() if entry.path.endswith(ending))
        return replace(entry, owner=next(found, entry.owner))

    def walked(files: LocalFiles, path: str, *limits: Limits) -> Listing:
        listing = walk(files, path, *limits)
        return replace(listing, entries=tuple(map(owned, listing.entries)))

    monkeypatch.setattr(LocalFiles, "walk", walked)
    monkeypatch.setattr(LocalFiles, "stat", lambda files, path: owned(stat(files, path)))


@pytest.mark.parametrize(
    ("owners", "counts"),
    [({}, True), ({"delete": "mallory"}, False), ({"delete": "admin", "/jobs": "admin"}, True)],
)
async def test_a_mark_counts_for_the_command_line_as_it_does_for_the_controller(
    tmp_path: Path,
    clock: Clock,
    store: JobStore,
    monkeypatch: pytest.MonkeyPatch,
    owners: dict[str, str],
    counts: bool,
) -> None:
    made = await leading(tmp_path, clock)
    put(tmp_path, "default/jobs.yaml", joined(job_text("a"), job_text("b"), DRAFT))
    await settled(made, clock)
    put(tmp_path, "default/jobs.yaml", joined(job_text("a"), EDITED))
    await settled(made, clock)
    mark = tmp_path / "jobs/default/.jobs.yaml,b@default.delete"
    mark.touch()
    owned_by(monkeypatch, owners)
    assert ("b" in [job.name for job in store.list()]) is not counts
    assert (await look(made))["b"].deleted is counts
    assert mark.exists() is counts
    if not counts:
        store.delete("default", "b")
        owners.clear()
        assert (await look(made))["b"].deleted


# --- in a hurry


@pytest.mark.parametrize(
    ("path", "others"), [("all.yaml", "ab"), ("default/team-x.yaml", ""), ("default/c.yaml", "")]
)
async def test_a_job_that_is_being_deleted_can_be_hurried_wherever_it_stood(
    tmp_path: Path, clock: Clock, store: JobStore, path: str, others: str
) -> None:
    made = await leading(tmp_path, clock)
    put(tmp_path, path, joined(job_text("c"), *map(job_text, others)))
    await settled(made, clock)
    store.delete("default", "c")
    assert (await look(made))["c"].deleted
    assert not (await look(made))["c"].at_once
    store.delete("default", "c", now=True)
    found = await look(made)
    assert {name for name, each in found.items() if each.at_once} == {"c"}
    await made.gone(found["c"])
    with pytest.raises(NoSuchJobError):
        store.delete("default", "c", now=True)


async def test_nobody_is_hurried_for_a_job_that_never_was(
    tmp_path: Path, clock: Clock, store: JobStore
) -> None:
    """Another job's file may have the name that this one's would have."""
    made = await leading(tmp_path, clock)
    put(tmp_path, "default/never.yaml", job_text("other"))
    await settled(made, clock)
    store.delete("default", "other")
    await look(made)
    with pytest.raises(NoSuchJobError):
        store.delete("default", "never", now=True)
    assert not (await look(made))["other"].at_once


def test_one_that_no_controller_has_seen_yet_can_be_hurried(tmp_path: Path, store: JobStore) -> None:
    put(tmp_path, "all.yaml", joined(job_text("a"), job_text("b")))
    store.delete("default", "a")
    store.delete("default", "a", now=True)
    assert (tmp_path / "jobs/.all.yaml,a@default.now").exists()


def test_a_job_that_is_deleted_twice_leaves_its_mark_twice(tmp_path: Path, store: JobStore) -> None:
    for _ in range(2):
        put(tmp_path, "team/x.yaml", job_text("a", "default"))
        store.list()
        store.delete("default", "a")
        mark = tmp_path / "jobs/team/.x.yaml.delete"
        mark.unlink()
        with pytest.raises(NoSuchJobError):
            store.delete("default", "b")


def test_an_entry_of_a_status_folder_is_no_job(tmp_path: Path, store: JobStore) -> None:
    (tmp_path / "status/default").mkdir(parents=True)
    for name in ("a.yaml", ".b.yaml.0a1b2c3d.tmp"):
        (tmp_path / "status/default" / name).write_text("x: 1\n")
    assert store.list() == []
