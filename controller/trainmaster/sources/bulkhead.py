"""Blocking calls of many users to one store that may hang: each user has a few of its threads, for as long as a call lasts.

A call that isn't answered in time counts as unanswered, but its thread can't be called back: it goes on counting as its user's.
"""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

from trainmaster.errors import UnavailableError
from trainmaster.sources.threads import TIMEOUT

P = ParamSpec("P")
T = TypeVar("T")

THREADS = 32
SHARE = 4
"""of one user"""


class Bulkhead:
    def __init__(self, threads: int = THREADS, share: int = SHARE, timeout: float = TIMEOUT) -> None:
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="look-up")
        self._share, self._timeout = share, timeout
        self._shares: dict[str, asyncio.Semaphore] = {}

    async def call(self, user: str, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run one blocking call. UnavailableError when it doesn't answer in time, or earlier ones of this user don't."""
        work = functools.partial(function, *args, **kwargs)
        try:
            async with asyncio.timeout(self._timeout):
                return await asyncio.shield(await self._begun(user, work))
        except TimeoutError as error:
            raise UnavailableError(f"the store did not answer within {self._timeout:g} s") from error

    async def _begun(self, user: str, work: Callable[[], T]) -> asyncio.Future[T]:
        share = self._shares.setdefault(user, asyncio.Semaphore(self._share))
        await share.acquire()
        running = asyncio.get_running_loop().run_in_executor(self._pool, work)
        running.add_done_callback(lambda done: _over(done, share))
        return running

    def close(self) -> None:
        self._pool.shutdown(wait=False, cancel_futures=True)


def _over(done: asyncio.Future[T], share: asyncio.Semaphore) -> None:
    share.release()
    if not done.cancelled():
        done.exception()  # nobody may wait for it any more
