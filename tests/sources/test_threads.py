"""Calls of a store in threads: what comes back, who is waited for, and how often the loop is woken."""

from __future__ import annotations

import asyncio
import gc
import threading
import weakref
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import pytest

from trainmaster.errors import UnavailableError
from trainmaster.sources.threads import Threads, Together, in_turns

LONG = 60.0


async def test_answers_and_errors_come_back_to_who_asked_and_in_the_order_of_the_questions() -> None:
    threads = Threads(4)
    assert await in_turns(lambda n: threads.call(int, str(n)), range(100)) == [*range(100)]
    with pytest.raises(ValueError, match="x"):
        await threads.call(int, "x")
    with pytest.raises(RuntimeError, match="no more items"):  # a future takes no StopIteration
        await threads.call(next, iter(()))
    assert await threads.call(int, "7") == 7
    threads.close()


async def test_what_hangs_keeps_its_thread_and_no_other_one_and_what_was_given_up_is_not_begun() -> None:
    threads, go, begun = Threads(2, timeout=0.05), threading.Event(), list[int]()
    with pytest.raises(UnavailableError, match="did not answer within 0 s"):
        await threads.call(go.wait, LONG)
    assert await threads.call(int, "7") == 7
    hung = [asyncio.ensure_future(threads.call(go.wait, LONG)) for _ in range(2)]
    await asyncio.gather(*hung, return_exceptions=True)
    with pytest.raises(UnavailableError):
        await threads.call(begun.append, 1)
    go.set()
    threads._timeout = LONG
    await threads.call(begun.append, 2)
    assert begun == [2]
    threads.close()


async def test_no_more_threads_than_are_allowed_and_none_that_is_not_needed() -> None:
    before, threads, go = set(threading.enumerate()), Threads(3), threading.Event()
    for n in range(5):
        await threads.call(int, str(n))
    assert len(set(threading.enumerate()) - before) == 1
    calls = [asyncio.ensure_future(threads.call(go.wait, LONG)) for _ in range(8)]
    await asyncio.sleep(0)
    assert len(set(threading.enumerate()) - before) == 3
    go.set()
    await asyncio.gather(*calls)
    threads.close()


async def test_the_loop_is_woken_once_for_all_that_is_answered_meanwhile(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Each waking is a call of the system here, and one there."""
    threads, loop = Threads(8), asyncio.get_running_loop()
    done, woken, real = threading.Semaphore(0), list[Any](), loop.call_soon_threadsafe
    monkeypatch.setattr(loop, "call_soon_threadsafe", lambda *args: woken.append(args) or real(*args))
    calls = [asyncio.ensure_future(threads.call(done.release)) for _ in range(8)]
    await asyncio.sleep(0)
    while len(threads._answered) < 8:  # the loop does nothing else, as when it is busy
        assert done.acquire(timeout=LONG)
        done.release()
    await asyncio.gather(*calls)
    assert len(woken) == 1
    threads.close()


async def test_a_refusal_leaves_nothing_behind_for_the_collector_of_garbage() -> None:
    threads = Threads(1)
    gc.disable()
    try:
        known = await refused(threads)
        await asyncio.sleep(0)  # the step in which it was told holds it
        assert known() is None
    finally:
        gc.enable()
        threads.close()


class Marked:
    """Something of whoever asked."""


async def refused(threads: Threads) -> weakref.ref[Marked]:
    marked = Marked()

    def no() -> None:
        assert marked
        raise OSError("no")

    with suppress(OSError):
        await threads.call(no)
    return weakref.ref(marked)


async def test_calls_that_come_together_are_made_together_and_each_has_its_own_answer() -> None:
    threads, batches = Threads(4), list[int]()

    def work(about: Sequence[str]) -> list[int | Exception]:
        batches.append(len(about))
        return [int(each) if each.isdigit() else ValueError(each) for each in about]

    together = Together(threads, work, 10)
    gone = asyncio.ensure_future(together.call("99"))
    calls = [asyncio.ensure_future(together.call(str(n) if n % 7 else "x")) for n in range(100)]
    await asyncio.sleep(0)
    gone.cancel()
    answers = await asyncio.gather(*calls, return_exceptions=True)
    assert [n if n % 7 else "x" for n in range(100)] == [a if isinstance(a, int) else str(a) for a in answers]
    assert await together.call("7") == 7
    assert len(batches) <= 12
    assert max(batches) == 10
    threads.close()


async def test_calls_together_that_hang_or_break_are_told_so_each_and_hold_up_none_for_ever() -> None:
    threads, go = Threads(2, timeout=0.05), threading.Event()

    def work(about: Sequence[int]) -> list[int | Exception]:
        if 0 in about:
            go.wait(LONG)
        if 1 in about:
            raise OSError("broken")
        return [*about]

    together = Together(threads, work, 1)
    with pytest.raises(UnavailableError):
        await together.call(0)
    with pytest.raises(OSError, match="broken"):
        await together.call(1)
    assert await asyncio.gather(*map(together.call, range(2, 20))) == [*range(2, 20)]
    go.set()
    threads.close()
