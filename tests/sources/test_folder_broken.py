"""Files that can't be read, or may not be trusted: told, and harmless to every other job."""

from __future__ import annotations

from pathlib import Path

import pytest

from sources.building import job_text, leading, only, put
from trainmaster.api.status import JobStatus
from trainmaster.errors import UnavailableError


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

    def dark(path: str, limit: int, top: str = "") -> bytes:
        if path.endswith("dark.yaml"):
            raise UnavailableError("no DataNode has it")
        return read(path, limit, top)

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


async def test_a_wish_to_suspend_is_heard_though_nothing_else_can_be_read(tmp_path: Path) -> None:
    made = await leading(tmp_path)
    put(tmp_path, "a.yaml", job_text())
    assert not only(await made.look()).suspends
    put(tmp_path, "a.yaml", job_text() + "  later: {}\n  runPolicy: {suspend: true}\n")
    await made.look()
    declared = only(await made.look())
    assert declared.problems
    assert declared.suspends
    put(tmp_path, "a.yaml", "spec: [")
    await made.look()
    assert not only(await made.look()).suspends
