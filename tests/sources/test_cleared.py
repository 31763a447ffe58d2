"""Nodes that somebody said to be well again: marks in a folder, or a word on the Lease, that others' writes leave alone."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from sources.kubernetes.contenders import KEY, Contender, World, led_by
from trainmaster.errors import InvalidError
from trainmaster.settings import Settings
from trainmaster.sources.cleared import KEPT, check_host, from_text, mark, read_marks, to_text
from trainmaster.sources.folder import FolderSource
from trainmaster.sources.kubernetes.clearing import clear
from trainmaster.sources.local_files import LocalFiles


def test_a_mark_tells_when_its_node_was_said_to_be_well(tmp_path: Path) -> None:
    files, folder = LocalFiles(), f"{tmp_path}/own/cleared-nodes"
    assert read_marks(files, folder) == {}
    mark(files, folder, ["gpu-07.example.com"], time.time())
    [(host, at)] = read_marks(files, folder).items()
    assert host == "gpu-07.example.com"
    assert at == pytest.approx(time.time(), abs=60)


def test_a_second_word_on_a_node_is_the_newer_one_and_old_ones_go(tmp_path: Path) -> None:
    files, folder = LocalFiles(), f"{tmp_path}/cleared-nodes"
    mark(files, folder, ["a", "b", "c"], 0.0)
    os.utime(f"{folder}/a", (1000, 1000))
    os.utime(f"{folder}/b", (1000, 1000))
    mark(files, folder, ["a"], 1000 + KEPT + 1)
    assert read_marks(files, folder).keys() == {"a", "c"}
    assert read_marks(files, folder)["a"] > 1000


@pytest.mark.parametrize("host", ["", "../journal", "a/b", ".a", "a b", "a" * 300, "a\n"])
def test_what_is_no_host_is_refused(host: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidError):
        check_host(host)
    with pytest.raises(InvalidError):
        mark(LocalFiles(), f"{tmp_path}/cleared-nodes", [host], 0.0)
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
        mark(LocalFiles(), f"{tmp_path}/cleared-nodes", ["n1"], time.time())
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
    await clear(b.line, KEY[2], ["n1"], 50.0)
    for _ in range(3):
        assert await a.acquire()
        assert from_text(a.lease.cleared) == {"n1": 50.0}
    await a.lease.release()
    assert await b.acquire() or await b.acquire()
    assert from_text(b.lease.cleared) == {"n1": 50.0}, "the next leader is told as well"


async def test_a_word_takes_no_other_back(world: World) -> None:
    a: Contender = world.contender()
    await led_by(world, a)
    await clear(a.line, KEY[2], ["n1"], 50.0)
    await clear(a.line, KEY[2], ["n2"], 60.0)
    await a.acquire()
    assert from_text(a.lease.cleared) == {"n1": 50.0, "n2": 60.0}
    assert a.lease.held()


async def test_without_a_lease_it_is_said_that_nobody_would_hear(world: World) -> None:
    with pytest.raises(InvalidError, match="no controller"):
        await clear(world.contender().line, KEY[2], ["n1"], 50.0)
