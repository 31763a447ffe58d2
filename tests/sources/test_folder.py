"""The folder source over a folder of this machine: what people do to files, and what comes of it."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from sources.building import Clock, job_text, leading, only, put
from trainmaster.api.status import JobStatus, timestamp
from trainmaster.errors import FencedError, InvalidError, UnavailableError
from trainmaster.settings import Settings
from trainmaster.sources.folder import FolderSource
from trainmaster.sources.shares import FILES
from trainmaster.sources.store import JobStore


async def test_a_new_store_gets_a_jobs_folder_for_everybody(tmp_path: Path) -> None:
    made = await leading(tmp_path / "new")
    assert await made.look() == {}
    assert (tmp_path / "new/jobs").stat().st_mode & 0o7777 == 0o1777


async def test_name_and_namespace_come_from_the_path_unless_the_file_says_them(tmp_path: Path) -> None:
    made = await leading(tmp_path)
    put(tmp_path, "plain.yaml", job_text())
    put(tmp_path, "vision/deep/mnist.yml", job_text())
    put(tmp_path, "vision/other.yaml", job_text("cifar", "images"))
    found = {(d.namespace, d.name, d.path) for d in (await made.look()).values()}
    assert found == {
        ("default", "plain", "plain.yaml"),
        ("vision", "mnist", "vision/deep/mnist.yml"),
        ("images", "cifar", "vision/other.yaml"),
    }


async def test_temporary_and_hidden_files_are_no_jobs(tmp_path: Path) -> None:
    made = await leading(tmp_path)
    for name in (".a.yaml", "_b.yaml", "c.yaml._COPYING_", "d.txt", ".trash/e.yaml", "_tmp/f.yaml"):
        put(tmp_path, name, job_text())
    assert await made.look() == {}


async def test_owner_is_the_files_owner(tmp_path: Path) -> None:
    made = await leading(tmp_path)
    path = put(tmp_path, "a.yaml", job_text())
    assert only(await made.look()).owner == path.owner()


async def test_an_unchanged_picture_is_the_same_picture(tmp_path: Path) -> None:
    made = await leading(tmp_path)
    put(tmp_path, "a.yaml", job_text())
    assert only(await made.look()) is only(await made.look())


async def test_an_edit_raises_the_generation_and_a_comment_does_not(tmp_path: Path) -> None:
    made = await leading(tmp_path)
    put(tmp_path, "a.yaml", job_text())
    first = only(await made.look())
    put(tmp_path, "a.yaml", job_text() + "# a comment\n")
    assert only(await made.look()).generation == 1
    put(tmp_path, "a.yaml", job_text(command="python other.py"))
    edited = only(await made.look())
    assert (edited.uid, edited.generation) == (first.uid, 2)


async def test_a_moved_file_is_the_same_job(tmp_path: Path) -> None:
    made = await leading(tmp_path)
    path = put(tmp_path, "a.yaml", job_text("mnist", "vision"))
    first = only(await made.look())
    await made.publish(first, JobStatus(state="Running"))
    (tmp_path / "jobs/team").mkdir()
    path.rename(tmp_path / "jobs/team/b.yaml")
    moved = only(await made.look())
    assert (moved.uid, moved.path) == (first.uid, "team/b.yaml")
    await made.publish(moved, JobStatus(state="Running"))
    assert not (tmp_path / "status/a.yaml").exists()
    assert (tmp_path / "status/team/b.yaml").exists()


async def test_the_second_file_of_a_name_is_a_duplicate_and_touches_nothing(tmp_path: Path) -> None:
    made = await leading(tmp_path)
    put(tmp_path, "first.yaml", job_text("mnist", "vision"))
    holder = only(await made.look())
    put(tmp_path, "aaa.yaml", job_text("mnist", "vision", command="evil"))
    picture = await made.look()
    other = next(d for d in picture.values() if d.uid != holder.uid)
    assert picture[holder.uid] is holder
    assert other.duplicate_of == "first.yaml"
    (tmp_path / "jobs/aaa.yaml").unlink()
    picture = await made.look()
    assert picture[other.uid].deleted
    await made.gone(picture[other.uid])
    assert only(await made.look()) is holder


async def test_of_two_unknown_files_the_older_one_holds_the_name(tmp_path: Path) -> None:
    made = await leading(tmp_path)
    young = put(tmp_path, "a.yaml", job_text("mnist"))
    old = put(tmp_path, "b.yaml", job_text("mnist"))
    os.utime(young, (2000, 2000))
    os.utime(old, (1000, 1000))
    holders = [d for d in (await made.look()).values() if not d.duplicate_of]
    assert [d.path for d in holders] == ["b.yaml"]


async def test_status_is_written_whole_and_only_when_it_differs(tmp_path: Path) -> None:
    made = await leading(tmp_path)
    put(tmp_path, "vision/a.yaml", job_text())
    declared = only(await made.look())
    await made.publish(declared, JobStatus(state="Running"))
    path = tmp_path / "status/vision/a.yaml"
    shown = yaml.safe_load(path.read_text())
    assert shown["metadata"] == {
        "name": "a",
        "namespace": "vision",
        "uid": declared.uid,
        "generation": 1,
        "creationTimestamp": timestamp(declared.created),
    }
    assert shown["status"]["state"] == "Running"
    assert path.stat().st_mode & 0o777 == 0o644
    before = path.stat().st_ino
    await made.publish(declared, JobStatus(state="Running"))
    assert path.stat().st_ino == before
    await made.publish(declared, JobStatus(state="Succeeded"))
    assert path.stat().st_ino != before


async def test_marks_of_what_commands_set_that_nobody_reads_are_swept_at_the_start(tmp_path: Path) -> None:
    store = JobStore(f"file://{tmp_path}")
    long = "x" * 180 + ".yaml"
    for path, name in (("default/a.yaml", "a"), ("jobs.yaml", "b"), (long, "c")):
        put(tmp_path, path, job_text(name) + ("---\n" + job_text("d") if name == "b" else ""))
        store.edit("default", name, {("spec", "runPolicy", "suspend"): True}, by="suspend")
    wanted = {path.name for path in (tmp_path / "jobs").rglob(".*")}
    assert wanted == {".a.yaml,a@default.set", ".jobs.yaml,b@default.set", f".{long}.set"}
    for name in (".a.yaml.set", ".gone.yaml,a@default.set", f".y{long}.set"):
        (tmp_path / "jobs/default" / name).write_text("[]")
    (tmp_path / "jobs/default/.folder.yaml.set").mkdir()
    await (await leading(tmp_path)).look()
    assert {path.name for path in (tmp_path / "jobs").rglob(".*")} == {*wanted, ".folder.yaml.set"}


async def test_a_status_without_a_job_is_swept_at_the_start(tmp_path: Path) -> None:
    orphan = tmp_path / "status/old.yaml"
    orphan.parent.mkdir()
    orphan.write_text("old")
    made = await leading(tmp_path)
    put(tmp_path, "new.yaml", job_text())
    await made.look()
    assert not orphan.exists()


async def test_nothing_is_shown_without_the_lease(tmp_path: Path, clock: Clock) -> None:
    made = await leading(tmp_path, clock)
    put(tmp_path, "a.yaml", job_text())
    declared = only(await made.look())
    clock.pass_(100)
    with pytest.raises(FencedError):
        await made.publish(declared, JobStatus())
    assert not (tmp_path / "status/a.yaml").exists()


@pytest.mark.parametrize("listed_again", [True, False])
async def test_ttl_removes_the_file_and_its_staging(tmp_path: Path, listed_again: bool) -> None:
    """Also while a listing serves that still holds the file."""
    made = await leading(tmp_path)
    path = put(tmp_path, "a.yaml", job_text())
    declared = only(await made.look())
    staged = tmp_path / "staging" / declared.owner / "default/a/x.py"
    staged.parent.mkdir(parents=True)
    staged.touch()
    await made.remove(declared)
    assert not path.exists()
    deleted = only(await made.look()) if listed_again else replace(declared, deleted=True)
    assert deleted.deleted
    await made.gone(deleted)
    assert not staged.parent.exists()


async def test_a_link_among_somebodys_uploads_leads_the_controller_to_nothing(tmp_path: Path) -> None:
    """Else whoever deletes a job could have anything removed that the controller may remove, the journal first of all."""
    made = await leading(tmp_path)
    path = put(tmp_path, "journal.yaml", job_text())
    declared = only(await made.look())
    await made.journal.write(declared.uid, b"{}")
    (tmp_path / "staging" / declared.owner).mkdir(parents=True)
    (tmp_path / "staging" / declared.owner / "default").symlink_to(tmp_path)
    await made.remove(declared)
    assert not path.exists()
    await made.gone(only(await made.look()))
    assert await made.journal.read(declared.uid) == b"{}"


async def test_a_look_at_two_thousand_files_reads_none_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = await leading(tmp_path)
    for number in range(2000):
        folder = tmp_path / "jobs" / f"n{number % 20}"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"j{number}.yaml").write_text(job_text())
    for _ in range(2000 // FILES):  # all are one owner's, so they have several turns
        found = await made.look()
    assert len(found) == 2000
    await made._records.close()
    monkeypatch.setattr(made._files, "read", None)  # any read would raise
    assert len(await made.look()) == 2000


def test_a_store_without_renames_that_replace_is_refused() -> None:
    with pytest.raises(InvalidError, match="hdfs://"):
        FolderSource("webhdfs://nowhere:1/x", Settings())


async def test_the_controllers_own_files_may_lie_in_another_store(tmp_path: Path) -> None:
    (tmp_path / "store/jobs").mkdir(parents=True)
    (tmp_path / "store/jobs/a.yaml").write_text(job_text())
    state = tmp_path / "state"
    made = FolderSource(f"file://{tmp_path}/store", Settings(state=f"file://{state}"))
    assert await made.lease.acquire()
    made.adopt({})
    declared = only(await made.look())
    await made.publish(declared, JobStatus(state="Queued"))
    await made.journal.write(declared.uid, b"{}")
    await made.close()
    assert {p.name for p in (tmp_path / "store").iterdir()} == {"jobs", "staging", "status"}
    assert {p.name for p in state.iterdir()} == {"journal", "known", "lease"}


async def test_an_installation_keeps_its_identity_over_its_leaders_and_two_folders_have_two(
    tmp_path: Path,
) -> None:
    first, other = await leading(tmp_path / "a"), await leading(tmp_path / "b")
    identity = await first.identify()
    assert identity == await first.identify() != await other.identify()
    await first.lease.release()
    assert await (await leading(tmp_path / "a")).identify() == identity


async def test_an_identity_that_is_broken_is_no_other_one(tmp_path: Path) -> None:
    made = await leading(tmp_path)
    await made.identify()
    (tmp_path / "installation").write_text("broken")
    with pytest.raises(UnavailableError, match="installation"):
        await made.identify()
    (tmp_path / "installation").unlink()
    await made.lease.release()
    with pytest.raises(FencedError):
        await made.identify()
