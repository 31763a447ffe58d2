"""Ending asyncio's tasks, having many things done by few of them, and waiting. Never here: what they do."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, TypeVar

R = TypeVar("R")
T = TypeVar("T")


async def cancelled(tasks: Iterable[asyncio.Task[Any]]) -> None:
    """Cancel them and wait until all are over, whatever they end with. The collection may change meanwhile."""
    ending = tuple(tasks)
    for task in ending:
        task.cancel()
    await asyncio.gather(*ending, return_exceptions=True)


async def in_turns(work: Callable[[T], Awaitable[R]], items: Iterable[T], at_once: int) -> list[R]:
    """What comes of each, in their order. Thousands of tasks that are made at once would hold up the loop, so few are."""
    left, answers = enumerate(items), dict[int, R]()

    async def one_after_another() -> None:
        for place, item in left:
            answers[place] = await work(item)

    await asyncio.gather(*(one_after_another() for _ in range(at_once)))
    return [answers[place] for place in sorted(answers)]


async def woken(event: asyncio.Event, seconds: float | None) -> None:
    """Wait until it is set, and set it after so many seconds: that costs less than a timeout, which cancels the wait."""
    timer = None if seconds is None else asyncio.get_running_loop().call_later(seconds, event.set)
    try:
        await event.wait()
    finally:
        if timer is not None:
            timer.cancel()
