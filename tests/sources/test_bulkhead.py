"""Stores that hang, and who has to wait for them."""

from __future__ import annotations

import asyncio
import getpass
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from sources.building import Clock
from trainmaster.errors import InvalidError, UnavailableError
from trainmaster.settings import Settings
from trainmaster.sources.bulkhead import Bulkhead
from trainmaster.sources.facts import PATIENCE, FileFacts

LONG = 60.0


@pytest.fixture
def silent() -> Iterator[str]:
    """A NameNode that takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as server:
        yield f"hdfs://127.0.0.1:{server.getsockname()[1]}"


@pytest.fixture
def hung() -> Iterator[threading.Event]:
    """What calls wait for until the test is over."""
    event = threading.Event()
    yield event
    event.set()


async def test_one_users_silent_store_keeps_nobody_else_waiting(tmp_path: Path, silent: str) -> None:
    (tmp_path / "train.py").touch()
    facts = FileFacts(Settings(file_stores=(silent,)))
    waiting = [asyncio.ensure_future(facts.stat(f"{silent}/{n}", "mallory")) for n in range(64)]
    await asyncio.sleep(0)
    async with asyncio.timeout(LONG):
        assert (await facts.stat(f"file://{tmp_path}/train.py", getpass.getuser())).size == 0
    assert not any(task.done() for task in waiting)
    for task in waiting:
        task.cancel()
    facts.close()


async def test_in_one_store_each_user_has_a_share_that_hung_calls_keep(hung: threading.Event) -> None:
    bulkhead = Bulkhead(threads=4, share=2, timeout=LONG)
    for _ in range(3):  # whoever asks is gone, and his threads aren't
        calls = [asyncio.ensure_future(bulkhead.call("mallory", hung.wait)) for _ in range(4)]
        assert await bulkhead.call("alice", int, "7") == 7
        for call in calls:
            call.cancel()
        await asyncio.gather(*calls, return_exceptions=True)
    hung.set()
    assert await bulkhead.call("mallory", int, "7") == 7
    bulkhead.close()


async def test_a_call_that_is_not_answered_is_unavailable(hung: threading.Event) -> None:
    bulkhead = Bulkhead(threads=1, share=1, timeout=0.01)
    for _ in range(2):  # the second one doesn't even get a thread
        with pytest.raises(UnavailableError, match=r"within 0\.01 s"):
            await bulkhead.call("us", hung.wait)
    bulkhead.close()


async def test_errors_come_through_and_free_their_thread() -> None:
    bulkhead = Bulkhead(threads=1, share=1, timeout=LONG)
    for _ in range(3):
        with pytest.raises(ValueError, match="x"):
            await bulkhead.call("us", int, "x")
    bulkhead.close()


async def test_an_added_store_that_stays_silent_is_given_up_with_its_reason(
    monkeypatch: pytest.MonkeyPatch, clock: Clock
) -> None:
    def away(*_: object) -> None:
        raise UnavailableError("no route to host")

    monkeypatch.setattr("trainmaster.sources.lookups.open_files", away)
    facts = FileFacts(Settings(file_stores=("hdfs://gone",), store="hdfs://ours/x"), clock)
    for url in ("hdfs://gone/a", "hdfs://ours/a"):
        with pytest.raises(UnavailableError):
            await facts.stat(url, "us")
    clock.pass_(PATIENCE + 1)
    with pytest.raises(InvalidError, match="hdfs://gone/a: its store has not answered for 301 s: no route"):
        await facts.stat("hdfs://gone/a", "us")
    with pytest.raises(UnavailableError):
        await facts.stat("hdfs://ours/a", "us")


async def test_what_is_not_answered_yet_is_not_asked_again(silent: str, clock: Clock) -> None:
    facts = FileFacts(Settings(file_stores=(silent,)), clock)
    first = asyncio.ensure_future(facts.stat(f"{silent}/a", "us"))
    await asyncio.sleep(0)
    asked = facts._known["us", f"{silent}/a"]
    clock.pass_(1000)
    again = asyncio.ensure_future(facts.stat(f"{silent}/a", "us"))
    await asyncio.sleep(0)
    assert facts._known == {("us", f"{silent}/a"): asked}
    assert facts._stores._bulkheads[silent]._shares["us"]._value == 3, "one thread is taken"
    for task in (first, again):
        task.cancel()
    facts.close()
