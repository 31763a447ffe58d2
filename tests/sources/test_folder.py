"""The folder source over a folder of this machine: what people do to files, and what comes of it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import pytest
import yaml

from sources.building import GRACE, Clock, job_text, leading, put, source
from trainmaster.api.declared import Declared
from trainmaster.api.status import Condition, ConditionType, JobStatus
from trainmaster.errors import FencedError, InvalidError, UnavailableError
from trainmaster.settings import Settings
from trainmaster.sources.folder import FolderSource

FINISHED = JobStatus(
    conditions=(
        Condition(
            type=ConditionType.FINISHED,
            status="True",
            reason="x",
            message="",
            last_transition_time="2026-01-01T00:00:00Z",
        ),
    )
)


def only(picture: Mapping[str, Declared]) -> Declared:
    assert len(picture) == 1, picture
    return next(iter(picture.values()))


@pytest.fixture
def clock() -> Clock:
    return Clock()


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


async def test_a_broken_file_is_told_at_the_second_look_and_stops_nothing_else(tmp_path: Path) -> None:
    made = await leading(tmp_path)
    put(tmp_path, "good.yaml", job_text())
    put(tmp_path, "bad.yaml", "spec: [")
    assert only(await made.look()).name == "good"
    bad = next(d for d in (await made.look()).values() if d.name == "bad")
    assert bad.job is None
    assert bad.problems


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"\xff\xfe\x00", "UTF-8"),
        (b"#" * ((1 << 20) + 1), "larger"),
        (b"", "empty"),
    ],
)
async def test_what_no_file_of_a_job_may_be(tmp_path: Path, content: bytes, words: str) -> None:
    made = await leading(tmp_path)
    put(tmp_path, "a.yaml", content)
    await made.look()
    assert words in str(only(await made.look()).problems[0])


async def test_a_broken_edit_leaves_the_job_as_it_was(tmp_path: Path) -> None:
    made = await leading(tmp_path)
    put(tmp_path, "a.yaml", job_text())
    first = only(await made.look())
    put(tmp_path, "a.yaml", "spec: [")
    assert only(await made.look()) is first
    broken = only(await made.look())
    assert (broken.uid, broken.job) == (first.uid, first.job)
    assert broken.problems
    put(tmp_path, "a.yaml", job_text())
    healed = only(await made.look())
    assert (healed.uid, healed.generation, healed.problems) == (first.uid, 1, ())


async def test_a_file_that_is_being_written_waits(tmp_path: Path) -> None:
    made = await leading(tmp_path)
    made._files.settle = 0.05
    path = put(tmp_path, "a.yaml", job_text())
    slow_stat = made._files.stat

    def growing(where: str) -> object:
        path.write_text(path.read_text() + "# more\n")
        return slow_stat(where)

    made._files.stat = growing
    assert await made.look() == {}
    made._files.stat = slow_stat
    assert only(await made.look()).name == "a"


async def test_files_that_others_may_write_are_refused(tmp_path: Path) -> None:
    made = await leading(tmp_path)
    path = put(tmp_path, "a.yaml", job_text())
    path.chmod(0o646)
    refused = only(await made.look())
    assert refused.job is None
    assert "others" in refused.problems[0].reason


async def test_a_refused_file_that_is_mended_becomes_a_job_and_leaves_no_trace(tmp_path: Path) -> None:
    made = await leading(tmp_path)
    put(tmp_path, "a.yaml", "spec: [")
    await made.look()
    refused = only(await made.look())
    await made.publish(refused, JobStatus(state="Failed"))
    put(tmp_path, "a.yaml", job_text())
    picture = await made.look()
    (job,) = (declared for declared in picture.values() if not declared.deleted)
    await made.publish(job, JobStatus(state="Running"))
    await made.publish(picture[refused.uid], JobStatus(state="late"))
    await made.gone(picture[refused.uid])
    assert only(await made.look()) is job
    assert "Running" in (tmp_path / "status/a.yaml").read_text()


async def test_a_file_that_can_not_be_read_is_tried_again(tmp_path: Path) -> None:
    made = await leading(tmp_path)
    put(tmp_path, "good.yaml", job_text())
    put(tmp_path, "dark.yaml", job_text())
    read = made._files.read

    def dark(path: str, limit: int) -> bytes:
        if path.endswith("dark.yaml"):
            raise UnavailableError("no DataNode has it")
        return read(path, limit)

    made._files.read = dark
    assert only(await made.look()).name == "good"
    told = {declared.name: declared for declared in (await made.look()).values()}
    assert "no DataNode" in told["dark"].problems[0].reason
    made._files.read = read
    names = {declared.name for declared in (await made.look()).values() if declared.job}
    assert names == {"good", "dark"}


async def test_a_folder_that_others_may_write_is_refused_unless_it_is_sticky(tmp_path: Path) -> None:
    made = await leading(tmp_path)
    folder = put(tmp_path, "team/a.yaml", job_text()).parent
    folder.chmod(0o777)
    assert "sticky" in only(await made.look()).problems[0].reason
    folder.chmod(0o1777)
    assert [d.job is not None for d in (await made.look()).values() if not d.deleted] == [True]


async def test_links_are_not_followed(tmp_path: Path) -> None:
    made = await leading(tmp_path)
    await made.look()
    secret = tmp_path / "secret.yaml"
    secret.write_text(job_text())
    (tmp_path / "jobs/a.yaml").symlink_to(secret)
    assert "links" in only(await made.look()).problems[0].reason


async def test_a_deleted_file_deletes_its_job_after_the_grace(tmp_path: Path, clock: Clock) -> None:
    made = await leading(tmp_path, clock)
    path = put(tmp_path, "a.yaml", job_text())
    first = only(await made.look())
    await made.publish(first, JobStatus(state="Running"))
    path.unlink()
    assert not only(await made.look()).deleted
    clock.pass_(GRACE - 1)
    assert not only(await made.look()).deleted
    clock.pass_(1)
    deleted = only(await made.look())
    assert deleted.deleted
    assert deleted.job == first.job
    await made.lease.acquire()
    await made.gone(deleted)
    assert await made.look() == {}
    assert not (tmp_path / "status/a.yaml").exists()


async def test_a_file_that_comes_back_in_time_stops_nothing(tmp_path: Path, clock: Clock) -> None:
    made = await leading(tmp_path, clock)
    path = put(tmp_path, "a.yaml", job_text())
    first = only(await made.look())
    for _ in range(3):
        path.unlink()
        await made.look()
        clock.pass_(GRACE - 1)
        put(tmp_path, "a.yaml", job_text())
        back = only(await made.look())
        assert (back.uid, back.deleted) == (first.uid, False)


async def test_a_root_that_vanishes_deletes_nothing(tmp_path: Path, clock: Clock) -> None:
    made = await leading(tmp_path, clock)
    put(tmp_path, "a.yaml", job_text())
    first = only(await made.look())
    (tmp_path / "jobs").rename(tmp_path / "away")
    with pytest.raises(UnavailableError):
        await made.look()
    clock.pass_(10 * GRACE)
    (tmp_path / "away").rename(tmp_path / "jobs")
    assert only(await made.look()) is first


async def test_many_files_that_vanish_together_wait_for_a_word(tmp_path: Path, clock: Clock) -> None:
    made = await leading(tmp_path, clock)
    paths = [put(tmp_path, f"j{i}.yaml", job_text()) for i in range(10)]
    await made.look()
    for path in paths[:6]:
        path.unlink()
    await made.look()
    clock.pass_(10 * GRACE)
    assert not any(d.deleted for d in (await made.look()).values())
    assert "confirm" in made.held
    put(tmp_path, "j0.yaml", job_text())
    (tmp_path / "confirm-deletions").touch()
    picture = await made.look()
    assert sorted(d.name for d in picture.values() if d.deleted) == ["j1", "j2", "j3", "j4", "j5"]
    assert made.held == ""
    assert not (tmp_path / "confirm-deletions").exists()


async def test_a_mark_deletes_at_once(tmp_path: Path) -> None:
    made = await leading(tmp_path)
    path = put(tmp_path, "a.yaml", job_text())
    await made.look()
    path.unlink()
    put(tmp_path, ".a.yaml.delete", "")
    assert only(await made.look()).deleted


async def test_a_job_deleted_and_applied_again_is_a_new_job(tmp_path: Path) -> None:
    made = await leading(tmp_path)
    put(tmp_path, "a.yaml", job_text())
    first = only(await made.look())
    put(tmp_path, ".a.yaml.delete", "")
    old = only(await made.look())
    assert (old.uid, old.deleted) == (first.uid, True)
    await made.gone(old)
    again = only(await made.look())
    assert again.uid != first.uid
    assert not again.deleted


async def test_rerun_gives_a_finished_job_a_new_uid_and_a_running_one_nothing(tmp_path: Path) -> None:
    made = await leading(tmp_path)
    put(tmp_path, "a.yaml", job_text())
    first = only(await made.look())
    mark = put(tmp_path, ".a.yaml.rerun", "")
    await made.publish(first, JobStatus(state="Running"))
    assert not only(await made.look()).deleted
    assert not mark.exists()
    put(tmp_path, ".a.yaml.rerun", "")
    await made.publish(first, FINISHED)
    old = only(await made.look())
    assert old.deleted
    await made.gone(old)
    assert only(await made.look()).uid != first.uid


async def test_a_mark_that_no_job_answers_to_is_removed(tmp_path: Path) -> None:
    made = await leading(tmp_path)
    mark = put(tmp_path, ".nobody.yaml.delete", "")
    await made.look()
    assert not mark.exists()


async def test_after_a_restart_everything_is_known_again(tmp_path: Path, clock: Clock) -> None:
    made = await leading(tmp_path, clock)
    put(tmp_path, "a.yaml", job_text())
    await made.look()
    put(tmp_path, "a.yaml", job_text(command="python other.py"))
    before = only(await made.look())
    await made._records.close()
    await made.look()
    await made._records.close()
    put(tmp_path, "a.yaml", "spec: [")
    await made.lease.release()

    after = source(tmp_path, clock)
    await after.lease.acquire()
    after.adopt({before.uid: ("default", "a")})
    assert only(await after.look()).job == before.job
    broken = only(await after.look())
    assert (broken.uid, broken.generation, broken.path) == (before.uid, 2, "a.yaml")
    assert broken.job == before.job
    assert broken.problems


async def test_the_journals_uid_is_the_true_one(tmp_path: Path) -> None:
    made = source(tmp_path)
    await made.lease.acquire()
    made.adopt({"uid-of-the-journal": ("default", "a")})
    put(tmp_path, "a.yaml", job_text())
    assert only(await made.look()).uid == "uid-of-the-journal"


async def test_a_journalled_job_without_a_file_has_the_same_grace(tmp_path: Path, clock: Clock) -> None:
    made = source(tmp_path, clock)
    await made.lease.acquire()
    made.adopt({"u1": ("default", "a")})
    (tmp_path / "jobs").mkdir()
    missing = only(await made.look())
    assert not missing.deleted
    assert missing.problems
    clock.pass_(GRACE)
    assert only(await made.look()).deleted


async def test_status_is_written_whole_and_only_when_it_differs(tmp_path: Path) -> None:
    made = await leading(tmp_path)
    put(tmp_path, "vision/a.yaml", job_text())
    declared = only(await made.look())
    await made.publish(declared, JobStatus(state="Running"))
    path = tmp_path / "status/vision/a.yaml"
    shown = yaml.safe_load(path.read_text())
    assert shown["metadata"] == {"name": "a", "namespace": "vision", "uid": declared.uid, "generation": 1}
    assert shown["status"]["state"] == "Running"
    assert path.stat().st_mode & 0o777 == 0o644
    before = path.stat().st_ino
    await made.publish(declared, JobStatus(state="Running"))
    assert path.stat().st_ino == before
    await made.publish(declared, JobStatus(state="Succeeded"))
    assert path.stat().st_ino != before


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


async def test_ttl_removes_the_file_and_its_staging(tmp_path: Path) -> None:
    made = await leading(tmp_path)
    path = put(tmp_path, "a.yaml", job_text())
    declared = only(await made.look())
    staged = tmp_path / "staging" / declared.owner / "default/a/x.py"
    staged.parent.mkdir(parents=True)
    staged.touch()
    await made.remove(declared)
    assert not path.exists()
    deleted = only(await made.look())
    assert deleted.deleted
    await made.gone(deleted)
    assert not staged.parent.exists()


async def test_a_look_at_two_thousand_files_reads_none_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = await leading(tmp_path)
    for number in range(2000):
        folder = tmp_path / "jobs" / f"n{number % 20}"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"j{number}.yaml").write_text(job_text())
    assert len(await made.look()) == 2000
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
    assert {p.name for p in (tmp_path / "store").iterdir()} == {"jobs", "status"}
    assert {p.name for p in state.iterdir()} == {"journal", "known", "lease"}
