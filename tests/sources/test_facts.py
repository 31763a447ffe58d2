"""Size and time of a job's files, and errors that name them."""

from __future__ import annotations

import asyncio
import getpass
import os
import threading
from pathlib import Path
from typing import Any

import pytest

from sources.building import Clock
from trainmaster.errors import DeniedError, InvalidError, NoSuchFileError, UnavailableError
from trainmaster.settings import Settings
from trainmaster.sources.facts import FRESH, PATIENCE, FileFact, FileFacts, not_private
from trainmaster.sources.stores import open_files

ME = getpass.getuser()


async def test_a_fact_is_what_yarn_wants_to_know(tmp_path: Path) -> None:
    path = tmp_path / "train.py"
    path.write_text("12345")
    path.chmod(0o640)
    os.utime(path, ns=(0, 1_700_000_000_123_000_000))
    facts = FileFacts(Settings())
    url = f"file://{path}"
    assert await facts.stat(url, ME) == FileFact(
        url, 5, 1_700_000_000_123, folder=False, owner=ME, mode=0o640
    )
    assert (await facts.stat(f"file://{tmp_path}", ME)).folder


@pytest.mark.parametrize(
    ("owner", "mode", "words"),
    [
        ("alice", 0o400, ""),
        ("alice", 0o600, ""),
        ("alice", 0o640, "others may read or write it (mode 640): chmod 400 is needed"),
        ("alice", 0o402, "others may read or write it (mode 402): chmod 400 is needed"),
        ("bob", 0o400, "it belongs to bob, and a value for a job of alice must lie in a file of alice"),
    ],
)
def test_a_secret_lies_in_a_file_that_its_user_alone_may_read(owner: str, mode: int, words: str) -> None:
    assert not_private(FileFact("hdfs:///k", 1, 1, folder=False, owner=owner, mode=mode), "alice") == words


async def test_many_replicas_look_once_and_a_replaced_file_is_seen(tmp_path: Path) -> None:
    clock = Clock()
    facts = FileFacts(Settings(), clock)
    path = tmp_path / "a"
    path.write_text("1")
    first = await asyncio.gather(*(facts.stat(f"file://{path}", ME) for _ in range(50)))
    assert len({id(fact) for fact in first}) == 1
    path.write_text("22")
    clock.pass_(FRESH + 1)
    assert (await facts.stat(f"file://{path}", ME)).size == 2


async def test_a_folder_is_the_same_with_a_slash_behind_it(tmp_path: Path) -> None:
    facts = FileFacts(Settings())
    plain = await facts.stat(f"file://{tmp_path}", ME)
    assert await facts.stat(f"file://{tmp_path}/", ME) == plain
    assert (await facts.stat("file:///", ME)).folder


async def test_an_answer_serves_for_as_long_as_it_is_fresh(tmp_path: Path) -> None:
    clock = Clock()
    facts = FileFacts(Settings(), clock)
    first = await facts.stat(f"file://{tmp_path}", ME)
    clock.pass_(FRESH)
    assert await facts.stat(f"file://{tmp_path}", ME) is first
    clock.pass_(0.001)
    assert await facts.stat(f"file://{tmp_path}", ME) is not first


async def test_a_store_that_answers_now_and_then_is_not_given_up() -> None:
    """Its silence is counted from its last answer."""
    clock, url = Clock(), "hdfs://elsewhere:8020/a"
    facts, answers = FileFacts(Settings(file_stores=("hdfs://elsewhere:8020",)), clock), True

    def stat(store: str, url: str, _look: Any) -> FileFact:
        if answers:
            return FileFact(url, 1, 1, folder=False)
        raise UnavailableError("silent")

    facts._stores._look = stat
    for answers in (False, True, False):
        if answers:
            assert (await facts.stat(url, ME)).size == 1
        else:
            with pytest.raises(UnavailableError):
                await facts.stat(url, ME)
        clock.pass_(PATIENCE - 1)
    clock.pass_(1)
    with pytest.raises(InvalidError, match="has not answered for 300 s"):
        await facts.stat(url, ME)


async def test_a_store_that_nobody_asked_for_long_was_not_silent_meanwhile(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Of one answer that got lost yesterday, and another one today, nobody's job is to fail."""
    clock = Clock()
    facts = FileFacts(Settings(file_stores=("hdfs://elsewhere:8020",)), clock)

    async def away(*_: object) -> None:
        raise UnavailableError("no answer")

    monkeypatch.setattr(facts._stores, "call", away)
    for _ in range(3):
        with pytest.raises(UnavailableError):
            await facts.stat("hdfs://elsewhere:8020/a", ME)
        clock.pass_(2 * PATIENCE)


async def test_a_store_is_opened_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []

    def opens(url: str, *more: Any) -> Any:
        opened.append(url)
        return open_files(url, *more)

    monkeypatch.setattr("trainmaster.sources.lookups.open_files", opens)
    facts = FileFacts(Settings())
    for name in ("a", "b"):
        (tmp_path / name).write_text("")
        await facts.stat(f"file://{tmp_path}/{name}", ME)
    assert opened == [f"file://{tmp_path}/a"]


async def test_who_closes_waits_for_no_answer(tmp_path: Path) -> None:
    facts, answer = FileFacts(Settings()), threading.Event()
    facts._stores._look = lambda *_: answer.wait()
    asked = asyncio.ensure_future(facts.stat(f"file://{tmp_path}", ME))
    await asyncio.sleep(0)
    facts.close()
    answer.set()
    await asyncio.wait([asked])
    assert asked.cancelled()


@pytest.mark.parametrize("url", ["file:///no/such/file", "s3://bucket/x", "train.py"])
async def test_errors_name_the_file(url: str) -> None:
    with pytest.raises(InvalidError) as caught:
        await FileFacts(Settings()).stat(url, ME)
    assert url in str(caught.value)


async def test_a_folder_of_jobs_that_is_not_the_source_is_no_store_for_files() -> None:
    """On Kubernetes `store` means nothing, and lets nobody's job read there."""
    facts = FileFacts(Settings(source="kubernetes", store="hdfs://ours:8020/jobs"))
    with pytest.raises(InvalidError, match="hdfs://ours:8020"):
        await facts.stat("hdfs://ours:8020/secret", ME)


async def test_a_failure_is_not_remembered(tmp_path: Path) -> None:
    facts = FileFacts(Settings())
    path = tmp_path / "a"
    with pytest.raises(InvalidError):
        await facts.stat(f"file://{path}", ME)
    path.write_text("1")
    assert (await facts.stat(f"file://{path}", ME)).size == 1


async def test_whoever_asked_first_may_go_and_the_others_get_their_answer(tmp_path: Path) -> None:
    """A job that is deleted takes nobody else's look-up with it."""
    facts, asked, answer = FileFacts(Settings()), threading.Event(), threading.Event()
    look_up = facts._stores._look

    def slow(*of: Any) -> FileFact:
        asked.set()
        answer.wait()
        return look_up(*of)

    facts._stores._look = slow
    url = f"file://{tmp_path}"
    first, second = asyncio.ensure_future(facts.stat(url, ME)), asyncio.ensure_future(facts.stat(url, ME))
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
        await facts.stat(f"file://{tmp_path}/{name}", ME)
    assert len(facts._known) == 3
    clock.pass_(FRESH + 1)
    await facts.stat(f"file://{tmp_path}/a", ME)
    assert len(facts._known) == 1


async def test_what_one_user_may_see_is_no_answer_to_another(tmp_path: Path) -> None:
    """Whoever asks right behind him would else be told of files that are none of his."""
    facts, asked = FileFacts(Settings()), list[str]()

    async def call(_url: str, user: str, _look: Any) -> FileFact:
        asked.append(user)
        if user != ME:
            raise FileNotFoundError
        return FileFact("file:///a", 1, 1, folder=False)

    facts._stores.call = call  # type: ignore[method-assign, assignment]
    assert (await facts.stat("file:///a", ME)).size == 1
    with pytest.raises(NoSuchFileError, match="no such file, or mallory may not see it"):
        await facts.stat("file:///a", "mallory")
    assert asked == [ME, "mallory"]


@pytest.mark.parametrize(
    ("kind", "raised"),
    [
        ("org.apache.hadoop.security.AccessControlException", NoSuchFileError),
        ("org.apache.hadoop.security.authorize.AuthorizationException", DeniedError),
    ],
)
async def test_a_file_that_hdfs_denies_the_user_is_none_for_him_and_one_that_it_denies_us_may_come(
    kind: str, raised: type[Exception]
) -> None:
    """The first is the job's own fault, and each of its restarts would come to the same; the second an administrator's."""
    facts = FileFacts(Settings())

    async def call(*_: Any) -> FileFact:
        raise DeniedError(kind, "said so")

    facts._stores.call = call  # type: ignore[method-assign]
    with pytest.raises(raised, match="file:///a: said so"):
        await facts.stat("file:///a", ME)
