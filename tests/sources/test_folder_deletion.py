"""Files that go, come back or are marked, and what is known of them after a restart."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from unittest.mock import patch

import pytest

from sources.building import GRACE, Clock, job_text, leading, only, put, source
from trainmaster.api.status import JobStatus
from trainmaster.errors import UnavailableError
from trainmaster.sources.files import Entry, Listing
from trainmaster.sources.reading import FileRead


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


async def test_the_mark_that_hurries_a_deletion_goes_with_the_job(tmp_path: Path, clock: Clock) -> None:
    made = await leading(tmp_path, clock)
    path = put(tmp_path, "a.yaml", job_text())
    await made.look()
    path.unlink()
    mark = tmp_path / "jobs/.a.yaml.now"
    mark.touch()
    deleted = only(await made.look())
    assert (deleted.deleted, deleted.at_once) == (True, True)
    await made.lease.acquire()
    await made.gone(deleted)
    assert not mark.exists()
    mark.touch()
    await made.look()
    await made.look()
    assert not mark.exists(), "one that marks nothing is tidied away"


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


async def test_a_listing_from_before_a_job_went_brings_it_back_to_nobody(
    tmp_path: Path, clock: Clock
) -> None:
    """Its file was removed while the look was under way that had listed it: what ended would begin anew."""
    made = await leading(tmp_path, clock)
    put(tmp_path, "a.yaml", job_text())
    first = only(await made.look())
    put(tmp_path, "b.yaml", job_text())
    read = made._reader.read

    async def ends_meanwhile(listing: Listing, folder: Entry) -> Mapping[str, FileRead]:
        found = await read(listing, folder)
        clock.pass_(1.0)
        await made.remove(first)
        await made.gone(first)
        return found

    with patch.object(made._reader, "read", ends_meanwhile):
        assert {each.name for each in (await made.look()).values()} == {"b"}
    clock.pass_(1.0)
    assert not [each for each in (await made.look()).values() if each.name == "a"]
    put(tmp_path, "a.yaml", job_text(command="python other.py"))
    again = next(each for each in (await made.look()).values() if each.name == "a")
    assert again.uid != first.uid, "what comes afterwards is another job"


async def test_the_end_of_a_file_that_only_bore_a_jobs_name_takes_nothing_from_that_job(
    tmp_path: Path, clock: Clock
) -> None:
    """Else anybody could end others' jobs, by files that come and go."""
    made = await leading(tmp_path, clock)
    made._grace = 0.0
    put(tmp_path, "a.yaml", job_text("mnist"))
    job = only(await made.look())
    copy = put(tmp_path, "b.yaml", job_text("mnist"))
    await made.look()
    copy.unlink()
    (other,) = (each for each in (await made.look()).values() if each.uid != job.uid)
    read = made._reader.read

    async def goes_meanwhile(listing: Listing, folder: Entry) -> Mapping[str, FileRead]:
        found = await read(listing, folder)
        clock.pass_(1.0)
        await made.gone(other)
        return found

    with patch.object(made._reader, "read", goes_meanwhile):
        assert only(await made.look()) == job
