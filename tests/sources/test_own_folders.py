"""What a controller rests on is its own: looked at by each leader, and refused in words."""

from __future__ import annotations

import getpass
from dataclasses import replace
from pathlib import Path

import pytest

from sources.building import leading
from trainmaster.errors import InvalidError
from trainmaster.sources.files import Entry
from trainmaster.sources.local_files import LocalFiles
from trainmaster.sources.own_folders import FOLDERS, LATER, check, not_ours

ME = getpass.getuser()


def test_a_first_leader_makes_them_for_itself_alone(tmp_path: Path) -> None:
    check(LocalFiles(), str(tmp_path / "store"))
    modes = {name: (tmp_path / "store" / name).stat().st_mode & 0o7777 for name in FOLDERS}
    assert modes == dict.fromkeys(FOLDERS, 0o700)
    assert (tmp_path / "store").stat().st_mode & 0o7777 == 0o755, "jobs lie below it"
    left = sorted(path.name for path in (tmp_path / "store").iterdir())
    assert left == sorted(FOLDERS), "nothing is left of the look"


@pytest.mark.parametrize("name", FOLDERS)
def test_one_in_which_others_may_write_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / name).mkdir()
    (tmp_path / name).chmod(0o1757)
    with pytest.raises(InvalidError, match=rf"/{name}: others may write in it \(mode 1757\): chmod go-w"):
        check(LocalFiles(), str(tmp_path))


def test_so_is_a_link_and_a_root_in_which_others_could_exchange_them(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "journal").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(InvalidError, match="it is no folder"):
        check(LocalFiles(), str(tmp_path))
    (tmp_path / "journal").unlink()
    tmp_path.chmod(0o777)
    with pytest.raises(InvalidError, match="others may put folders in the place of the controller's"):
        check(LocalFiles(), str(tmp_path))
    tmp_path.chmod(0o1777)
    check(LocalFiles(), str(tmp_path))


def test_so_is_anothers() -> None:
    entry = Entry("/store/journal", 0, 1, "mallory", 0o700, folder=True)
    assert not_ours(entry, "trainmaster").startswith(
        "it belongs to mallory, and what the controller rests on"
    )
    assert not_ours(entry, "mallory") == ""


async def test_a_leader_reads_no_journal_that_isnt_its_own(tmp_path: Path) -> None:
    made = await leading(tmp_path)
    assert await made.identify()
    (tmp_path / "journal").chmod(0o777)
    with pytest.raises(InvalidError, match="journal"):
        await made.identify()


def folder(path: Path, mode: int) -> Path:
    path.mkdir(exist_ok=True)
    path.chmod(mode)
    return path


async def test_a_running_installation_goes_on_where_a_group_may_write_in_its_root_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As an older controller took it: else an upgrade would end all that runs."""
    monkeypatch.setattr("trainmaster.sources.local_files.is_own_group", lambda *_: False)
    new = folder(tmp_path / "new", 0o775)
    made = await leading(tmp_path)
    with pytest.raises(InvalidError, match="others may put folders"):
        check(LocalFiles(), str(new))
    before = await made.identify()
    assert made.trouble == ""
    folder(tmp_path, 0o775)
    assert await made.identify() == before
    assert made.trouble.endswith(
        "others may put folders in the place of the controller's (mode 775): chmod go-w"
    )
    await made.look()
    assert made.trouble
    folder(tmp_path, 0o755)
    await made.look()
    assert made.trouble == ""
    folder(tmp_path, 0o777)
    with pytest.raises(InvalidError, match="others may put folders"):
        await made.identify()


@pytest.mark.parametrize(("owner", "refused"), [("mallory", True), ("hdfs", False), (ME, False)])
def test_a_root_that_belongs_to_a_stranger_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, owner: str, refused: bool
) -> None:
    """An owner may rename what lies in it, whoever that belongs to."""
    real, owners = LocalFiles.stat, {str(tmp_path): owner, "/": "hdfs"}
    monkeypatch.setattr(
        LocalFiles, "stat", lambda files, path: replace(real(files, path), owner=owners.get(path, ME))
    )
    if refused:
        with pytest.raises(InvalidError, match=rf"it belongs to mallory, .*chown {ME}"):
            check(LocalFiles(), str(tmp_path))
    else:
        assert check(LocalFiles(), str(tmp_path)) == ""


@pytest.mark.parametrize("name", LATER)
def test_what_it_makes_later_may_not_be_anothers_before_it_has_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """In a root that is sticky anybody may make it first: a link of his would have statuses written over jobs."""
    real, owners = LocalFiles.stat, {f"{tmp_path}/{name}": "mallory", "/": "hdfs"}
    monkeypatch.setattr(
        LocalFiles, "stat", lambda files, path: replace(real(files, path), owner=owners.get(path, ME))
    )
    tmp_path.chmod(0o1777)
    assert check(LocalFiles(), str(tmp_path)) == ""
    (tmp_path / name).symlink_to(tmp_path)
    with pytest.raises(InvalidError, match=rf"/{name}: it belongs to mallory, .*: take it away"):
        check(LocalFiles(), str(tmp_path))
    owners[f"{tmp_path}/{name}"] = "hdfs"
    assert check(LocalFiles(), str(tmp_path)) == ""
