"""The works of one job on their way at NodeManagers: each once at a time, and of thousands a few at once.

All answers that have come are taken in within one turn of the loop, and all timers that are due go off in one: so a thousand
questions that are asked together come back together, and hold up every other job's heartbeat.
Never here: what a work does.
"""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict, defaultdict
from collections.abc import Callable, Coroutine
from typing import Any

from trainmaster.master.tasks import cancelled

log = logging.getLogger(__name__)

AT_ONCE = 50
"""works of one kind that are begun before others of them have ended: their answers take a few milliseconds"""
QUICK = 0.25
"""seconds after which a work holds up no other: many nodes that leave questions unanswered must not keep the rest from theirs"""

Work = Coroutine[Any, Any, None]
Try = Coroutine[Any, Any, float | None]
"""one try; returns the seconds after which another one is to follow, or None where the work is done"""
Make = Callable[[], Try | None]
"""makes a try when its turn comes; None where there is nothing to do any more"""


class Works:
    """Those of one job. `ended` is called when each has ended."""

    def __init__(self, ended: Callable[[], None]) -> None:
        self._ended = ended
        self._tasks: dict[tuple[str, str], asyncio.Task[Any]] = {}
        self._lines: defaultdict[str, _Line] = defaultdict(_Line)
        self._resting: dict[tuple[str, str], asyncio.TimerHandle] = {}
        """between two tries"""
        self._closed = False

    def __contains__(self, work: tuple[str, str]) -> bool:
        """Whether this one (its kind, and of what it is) is under way, or waits for its turn or its next one."""
        kind, what = work
        return work in self._tasks or work in self._resting or what in self._lines[kind].waiting

    def waits(self, kind: str) -> bool:
        """Whether some of a kind have not begun yet."""
        return bool(self._lines[kind].waiting)

    def begin(self, kind: str, what: str, work: Work) -> None:
        """Begin it now, unless it is under way."""
        if (kind, what) in self._tasks:
            work.close()
        else:
            self._begin(kind, what, work)

    def line_up(self, kind: str, what: str, make: Make) -> bool:
        """Have it begin when its turn comes, unless it is under way or waits for that; whether it will. One that is just over
        counts as under way for one more turn of the loop."""
        if (kind, what) in self or self._closed:
            return False
        self._lines[kind].waiting[what] = make
        self._go_on(kind)
        return True

    async def close(self) -> None:
        self._closed = True
        for line in self._lines.values():
            line.waiting.clear()
        for timer in self._resting.values():
            timer.cancel()
        await cancelled(self._tasks.values())

    def _go_on(self, kind: str) -> None:
        line = self._lines[kind]
        while line.waiting and line.places:
            what, make = line.waiting.popitem(last=False)
            if work := make():
                self._try(kind, what, make, work)

    def _try(self, kind: str, what: str, make: Make, work: Try) -> None:
        place = _Place(self._lines[kind], lambda: self._go_on(kind))

        def ended(task: asyncio.Task[float | None]) -> None:
            if not task.cancelled() and not task.exception() and (pause := task.result()) is not None:
                self._rest(kind, what, make, pause)
            place.leave()

        self._begin(kind, what, work).add_done_callback(ended)

    def _rest(self, kind: str, what: str, make: Make, seconds: float) -> None:
        def rested() -> None:
            del self._resting[kind, what]
            self.line_up(kind, what, make)

        self._resting[kind, what] = asyncio.get_running_loop().call_later(seconds, rested)

    def _begin(self, kind: str, what: str, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        """Keep the task until it ends: a task that nobody holds may vanish in mid-flight."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks[kind, what] = task
        task.add_done_callback(lambda done: self._done(kind, what, done))
        return task

    def _done(self, kind: str, what: str, task: asyncio.Task[Any]) -> None:
        self._tasks.pop((kind, what), None)
        if not task.cancelled() and (error := task.exception()):
            log.error(
                "an action failed in a way nobody foresaw", exc_info=error, extra={"action": kind, "of": what}
            )
        self._ended()


class _Line:
    """Works of one kind that wait for their turns."""

    def __init__(self) -> None:
        self.waiting: OrderedDict[str, Make] = OrderedDict()
        self.places = AT_ONCE


class _Place:
    """Held by one that was begun until it has ended, or for as long as it is quick."""

    def __init__(self, line: _Line, go_on: Callable[[], None]) -> None:
        self._line, self._go_on = line, go_on
        self._held = True
        self._timer = asyncio.get_running_loop().call_later(QUICK, self.leave)
        line.places -= 1

    def leave(self) -> None:
        if self._held:
            self._held = False
            self._timer.cancel()
            self._line.places += 1
            self._go_on()
