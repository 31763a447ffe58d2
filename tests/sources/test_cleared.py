"""Nodes that somebody said to be well again: marks in a folder, or a word on the Lease, that others' writes leave alone."""

from __future__ import annotations

import os
import time
from datetime import datetime
from pathlib import Path

import pytest

from sources.kubernetes.contenders import KEY, Contender, World, led_by
from trainmaster.errors import InvalidError
from trainmaster.master import clock
from trainmaster.settings import Settings
from trainmaster.sources.cleared import KEPT, check_host, from_text, mark, read_marks, to_text
from trainmaster.sources.folder import FolderSource
from trainmaster.sources.kubernetes.api import LEASES
from trainmaster.sources.kubernetes.clearing import clear
from trainmaster.sources.kubernetes.lease import CLEARED
from trainmaster.sources.local_files import LocalFiles


def test_a_mark_tells_when_its_node_was_said_to_be_well(tmp_path: Path) -> None:
    files, folder = LocalFiles(), f"{tmp_path}/own/cleared-nodes"
    assert read_marks(files, folder) == {}
    mark(files, folder, ["gpu-07.example.com"])
    [(host, at)] = read_marks(files, folder).items()
    assert host == "gpu-07.example.com"
    assert at == pytest.approx(time.time(), abs=60)


def test_a_second_word_on_a_node_is_the_newer_one_and_old_ones_go(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the store's clock: that of who says it may be years off."""
    files, folder = LocalFiles(), f"{tmp_path}/cleared-nodes"
    mark(files, folder, ["a", "b", "c"])
    os.utime(f"{folder}/a", (1000, 1000))
    os.utime(f"{folder}/b", (1000, 1000))
    monkeypatch.setattr(time, "time", lambda: 9e9)
    mark(files, folder, ["a"])
    assert read_marks(files, folder).keys() == {"a", "c"}
    assert read_marks(files, folder)["a"] > 1000


@pytest.mark.parametrize("host", ["", "../journal", "a/b", ".a", "a b", "a" * 300, "a\n"])
def test_what_is_no_host_is_refused(host: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidError):
        check_host(host)
    with pytest.raises(InvalidError):
        mark(LocalFiles(), f"{tmp_path}/cleared-nodes", [host])
    with pytest.raises(InvalidError):
        to_text({}, [host], 0.0)


def test_other_files_there_say_nothing(tmp_path: Path) -> None:
    (tmp_path / "c" / "d").mkdir(parents=True)
    for name in (".hidden", "a b"):
        (tmp_path / "c" / name).touch()
    assert read_marks(LocalFiles(), f"{tmp_path}/c") == {}


async def test_the_folder_source_tells_them(tmp_path: Path) -> None:
    source = FolderSource(f"file://{tmp_path}", Settings())
    try:
        assert await source.cleared() == {}
        mark(LocalFiles(), f"{tmp_path}/cleared-nodes", ["n1"])
        assert (await source.cleared()).keys() == {"n1"}
    finally:
        await source.close()


@pytest.mark.parametrize(
    "text",
    [
        *("", "{", "[]", "3", '{"a": "b"}', '{"../x": 1}'),
        *(f'{{"a": {each}}}' for each in ("1" + 400 * "0", "-1" + 400 * "0", "Infinity", "NaN", "1e30")),
    ],
)
def test_what_somebody_else_wrote_on_a_lease_says_nothing(text: str) -> None:
    assert from_text(text) == {}


def test_a_text_keeps_what_is_still_asked_for() -> None:
    known = from_text(to_text({"old": 1.0, "new": KEPT}, ["a"], KEPT + 2))
    assert known == {"new": KEPT, "a": KEPT + 2}


@pytest.fixture
def world() -> World:
    return World()


async def test_a_word_on_the_lease_reaches_the_leader_and_outlives_its_renewals(world: World) -> None:
    a, b = world.contender(), world.contender()
    await led_by(world, a)
    now = clock.now()
    await clear(b.line, KEY[2], ["n1"], now)
    told = {"n1": pytest.approx(now, abs=0.001)}
    for _ in range(3):
        assert await a.acquire()
        assert from_text(a.lease.cleared) == told
    await a.lease.release()
    assert await b.acquire() or await b.acquire()
    assert from_text(b.lease.cleared) == told, "the next leader is told as well"


async def test_a_word_takes_no_other_back(world: World) -> None:
    a: Contender = world.contender()
    await led_by(world, a)
    await clear(a.line, KEY[2], ["n1"], clock.now())
    await clear(a.line, KEY[2], ["n2"], clock.now())
    await a.acquire()
    assert from_text(a.lease.cleared).keys() == {"n1", "n2"}
    assert a.lease.held()


@pytest.mark.parametrize("wrong", [-9e8, -120.0, 120.0, 3600.0, 9e8])
async def test_a_wrong_clock_moves_a_word_by_no_more_than_a_lease_lasts(world: World, wrong: float) -> None:
    """What it is compared with are failures by the leader's clock: one that is to come must count, one that was must not."""
    a: Contender = world.contender()
    await led_by(world, a)
    await clear(a.line, KEY[2], ["n0"], clock.now())
    await clear(a.line, KEY[2], ["n1"], clock.now() + wrong)
    spec = (await a.line.get(LEASES, a.line.namespace, KEY[2]))["spec"]
    renewed = datetime.fromisoformat(spec["renewTime"]).timestamp()
    await a.acquire()
    known = from_text(a.lease.cleared)
    assert known.keys() == {"n0", "n1"}, "nor does it make others forgotten"
    assert renewed <= known["n1"] + 0.001 <= renewed + spec["leaseDurationSeconds"] + 0.002


@pytest.mark.parametrize("renewed", [{}, {"renewTime": None}, {"renewTime": "soon"}])
async def test_by_a_lease_that_tells_no_time_a_word_bears_that_of_who_says_it(
    world: World, renewed: dict[str, object]
) -> None:
    a: Contender = world.contender()
    await led_by(world, a)
    lease = await a.line.get(LEASES, a.line.namespace, KEY[2])
    lease["spec"] = {**{key: value for key, value in lease["spec"].items() if key != "renewTime"}, **renewed}
    await a.line.replace(LEASES, a.line.namespace, KEY[2], lease)
    await clear(a.line, KEY[2], ["n1"], 50.0)
    found = await a.line.get(LEASES, a.line.namespace, KEY[2])
    assert from_text(found["metadata"]["annotations"][CLEARED]) == {"n1": 50.0}


async def test_without_a_lease_it_is_said_that_nobody_would_hear(world: World) -> None:
    with pytest.raises(InvalidError, match="no controller"):
        await clear(world.contender().line, KEY[2], ["n1"], 50.0)
