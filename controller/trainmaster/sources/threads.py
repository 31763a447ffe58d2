"""Blocking calls of a store in threads of its own, so that a store that hangs holds up nothing else."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Awaitable, Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

from trainmaster.errors import UnavailableError

P = ParamSpec("P")
R = TypeVar("R")
T = TypeVar("T")

TIMEOUT = 30.0
"""seconds after which one call counts as unanswered; its thread may still wait for the answer"""
AT_ONCE = 16
"""calls of many that are under way at one time"""


class Threads:
    def __init__(self, count: int = 16, timeout: float = TIMEOUT) -> None:
        self._pool = ThreadPoolExecutor(count, thread_name_prefix="store")
        self._free = asyncio.Semaphore(count)
        self._timeout = timeout

    async def call(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run one blocking call. UnavailableError when it doesn't answer in time, counted from its start."""
        work = functools.partial(function, *args, **kwargs)
        async with self._free:
            try:
                async with asyncio.timeout(self._timeout):
                    return await asyncio.get_running_loop().run_in_executor(self._pool, work)
            except TimeoutError as error:
                raise UnavailableError(f"the store did not answer within {self._timeout:.0f} s") from error

    def close(self) -> None:
        self._pool.shutdown(wait=False, cancel_futures=True)


async def in_turns(work: Callable[[T], Awaitable[R]], items: Iterable[T]) -> list[R]:
    """What comes of each, in their order. Thousands of tasks that are made at once would hold up the loop, so few are."""
    left, answers = enumerate(items), dict[int, R]()

    async def one_after_another() -> None:
        for place, item in left:
            answers[place] = await work(item)

    await asyncio.gather(*(one_after_another() for _ in range(AT_ONCE)))
    return [answers[place] for place in sorted(answers)]
