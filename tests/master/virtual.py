"""Virtual time: a loop whose clock jumps to the next thing that is due, so that hours of a controller's life take milliseconds.

The shell's clock (master/clock.py) goes with it. Never here: threads or sockets, for which real time would be needed.
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Callable, Coroutine
from functools import wraps
from typing import Any, TypeVar
from unittest.mock import patch

from trainmaster.master import clock

T = TypeVar("T")

EPOCH = 1_700_000_000.0
MOST_TURNS = 200_000
"""turns of the loop in one test: more means that something spins"""


class SpinError(AssertionError):
    """The loop turned without end, though no time passed."""


class Deaf(selectors.SelectSelector):
    """Nothing ever comes from outside: asking the kernel for it would be most of what a simulated hour costs."""

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        return []


class VirtualLoop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        super().__init__(Deaf())
        self.at = 0.0
        self.turns = 0

    def time(self) -> float:
        return self.at

    def run_in_executor(self, _executor: Any, func: Callable[..., T], *args: Any) -> asyncio.Future[T]:  # type: ignore[override]
        """What a thread computes takes no virtual time."""
        done: asyncio.Future[T] = self.create_future()
        done.set_result(func(*args))
        return done

    def _run_once(self) -> None:
        self.turns += 1
        if self.turns > MOST_TURNS:
            self.turns = 0
            raise SpinError
        if not self._ready and self._scheduled:  # type: ignore[attr-defined]  # asyncio.base_events.BaseEventLoop
            self.at = max(self.at, self._scheduled[0]._when)  # type: ignore[attr-defined]
        super()._run_once()  # type: ignore[misc]


def run(test: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """Run a test in virtual time; it must leave no task behind."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        loop = runner.get_loop()
        with (
            patch.object(clock, "monotonic", loop.time),
            patch.object(clock, "now", lambda: EPOCH + loop.time()),
        ):
            return runner.run(_alone(test))


def virtual(test: Callable[[], Coroutine[Any, Any, None]]) -> Callable[[], None]:
    """A test in virtual time."""

    @wraps(test)
    def timeless() -> None:
        run(test)

    return timeless


async def until(what: Callable[[], object], within: float = 60.0, every: float = 0.05) -> None:
    """Let time pass until it is so."""
    try:
        async with asyncio.timeout(within):
            while not what():
                await asyncio.sleep(every)
    except TimeoutError:
        raise AssertionError(f"not within {within:g} s") from None


def turns() -> int:
    """How often the loop of this test has turned: what spins turns often while little time passes."""
    loop = asyncio.get_running_loop()
    assert isinstance(loop, VirtualLoop)
    return loop.turns


async def _alone(test: Callable[[], Coroutine[Any, Any, T]]) -> T:
    result = await test()
    left = asyncio.all_tasks() - {asyncio.current_task()}
    assert not left, left
    return result
