"""What a job's user is told of stores: no more than he could find out himself, whatever the controller may see."""

from __future__ import annotations

import asyncio
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from hadoop.fake import Call, Server, serving
from trainmaster.errors import DeniedError, UnavailableError
from trainmaster.hadoop.proto.hdfs_pb2 import (
    CheckAccessResponseProto,
    DirectoryListingProto,
    FsPermissionProto,
    GetFileInfoRequestProto,
    GetFileInfoResponseProto,
    GetListingRequestProto,
    GetListingResponseProto,
    HdfsFileStatusProto,
)
from trainmaster.settings import Settings
from trainmaster.sources import as_users, local_files
from trainmaster.sources.accounts import Who
from trainmaster.sources.as_users import Seen, SeenHere
from trainmaster.sources.files import Entry
from trainmaster.sources.local_files import LocalFiles, scan
from trainmaster.sources.lookups import LookUps
from trainmaster.sources.walking import Limits

OURS, ALICES, THEIRS = 4_000_000, 4_000_001, 4_000_002
"""the owner of everything, a user, and a group that she is in"""


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> SeenHere:
    who = Who(ALICES, frozenset({THEIRS}))
    monkeypatch.setattr(as_users, "who_is", lambda _: who)
    return SeenHere(LocalFiles(), "alice")


Owned = Callable[..., None]


@pytest.fixture
def owned(monkeypatch: pytest.MonkeyPatch) -> Owned:
    """Sets owners and modes as this test's user can't: all else on the way belongs to nobody and is open."""
    owners: dict[int, tuple[int, int, int]] = {}
    real = as_users._may

    def may(found: os.stat_result, who: Who, wanted: int) -> bool:
        uid, gid, mode = owners.get(found.st_ino, (OURS, OURS, 0o755))
        fields = list(found)
        fields[stat.ST_UID], fields[stat.ST_GID], fields[stat.ST_MODE] = uid, gid, mode
        return real(os.stat_result(fields), who, wanted)

    monkeypatch.setattr(as_users, "_may", may)

    def own(path: Path, uid: int, mode: int, gid: int = OURS) -> None:
        owners[path.stat().st_ino] = uid, gid, mode

    return own


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "home").mkdir()
    (tmp_path / "home/file").write_text("12345")
    return tmp_path / "home"


def looks(seen: Seen, path: Path) -> Iterator[object]:
    """Whatever each kind of look comes to."""
    for look in (
        lambda: seen.stat(f"{path}/file").size,
        lambda: [each.path for each in seen.walk(str(path)).entries],
        lambda: seen.read(f"{path}/file", 3),
    ):
        try:
            yield look()
        except FileNotFoundError:
            yield None


@pytest.mark.parametrize(
    ("uid", "gid", "mode", "sees", "lists"),
    [
        (ALICES, OURS, 0o700, True, True),
        (ALICES, OURS, 0o077, False, False),
        (OURS, THEIRS, 0o750, True, True),
        (OURS, THEIRS, 0o710, True, False),
        (OURS, THEIRS, 0o707, False, False),
        (OURS, OURS, 0o750, False, False),
        (OURS, OURS, 0o751, True, False),
        (OURS, OURS, 0o755, True, True),
    ],
)
def test_a_folder_of_this_machine_is_closed_to_whom_its_bits_close_it(
    seen: SeenHere, owned: Owned, home: Path, uid: int, gid: int, mode: int, sees: bool, lists: bool
) -> None:
    owned(home, uid, mode, gid)
    found = list(looks(seen, home))
    assert found == [5 if sees else None, [f"{home}/file"] if lists else None, b"123" if sees else None]


def test_so_is_all_that_lies_below_it_and_a_file_by_its_own(
    seen: SeenHere, owned: Owned, home: Path, tmp_path: Path
) -> None:
    owned(home / "file", OURS, 0o600)
    assert list(looks(seen, home))[::2] == [5, None]
    owned(tmp_path, OURS, 0o700)
    assert list(looks(seen, home)) == [None, None, None]


def test_what_is_hidden_and_what_isnt_there_are_the_same_to_him(
    seen: SeenHere, owned: Owned, home: Path
) -> None:
    owned(home, OURS, 0o700)
    said = set()
    for name in ("file", "nothing", "file/below"):
        with pytest.raises(FileNotFoundError) as caught:
            seen.stat(f"{home}/{name}")
        said.add(type(caught.value))
    assert said == {FileNotFoundError}


def test_a_link_leads_to_nothing_that_is_closed(
    seen: SeenHere, owned: Owned, home: Path, tmp_path: Path
) -> None:
    (tmp_path / "link").symlink_to(home)
    assert next(looks(seen, tmp_path / "link")) == 5, "as everywhere, where it is open"
    owned(home, OURS, 0o700)
    assert list(looks(seen, tmp_path / "link")) == [None, None, None]


def test_a_folder_that_is_exchanged_for_a_link_after_the_look_at_it_shows_nothing(
    seen: SeenHere, owned: Owned, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    owned(home, OURS, 0o700)
    (tmp_path / "mine").symlink_to(home)
    monkeypatch.setattr(os.path, "realpath", lambda path: path)  # found to be a folder, and exchanged since
    assert list(looks(seen, tmp_path / "mine")) == [None, None, None]


def test_what_others_have_put_into_his_folder_is_closed_to_him_all_the_same(
    seen: SeenHere, owned: Owned, home: Path
) -> None:
    """A model that he shares, say: how many files lie in there, and how they are called, is theirs to tell."""
    for name in ("theirs", "open"):
        (home / name).mkdir()
        (home / name / "file").write_text("1")
    owned(home, ALICES, 0o1777)
    owned(home / "theirs", OURS, 0o700)
    found = {each.path for each in seen.walk(str(home)).entries}
    assert found == {f"{home}/{path}" for path in ("file", "theirs", "open", "open/file")}


def test_a_folder_in_his_that_is_exchanged_for_a_link_shows_nothing_that_is_closed(
    seen: SeenHere, owned: Owned, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "closed").mkdir()
    (tmp_path / "closed/file").write_text("1")
    owned(tmp_path / "closed", OURS, 0o700)
    (home / "inner").mkdir()

    def exchanged(folder: str) -> Iterator[Entry]:
        found = list(scan(folder))
        if (home / "inner").is_dir() and not (home / "inner").is_symlink():
            (home / "inner").rmdir()
            (home / "inner").symlink_to(tmp_path / "closed")
        yield from found

    monkeypatch.setattr(as_users, "scan", exchanged)
    monkeypatch.setattr(local_files, "scan", exchanged)
    assert [each.path for each in seen.walk(str(home)).entries if "inner/" in each.path] == []


def test_descriptors_are_given_back(seen: SeenHere, owned: Owned, home: Path) -> None:
    owned(home, ALICES, 0o700)
    before = len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(9):
        list(looks(seen, home))
        list(looks(seen, home / "nothing"))
        seen.walk(str(home), Limits(most=0))
    assert len(list(Path("/proc/self/fd").iterdir())) == before


# --- HDFS


NAMES = [f"{number:03}".encode() for number in range(250)]
AT_ONCE = 100


def status(
    name: bytes, kind: HdfsFileStatusProto.FileType = HdfsFileStatusProto.IS_FILE
) -> HdfsFileStatusProto:
    return HdfsFileStatusProto(
        fileType=kind,
        path=name,
        length=7,
        permission=FsPermissionProto(perm=0o1640),
        owner="alice",
        group="users",
        modification_time=1_700_000_000_123,
        access_time=0,
    )


def namenode(server: Server, call: Call) -> None:
    """Alice's folder /home, closed to others."""
    user = server.contexts[-1].userInfo.effectiveUser
    if user != "alice":
        call.reply(
            None, "org.apache.hadoop.security.AccessControlException", f"Permission denied: user={user}"
        )
    elif call.method == "getListing":
        asked = call.request(GetListingRequestProto)
        left = [name for name in NAMES if name > asked.startAfter]
        listing = DirectoryListingProto(remainingEntries=max(0, len(left) - AT_ONCE))
        listing.partialListing.extend(map(status, left[:AT_ONCE]))
        call.reply(
            GetListingResponseProto(dirList=listing) if asked.src == "/home" else GetListingResponseProto()
        )
    elif call.method == "getFileInfo":
        there = call.request(GetFileInfoRequestProto).src in {"/home", "/home/000"}
        folder = status(b"", HdfsFileStatusProto.IS_DIR)
        call.reply(GetFileInfoResponseProto(fs=folder) if there else GetFileInfoResponseProto())
    else:
        assert call.method == "checkAccess"
        call.reply(CheckAccessResponseProto())


async def test_hdfs_is_asked_as_the_user_and_refuses_others() -> None:
    async with serving(namenode) as server:
        store = f"hdfs://{server.address}"
        looks = LookUps(Settings(file_stores=(store,)))
        found = await looks.call(f"{store}/home", "alice", lambda files, path: files.stat(path))
        assert found == Entry(
            "/home", 7, 1_700_000_000_123_000_000, "alice", 0o1640, folder=True, regular=False
        )
        with pytest.raises(FileNotFoundError):
            await looks.call(f"{store}/nothing", "alice", lambda files, path: files.stat(path))
        with pytest.raises(DeniedError, match="Permission denied: user=bob"):
            await looks.call(f"{store}/home", "bob", lambda files, path: files.stat(path))
        assert server.connections == 2, "one for each user"
        looks.close()


async def test_a_long_listing_is_asked_for_in_parts_and_no_further_than_a_limit() -> None:
    async with serving(namenode) as server:
        store = f"hdfs://{server.address}"
        looks = LookUps(Settings(file_stores=(store,)))
        listing = await looks.call(f"{store}/home", "alice", lambda files, path: files.walk(path))
        assert [each.path for each in listing.entries] == [f"/home/{name.decode()}" for name in NAMES]
        assert len(server.calls) == 3
        few = Limits(depth=0, most=5)
        listing = await looks.call(f"{store}/home", "alice", lambda files, path: files.walk(path, few))
        assert (len(listing.entries), len(server.calls)) == (5, 4)
        with pytest.raises(FileNotFoundError):
            await looks.call(f"{store}/nothing", "alice", lambda files, path: files.walk(path))
        looks.close()


async def test_who_waits_for_a_silent_namenode_when_all_ends_waits_no_longer() -> None:
    """The process ends when its threads have."""
    async with serving(lambda *_: None) as server:
        store = f"hdfs://{server.address}"
        looks = LookUps(Settings(file_stores=(store,)))
        views = looks._views
        asked = asyncio.ensure_future(asyncio.to_thread(views.ask, server.address, "alice", "status", "/"))
        while not server.calls:
            await asyncio.sleep(0.01)
        looks.close()
        with pytest.raises(UnavailableError):
            await asked


async def test_only_so_many_users_connections_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(as_users, "VIEWS", 2)
    async with serving(namenode) as server:
        store = f"hdfs://{server.address}"
        looks = LookUps(Settings(file_stores=(store,)))
        for user in ("alice", "a", "b", "c", "alice"):
            with suppress(DeniedError):
                await looks.call(f"{store}/home", user, lambda files, path: files.stat(path))
        assert len(looks._views._views) == 2
        assert server.connections == 5
        looks.close()
