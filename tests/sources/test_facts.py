"""Size and time of a job's files, and errors that name them."""

from __future__ import annotations

import asyncio
import os
import threading
from pathlib import Path

import pytest

from sources.building import Clock
from trainmaster.errors import InvalidError
from trainmaster.settings import Settings
from trainmaster.sources.facts import FRESH, FileFact, FileFacts


async def test_a_fact_is_what_yarn_wants_to_know(tmp_path: Path) -> None:
    path = tmp_path / "train.py"
    path.write_text("12345")
    os.utime(path, ns=(0, 1_700_000_000_123_000_000))
    facts = FileFacts(Settings())
    url = f"file://{path}"
    assert await facts.stat(url) == FileFact(url, 5, 1_700_000_000_123, folder=False)
    assert (await facts.stat(f"file://{tmp_path}")).folder


async def test_many_replicas_look_once_and_a_replaced_file_is_seen(tmp_path: Path) -> None:
    clock = Clock()
    facts = FileFacts(Settings(), clock)
    path = tmp_path / "a"
    path.write_text("1")
    first = await asyncio.gather(*(facts.stat(f"file://{path}") for _ in range(50)))
    assert len({id(fact) for fact in first}) == 1
    path.write_text("22")
    clock.pass_(FRESH + 1)
    assert (await facts.stat(f"file://{path}")).size == 2


async def test_a_folder_is_the_same_with_a_slash_behind_it(tmp_path: Path) -> None:
    facts = FileFacts(Settings())
    plain = await facts.stat(f"file://{tmp_path}")
    assert await facts.stat(f"file://{tmp_path}/") == plain
    assert (await facts.stat("file:///")).folder


@pytest.mark.parametrize("url", ["file:///no/such/file", "s3://bucket/x", "train.py"])
async def test_errors_name_the_file(url: str) -> None:
    with pytest.raises(InvalidError) as caught:
        await FileFacts(Settings()).stat(url)
    assert url in str(caught.value)


async def test_a_failure_is_not_remembered(tmp_path: Path) -> None:
    facts = FileFacts(Settings())
    path = tmp_path / "a"
    with pytest.raises(InvalidError):
        await facts.stat(f"file://{path}")
    path.write_text("1")
    assert (await facts.stat(f"file://{path}")).size == 1


async def test_whoever_asked_first_may_go_and_the_others_get_their_answer(tmp_path: Path) -> None:
    """A job that is deleted takes nobody else's look-up with it."""
    facts, asked, answer = FileFacts(Settings()), threading.Event(), threading.Event()
    look = facts._stat

    def slow(store: str, url: str) -> FileFact:
        asked.set()
        answer.wait()
        return look(store, url)

    facts._stat = slow
    url = f"file://{tmp_path}"
    first, second = asyncio.ensure_future(facts.stat(url)), asyncio.ensure_future(facts.stat(url))
    await asyncio.to_thread(asked.wait)
    first.cancel()
    await asyncio.wait([first])
    answer.set()
    assert first.cancelled()
    assert (await second).folder


async def test_what_was_asked_for_once_is_not_remembered_for_ever(tmp_path: Path) -> None:
    clock = Clock()
    facts = FileFacts(Settings(), clock)
    for name in ("a", "b", "c"):
        (tmp_path / name).write_text("1")
        await facts.stat(f"file://{tmp_path}/{name}")
    assert len(facts._known) == 3
    clock.pass_(FRESH + 1)
    await facts.stat(f"file://{tmp_path}/a")
    assert len(facts._known) == 1
