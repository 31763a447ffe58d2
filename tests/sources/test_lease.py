"""Who leads: never two at once, whatever is slow, away or racing; and somebody again after the duration."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from sources.building import LEASE, Clock
from trainmaster.errors import UnavailableError
from trainmaster.sources.epochs import Epochs
from trainmaster.sources.files import Entry, Listing
from trainmaster.sources.lease import FolderLease
from trainmaster.sources.local_files import LocalFiles
from trainmaster.sources.threads import Threads
from trainmaster.sources.walking import Limits


class FlakyFiles(LocalFiles):
    """A store that one contender can't reach for a while, or whose calls are held at a point."""

    def __init__(self) -> None:
        self.away = False
        self.before_walk: Callable[[], None] = lambda: None
        self.before_create: Callable[[], None] = lambda: None
        self.after_look: Callable[[], None] = lambda: None
        """once nothing was found"""

    def make_folder(self, path: str, mode: int = 0o755) -> None:
        self.after_look()
        super().make_folder(path, mode)

    def walk(self, path: str, limits: Limits | None = None) -> Listing:
        self._check()
        self.before_walk()
        return super().walk(path, limits)

    def create(self, path: str, data: bytes) -> None:
        self._check()
        self.before_create()
        super().create(path, data)

    def touch(self, path: str, modified: int) -> None:
        self._check()
        super().touch(path, modified)

    def stat(self, path: str) -> Entry:
        self._check()
        return super().stat(path)

    def _check(self) -> None:
        if self.away:
            raise UnavailableError("partitioned")


class Contender:
    def __init__(self, folder: Path, clock: Clock) -> None:
        self.files = FlakyFiles()
        epochs = Epochs(LocalFiles(), f"{folder.parent}/journal")
        self.lease = FolderLease(self.files, str(folder), Threads(2), LEASE, clock, epochs)

    def acquire_within(self, loop: asyncio.AbstractEventLoop) -> None:
        """In the midst of another's call, which a thread makes."""
        asyncio.run_coroutine_threadsafe(self.lease.acquire(), loop).result(5)


def names(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "store" / "lease"


@pytest.fixture
def a(folder: Path, clock: Clock) -> Contender:
    return Contender(folder, clock)


@pytest.fixture
def b(folder: Path, clock: Clock) -> Contender:
    return Contender(folder, clock)


async def test_the_first_leads_and_the_second_stands_by(a: Contender, b: Contender, clock: Clock) -> None:
    assert a.lease.epoch == 0
    assert not a.lease.held()
    assert await a.lease.acquire()
    assert a.lease.epoch == 1
    for _ in range(20):
        clock.pass_(LEASE / 4)
        assert await a.lease.acquire()
        assert not await b.lease.acquire()
    assert "process" in b.lease.holder


async def test_a_dead_leader_is_followed_after_the_duration(a: Contender, b: Contender, clock: Clock) -> None:
    await a.lease.acquire()
    assert not await b.lease.acquire()
    clock.pass_(LEASE - 0.1)
    assert not await b.lease.acquire()
    clock.pass_(0.1)
    assert await b.lease.acquire()
    assert b.lease.epoch == 2
    assert not a.lease.held()
    assert not await a.lease.acquire()


async def test_without_renewal_the_leader_stops_itself_before_anybody_may_follow(
    a: Contender, clock: Clock
) -> None:
    await a.lease.acquire()
    clock.pass_(LEASE * 2 / 3)
    assert not a.lease.held()
    assert await a.lease.acquire()


async def test_a_release_is_followed_at_once(a: Contender, b: Contender) -> None:
    await a.lease.acquire()
    await a.lease.release()
    assert not a.lease.held()
    assert await b.lease.acquire()
    assert b.lease.epoch == 2


async def test_a_released_lease_can_be_taken_again(a: Contender) -> None:
    await a.lease.acquire()
    await a.lease.release()
    assert await a.lease.acquire()
    assert a.lease.epoch == 2


async def test_a_store_that_is_away_makes_nobody_leader(a: Contender, b: Contender, clock: Clock) -> None:
    a.files.away = True
    assert not await a.lease.acquire()
    a.files.away = False
    await a.lease.acquire()
    a.files.away = True
    clock.pass_(LEASE / 3)
    assert await a.lease.acquire()  # still live by the renewal before
    clock.pass_(LEASE / 3)
    assert not await a.lease.acquire()
    a.files.away = False
    assert await a.lease.acquire()
    assert a.lease.epoch == 1
    assert not await b.lease.acquire()


async def test_whoever_looked_before_the_first_led_leaves_the_lease_to_him(
    a: Contender, b: Contender
) -> None:
    loop = asyncio.get_running_loop()
    b.files.after_look = lambda: a.acquire_within(loop)
    assert not await b.lease.acquire()
    assert a.lease.held()
    assert await a.lease.acquire()
    assert (a.lease.epoch, b.lease.epoch) == (1, 0)


async def test_of_many_contenders_one_wins(folder: Path, clock: Clock) -> None:
    many = [Contender(folder, clock) for _ in range(12)]
    won = await asyncio.gather(*(each.lease.acquire() for each in many))
    assert sum(won) == 1
    later = []
    for _ in range(
        2
    ):  # whoever was slow saw the first one's file at once, and so may be the next a turn earlier
        clock.pass_(LEASE)
        again = await asyncio.gather(*(each.lease.acquire() for each in many if not each.lease.epoch))
        later.append(sum(again))
    assert max(later) == 1


async def test_a_renewal_during_the_take_over_makes_the_new_leader_wait(
    a: Contender, b: Contender, clock: Clock
) -> None:
    """The old leader was only slow: its renewal lists just before the new epoch is there, and counts."""
    await a.lease.acquire()
    await b.lease.acquire()
    clock.pass_(LEASE)
    renewed = asyncio.Event()
    loop = asyncio.get_running_loop()

    def renew_first() -> None:
        a.acquire_within(loop)
        loop.call_soon_threadsafe(renewed.set)

    b.files.before_create = renew_first
    assert not await b.lease.acquire()
    assert renewed.is_set()
    assert a.lease.held()
    assert b.lease.epoch == 2
    clock.pass_(LEASE / 2)
    assert not await a.lease.acquire() or not b.lease.held()
    assert not await b.lease.acquire()
    clock.pass_(LEASE / 2)
    assert await b.lease.acquire()
    assert not a.lease.held()


async def test_a_failed_renewal_is_never_repeated_with_the_same_time(
    a: Contender, folder: Path, clock: Clock
) -> None:
    await a.lease.acquire()
    times = set()

    def away() -> None:
        times.add((folder / "epoch-000001").stat().st_mtime_ns)
        raise UnavailableError("listing failed")

    a.files.before_walk = away
    for _ in range(5):
        await a.lease.acquire()
    assert len(times) == 5


async def test_old_epochs_are_cleared_away(a: Contender, folder: Path) -> None:
    for _ in range(9):
        await a.lease.acquire()
        await a.lease.release()
    epochs = {name[:12] for name in names(folder)}
    assert epochs == {f"epoch-{n:06d}" for n in range(5, 10)}


async def test_a_wiped_folder_lowers_no_epoch(a: Contender, folder: Path, clock: Clock) -> None:
    await a.lease.acquire()
    shutil.rmtree(folder)
    assert not await a.lease.acquire()
    assert not await a.lease.acquire(), "somebody else may lead since"
    clock.pass_(LEASE)
    assert await a.lease.acquire()
    assert a.lease.epoch == 2


async def test_after_a_wipe_nobody_leads_beside_one_who_does_not_know_yet(folder: Path, clock: Clock) -> None:
    """Nor in his epoch, though he has written nothing yet."""
    (folder.parent / "journal" / "000004").mkdir(parents=True)
    a, b = Contender(folder, clock), Contender(folder, clock)
    await a.lease.acquire()
    clock.pass_(LEASE)
    assert await a.lease.acquire()
    shutil.rmtree(folder)
    assert not await b.lease.acquire()
    assert a.lease.held()
    assert (a.lease.epoch, b.lease.epoch) == (5, 6)
    clock.pass_(LEASE)
    assert await b.lease.acquire()
    assert not a.lease.held()
    assert not await a.lease.acquire()


async def test_who_steps_down_while_it_waits_hands_its_wait_on(folder: Path, clock: Clock) -> None:
    """Whom it waits for may still lead: the next one must not come at once."""
    a, b, c = (Contender(folder, clock) for _ in range(3))
    await Contender(folder, clock).lease.acquire()
    shutil.rmtree(folder)
    await a.lease.acquire()
    clock.pass_(LEASE)
    assert await a.lease.acquire()
    shutil.rmtree(folder)
    assert not await b.lease.acquire()
    await b.lease.release()
    assert not await c.lease.acquire()
    assert a.lease.held()
    clock.pass_(LEASE)
    assert await c.lease.acquire()
    assert not a.lease.held()


async def test_the_first_leader_of_a_new_store_waits_for_nobody_and_is_waited_for(
    a: Contender, b: Contender, folder: Path, clock: Clock
) -> None:
    """Though the lease's folder is wiped before anything was written to the journal."""
    assert await a.lease.acquire()
    shutil.rmtree(folder)
    assert not await b.lease.acquire()
    assert a.lease.held()
    clock.pass_(LEASE)
    assert await b.lease.acquire()
    assert b.lease.epoch == 2
    assert not await a.lease.acquire()


async def test_of_two_that_are_the_first_of_a_new_store_one_leads_and_keeps_the_lead(
    a: Contender, b: Contender, folder: Path, clock: Clock
) -> None:
    """The folder is wiped in the midst of it: each has made the file of the first epoch."""
    walked = b.files.create

    def meanwhile(path: str, data: bytes) -> None:
        a.acquire_within(loop)
        shutil.rmtree(folder)
        folder.mkdir()
        walked(path, data)

    loop = asyncio.get_running_loop()
    b.files.create = meanwhile  # type: ignore[method-assign]
    assert not await b.lease.acquire()
    assert a.lease.held()
    b.files.create = walked  # type: ignore[method-assign]
    for _ in range(8):
        clock.pass_(LEASE / 4)
        assert await a.lease.acquire()
        assert not await b.lease.acquire()


async def test_marks_of_old_epochs_are_cleared_away_and_the_newest_stays(a: Contender, folder: Path) -> None:
    for _ in range(9):
        await a.lease.acquire()
        await a.lease.release()
    assert sorted(names(folder.parent / "journal")) == [f"epoch-{n:06d}" for n in range(5, 10)]
    assert (folder.parent / "journal").stat().st_mode & 0o777 == 0o700


class Counting(LocalFiles):
    """Counts what listings bring."""

    listed = 0

    def walk(self, path: str, limits: Limits | None = None) -> Listing:
        found = super().walk(path, limits)
        self.listed += len(found.entries)
        return found


def test_a_look_at_the_epochs_lists_none_of_the_records_below(tmp_path: Path) -> None:
    files = Counting()
    epochs = Epochs(files, f"{tmp_path}/journal")
    assert epochs.take(1, LEASE)
    (tmp_path / "journal/000001").mkdir()
    for number in range(50):
        (tmp_path / f"journal/000001/{number}").touch()
    files.listed = 0
    assert epochs.newest() == 1
    assert files.listed == 2
