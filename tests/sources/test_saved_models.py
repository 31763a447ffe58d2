"""What is told of the model of a job that has succeeded, on real folders."""

from __future__ import annotations

import getpass
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from trainmaster.api.checkpoint_status import SavedModelStatus
from trainmaster.errors import CrowdedError, NoSuchFileError
from trainmaster.settings import Settings
from trainmaster.sources import saved_models
from trainmaster.sources.checkpoints import Checkpoints

ME = getpass.getuser()
AT = 1_760_000_000
TIME = "2025-10-09T08:53:20Z"


def write(path: Path, text: str = "weights", at: int = AT) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    os.utime(path, (at, at))


@pytest.fixture
def look() -> Iterator[Checkpoints]:
    made = Checkpoints(Settings(file_stores=("file://",)))
    yield made
    made.close()


async def found(look: Checkpoints, folder: Path, user: str = ME) -> SavedModelStatus | None:
    told = await look.saved_model(f"file://{folder}", user)
    assert told.path == f"file://{folder}"
    return told.found


async def test_its_files_their_size_and_when_it_was_published(tmp_path: Path, look: Checkpoints) -> None:
    write(tmp_path / "saved_model.pb", "12345")
    write(tmp_path / "variables/data", "123")
    write(tmp_path / "_SUCCESS", "")
    assert await found(look, tmp_path) == SavedModelStatus(
        path=f"file://{tmp_path}", files=2, size=8, published_at=TIME
    )


async def test_without_a_marker_it_is_not_published(tmp_path: Path, look: Checkpoints) -> None:
    write(tmp_path / "model.pt")
    assert await found(look, tmp_path) == SavedModelStatus(path=f"file://{tmp_path}", files=1, size=7)
    write(tmp_path / "epoch-1/_SUCCESS", "")
    (tmp_path / "_SUCCESS").mkdir()
    seen = await found(look, tmp_path)
    assert seen
    assert seen.published_at is None, "neither by the marker of a folder in it, nor by a folder of that name"


async def test_a_marker_that_is_older_than_a_file_says_nothing(tmp_path: Path, look: Checkpoints) -> None:
    """A program that wrote over an earlier run's model, and was cut off or knows no marker."""
    write(tmp_path / "_SUCCESS", "", at=AT - 1)
    write(tmp_path / "model.pt")
    seen = await found(look, tmp_path)
    assert seen
    assert seen.published_at is None


async def test_what_hadoops_readers_pass_over_is_not_counted(tmp_path: Path, look: Checkpoints) -> None:
    for name in ("_temporary/0/part", ".model.pt.crc", "a/_logs/x", "model.pt"):
        write(tmp_path / name, at=AT + 9 * name.startswith(("_", ".")))
    write(tmp_path / "_SUCCESS", "")
    assert await found(look, tmp_path) == SavedModelStatus(
        path=f"file://{tmp_path}", files=1, size=7, published_at=TIME
    )


async def test_where_there_is_no_folder_nothing_is_told(tmp_path: Path, look: Checkpoints) -> None:
    write(tmp_path / "file")
    assert await found(look, tmp_path / "file") is None
    assert await found(look, tmp_path / "nosuch") is None


async def test_somebody_elses_folder_is_not_looked_into(tmp_path: Path, look: Checkpoints) -> None:
    write(tmp_path / "model.pt")
    assert await found(look, tmp_path, user="somebody-else") is None


async def test_an_empty_folder_is_told_as_one(tmp_path: Path, look: Checkpoints) -> None:
    assert await found(look, tmp_path) == SavedModelStatus(path=f"file://{tmp_path}", files=0, size=0)


async def test_what_is_too_large_to_be_counted_is_not_counted_in_part(
    tmp_path: Path, look: Checkpoints, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(4):
        write(tmp_path / f"part-{number}")
    write(tmp_path / "a/b/c")
    for limits in (saved_models.Limits(depth=8, most=4), saved_models.Limits(depth=1)):
        monkeypatch.setattr(saved_models, "LIMITS", limits)
        with pytest.raises(CrowdedError, match="can't be counted"):
            await found(look, tmp_path)


async def test_only_stores_that_are_allowed_are_asked() -> None:
    look = Checkpoints(Settings())
    with pytest.raises(NoSuchFileError, match="hdfs://elsewhere"):
        await look.saved_model("hdfs://elsewhere/model", ME)
    look.close()
