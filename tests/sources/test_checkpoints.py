"""Looking for the newest checkpoint of a job, on real folders."""

from __future__ import annotations

import getpass
import os
from pathlib import Path

import pytest

from trainmaster.api.checkpoint_status import CheckpointStatus
from trainmaster.errors import NoSuchFileError
from trainmaster.settings import Settings
from trainmaster.sources import checkpoints
from trainmaster.sources.checkpoints import Checkpoints

ME = getpass.getuser()
AT = 1_760_000_000
TIME = "2025-10-09T08:53:20Z"


def write(path: Path, text: str = "weights", at: int = AT) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    os.utime(path, (at, at))


async def found(folder: Path, user: str = ME, looks: int = 2) -> CheckpointStatus | None:
    look = Checkpoints(Settings(file_stores=("file://",)))
    try:
        for _ in range(looks):
            newest = await look.newest("uid", f"file://{folder}", user)
        return newest
    finally:
        look.close()


async def test_the_newest_file_with_its_step_and_time(tmp_path: Path) -> None:
    write(tmp_path / "step_1.pt", at=AT - 9)
    write(tmp_path / "step_2.pt")
    assert await found(tmp_path) == CheckpointStatus(path=f"file://{tmp_path}/step_2.pt", step=2, time=TIME)


async def test_the_first_look_knows_of_nothing_that_it_is_whole(tmp_path: Path) -> None:
    write(tmp_path / "step_1.pt")
    assert await found(tmp_path, looks=1) is None


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


async def test_a_folder_that_grows_between_two_looks_is_not_whole(tmp_path: Path) -> None:
    look = Checkpoints(Settings(file_stores=("file://",)))
    for size in (1, 2, 3):
        write(tmp_path / "checkpoint-5/weights.bin", "x" * size)
        assert await look.newest("uid", f"file://{tmp_path}", ME) is None
    assert await look.newest("uid", f"file://{tmp_path}", ME)
    look.close()


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


async def test_a_folder_with_too_many_files_tells_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(4):
        write(tmp_path / f"step_{number}.pt")
    monkeypatch.setattr(checkpoints, "LIMITS", checkpoints.Limits(depth=0, entries=3))
    assert await found(tmp_path) is None


async def test_of_many_files_few_are_remembered(tmp_path: Path) -> None:
    for number in range(100):
        write(tmp_path / f"step_{number}.pt", at=AT + number)
        write(tmp_path / f"notes-{number}")
    look = Checkpoints(Settings(file_stores=("file://",)))
    for _ in range(2):
        newest = await look.newest("uid", f"file://{tmp_path}", ME)
    assert newest
    assert newest.step == 99
    assert len(look._before["uid"]) == checkpoints.REMEMBERED
    look.close()


async def test_only_stores_that_are_allowed_are_asked() -> None:
    look = Checkpoints(Settings())
    with pytest.raises(NoSuchFileError, match="hdfs://elsewhere"):
        await look.newest("uid", "hdfs://elsewhere/checkpoints", ME)
    look.close()


async def test_what_nobody_asks_for_any_more_is_forgotten(tmp_path: Path) -> None:
    look = Checkpoints(Settings(file_stores=("file://",)))
    await look.newest("uid", f"file://{tmp_path}", ME)
    assert look.knows("uid")
    look.keep_only(())
    assert not look.knows("uid")
    look.close()
