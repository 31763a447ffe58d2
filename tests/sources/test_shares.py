"""Two owners, one of whom floods the folder: the other's files are read at the next look all the same."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from sources.building import GRACE, Clock, job_text, leading, put
from trainmaster.sources.files import Entry, Listing
from trainmaster.sources.folder import FolderSource
from trainmaster.sources.listings import SERVES
from trainmaster.sources.local_files import LocalFiles
from trainmaster.sources.reading import MAX_BYTES
from trainmaster.sources.shares import BYTES, FILES, share
from trainmaster.sources.walking import Limits

FLOOD = 3 * FILES


class Owned(LocalFiles):
    """A store in which the first folder below jobs/ is the owner's name. It counts what is read."""

    settle = 0.0

    def __init__(self) -> None:
        self.bytes: dict[str, int] = {}

    def walk(self, path: str, limits: Limits | None = None) -> Listing:
        found = super().walk(path, limits)
        return replace(found, entries=tuple(map(_owned, found.entries)))

    def stat(self, path: str) -> Entry:
        return _owned(super().stat(path))

    def read(self, path: str, limit: int, top: str = "") -> bytes:
        data = super().read(path, limit, top)
        owner = _owned(super().stat(path)).owner
        self.bytes[owner] = self.bytes.get(owner, 0) + len(data)
        return data


def _owned(entry: Entry) -> Entry:
    _, _, below = entry.path.partition("/jobs/")
    return replace(entry, owner=below.partition("/")[0] or entry.owner)


def owned(source: FolderSource) -> Owned:
    files = Owned()
    source._files = source._reader._files = source._listings._files = files
    return files


async def names(source: FolderSource, owner: str) -> set[str]:
    return {d.name for d in (await source.look()).values() if d.owner == owner and d.job and not d.deleted}


async def test_thousands_of_files_of_one_owner_keep_anothers_from_nothing(
    tmp_path: Path, clock: Clock
) -> None:
    made = await leading(tmp_path, clock)
    owned(made)
    (tmp_path / "jobs/mallory").mkdir(parents=True)
    for number in range(FLOOD):
        (tmp_path / f"jobs/mallory/job-{number}.yaml").write_text(job_text())
    assert len(await names(made, "mallory")) == FILES
    put(tmp_path, "alice/mine.yaml", job_text())
    clock.pass_(SERVES)
    assert await names(made, "alice") == {"mine"}
    for _ in range(FLOOD // FILES):
        clock.pass_(GRACE)  # what waits for its turn isn't gone
        found = await names(made, "mallory")
    assert len(found) == FLOOD


async def test_a_known_file_that_waits_for_its_turn_is_not_gone(tmp_path: Path, clock: Clock) -> None:
    first = await leading(tmp_path, clock)
    owned(first)
    (tmp_path / "jobs/mallory").mkdir(parents=True)
    for number in range(FILES + 1):
        (tmp_path / f"jobs/mallory/job-{number}.yaml").write_text(job_text())
    for _ in range(3):
        known = await names(first, "mallory")
        await first._records.close()  # what is known is written beside the looks
    await first.lease.release()
    await first.close()
    clock.pass_(100.0)
    second = await leading(tmp_path, clock)
    owned(second)
    assert await names(second, "mallory") == known
    clock.pass_(GRACE + 1)
    assert await names(second, "mallory") == known


@pytest.mark.parametrize("size", [10 << 20, MAX_BYTES])
async def test_large_files_of_one_owner_keep_anothers_from_nothing(
    tmp_path: Path, clock: Clock, size: int
) -> None:
    made = await leading(tmp_path, clock)
    files = owned(made)
    for number in range(5):
        put(tmp_path, f"mallory/{number}.yaml", b"#" * size)
    put(tmp_path, "alice/mine.yaml", job_text())
    assert await names(made, "alice") == {"mine"}
    assert files.bytes.get("mallory", 0) <= 2 * BYTES, "a half of it is for the next look"


def entry(path: str, owner: str, size: int = 1) -> Entry:
    return Entry(path=path, size=size, modified=0, owner=owner, mode=0o644)


def test_shares_are_each_owners_own_and_one_file_is_always_taken() -> None:
    wanted = [
        entry("a", "m", 3),
        entry("b", "m", 8),
        entry("c", "m", 2),
        entry("d", "n", 99),
        entry("e", "n"),
    ]
    taken = share(wanted, lambda each: each, files=2, size=10)
    assert [each.path for each in taken] == ["a", "c", "d"]
    exact = [entry("a", "m", 4), entry("b", "m", 6), entry("c", "m", 1)]
    assert [each.path for each in share(exact, lambda each: each, files=3, size=10)] == ["a", "b"]
