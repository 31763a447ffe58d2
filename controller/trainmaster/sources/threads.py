"""Blocking calls of a store in threads of its own, so that a store that hangs holds up nothing else."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

from trainmaster.errors import UnavailableError

P = ParamSpec("P")
T = TypeVar("T")

TIMEOUT = 30.0
"""seconds after which one call counts as unanswered; its thread may still wait for the answer"""


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
