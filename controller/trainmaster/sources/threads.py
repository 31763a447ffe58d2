"""Blocking calls of a store in threads of its own, so that a store that hangs holds up nothing else.

There are some for each job that starts, so they are passed on with little ado: no lock is taken on the way to a thread, and the
loop is woken once for all that has been answered meanwhile.
"""

from __future__ import annotations

import asyncio
import functools
import threading
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import suppress
from queue import SimpleQueue
from typing import Any, Generic, ParamSpec, TypeVar

from trainmaster.errors import UnavailableError
from trainmaster.master import tasks

P = ParamSpec("P")
R = TypeVar("R")
T = TypeVar("T")

TIMEOUT = 30.0
"""seconds after which one call counts as unanswered; its thread may still wait for the answer"""
AT_ONCE = 16
"""calls of many that are under way at one time"""
AT_ONCE_TOGETHER = 4
"""the same of calls that are made several at a time"""


class _Call:
    """One call on its way to a thread and back."""

    __slots__ = ("answer", "error", "result", "work")

    def __init__(self, work: Callable[[], Any], answer: asyncio.Future[Any]) -> None:
        self.work, self.answer = work, answer
        self.result: Any = None
        self.error: BaseException | None = None

    def make(self) -> None:
        """In a thread. Whoever asked may have gone: then it isn't begun any more."""
        if self.answer.done():
            return
        try:
            self.result = self.work()
        except BaseException as error:  # noqa: BLE001 - raised where it was asked for
            # A future takes no StopIteration, and whoever is answered after it waits for its turn.
            self.error = RuntimeError("no more items") if isinstance(error, StopIteration) else error

    def tell(self) -> None:
        """On the loop."""
        if not self.answer.done():
            if self.error is not None:
                self.answer.set_exception(self.error)
            else:
                self.answer.set_result(self.result)
        # An error knows the frame that it came from, which knows this; and the thread does, until it has another call.
        del self.work, self.answer, self.result, self.error


def _be_late(answer: asyncio.Future[Any], words: str) -> None:
    if not answer.done():
        answer.set_exception(UnavailableError(words))


class Threads:
    def __init__(self, count: int = 16, timeout: float = TIMEOUT) -> None:
        self._count, self._timeout = count, timeout
        self._free = asyncio.Semaphore(count)
        self._calls: SimpleQueue[_Call | None] = SimpleQueue()
        self._answered: deque[_Call] = deque()
        self._threads = self._busy = 0
        """how many there are, and how many have a call or are to have one: a call that was given up may keep its thread"""

    async def call(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run one blocking call. UnavailableError when it doesn't answer in time, counted from its start."""
        loop = asyncio.get_running_loop()
        async with self._free:
            call = _Call(functools.partial(function, *args, **kwargs), loop.create_future())
            late = f"the store did not answer within {self._timeout:.0f} s"
            timer = loop.call_later(self._timeout, _be_late, call.answer, late)
            self._pass_on(call)
            try:
                answer: T = await call.answer
                return answer
            finally:
                timer.cancel()

    def _pass_on(self, call: _Call) -> None:
        self._busy += 1
        if self._threads < min(self._busy, self._count):
            self._threads += 1
            threading.Thread(target=self._work, name=f"store_{self._threads}", daemon=True).start()
        self._calls.put(call)

    def _work(self) -> None:
        while call := self._calls.get():
            loop = call.answer.get_loop()
            call.make()
            self._answered.append(call)
            with suppress(
                IndexError, RuntimeError
            ):  # told already; or nobody waits any more, and the loop is closed
                # Of several that are answered at one time the first wakes the loop for all: there is always one such.
                if self._answered[0] is call:
                    loop.call_soon_threadsafe(self._tell)

    def _tell(self) -> None:
        while self._answered:
            call = self._answered[0]
            self._busy -= 1
            call.tell()
            self._answered.popleft()

    def close(self) -> None:
        """Let the threads go; what is under way ends by itself."""
        for _ in range(self._threads):
            self._calls.put(None)


class Together(Generic[T, R]):
    """Calls of one kind, several of which a thread makes at one time: those that come while others are under way.

    Handing something to a thread costs as much as many of these calls do.
    """

    def __init__(
        self,
        threads: Threads,
        work: Callable[[Sequence[T]], Sequence[R | Exception]],
        most: int,
        at_once: int = AT_ONCE_TOGETHER,
    ) -> None:
        """`work` makes `most` calls, one after the other, and gives the answer to each or what it raises; `at_once` of such are
        under way."""
        self._threads, self._work, self._most, self._at_once = threads, work, most, at_once
        self._waiting: list[tuple[T, asyncio.Future[R]]] = []
        self._under_way: set[asyncio.Task[None]] = set()

    async def call(self, about: T) -> R:
        """One of these calls; raises what it raises, or UnavailableError when the store doesn't answer in time."""
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[R] = loop.create_future()
        self._waiting.append((about, answer))
        if len(self._waiting) == 1:
            loop.call_soon(self._begin)
        return await answer

    def _begin(self) -> None:
        while self._waiting and len(self._under_way) < self._at_once:
            batch, self._waiting = self._waiting[: self._most], self._waiting[self._most :]
            task = asyncio.get_running_loop().create_task(self._make(batch))
            self._under_way.add(task)
            task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._under_way.discard(task)
        self._begin()

    async def _make(self, batch: Sequence[tuple[T, asyncio.Future[R]]]) -> None:
        batch = [(about, answer) for about, answer in batch if not answer.done()]
        found: Sequence[R | Exception]
        try:
            found = await self._threads.call(self._work, [about for about, _ in batch])
        except Exception as error:  # noqa: BLE001 - raised where it was asked for
            found = [error] * len(batch)
        for (_, answer), came in zip(batch, found, strict=True):
            if answer.done():
                continue  # whoever asked has gone
            if isinstance(came, Exception):
                answer.set_exception(came)
            else:
                answer.set_result(came)


async def in_turns(work: Callable[[T], Awaitable[R]], items: Iterable[T]) -> list[R]:
    """What comes of each call, in their order; as many at once as there are threads for."""
    return await tasks.in_turns(work, items, AT_ONCE)
