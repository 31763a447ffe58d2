"""Looking for the newest checkpoint of a job, on real folders."""

from __future__ import annotations

import getpass
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from trainmaster.api.checkpoint_status import CheckpointStatus
from trainmaster.errors import CrowdedError, NoSuchFileError
from trainmaster.plan.values import CheckpointLook
from trainmaster.settings import Settings
from trainmaster.sources import checkpoints, local_files
from trainmaster.sources.checkpoints import Checkpoints
from trainmaster.sources.files import Entry

ME = getpass.getuser()
AT = 1_760_000_000
TIME = "2025-10-09T08:53:20Z"


def write(path: Path, text: str = "weights", at: int = AT) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    os.utime(path, (at, at))


@pytest.fixture
def look() -> Iterator[Checkpoints]:
    made = Checkpoints(Settings(file_stores=("file://",)))
    yield made
    made.close()


async def found(folder: Path, user: str = ME, looks: int = 2) -> CheckpointStatus | None:
    look = Checkpoints(Settings(file_stores=("file://",)))
    try:
        for _ in range(looks):
            told = await look.newest("uid", f"file://{folder}", user)
        return told.newest if told else None
    finally:
        look.close()


async def test_the_newest_file_with_its_step_and_time(tmp_path: Path) -> None:
    write(tmp_path / "step_1.pt", at=AT - 9)
    write(tmp_path / "step_2.pt")
    assert await found(tmp_path) == CheckpointStatus(path=f"file://{tmp_path}/step_2.pt", step=2, time=TIME)


async def test_the_first_look_knows_of_nothing_that_it_is_settled(tmp_path: Path, look: Checkpoints) -> None:
    write(tmp_path / "step_1.pt")
    assert await look.newest("uid", f"file://{tmp_path}", ME) is None


async def test_that_there_is_none_is_told(tmp_path: Path, look: Checkpoints) -> None:
    url = f"file://{tmp_path}"
    write(tmp_path / "notes.txt")
    assert await look.newest("uid", url, ME) == CheckpointLook(url)
    write(tmp_path / "step_1.pt")
    assert await look.newest("uid", url, ME) == CheckpointLook(url)
    assert (await told(look, tmp_path)).newest
    (tmp_path / "step_1.pt").unlink()
    assert await look.newest("uid", url, ME) == CheckpointLook(url)
    assert await look.newest("uid", f"{url}/nosuch", ME) == CheckpointLook(f"{url}/nosuch")


async def test_one_that_is_written_over_stays_the_newest_until_it_is_gone(
    tmp_path: Path, look: Checkpoints
) -> None:
    write(tmp_path / "latest.pt")
    await look.newest("uid", f"file://{tmp_path}", ME)
    first = await told(look, tmp_path)
    assert first.newest
    for size in (1, 2):
        write(tmp_path / "latest.pt", "x" * size, at=AT + size)
        assert await told(look, tmp_path) == first
    (tmp_path / "latest.pt").unlink()
    write(tmp_path / "other.pt")
    assert (await told(look, tmp_path)).newest is None


async def test_another_path_is_looked_at_anew(tmp_path: Path, look: Checkpoints) -> None:
    """Else what lies there would count as settled at the first look, where it is called alike."""
    for folder in "ab":
        write(tmp_path / folder / "step_1.pt")
    urls = [f"file://{tmp_path}/{folder}" for folder in "aba"]
    assert [await look.newest("uid", url, ME) for url in urls] == [None, None, None]


async def told(look: Checkpoints, folder: Path) -> CheckpointLook:
    found = await look.newest("uid", f"file://{folder}", ME)
    assert found
    return found


async def test_a_folder_is_as_old_as_the_newest_file_in_it(tmp_path: Path) -> None:
    write(tmp_path / "checkpoint-5/weights.bin")
    os.utime(tmp_path / "checkpoint-5", (1, 1))
    newest = await found(tmp_path)
    assert newest == CheckpointStatus(path=f"file://{tmp_path}/checkpoint-5", step=5, time=TIME)


async def test_an_empty_folder_is_none_and_the_one_before_it_counts(tmp_path: Path) -> None:
    write(tmp_path / "checkpoint-5/weights.bin")
    (tmp_path / "checkpoint-6").mkdir()
    newest = await found(tmp_path)
    assert newest
    assert newest.step == 5


async def test_a_folder_that_grows_between_two_looks_is_not_settled(
    tmp_path: Path, look: Checkpoints
) -> None:
    for size in (1, 2, 3):
        write(tmp_path / "checkpoint-5/weights.bin", "x" * size)
        seen = await look.newest("uid", f"file://{tmp_path}", ME)
        assert not (seen and seen.newest)
    assert (await told(look, tmp_path)).newest


async def test_tensorflow_says_itself_which_one_it_is(tmp_path: Path) -> None:
    write(tmp_path / "ckpt-1.index")
    write(tmp_path / "ckpt-2.index", at=AT + 9)
    write(tmp_path / "checkpoint", 'model_checkpoint_path: "ckpt-1"\n')
    assert await found(tmp_path) == CheckpointStatus(path=f"file://{tmp_path}/ckpt-1", step=1, time=TIME)


async def test_somebody_elses_folder_is_not_looked_into(tmp_path: Path) -> None:
    write(tmp_path / "step_1.pt")
    assert await found(tmp_path, user="somebody-else") is None


@pytest.mark.parametrize("name", ["nosuch", "file"])
async def test_what_is_no_folder_holds_none(tmp_path: Path, name: str) -> None:
    write(tmp_path / "file")
    assert await found(tmp_path / name) is None


async def test_a_link_is_not_followed(tmp_path: Path) -> None:
    write(tmp_path / "theirs/step_1.pt")
    (tmp_path / "link").symlink_to(tmp_path / "theirs")
    assert await found(tmp_path / "link") is None


@pytest.mark.parametrize("folder", ["", "checkpoint-5/"])
async def test_a_folder_with_too_much_in_it_is_not_read_to_its_end(
    tmp_path: Path, look: Checkpoints, monkeypatch: pytest.MonkeyPatch, folder: str
) -> None:
    for number in range(9):
        write(tmp_path / folder / f"step_{number}.pt")
    read = 0
    listed = local_files._listed

    def counted(item: os.DirEntry[str]) -> Entry | None:
        nonlocal read
        read += 1
        return listed(item)

    monkeypatch.setattr(local_files, "_listed", counted)
    monkeypatch.setattr(checkpoints, "LIMITS", checkpoints.Limits(depth=0, most=3))
    with pytest.raises(CrowdedError, match="holds more than 3 files and folders"):
        await look.newest("uid", f"file://{tmp_path}", ME)
    assert read == 4 + bool(folder)


async def test_of_many_files_few_are_remembered(tmp_path: Path, look: Checkpoints) -> None:
    for number in range(100):
        write(tmp_path / f"step_{number}.pt", at=AT + number)
        write(tmp_path / f"notes-{number}")
    await look.newest("uid", f"file://{tmp_path}", ME)
    newest = (await told(look, tmp_path)).newest
    assert newest
    assert newest.step == 99
    assert len(look._before["uid"].there) == checkpoints.REMEMBERED


async def test_only_stores_that_are_allowed_are_asked() -> None:
    look = Checkpoints(Settings())
    with pytest.raises(NoSuchFileError, match="hdfs://elsewhere"):
        await look.newest("uid", "hdfs://elsewhere/checkpoints", ME)
    look.close()


async def test_what_nobody_asks_for_any_more_is_forgotten(tmp_path: Path, look: Checkpoints) -> None:
    write(tmp_path / "step_1.pt")
    await look.newest("uid", f"file://{tmp_path}", ME)
    look.keep_only(())
    assert await look.newest("uid", f"file://{tmp_path}", ME) is None, "it is a first look again"
