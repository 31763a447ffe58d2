"""A store's root made ready for people and for a controller of another user, or the commands for who may."""

from __future__ import annotations

import getpass
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from sources.building import leading
from trainmaster.errors import DeniedError, InvalidError
from trainmaster.sources.files import Entry
from trainmaster.sources.local_files import LocalFiles
from trainmaster.sources.own_folders import check
from trainmaster.sources.preparing import commands, find, folders, prepare

ME = getpass.getuser()
MODES = {"": 0o755, "jobs": 0o1777, "staging": 0o1777, "journal": 0o700, "known": 0o700, "lease": 0o700}


class Anybodys(LocalFiles):
    """A folder of this machine whose owners are only noted: to give a file away takes a superuser."""

    base = "hdfs://nn:8020"

    def __init__(self, me: str, owners: dict[str, str] | None = None) -> None:
        self._me, self.owners, self.done = me, owners or {}, list[str]()

    def stat(self, path: str) -> Entry:
        return replace(super().stat(path), owner=self.owners.get(path, self._me))

    def set_owner(self, path: str, owner: str) -> None:
        if self._me != "hdfs":
            raise DeniedError("AccessControlException", "only the superuser may")
        self.done.append(f"chown {owner} {path}")
        self.owners[path] = owner

    def set_mode(self, path: str, mode: int) -> None:
        self.done.append(f"chmod {mode:o} {path}")
        super().set_mode(path, mode)


def prepared(files: LocalFiles, root: Path, owner: str) -> None:
    prepare(files, folders(str(root)), owner)


def test_all_is_made_as_a_leader_wants_it_and_nothing_is_left_to_do(tmp_path: Path) -> None:
    root = tmp_path / "above/store"
    prepared(LocalFiles(), root, ME)
    assert {name: (root / name).stat().st_mode & 0o7777 for name in MODES} == MODES
    assert find(LocalFiles(), folders(str(root)), ME) == []
    assert check(LocalFiles(), str(root)) == ""


async def test_a_controller_leads_there(tmp_path: Path) -> None:
    prepared(LocalFiles(), tmp_path, ME)
    made = await leading(tmp_path)
    assert await made.identify()
    assert await made.look() == {}


def test_a_superuser_gives_it_to_the_controller_and_does_so_once(tmp_path: Path) -> None:
    files = Anybodys("hdfs")
    prepared(files, tmp_path / "store", "trainmaster")
    assert set(files.owners.values()) == {"trainmaster"}
    assert len(files.owners) == len(MODES)
    files.done.clear()
    prepared(files, tmp_path / "store", "trainmaster")
    assert files.done == []


def test_whoever_may_not_is_given_the_commands_for_who_may(tmp_path: Path) -> None:
    root = tmp_path / "store"
    findings = find(Anybodys("alice"), folders(str(root)), "trainmaster")
    url = f"hdfs://nn:8020{root}"
    every = " ".join([url, *(f"{url}/{name}" for name in MODES if name)])
    assert commands(Anybodys("alice"), findings) == [
        f"hdfs dfs -mkdir -p {every}",
        f"hdfs dfs -chown trainmaster {every}",
        f"hdfs dfs -chmod 755 {url}",
        f"hdfs dfs -chmod 1777 {url}/jobs {url}/staging",
        f"hdfs dfs -chmod 700 {url}/journal {url}/known {url}/lease",
    ]
    assert not root.exists(), "to look is no change"


def test_a_root_that_somebody_made_by_declaring_a_job_is_given_to_the_controller_with_all_that_people_use(
    tmp_path: Path,
) -> None:
    (tmp_path / "jobs").mkdir()
    (tmp_path / "jobs").chmod(0o1777)
    files = Anybodys("hdfs", {str(tmp_path): "alice", f"{tmp_path}/jobs": "alice"})
    first, second, *_ = find(files, folders(str(tmp_path)), "trainmaster")
    assert first.words == "it belongs to alice, and not to trainmaster"
    assert (first.path, second.path) == (str(tmp_path), f"{tmp_path}/jobs")
    prepared(files, tmp_path, "trainmaster")
    assert files.owners[f"{tmp_path}/jobs"] == "trainmaster"


@pytest.mark.parametrize("name", ["journal", "known", "lease"])
def test_what_others_could_have_written_is_nobodys_to_give_without_a_look(tmp_path: Path, name: str) -> None:
    """It would be taken for the controller's own word, and it runs anything as anybody."""
    prepared(LocalFiles(), tmp_path, ME)
    files = Anybodys(ME, {f"{tmp_path}/{name}": "alice"})
    (finding,) = find(files, folders(str(tmp_path)), ME)
    assert finding.words.startswith("it belongs to alice, and what the controller rests on must be its own")
    assert finding.steps == ()
    (tmp_path / name).chmod(0o777)
    (finding,) = find(LocalFiles(), folders(str(tmp_path)), ME)
    assert "others may write in it" in finding.words
    assert finding.steps == ()


@pytest.mark.parametrize(
    ("name", "mode", "mended"), [("", 0o777, 0o755), ("jobs", 0o777, 0o1777), ("staging", 0o777, 0o1777)]
)
def test_folders_in_which_others_could_replace_anything_are_closed(
    tmp_path: Path, name: str, mode: int, mended: int
) -> None:
    prepared(LocalFiles(), tmp_path, ME)
    (tmp_path / name).chmod(mode)
    (finding,) = find(LocalFiles(), folders(str(tmp_path)), ME)
    assert finding.words.startswith("others may replace what lies in it (mode ")
    prepared(LocalFiles(), tmp_path, ME)
    assert (tmp_path / name).stat().st_mode & 0o7777 == mended


@pytest.mark.parametrize(("name", "mode"), [("", 0o750), ("", 0o1777), ("jobs", 0o755), ("journal", 0o750)])
def test_what_an_administrator_chose_and_harms_nobody_stays(tmp_path: Path, name: str, mode: int) -> None:
    prepared(LocalFiles(), tmp_path, ME)
    (tmp_path / name).chmod(mode)
    assert find(LocalFiles(), folders(str(tmp_path)), ME) == []


class Raced(Anybodys):
    """Where one path is to be made, alice is a moment faster."""

    def __init__(self, path: Path, alices: Callable[[Raced], None]) -> None:
        super().__init__("hdfs")
        self._path, self._alices = str(path), alices

    def make_folder(self, path: str, mode: int = 0o755) -> None:
        if path == self._path:
            self._alices(self)
        super().make_folder(path, mode)


def test_what_somebody_put_there_while_the_root_was_made_is_not_given_to_the_controller(
    tmp_path: Path,
) -> None:
    root = tmp_path / "store"

    def root_with_a_journal(files: Raced) -> None:
        (root / "journal").mkdir(parents=True)
        files.owners |= {str(root): "alice", f"{root}/journal": "alice"}

    files = Raced(root, root_with_a_journal)
    prepared(files, root, "trainmaster")
    assert files.owners[str(root)] == "trainmaster"
    assert files.owners[f"{root}/journal"] == "alice"
    (finding,) = find(files, folders(str(root)), "trainmaster")
    assert finding.words.startswith("it belongs to alice")


def test_the_mode_of_a_folder_is_not_given_to_what_a_link_leads_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "private").mkdir(mode=0o700)
    for name in ("jobs", "other"):
        (tmp_path / name).symlink_to(tmp_path / "private")
    with pytest.raises(InvalidError, match="no folder, or a link"):
        LocalFiles().set_mode(f"{tmp_path}/jobs", 0o1777)
    # The link comes when it was seen that there is nothing.
    looks = iter([False, True])
    monkeypatch.setattr(Path, "is_dir", lambda path: path.name != "other" or next(looks))
    LocalFiles().make_folder(f"{tmp_path}/other", 0o1777)
    assert (tmp_path / "private").stat().st_mode & 0o7777 == 0o700


@pytest.mark.parametrize("name", ["status", "installation", "history", "cleared-nodes"])
def test_what_the_controller_makes_later_may_not_be_somebody_elses_already(tmp_path: Path, name: str) -> None:
    """Whoever declared the first job made the root, and could have put anything into it."""
    path, superuser = f"{tmp_path}/{name}", Path("/").owner()
    prepared(LocalFiles(), tmp_path, ME)
    (tmp_path / name).write_text("") if name == "installation" else (tmp_path / name).mkdir()
    for owner, wrong in (("trainmaster", False), (superuser, False), ("alice", True)):
        files = Anybodys("trainmaster", {path: owner, "/": superuser})
        found = find(files, folders(str(tmp_path)), "trainmaster")
        assert [(each.path, each.steps) for each in found] == ([(path, ())] if wrong else [])
    files = Anybodys("hdfs", {path: "alice"})
    prepared(files, tmp_path, "trainmaster")
    assert files.owners[path] == "alice"


def test_a_file_where_a_folder_is_wanted_is_told(tmp_path: Path) -> None:
    (tmp_path / "jobs").write_text("")
    findings = {each.path: each for each in find(LocalFiles(), folders(str(tmp_path)), ME)}
    assert findings[f"{tmp_path}/jobs"].words == "it is no folder (links are not followed)"
    assert findings[f"{tmp_path}/jobs"].steps == ()
